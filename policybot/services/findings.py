"""Findings: every message in a governed room held against the rules, and what follows where one applies.

Whether a rule applies is decided in memory, for it is asked for every message; a message that no rule
applies to costs no look at the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from policybot.domain import condition as conditions
from policybot.domain import gate
from policybot.domain.case import Subject, SubjectKind
from policybot.domain.effects import LearnMore
from policybot.domain.errors import Incomplete
from policybot.domain.gate import Hit, Post, Verdict
from policybot.domain.mechanism import Mechanism, Stage
from policybot.domain.pace import Pace
from policybot.domain.publishing import Account
from policybot.domain.seen import OF_THE_ROOM, File, seen
from policybot.domain.statement import content_of
from policybot.domain.view import FAST, Curb, House, Room
from policybot.matching.ruleset import RuleSet, alone, holds_alone
from policybot.services.automation import ACTING, HOUR, Automation, Hindrance
from policybot.services.cases import Cases
from policybot.services.copies import Copies
from policybot.services.messages import ENTERED, Messages
from policybot.services.setting import Setting
from policybot.store import copies, findings, newcomers, standing
from policybot.store.copies import Copy, sent_at
from policybot.store.database import Tx, from_ms
from policybot.store.declarations import Declaration
from policybot.store.findings import Finding, Outcome
from policybot.store.newcomers import Newcomer

_MOST_ACCOUNTS = 20_000
"""Accounts of which it is remembered when they were made."""
_MOST_TRIED = 1_000
"""Kept messages that a rule which seems to apply to everything is held against."""


@dataclass(frozen=True, slots=True)
class Found:
    """An event to which rules apply, or whose sender posts for the first time."""

    event: Mapping[str, Any]
    post: Post
    verdict: Verdict
    first: bool
    look: LearnMore | None
    """What has to be found out to know whether rules apply."""


class Findings:
    """The service for what rules find."""

    def __init__(
        self, setting: Setting, messages: Messages, casework: Cases, acts: Automation, kept: Copies
    ) -> None:
        """Look at rooms and people as the messages' service knows them."""
        self._setting = setting
        self._messages = messages
        self._cases = casework
        self._automation = acts
        self._copies = kept
        self.view = Known(setting, messages)
        self.rules = RuleSet()
        self._kinds: frozenset[type[conditions.Condition]] = frozenset()
        self._slow = any(kind.slow for kind in setting.config.filing.categories)

    def use(self, rules: RuleSet) -> None:
        """Put rules in the place of those before, between two events."""
        leaves = {type(leaf) for m in rules.mechanisms for leaf in conditions.leaves(m.when)}
        spans = [
            leaf
            for m in rules.mechanisms
            for leaf in conditions.leaves(m.when)
            if isinstance(leaf, conditions.Rate)
        ]
        self.view.pace.remember(spans)
        self.rules, self._kinds = rules, frozenset(leaves)

    @property
    def watches(self) -> bool:
        """Whether there is anything to look for: a rule, or how slowly people write somewhere."""
        return bool(self.rules.mechanisms) or self._slow

    @property
    def watches_entry(self) -> bool:
        """Whether a rule asks who is new."""
        return not self._kinds.isdisjoint({conditions.FirstPost, conditions.NewMember})

    # In memory -----------------------------------------------------------------------------------

    def look(self, event: Mapping[str, Any]) -> Found | None:
        """Judge an event that was delivered; None if nothing follows."""
        room_id, sender, event_id = event.get("room_id"), event.get("sender"), event.get("event_id")
        if not (isinstance(room_id, str) and isinstance(sender, str) and isinstance(event_id, str)):
            return None
        content, room = event.get("content"), self._messages.room(room_id)
        if (
            room is None
            or sender == self._setting.config.bot_user_id
            or not isinstance(content, dict)
            or not content  # it was redacted meanwhile
        ):
            return None
        sent = sent_at(event, self._setting.now())
        state = event.get("state_key") is not None
        post = gate.posted(room_id, sender, event.get("type"), content, sent, room, state=state)
        if not state:
            self.view.pace.note(room_id, sender, sent, event_id)
            self._automation.writers.note(sender, self._setting.now())
        verdict = gate.decide(self.view, self.rules, post)
        if post.counts and room.slow is not FAST:
            self.view.pace.delivered(room_id, sender, sent)
        first = self.view.is_first(room_id, sender)
        look = self._to_learn(verdict, sender, LearnMore(room_id, event_id, first))
        begins = first and post.counts  # a reaction or a command is no post yet
        if not (verdict.hits or begins or look):
            return None
        return Found(event, post, verdict, begins, look)

    def _to_learn(self, verdict: Verdict, sender: str, look: LearnMore) -> LearnMore | None:
        """Say what has to be found out to know whether rules apply; None if nothing can be."""
        if not verdict.undecided:
            return None
        kinds = {type(leaf) for m in verdict.undecided for leaf in conditions.leaves(m.when)}
        files = conditions.Media in kinds
        # Only our own homeserver says when an account was made.
        age = conditions.NewAccount in kinds and self._setting.is_local(sender)
        age = age and not self.view.asked(sender)
        return replace(look, files=files, account=sender if age else "") if files or age else None

    def enters(self, event: Mapping[str, Any]) -> bool:
        """Say whether somebody enters a governed room in which it counts who is new."""
        room_id, user_id, content = (event.get(key) for key in ("room_id", "state_key", "content"))
        room = self._messages.room(room_id) if isinstance(room_id, str) else None
        if room is None or not isinstance(user_id, str):
            return False
        if not (self.watches_entry or room.slow.new_every):
            return False
        if not isinstance(content, dict) or content.get("membership") != "join":
            return False
        unsigned = event.get("unsigned")
        before = unsigned.get("prev_content") if isinstance(unsigned, dict) else None
        if isinstance(before, dict) and before.get("membership") == "join":
            return False  # a change of name
        known = self._messages.newcomers.get(str(room_id), user_id)
        return known is None and user_id != self._setting.config.bot_user_id

    async def hits_among_kept(self, tx: Tx, mechanism: Mechanism) -> tuple[int, int]:
        """Count how many kept messages a rule would hit by what they say, and how many were tried."""
        single = alone(mechanism)
        kept = await self._copies.page(tx, "", _MOST_TRIED)
        held = (holds_alone(single, seen("m.room.message", content)) for _, content in kept)
        return sum(answer is True for answer in held), len(kept)

    # In the database -----------------------------------------------------------------------------

    async def entered(self, tx: Tx, event: Mapping[str, Any]) -> None:
        """Remember that somebody entered a room."""
        room_id, user_id = event["room_id"], event["state_key"]
        await newcomers.add(tx, Newcomer(room_id, user_id, sent_at(event, self._setting.now())))
        await self._newcomer_changed(tx, room_id, user_id)

    async def _newcomer_changed(self, tx: Tx, room_id: str, user_id: str) -> None:
        await standing.changed(tx, f"{ENTERED} {room_id} {user_id}", self._setting.now())
        known = await newcomers.get(tx, room_id, user_id)
        tx.after_commit(partial(self._messages.newcomers.put, room_id, user_id, known))

    async def record(self, tx: Tx, found: Found) -> None:
        """Record what applies to an event, once, and do what follows."""
        post, event = found.post, found.event
        if found.look:
            self._setting.queue(tx, [found.look], cause=f"files {found.look.event_id}")
        evidence = _evidence(event, self._setting.now())
        await self._apply(tx, found.verdict.hits, post, evidence.event_id, evidence)
        if found.first:  # last, for others wait for whoever has noted something
            await newcomers.has_posted(tx, post.room_id, post.sender)
            await self._newcomer_changed(tx, post.room_id, post.sender)

    async def looked_into(self, tx: Tx, look: LearnMore, result: Mapping[str, Any]) -> None:
        """Judge a message again, now that more is known: what its files are, when its sender came."""
        room, now = self._messages.room(look.room_id), self._setting.now()
        made, files = result.get("made"), result.get("files")
        if look.account:
            self.view.learn(look.account, from_ms(made) if isinstance(made, int) else None)
        event = {**result, "event_id": look.event_id, "room_id": look.room_id}
        if room is None:
            return
        sender, kind, content = str(result["sender"]), result["type"], result["content"]
        post = replace(
            gate.posted(
                look.room_id, sender, kind, content, sent_at(event, now), room, state=kind in OF_THE_ROOM
            ),
            files=None if files is None else tuple(File(**file) for file in files),
            first=look.first,
        )
        found = gate.find(self.view, self.rules, post, room)
        # What else may have changed meanwhile, such as how many posts there were, counts as it was.
        asked = (conditions.Media, conditions.NewAccount)
        hits = [hit for hit in found.hits if _asks(hit, *asked)]
        await self._apply(tx, hits, post, look.event_id, _evidence(event, now))

    async def declared(self, tx: Tx, declaration: Declaration) -> None:
        """Hold a declaration against the rules: its room is not qualified for the subject."""
        room = self._messages.room(declaration.room_id)
        if room is None or declaration.qualified:
            return
        kept = await self._copies.get(tx, declaration.event_id)
        content = kept.content if kept else {}
        post = Post(
            declaration.room_id,
            declaration.user_id,
            seen("m.room.message", content),
            self._setting.now(),
            declared=declaration.kind,
        )
        hits = [
            hit
            for hit in gate.find(self.view, self.rules, post, room).hits
            if _asks(hit, conditions.Unqualified)
        ]
        await self._apply(tx, hits, post, declaration.event_id, kept)

    async def _apply(
        self, tx: Tx, hits: Sequence[Hit], post: Post, event_id: str, evidence: Copy | None
    ) -> None:
        fresh = []
        for hit in hits:
            finding = Finding(
                event_id,
                hit.mechanism.id,
                post.room_id,
                post.sender,
                self.rules.version,
                hit.spans,
                self._setting.now(),
            )
            if await findings.add(tx, finding) and hit.mechanism.stage is Stage.LIVE:
                fresh.append((hit.mechanism, finding))
        # What acts by itself first: then the others are in the same case.
        fresh.sort(key=lambda one: not _acts(one[0]))
        acted: int | None = None
        for mechanism, finding in fresh:
            if acted is not None:
                await findings.settle(tx, finding, Outcome.REPORTED, acted)
            elif _acts(mechanism):
                acted = await self._act(tx, mechanism, finding, evidence, state=post.state)
            else:
                await self._report(tx, mechanism, finding, evidence)

    async def _act(
        self, tx: Tx, mechanism: Mechanism, finding: Finding, evidence: Copy | None, *, state: bool
    ) -> int | None:
        """Let a rule act by itself, or leave it to people; return the case if it acted."""
        hindered = await self._automation.hindrance(tx, mechanism, finding)
        if evidence is None:
            hindered = Hindrance("no copy of the message is kept yet")
        elif state:
            hindered = Hindrance("it is the room's name or topic, and nothing would be there instead")
        if hindered is not None:
            if hindered.breaker:
                await self._call_people(tx, mechanism, hindered.why)
            outcome = Outcome.STOPPED if hindered.breaker else Outcome.REPORTED
            await self._report(tx, mechanism, finding, evidence, hindered.why, outcome)
            return None
        case, new = await self._cases.found(tx, _subject(finding), evidence)
        if not new:  # people are at it already
            await findings.settle(tx, finding, Outcome.REPORTED, case.id)
            return None
        first = await findings.count(tx, mechanism.id, Outcome.ACTED, self._setting.now() - HOUR) == 0
        try:
            decision = await self._automation.act(tx, mechanism, case, in_words(mechanism))
        except Incomplete as refusal:
            await findings.settle(tx, finding, Outcome.REPORTED, case.id)
            self._announce(tx, mechanism, case.number, finding, str(refusal))
            return None
        await findings.settle(tx, finding, Outcome.ACTED, case.id)
        held = decision.measure.duration is not None
        if first or held:
            removed = "its message was removed" if decision.remove else "nothing was removed"
            self._setting.tell_staff(
                tx,
                f"Rule {mechanism.id} ({mechanism.rule.title}) acted by itself in {finding.room_id}: "
                f"{decision.measure.in_words('member')} for {finding.user_id}; {removed}.\n"
                f"Look: !policy show {decision.number}"
                + (
                    f" · end it: !policy lift {decision.number} REASON"
                    if held
                    else "\nFurther acts of this rule within the hour are counted, not told."
                ),
                cause=f"case {case.id}",
            )
        return case.id

    async def _report(  # noqa: PLR0913, PLR0917 - what is reported, and why
        self,
        tx: Tx,
        mechanism: Mechanism,
        finding: Finding,
        evidence: Copy | None,
        why: str = "",
        outcome: Outcome = Outcome.REPORTED,
    ) -> None:
        """Put a finding into a case: that of the same incident, or a new one."""
        incident = await findings.incident(tx, finding, self._setting.now() - HOUR)
        if incident is not None:
            if evidence is not None:
                await self._copies.keep(tx, evidence)
            await findings.settle(tx, finding, outcome, incident)
            await self._cases.priorities.renew_of(tx, incident)
            return
        case, new = await self._cases.found(tx, _subject(finding), evidence)
        await findings.settle(tx, finding, outcome, case.id)
        await self._cases.priorities.renew(tx, case)
        if new:
            self._announce(tx, mechanism, case.number, finding, why)

    def _announce(self, tx: Tx, mechanism: Mechanism, number: str, finding: Finding, why: str) -> None:
        reason = f"\nIt did not act by itself: {why}." if why else ""
        self._setting.tell_staff(
            tx,
            f"New case {number}: a message of {finding.user_id} in {finding.room_id}\n"
            f"Rule {mechanism.id} ({mechanism.rule.title}) found it by machine: {in_words(mechanism)}."
            f"{reason}\nFurther ones of the same person within the hour join this case.\n"
            f"Next: !policy show {number} · !policy claim {number}",
            cause=f"finding {number}",
        )

    async def _call_people(self, tx: Tx, mechanism: Mechanism, why: str) -> None:
        """Say once that a rule acts no more; what it finds from now on is for people."""
        since = self._setting.now() - HOUR
        if await findings.count(tx, mechanism.id, Outcome.STOPPED, since):
            return
        self._setting.tell_staff(
            tx,
            f"Please look: {why}, so rule {mechanism.id} ({mechanism.rule.title}) does nothing by "
            "itself any more. What it finds comes to you as cases, until it has found nothing for an "
            "hour. If it finds what it should not, set its state to shadow. Figures: policybot rules "
            "stats",
            cause=f"breaker {mechanism.id}",
        )


class Known:
    """What is known of people and rooms, as the gate asks for it."""

    def __init__(self, setting: Setting, messages: Messages) -> None:
        """Ask the messages' service."""
        self._setting = setting
        self._policy, self._house = setting.policy, setting.config.house(setting.ladder.text_url)
        self.stopped: frozenset[str] = frozenset()
        self.pace = Pace()
        self._messages = messages
        self._made: dict[str, datetime | None] = {}

    @property
    def house(self) -> House:
        """What counts for the whole homeserver, with the link to the ladder that binds today."""
        if (policy := self._setting.policy) is not self._policy:
            self._policy, self._house = policy, self._setting.config.house(policy.ladder.text_url)
        return self._house

    def room(self, room_id: str) -> Room | None:
        """Describe a governed room; None for any other."""
        return self._messages.room(room_id)

    def account(self, user_id: str) -> Account:
        """Say what counts of an account."""
        return self._messages.account(user_id)

    def bound(self) -> int:
        """Say which version of the agreement binds; 0 for none."""
        return self._messages.bound()

    def curb(self, room_id: str, user_id: str, now: datetime) -> Curb | None:
        """Find what keeps somebody from writing in a room, or out of it."""
        return self._messages.curb(room_id, user_id, now)

    def made(self, user_id: str) -> datetime | None:
        """Say when an account was made, if that is known."""
        return self._made.get(user_id)

    def asked(self, user_id: str) -> bool:
        """Say whether it was asked already when an account was made."""
        return user_id in self._made

    def learn(self, user_id: str, made: datetime | None) -> None:
        """Remember when an account was made, or that nobody says it: in memory, and for a while."""
        if len(self._made) >= _MOST_ACCOUNTS:
            self._made = {}
        self._made[user_id] = made

    def entered(self, room_id: str, user_id: str) -> datetime | None:
        """Say when somebody was seen to enter a room."""
        known = self._messages.newcomers.get(room_id, user_id)
        return known.entered_at if known else None

    def is_first(self, room_id: str, user_id: str) -> bool:
        """Say whether somebody was seen to enter and has not posted since."""
        known = self._messages.newcomers.get(room_id, user_id)
        return known is not None and not known.posted

    def posted(self, room_id: str, user_id: str, within: timedelta, now: datetime) -> int:
        """Count somebody's posts in a room, the one that is judged included."""
        return self.pace.count(room_id, user_id, within, now)

    def last_post(self, room_id: str, user_id: str) -> datetime | None:
        """Say when somebody last posted in a room that takes posts slowly."""
        return self.pace.last(room_id, user_id)


def in_words(mechanism: Mechanism) -> str:
    """Say what a rule looks for, in words that say nothing of what was found."""
    said = dict.fromkeys(conditions.WHAT[type(leaf)] for leaf in conditions.leaves(mechanism.when))
    return ", ".join(said)


def _asks(hit: Hit, *kinds: type[conditions.Leaf]) -> bool:
    return any(isinstance(leaf, kinds) for leaf in conditions.leaves(hit.mechanism.when))


def _acts(mechanism: Mechanism) -> bool:
    return mechanism.automatic and not ACTING.isdisjoint(mechanism.then)


def _subject(finding: Finding) -> Subject:
    return Subject(SubjectKind.EVENT, finding.room_id, finding.event_id, finding.user_id)


def _evidence(event: Mapping[str, Any], now: datetime) -> Copy:
    """Keep an event as it was delivered."""
    content = copies.storable(event["content"])
    return Copy(
        event_id=str(event["event_id"]),
        room_id=str(event["room_id"]),
        sender=str(event["sender"]),
        sent_at=sent_at(event, now),
        content=content,
        sha256=copies.fingerprint(content),
        captured_at=now,
        kind=content_of(content.get("msgtype")),
    )
