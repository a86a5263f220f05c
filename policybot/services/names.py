"""Names: what others see of a verified person, who chooses it, and who looks like whom.

The register, the pages and the answers of the bot all ask `view` and `answerable`, so that nobody sees
more of a person in one place than in another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from policybot.domain import name as rules
from policybot.domain.errors import NotPermitted, OutOfOrder
from policybot.domain.filing import Filing
from policybot.domain.identity import Front, FrontClass, Link
from policybot.domain.name import Shown, What
from policybot.domain.private import Private
from policybot.services import profile
from policybot.services.members import Members
from policybot.services.setting import Setting
from policybot.store import audit, filings, members, names
from policybot.store.database import Tx
from policybot.store.names import Name
from policybot.store.rooms import Kind, Room

_COMPARED = 10
"""Names that look like a new one and are told of."""
_FINDINGS_A_DAY = 5
"""Findings that one account can cause in a day: the review room must not be filled with them."""
_BATCH = 100


@dataclass(frozen=True, slots=True)
class View:
    """What others see of somebody in one place."""

    account: str
    shown: Shown
    text: str
    """The pseudonym, or the role; empty for a real name, and where an account has no display name."""
    since: datetime | None
    """Since when they are verified; None if they are not."""
    alike: bool
    """Whether another verified person's account has a name that looks the same."""

    @property
    def in_words(self) -> str:
        """The name as it stands in a message; a real one is put in when the message is sent."""
        match self.shown.what:
            case What.ROLE:
                return f"whoever holds the role {rules.quoted(self.text)}"
            case What.REAL:
                return f"{rules.placeholder(self.account)} ({self.account})"
            case What.PSEUDONYM:
                return f"{rules.quoted(self.text)} ({self.account})" if self.text else self.account

    @property
    def with_mark(self) -> str:
        """The name and whether its owner is verified: `«Anna» (@anna:example.org), verified`."""
        return ", ".join(filter(None, (self.in_words, self.shown.mark.value)))


class Names:
    """The service for names."""

    def __init__(self, setting: Setting, people: Members) -> None:
        """Ask the members' service for verified names."""
        self._setting = setting
        self._members = people

    # What others see ------------------------------------------------------------------------------

    async def view(
        self, tx: Tx, user_id: str, where: FrontClass = FrontClass.VOLUNTARY, role: str = ""
    ) -> View:
        """Say what others see of an account in a room of a class; `role` is what stands for it there."""
        link = await members.link_of(tx, user_id)
        known = await names.of(tx, user_id) if link is not None else {}
        alike = await self._has_alike(tx, link, known.values()) if link is not None else False
        return self._seen(user_id, link, known, where, role, alike=alike)

    def _seen(  # noqa: PLR0913 - all that counts
        self,
        user_id: str,
        link: Link | None,
        known: Mapping[Front, Name],
        where: FrontClass,
        role: str,
        *,
        alike: bool,
    ) -> View:
        verified = link is not None and link.assurance is not None
        shown = rules.shown(self._front(link), where, verified=verified)
        since = link.created_at if link is not None and verified else None
        if shown.what is What.ROLE:
            return View(user_id, shown, role, since, alike=False)
        if since is None:
            return View(user_id, shown, "", None, alike=False)
        if shown.what is What.REAL and Front.REAL not in known:
            shown = Shown(What.PSEUDONYM, shown.mark)
        pseudonym = known.get(Front.PSEUDONYM)
        text = pseudonym.text if pseudonym and shown.what is What.PSEUDONYM else ""
        return View(user_id, shown, text, since, alike)

    async def answerable(
        self, tx: Tx, filing: Filing, asked_in: FrontClass = FrontClass.VOLUNTARY
    ) -> View:
        """Say who answers for a filed room, as it may be shown where somebody asks."""
        where = self.class_of(filing)
        if where is not FrontClass.ROLE_BASED and asked_in is FrontClass.PSEUDONYM_ONLY:
            where = asked_in
        return await self.view(tx, filing.applicant, where, self._role(filing))

    async def answerable_for(self, tx: Tx, filed: Sequence[Filing]) -> list[View]:
        """Say who answers for each of some rooms, as everybody may see it; three reads for all."""
        accounts = sorted({filing.applicant for filing in filed})
        links = await members.links_of_accounts(tx, accounts)
        known = await names.of_accounts(tx, accounts)
        looks = sorted({name.look for own in known.values() for name in own.values()})
        owners = await names.owners(tx, looks)
        views = []
        for filing in filed:
            link, own = links.get(filing.applicant), known.get(filing.applicant, {})
            others = {person for name in own.values() for person in owners.get(name.look, ())}
            alike = link is not None and bool(others - {link.person_id})
            where, role = self.class_of(filing), self._role(filing)
            views.append(self._seen(filing.applicant, link, own, where, role, alike=alike))
        return views

    def _role(self, filing: Filing) -> str:
        categories = self._setting.config.filing.categories
        return ", ".join(c.title for c in categories if c.id in filing.categories)

    def class_of(self, filing: Filing) -> FrontClass:
        """Say which names a filed room shows; one of a kind that is no more shows no real name."""
        return self.class_by(filing.categories)

    def class_by(self, categories: Iterable[str]) -> FrontClass:
        """Say which names a room with these categories shows."""
        known = {c.id: c.front for c in self._setting.config.filing.categories}
        return rules.strictest(known.get(id_, FrontClass.PSEUDONYM_ONLY) for id_ in categories)

    async def class_here(self, tx: Tx, room: Room | None) -> FrontClass:
        """Say whether a real name may be shown to somebody who asks in a room."""
        if room is not None and room.kind is Kind.REVIEW:
            return FrontClass.PSEUDONYM_ONLY  # people decide there without knowing who it is
        filing = await filings.of_room(tx, room.room_id) if room is not None else None
        if filing is not None and self.class_of(filing) is FrontClass.PSEUDONYM_ONLY:
            return FrontClass.PSEUDONYM_ONLY
        return FrontClass.VOLUNTARY

    async def real_name(self, tx: Tx, user_id: str) -> Private | None:
        """Open the verified name of an account's owner, if they show it now; never to be kept."""
        link = await members.link_of(tx, user_id)
        if link is None or self._front(link) is not Front.REAL:
            return None
        return await self._members.real_name(tx, link.person_id)

    def _front(self, link: Link | None) -> Front:
        """Say what somebody chose, as far as the operator allows and they are still verified."""
        allowed = self._setting.config.identity.front.real_allowed
        if link is None or link.assurance is None or not allowed:
            return Front.PSEUDONYM
        return link.front

    @staticmethod
    async def _has_alike(tx: Tx, link: Link, own: Iterable[Name]) -> bool:
        for name in own:
            if await names.alike(tx, name.look, link.person_id, 1):
                return True
        return False

    # What somebody chooses ------------------------------------------------------------------------

    async def offer(self, tx: Tx, user_id: str) -> Private:
        """Give the name that somebody could show.

        Raises:
            NotPermitted: the operator does not want it.
            OutOfOrder: they are not verified, or their name is not kept.
        """
        return (await self._may_show(tx, user_id))[1]

    async def _may_show(self, tx: Tx, user_id: str) -> tuple[Link, Private]:
        if not self._setting.config.identity.front.real_allowed:
            message = f"{self._setting.config.operator.name} wants pseudonyms only: yours stays."
            raise NotPermitted(message)
        link = await members.link_of(tx, user_id)
        if link is None or link.assurance is None:
            message = "Please verify yourself first: !policy verify"
            raise OutOfOrder(message)
        name = await self._members.real_name(tx, link.person_id)
        if name is None:
            message = "Your name is not kept here, so I cannot show it. Your pseudonym stays."
            raise OutOfOrder(message)
        return link, name

    async def show_real(self, tx: Tx, user_id: str) -> None:
        """Show somebody's verified name from now on, after they confirmed it."""
        link, name = await self._may_show(tx, user_id)
        if link.front is Front.REAL:
            return
        await members.save_front(tx, user_id, Front.REAL)
        link = replace(link, front=Front.REAL)
        await profile.show(self._setting, tx, link, name)
        self._remember(tx, user_id, "name:show", user_id)
        await self._compare(tx, link, profile.look(self._setting, name.reveal()), Front.REAL)

    async def go_back(self, tx: Tx, user_id: str) -> None:
        """Show somebody's pseudonym again, at once."""
        link = await members.link_of(tx, user_id)
        if link is not None and link.front is Front.REAL:
            await self._hide(tx, link, user_id)

    async def obey(self, tx: Tx) -> None:
        """Take real names back where the operator no longer wants any."""
        if self._setting.config.identity.front.real_allowed:
            return
        for link in await members.links_showing(tx, Front.REAL, _BATCH):
            await self._hide(tx, link, "system:clock")
            self._setting.tell(
                tx,
                link.user_id,
                f"{self._setting.config.operator.name} wants pseudonyms only from now on: others see "
                "your pseudonym again.",
                cause=f"name {link.user_id}",
            )

    async def _hide(self, tx: Tx, link: Link, by: str) -> None:
        await members.save_front(tx, link.user_id, Front.PSEUDONYM)
        await profile.show(self._setting, tx, replace(link, front=Front.PSEUDONYM), None)
        self._remember(tx, by, "name:hide", link.user_id)

    # Under which names accounts are seen ----------------------------------------------------------

    @staticmethod
    async def is_new(tx: Tx, room_id: str, user_id: str, name: object) -> bool:
        """Say whether a membership shows a name that we want to know; it costs one read."""
        concerns, known = await names.seen(tx, room_id, user_id)
        return concerns and known != _written(name)

    async def learn(self, tx: Tx, user_id: str, name: object) -> None:
        """Remember the display name of a verified account, and compare it with those of others."""
        link = await members.link_of(tx, user_id)
        if link is None or link.assurance is None:
            return
        text, now = _written(name), self._setting.now()
        self._setting.name_changed(tx, user_id)
        if not text:
            await names.forget(tx, user_id, Front.PSEUDONYM)
            await names.part(tx, user_id, now)
            return
        look = profile.look(self._setting, text)
        await names.save(tx, Name(user_id, Front.PSEUDONYM, text, look, now))
        await names.part(tx, user_id, now)
        await self._compare(tx, link, look, Front.PSEUDONYM)

    async def _compare(self, tx: Tx, link: Link, look: str, front: Front) -> None:
        """Look for other persons whose name looks the same, and tell of each pair once."""
        for other in await names.alike(tx, look, link.person_id, _COMPARED):
            if front is other.front is Front.REAL:
                continue  # two who are called the same; nobody pretends anything
            # A pseudonym gives way to a real name, and of two pseudonyms the later one.
            late, early = link.user_id, other.user_id
            if front is Front.REAL:
                late, early = early, late
            await names.pair(tx, late, early, self._setting.now())
        await self.tell_alike(tx)

    async def tell_alike(self, tx: Tx) -> None:
        """Tell of names that look the same and were not told of; what is too much waits for tomorrow."""
        now = self._setting.now()
        day = now - timedelta(days=1)
        for pair in await names.untold(tx, day, _FINDINGS_A_DAY, _BATCH):
            if await names.told_since(tx, pair.late, day) >= _FINDINGS_A_DAY:
                continue
            if await names.told(tx, pair, now):
                since = await names.since(tx, pair.early, pair.late)
                self._tell(tx, pair.late, pair.early, since or pair.at)

    def _tell(self, tx: Tx, late: str, early: str, since: datetime) -> None:
        # Accounts alone, no names: one of them may be somebody's real one.
        self._setting.tell_staff(
            tx,
            f"The name of {late} looks the same as that of {early}, which has been shown since "
            f"{since:%-d %B %Y}. Both are verified, and they are two persons. I have asked {late} to "
            "choose another; nothing else happens by itself.\n"
            f"Next: !policy lookup {early} · !policy lookup {late} · if it misleads people, open a "
            f"case: !policy report {late} RULE TEXT",
            cause=f"name {late}",
        )
        self._setting.tell(
            tx,
            late,
            f"Your name here looks the same as that of another member, {early}, and people may take "
            "one of you for the other. Please choose another display name in your client. Until then "
            "`!policy lookup` says of both that there are two. Nothing else happens because of this.",
            cause=f"name {late}",
        )
        self._remember(tx, "system:names", "name:lookalike", late, other=early)

    def _remember(self, tx: Tx, actor: str, tag: str, about: str, **payload: str) -> None:
        audit.append(tx, at=self._setting.now(), actor=actor, tag=tag, object=about, **payload)


def _written(name: object) -> str:
    return rules.cleaned(name) if isinstance(name, str) else ""
