"""Agreements: the versions on record, the one in force, and signing."""

import logging
from datetime import UTC, datetime

from policybot.domain import agreement as rules
from policybot.domain import amendment as amendments
from policybot.domain.agreement import Agreement, Standing, Version
from policybot.domain.amendment import Amendment
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.services.languages import keep
from policybot.services.setting import Setting
from policybot.store import agreements, audit, languages, members, standing
from policybot.store.database import Tx, next_number

log = logging.getLogger(__name__)

CHANGED = "agreement"
"""What the memory of other processes is told when a version comes."""
_EARLY = datetime.min.replace(tzinfo=UTC)
_LATE = datetime.max.replace(tzinfo=UTC)


class Agreements:
    """The service for the agreement."""

    def __init__(self, setting: Setting) -> None:
        """Begin without a version; `record` and `load` read them."""
        self._setting = setting
        self._versions: tuple[Version, ...] = ()
        self._amendments: dict[tuple[str, str, str], Amendment] = {}
        self._bound = 0
        self._bound_from, self._bound_until = _EARLY, _EARLY

    # The versions --------------------------------------------------------------------------------

    async def record(self, tx: Tx) -> bool:
        """Remember the version of the configuration; False if it is known with another text."""
        mine, now = self._setting.config.agreement, self._setting.now()
        versions = await agreements.all_versions(tx)
        known = next((version for version in versions if version.name == mine.version), None)
        if known is None:
            # The number is drawn first: another process that starts with the same file waits here.
            number = await next_number(tx, "agreement")
            versions = await agreements.all_versions(tx)
            known = next((version for version in versions if version.name == mine.version), None)
            if known is None:
                known = await self._add(tx, number, versions, now)
        await self.load(tx)
        for remark in remarks(mine, self._versions):
            log.warning("%s", remark)
        return known.hash == mine.hash

    async def _add(self, tx: Tx, number: int, versions: tuple[Version, ...], now: datetime) -> Version:
        mine, notice = self._setting.config.agreement, self._setting.config.agreement_notice
        binds_from = rules.deadline(mine, now, notice, first=not versions)
        version = Version(number, mine.hash, mine, now, binds_from)
        for earlier in versions[1:]:
            if earlier.withdrawn_at is None and earlier.binds_from > now:
                await agreements.withdraw(tx, earlier, now)
                self._remember(tx, "system:configuration", "agreement:withdraw", earlier)
        await agreements.add(tx, version)
        self._remember(
            tx,
            "system:configuration",
            "agreement:publish",
            version,
            hash=version.hash,
            binds_from=binds_from.isoformat(),
            stricter=mine.stricter,
        )
        await standing.changed(tx, CHANGED, now)
        return version

    async def load(self, tx: Tx) -> None:
        """Read the versions on record into memory."""
        self._versions = await agreements.all_versions(tx)
        self._bound_until = _EARLY

    @property
    def versions(self) -> tuple[Version, ...]:
        """Every version that ever was, in the order in which they came."""
        return self._versions

    @property
    def current(self) -> Version:
        """The version that binds today; before the first one binds, that one."""
        return rules.in_force(self._versions, self._setting.now())

    @property
    def coming(self) -> Version | None:
        """The version that is known and does not bind yet, if there is one."""
        return rules.coming(self._versions, self._setting.now())

    @property
    def newest(self) -> Version:
        """The version that is to be signed: the coming one, else the one in force."""
        return rules.newest(self._versions)

    def bound(self) -> int:
        """Give the number of the version that binds today; fast, for it is asked for every message."""
        now = self._setting.now()
        if not self._bound_from <= now < self._bound_until:
            self._bound = rules.bound(self._versions, now) if self._versions else 0
            ahead = [v.binds_from for v in self._versions if v.binds_from > now]
            self._bound_from = now
            self._bound_until = min(ahead, default=_LATE)
        return self._bound

    def named(self, name: str) -> Version:
        """Find a version by its name.

        Raises:
            NotFound: there is none.
        """
        found = next((version for version in self._versions if version.name == name), None)
        if found is None:
            message = f"There is no version «{name[:40]}» of the agreement."
            raise NotFound(message)
        return found

    def amendment(self, old: Version, new: Version, language: str) -> Amendment:
        """Say what changed from one version to another; compared once."""
        key = (old.hash, new.hash, new.agreement.language(language))
        if key not in self._amendments:
            self._amendments[key] = amendments.amendment(old.agreement, new.agreement, key[2])
        return self._amendments[key]

    def by_number(self, number: int) -> Version | None:
        """Find a version by its number."""
        return next((version for version in self._versions if version.number == number), None)

    def address(self, path: str = "") -> str:
        """Give the address of the page of the agreement, or of one below it."""
        return f"{self._setting.config.web.public_url}/agreement{path}"

    # The language that somebody reads --------------------------------------------------------------

    async def language(self, tx: Tx, user_id: str) -> str:
        """Say which language somebody chose last; empty for none."""
        return await languages.get(tx, user_id) or ""

    async def choose(self, tx: Tx, user_id: str, language: str) -> None:
        """Remember the language that somebody chooses.

        Raises:
            NotFound: the agreement is not written in it.
        """
        known = self.newest.agreement.languages
        if language not in known:
            message = f"The agreement is not written in «{language[:20]}». It is in: {', '.join(known)}."
            raise NotFound(message)
        await keep(self._setting, tx, user_id, language)

    # Signing ---------------------------------------------------------------------------------------

    async def sign(self, tx: Tx, user_id: str, version: str, event_id: str) -> bool:
        """Sign the version that binds today or the one that is coming; False if it was signed before.

        Raises:
            OutOfOrder: the account is not verified.
            NotFound: that version is neither.
        """
        wanted = next((v for v in (self.newest, self.current) if v.name == version), None)
        link = await members.link_of(tx, user_id)
        if link is None:
            message = "Please verify yourself first: !policy verify"
            raise OutOfOrder(message)
        if wanted is None:
            message = f"The agreement to sign is version {self.newest.name}: !policy agree"
            raise NotFound(message)
        if await agreements.signed(tx, user_id) >= wanted.number:
            return False
        language = wanted.agreement.language(await self.language(tx, user_id))
        await agreements.accept(
            tx,
            user_id=user_id,
            person_id=link.person_id,
            agreement_hash=wanted.hash,
            method=f"event {event_id}",
            language=language,
            now=self._setting.now(),
        )
        audit.append(
            tx,
            at=self._setting.now(),
            actor=user_id,
            tag="agreement:accept",
            object=user_id,
            version=wanted.name,
            hash=wanted.hash,
            language=language,
        )
        await self._setting.account_changed(tx, user_id)
        return True

    async def signed(self, tx: Tx, user_id: str) -> Version | None:
        """Give the newest version that somebody has signed."""
        return self.by_number(await agreements.signed(tx, user_id))

    async def standing(self, tx: Tx, user_id: str) -> Standing:
        """Say whether somebody has signed what binds today."""
        signed = await agreements.signed(tx, user_id)
        return rules.standing(self._versions, signed, self._setting.now())

    async def require(self, tx: Tx, user_id: str) -> None:
        """Make sure that somebody has signed what binds today.

        Raises:
            OutOfOrder: they have not.
        """
        if await self.standing(tx, user_id) not in (Standing.ACCEPTED, Standing.WAITING):
            message = "Please sign the agreement first: !policy agree"
            raise OutOfOrder(message)

    def _remember(self, tx: Tx, actor: str, tag: str, version: Version, **payload: str | bool) -> None:
        about = f"agreement {version.name}"
        audit.append(tx, at=self._setting.now(), actor=actor, tag=tag, object=about, **payload)


def day(at: datetime) -> str:
    """Write a moment from which something binds."""
    return f"{at:%-d %B %Y, %H:%M} UTC"


def remarks(mine: Agreement, versions: tuple[Version, ...]) -> list[str]:
    """Say where the record differs from what an operator may expect who wrote `mine`."""
    known = next((version for version in versions if version.name == mine.version), None)
    if known is None:
        return []
    said = []
    if known.moved:
        kind = "a stricter one gives notice_days" if mine.stricter else "a changed one gives a day"
        said.append(
            f"Version {known.name} of the agreement was first seen on {day(known.first_seen)}, too late "
            f"for its effective_from ({day(known.agreement.effective_from)}): {kind}. It binds from "
            f"{day(known.binds_from)}."
        )
    if mine.effective_from != known.agreement.effective_from:
        said.append(
            f"effective_from of version {known.name} of the agreement is on record as "
            f"{day(known.agreement.effective_from)}, and people were told so: the file's other date "
            "does not count. Give the agreement a new version to move it."
        )
    if known is not rules.newest(versions):
        said.append(
            f"The file has version {known.name} of the agreement, and version "
            f"{rules.newest(versions).name} came after it and counts. Give the text a new version."
        )
    return said
