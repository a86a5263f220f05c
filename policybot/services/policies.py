"""Policies: versions of the ladder, brought by the file, approved by two people, then in force."""

from dataclasses import replace
from datetime import timedelta

from policybot.domain import policy as rules
from policybot.domain.decision import Approval, confirmable
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.ladder import Ladder
from policybot.domain.measure import duration_in_words
from policybot.domain.name import one_line
from policybot.domain.permission import Permission, allowed
from policybot.domain.policy import COMING, State, Step, Term, Version
from policybot.domain.statement import MIN_FACTS
from policybot.domain.stricter import stricter
from policybot.services.policy_words import compared, in_words
from policybot.services.proposals import propose
from policybot.services.setting import Setting
from policybot.store import agreements, audit, backtests, decisions, policies
from policybot.store.backtests import Backtest
from policybot.store.database import Tx, next_number
from policybot.store.members import accounts_of

NOUN = "policy"
CLOCK = "system:clock"
_FILE = "system:configuration"
COMES = "ladder"
"""The occasion on which members are told of a stricter version."""
_LEAST_HASH = 6
"""Characters of a hash that are enough to name a version."""
_NAMED = 10
"""How many versions are named to somebody who names none."""
_MOST_REASON = 500


class Policies:
    """The service for versions of the ladder; it is a `services.approvals.Act`."""

    needs = Permission.POLICY_CHANGE

    def __init__(self, setting: Setting) -> None:
        """Keep what the setting knows of the ladder in force up to date."""
        self._setting = setting

    # What the file brings, and what is in force ---------------------------------------------------

    async def record(self, tx: Tx) -> bool:
        """Remember the ladder of the file; False if its version is known with other contents.

        The first one ever binds at once; any other is a draft, and the one in force goes on.
        """
        mine, now = policies.of(self._setting.config.ladder), self._setting.now()
        known = await policies.named(tx, mine.ladder)
        if known is None:
            # Another process that starts with the same file waits here.
            await next_number(tx, NOUN)
            known = await policies.named(tx, mine.ladder)
        if known is None:
            await self._bring(tx, mine)
        elif known.hash != mine.hash:
            return False
        elif known.state is State.RETIRED:
            again = Version(
                known.hash, known.ladder, rules.moved(known, Step.BRING), now, revision=known.revision
            )
            await policies.save(tx, again)
            await policies.say_again(tx, known.hash)
            self._remember(tx, _FILE, "bring", again)
        await policies.check(tx)
        await self.refresh(tx)
        return True

    async def _bring(self, tx: Tx, mine: policies.Policy) -> None:
        now = self._setting.now()
        others = await policies.every(tx)
        await policies.add(tx, mine, now)
        version = Version(mine.hash, mine.ladder, State.DRAFT, now)
        self._remember(tx, _FILE, "bring", version)
        if await policies.live_hash(tx) is None:
            await self._begin(tx, _FILE, version)
            return
        for other in others:
            if other.state in COMING and other.state is not State.SCHEDULED:
                await self._withdrawn(tx, _FILE, other, f"the file has version {version.name} now")

    async def refresh(self, tx: Tx) -> None:
        """Learn which version is in force, which another process may have changed."""
        self._setting.policy = await self._setting.in_force(tx)

    async def tick(self, tx: Tx) -> None:
        """Put in force what was approved and is due; tell the review room of what waits for it.

        Raises:
            Unreadable: the version in force cannot be read; what is remembered of it goes on.
        """
        await policies.check(tx)
        await self.refresh(tx)
        live = await policies.live_hash(tx)
        # Of two processes the second waits here, and then finds nothing due.
        if live is not None and await policies.due(tx, self._setting.now()):
            await policies.hold(tx, live)
            for version in await policies.due(tx, self._setting.now()):
                if not version.announced or await agreements.finished(tx, version.hash, COMES):
                    await self._begin(tx, CLOCK, version)
        if self._setting.review_room:
            for version in await policies.unsaid(tx):
                self._say(tx, version, await self._arrived(tx, version))

    async def _begin(self, tx: Tx, actor: str, version: Version) -> None:
        """Have a version bind from now on, and the one before no more."""
        now, setting = self._setting.now(), self._setting
        before = await policies.live_hash(tx)
        old = await policies.get(tx, before) if before else None
        if old is not None:
            retired = replace(old, state=rules.moved(old, Step.RETIRE))
            await policies.save(tx, retired)
            self._remember(tx, actor, "retire", retired)
            self._say(
                tx, version, f"Version {version.name} of the ladder is in force, instead of {old.name}."
            )
        await policies.save(tx, replace(version, state=State.LIVE, live_from=now))
        await policies.begin(tx, version.hash, now)
        self._remember(tx, actor, "live", version, before=before)

        def bind() -> None:
            if setting.policy.hash != version.hash:
                setting.policy = policies.Policy(version.hash, version.ladder)

        tx.after_commit(bind)

    async def _arrived(self, tx: Tx, version: Version) -> str:
        live = await self._setting.in_force(tx)
        return (
            f"The configuration has version {version.name} of the ladder. It is a draft: version "
            f"{live.ladder.version} stays in force, and nothing changes for anybody.\n"
            f"{compared(live.ladder.version, stricter(live.ladder, version.ladder))}\n"
            f"Next: try it beside the one in force with !policy ladder {version.name} shadow, and on "
            f"what was decided with !policy ladder {version.name} test. To leave it: !policy ladder "
            f"{version.name} withdraw REASON"
        )

    @property
    def today(self) -> Ladder:
        """The version that binds today."""
        return self._setting.ladder

    async def published(self, tx: Tx) -> list[Term]:
        """List which versions were in force from when to when, oldest first; for everybody."""
        return await policies.terms(tx)

    # What people do with a version ----------------------------------------------------------------

    async def find(self, tx: Tx, text: str) -> Version:
        """Find a version by its name, or by the beginning of its hash.

        Raises:
            NotFound: there is none.
            Incomplete: there are several.
        """
        versions = await policies.every(tx)
        by_hash = len(text) >= _LEAST_HASH
        found = [one for one in versions if one.name == text]
        found = found or [one for one in versions if by_hash and one.hash.startswith(text.lower())]
        if len(found) == 1:
            return found[0]
        if found:
            which = ", ".join(f"{one.short} ({one.ladder.id}, {one.in_words})" for one in found)
            message = f"There are several versions {text}. Write one of these instead: {which}."
            raise Incomplete(message)
        known = ", ".join(one.name for one in versions[:_NAMED])
        known += f" and {len(versions) - _NAMED} older ones" if versions[_NAMED:] else ""
        message = f"There is no version «{text[:40]}» of the ladder. Versions: {known}."
        raise NotFound(message)

    async def shadow(self, tx: Tx, by: str, text: str) -> str:
        """Try a version beside the one in force, without any effect."""
        version = await self.find(tx, text)
        tried = replace(version, state=rules.moved(version, Step.SHADOW))
        await policies.save(tx, tried)
        self._remember(tx, by, "shadow", tried)
        return (
            f"From now on I keep beside each decision what version {version.name} would have proposed. "
            "Nobody is told, and nothing changes for anybody. What comes of it: !policy ladder "
            f"{version.name}"
        )

    async def withdraw(self, tx: Tx, by: str, text: str, reason: str) -> str:
        """Give a version up before it is in force.

        Raises:
            Incomplete: no reason is given.
            OutOfOrder: it is in force, was, or is withdrawn.
        """
        version = await self.find(tx, text)
        rules.moved(version, Step.WITHDRAW)
        reason = one_line(reason, _MOST_REASON)
        if len(reason) < MIN_FACTS:
            message = (
                f"Please say in a sentence why: !policy ladder {version.name} withdraw REASON. Your "
                "people read it, and so does who looks at the versions later."
            )
            raise Incomplete(message)
        await self._withdrawn(tx, by, version, reason)
        return f"Version {version.name} is withdrawn. What is in force stays in force."

    async def _withdrawn(self, tx: Tx, by: str, version: Version, reason: str) -> None:
        approval = await decisions.approval_on(tx, _subject(version))
        if approval is not None:
            await decisions.end_approval(tx, approval.code, "denied", None)
        gone = replace(version, state=rules.moved(version, Step.WITHDRAW), reason=reason)
        await policies.save(tx, gone)
        self._remember(tx, by, "withdraw", gone, reason=reason)
        self._say(tx, gone, f"Version {gone.name} of the ladder is withdrawn: {reason}")

    # Two people -----------------------------------------------------------------------------------

    async def propose(self, tx: Tx, by: str, text: str) -> str:
        """Propose that a version comes into force; say what it is and who has to approve it.

        Raises:
            OutOfOrder: it is not in shadow, not tested, or nobody could approve it.
        """
        version = await self.find(tx, text)
        state = rules.moved(version, Step.PROPOSE)
        test = await self._good_test(tx, version)
        missing = rules.enough(await self._others(tx, by), self._setting.config.versions.cooling_off)
        if missing is not None:
            raise OutOfOrder(missing)
        approval = await propose(
            tx, self._setting, by=by, subject=_subject(version), binding=_bound(version, test)
        )
        proposed = replace(
            version, state=state, proposer=by, approver=None, second=None, cooling=None, test=test.id
        )
        await policies.save(tx, proposed)
        self._remember(tx, by, "propose", proposed, test=test.number, base=test.base)
        said = await self._in_full(tx, proposed, test)
        confirm = f"!policy confirm {approval.code}"
        self._say(
            tx,
            proposed,
            f"{by} proposes to put a changed ladder in force.\n{said}\nTwo others approve it, each with "
            f"{confirm}, within 24 hours; or !policy deny {approval.code}",
        )
        return (
            "It is proposed, as it stands in the review room. Two others have to approve it within 24 "
            f"hours, each with {confirm}"
        )

    async def _good_test(self, tx: Tx, version: Version) -> Backtest:
        """Find the test on which a version may be proposed.

        Raises:
            OutOfOrder: there is none that is of this version, against the one in force, and new enough.
        """
        test, how = await backtests.newest(tx, version.hash), f"!policy ladder {version.name} test"
        within = self._setting.config.versions.test_within
        if test is None:
            message = f"Version {version.name} was not tested on what was decided. First: {how}"
        elif test.base != await policies.live_hash(tx):
            message = f"The ladder in force is another one since {test.number}. Test it anew: {how}"
        elif self._setting.now() - test.at > within:
            span = duration_in_words(within)
            message = f"{test.number} is more than {span} old. Test it anew: {how}"
        else:
            return test
        raise OutOfOrder(message)

    async def _others(self, tx: Tx, by: str) -> int:
        """Count the persons in the review room, beside somebody, who could approve."""
        counted, seen = 0, set(await accounts_of(tx, by))
        for account in sorted(self._setting.config.staff):
            if account not in seen and allowed(await self._setting.roles(tx, account), self.needs):
                counted += 1
                seen |= await accounts_of(tx, account)
        return counted

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Approve a version; the second approval gives it its day.

        Raises:
            NotPermitted: they proposed it, or approved it before.
            OutOfOrder: it expired, or something has changed since.
        """
        version = await self._proposed(tx, approval)
        confirmable(
            approval,
            by,
            self._setting.now(),
            frozenset(),
            await accounts_of(tx, approval.proposer),
        )
        rules.check_approver(
            version, await accounts_of(tx, version.approver) if version.approver else frozenset(), by
        )
        test = await self._good_test(tx, version)
        if test.id != version.test or _bound(version, test) != approval.binding:
            message = (
                f"What was proposed under {approval.code} no longer fits: it was tested anew since. "
                f"Deny it with !policy deny {approval.code} and propose it anew."
            )
            raise OutOfOrder(message)
        await self._check_alone(tx, version)
        cooling = None
        if version.approver is None:
            if await self._others(tx, approval.proposer) >= rules.APPROVERS:
                first = replace(version, approver=by)
                await policies.save(tx, first)
                self._remember(tx, by, "approve", first, test=test.number)
                return (
                    f"You approve version {version.name}. One more person has to, neither the one who "
                    f"proposed it nor you: !policy confirm {approval.code}"
                )
            cooling = self._setting.config.versions.cooling_off
            if cooling is None:
                raise OutOfOrder(rules.enough(1, None) or "")
        await decisions.end_approval(tx, approval.code, "given", by)
        return await self._schedule(tx, by, version, test, cooling)

    async def _check_alone(self, tx: Tx, version: Version) -> None:
        """Refuse to approve a second version before the first is in force: its test would not fit.

        Raises:
            OutOfOrder: another one is approved.
        """
        for other in await policies.every(tx):
            if other.state is State.SCHEDULED and other.hash != version.hash:
                message = f"Version {other.name} is {other.in_words}. Wait for it, or withdraw it first."
                raise OutOfOrder(message)

    async def _schedule(
        self, tx: Tx, by: str, version: Version, test: Backtest, cooling: timedelta | None
    ) -> str:
        """Give an approved version its day."""
        old, now = await self._setting.in_force(tx), self._setting.now()
        harder = bool(stricter(old.ladder, version.ladder))
        live_from = rules.begins(version.ladder, old.ladder, now, harder=harder, cooling=cooling)
        announced = test.result.share_harsher > rules.NOTICE_ABOVE
        ready = replace(
            version,
            state=rules.moved(version, Step.SCHEDULE),
            approver=version.approver or by,
            second=by if version.approver else None,
            cooling=cooling,
            live_from=live_from,
            announced=announced,
        )
        await policies.save(tx, ready)
        self._remember(
            tx,
            by,
            "schedule",
            ready,
            test=test.number,
            live_from=live_from.isoformat(),
            announced=announced,
            approved=rules.approved_by(ready),
        )
        when = "in a moment" if live_from <= now else f"on {rules.day(live_from)}"
        told = " Everybody who signed the agreement is told before." if announced else ""
        self._say(
            tx,
            ready,
            f"Version {version.name} of the ladder is approved by {rules.approved_by(ready)}, and comes "
            f"into force {when}.{told} To stop it before: !policy ladder {version.name} withdraw REASON",
        )
        return f"You approve version {version.name}. With that it comes into force {when}.{told}"

    async def _proposed(self, tx: Tx, approval: Approval) -> Version:
        version = await policies.get(tx, approval.subject.partition(" ")[2])
        if version is None or version.state is not State.CANDIDATE:
            message = f"Nothing waits under the code {approval.code}."
            raise NotFound(message)
        return version

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:  # noqa: ARG002 - anybody's
        """Check that it waits still; whoever may approve may as well leave the ladder as it is."""
        await self._proposed(tx, approval)

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Note that it was denied, or that nobody approved it in time: it is tried on."""
        version = await policies.get(tx, approval.subject.partition(" ")[2])
        if version is None or version.state is not State.CANDIDATE:
            return
        shadow = rules.moved(version, Step.DROP)
        back = replace(version, state=shadow, proposer=None, approver=None, test=None)
        await policies.save(tx, back)
        self._remember(tx, by, state, back)
        how = "was denied" if state == "denied" else "was not approved in time"
        self._say(
            tx,
            back,
            f"Version {version.name} of the ladder {how}, and stays in shadow. To propose it again: "
            f"!policy ladder {version.name} propose",
        )

    # Words ----------------------------------------------------------------------------------------

    async def _in_full(self, tx: Tx, version: Version, test: Backtest) -> str:
        """Say what is proposed: what becomes stricter, what the test found, when it would bind."""
        old, now = await self._setting.in_force(tx), self._setting.now()
        harder = stricter(old.ladder, version.ladder)
        day = rules.begins(version.ladder, old.ladder, now, harder=bool(harder), cooling=None)
        when = "at once" if day <= now else f"on {rules.day(day)} at the earliest"
        told = test.result.share_harsher > rules.NOTICE_ABOVE
        return "\n".join(
            [
                f"Version {version.name} ({version.short}) instead of {old.ladder.version}.",
                compared(old.ladder.version, harder),
                in_words(test),
                f"Once approved it binds {when}"
                + (", and everybody who signed the agreement is told before." if told else "."),
            ]
        )

    def _say(self, tx: Tx, version: Version, text: str) -> None:
        if self._setting.review_room:
            self._setting.tell_staff(tx, text, cause=f"{NOUN} {version.short}")

    def _remember(self, tx: Tx, by: str, tag: str, version: Version, **payload: audit.Value) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=by,
            tag=f"{NOUN}:{tag}",
            object=f"{NOUN} {version.name}",
            hash=version.hash,
            **payload,
        )


def _subject(version: Version) -> str:
    return f"{NOUN} {version.hash}"


def _bound(version: Version, test: Backtest) -> str:
    return rules.bound(version, test.base, test.id, test.result.decisions, test.result.harsher)
