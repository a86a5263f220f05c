"""Declarations: the author of a post says which subject it is about, and nothing happens by itself."""

from datetime import timedelta

from policybot.domain import filing as filing_rules
from policybot.domain.effects import LearnAuthor
from policybot.domain.errors import NotFound
from policybot.domain.filing import Filing
from policybot.domain.qualification import Right, State
from policybot.services.qualifications import Qualifications
from policybot.services.setting import Setting
from policybot.store import audit, declarations, filings, qualifications
from policybot.store.database import Tx
from policybot.store.declarations import Declaration

NOUN = "declaration"
"""What the cause of a look at a post begins with; then its kind, and who declares it."""
_DAY = timedelta(days=1)


class Declarations:
    """The service for declarations."""

    def __init__(self, setting: Setting, qualified: Qualifications) -> None:
        """Ask the qualifications' service what there is."""
        self._setting = setting
        self._qualifications = qualified

    async def declare(self, tx: Tx, user_id: str, room_id: str, event_id: str, kind: str) -> str:
        """Look whose post it is, to note what it is declared to be about; return the title."""
        filing = await filings.of_room(tx, room_id)
        if filing is None or filing.record_number is None:
            message = "Only posts in a filed room can be declared."
            raise NotFound(message)
        section = self._qualifications.section(kind)
        look = LearnAuthor(room_id, event_id)
        self._setting.queue(tx, [look], cause=f"{NOUN} {section.id} {user_id}")
        return section.title

    async def learned(self, tx: Tx, look: LearnAuthor, cause: str, author: str) -> Declaration | None:
        """Note what a post is declared to be about, once it is known to be the declarer's own."""
        _, kind, user_id = cause.split(" ", 2)
        if author != user_id:
            text = "That post is somebody else's. You can say what a post is about only of your own."
            self._setting.tell(tx, user_id, text, cause=cause)
            return None
        filing = await filings.of_room(tx, look.room_id)
        before = await declarations.get(tx, look.event_id)
        if filing is None or (before is not None and before.kind == kind):
            return None
        granted = await qualifications.of_filing(tx, filing.id, State.GRANTED)
        in_force = filing.state in filing_rules.IN_FORCE
        qualified = in_force and any(q.kind == kind and Right.PUBLISH in q.rights for q in granted)
        now, room_id, event_id = self._setting.now(), look.room_id, look.event_id
        said = await declarations.unqualified_since(tx, room_id, kind, now - _DAY)
        made = Declaration(event_id, room_id, user_id, kind, qualified, now)
        await declarations.save(tx, made)
        audit.append(
            tx,
            at=now,
            actor=user_id,
            tag="post:declare",
            object=filing.number,
            kind=kind,
            qualified=qualified,
        )
        self._tell_declared(tx, made, filing, first=said == 0)
        return made

    def _tell_declared(self, tx: Tx, made: Declaration, filing: Filing, *, first: bool) -> None:
        titles = {q.id: q.title for q in self._setting.config.filing.qualifications}
        title = titles.get(made.kind, made.kind)
        link = f"https://matrix.to/#/{made.room_id}/{made.event_id}"
        cause = f"{NOUN} {made.event_id}"
        how = f"its owner can ask for it with !policy qualify {filing.number} {made.kind} EVIDENCE"
        lacking = "" if made.qualified else f" The room is not qualified for that: {how}"
        text = f"Noted: your post {link} is about «{title}».{lacking}"
        self._setting.tell(tx, made.user_id, text, cause=cause)
        if made.qualified or not first:
            return
        if made.user_id != filing.applicant:
            self._setting.tell(
                tx,
                filing.applicant,
                f"In your room {filing.number} somebody has posted about «{title}» ({link}), and it is "
                f"not qualified for that: {how}",
                cause=cause,
            )
        # Said once a day; people decide whether it is one for them.
        self._setting.tell_staff(
            tx,
            f"{filing.number}: a post was declared to be about «{title}», for which the room is not "
            f"qualified: {link}\nNothing happens by itself. To open a case: "
            f"!policy report {link} RULE TEXT",
            cause=cause,
        )
