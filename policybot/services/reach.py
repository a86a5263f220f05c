"""Reach: which effects carry a measure, in which rooms and on which accounts, as far as rank allows."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from policybot.domain import list_rule, notice
from policybot.domain import sanction as rules
from policybot.domain import server as servers
from policybot.domain.decision import Decision
from policybot.domain.effects import Effect, ExcludeMember, RestrictMember, Say, SuspendAccount
from policybot.domain.errors import Incomplete
from policybot.domain.ladder import Scope
from policybot.domain.list_rule import PublishRule
from policybot.domain.measure import Kind
from policybot.domain.rank import Control, control, hindrance
from policybot.domain.room_measure import DenyServer
from policybot.domain.rules import Reach as Whom
from policybot.domain.sanction import BINDING, Sanction
from policybot.services import languages, places, statements
from policybot.services.filings import label_of
from policybot.services.places import Place
from policybot.services.setting import Setting
from policybot.store import cases, decisions, members, rooms, sanctions, watches
from policybot.store.database import Stale, Tx
from policybot.store.rooms import Kind as RoomKind
from policybot.store.rooms import Room

BARRING = (Kind.RESTRICT, Kind.SUSPEND, Kind.CLOSE)
"""Measures that keep somebody from writing, or from a room."""
ALSO = "The rule reaches all accounts of a person, so this holds for this account of yours too."
"""What is added to the notice of a further account."""


class Reach:
    """The service that knows how far measures reach."""

    def __init__(self, setting: Setting) -> None:
        """Work in a setting."""
        self._setting = setting

    async def restraints(self, tx: Tx, decision: Decision, place: Place | None) -> tuple[Effect, ...]:
        """Say which effects a decision needs on what it is about, in the place of its room.

        Raises:
            Incomplete: rank or distance forbids it; the message says the way round.
        """
        label, governed, user_id = None, [], decision.user_id or ""
        kind, config = decision.measure.kind, self._setting.config
        if decision.scope is Scope.SERVER:
            return (*await self._on_server(tx, decision), *self._published(decision))
        if self.in_every_room(decision):
            governed = await self._in_reach(tx, user_id)
        room, filing = (place.room, place.filing) if place else (None, None)
        if decision.scope is Scope.ROOM:
            label = label_of(filing) if filing and filing.record_number else None
            self._check_control(room, kind)
        barred = room if decision.scope is Scope.MEMBER and kind in BARRING else None
        if barred is not None and (reason := self.hindrance(barred, user_id)) is not None:
            raise Incomplete(reason)
        published = self._published(decision)
        carried = rules.restraints(
            decision.scope,
            decision.measure,
            user_id=decision.user_id,
            room_id=decision.room_id,
            governed=governed,
            local=self._setting.is_local(user_id),
            locks=config.measures.locks,
            label=label,
            closing=config.closing_notice,
        )
        return (*carried, *published)

    def _published(self, decision: Decision) -> tuple[Effect, ...]:
        """Say by which effect other communities are told of a decision."""
        if not decision.publish:
            return ()
        of_server = decision.scope is Scope.SERVER
        entity = decision.scope_key if of_server else decision.user_id
        room = list_rule.check(
            self._setting.config.policy_lists.publish,
            decision.scope,
            decision.measure.kind,
            entity,
            local=not of_server and self._setting.is_local(entity or ""),
        )
        return (PublishRule(room, str(entity), decision.number, decision.rule_id),)

    async def _on_server(self, tx: Tx, decision: Decision) -> tuple[Effect, ...]:
        """Say how a server is shut out: each room is told first, while its accounts can read it."""
        servers.check_measure(decision.measure)
        if decision.measure.kind not in BARRING:
            return ()
        governed = await rooms.of_kind(tx, RoomKind.GOVERNED)
        open_to = [room.room_id for room in governed if self.may_deny(room)]
        if not open_to:
            message = (
                "There is no governed room in which I may change which servers take part. Ask the "
                f"owners to give {self._setting.config.bot_user_id} power level 100, or decide about "
                "accounts."
            )
            raise Incomplete(message)
        said, server = await self._said(tx, decision, open_to), decision.scope_key
        return tuple(
            one
            for room_id in sorted(open_to)
            for one in (Say(room_id, said[room_id]), DenyServer(room_id, server))
        )

    async def _said(self, tx: Tx, decision: Decision, room_ids: Collection[str]) -> dict[str, str]:
        """Write what each room reads, in its language, before a server is shut out of it."""
        spoken = await languages.of_rooms(self._setting, tx, room_ids)
        texts = {language: self._said_in(decision, language) for language in set(spoken.values())}
        return {room_id: texts[language] for room_id, language in spoken.items()}

    def _said_in(self, decision: Decision, language: str) -> str:
        rule, config = self._setting.rule_of(decision.rule_id), self._setting.config
        title = rule.in_language(language)[0] if rule else ""
        return servers.said(
            decision.scope_key,
            number=decision.number,
            rule=f"{decision.rule_id} {title}".rstrip(),
            facts=statements.facts_in(self._setting, decision, language),
            span=decision.measure.duration,
            days=self._setting.ladder.appeal_window.days,
            bot=config.bot_user_id,
            public=str(config.policy_lists.publish) if decision.publish else "",
            phrases=statements.phrases(self._setting, language),
        )

    def may_deny(self, room: Room) -> bool:
        """Say whether the bot may change which servers take part in a room."""
        levels = room.levels
        return levels.of(self._setting.config.bot_user_id) >= levels.needed_for_state(servers.ACL)

    def _reaches(self, room: Room, effect: Effect) -> bool:
        """Say whether rank lets us carry an effect of a measure into a room."""
        if isinstance(effect, DenyServer):
            return self.may_deny(room)
        return self.hindrance(room, getattr(effect, "user_id", "")) is None

    def in_every_room(self, decision: Decision) -> bool:
        """Say whether a measure on an account is carried room by room."""
        kind = decision.measure.kind
        abroad = not self._setting.is_local(decision.user_id or "")
        carried = kind is Kind.RESTRICT or (kind in BARRING and abroad)
        return decision.scope is Scope.ACCOUNT and carried

    async def _in_reach(self, tx: Tx, user_id: str) -> list[str]:
        """List the governed rooms in which rank lets us keep somebody from writing, or out."""
        governed = await rooms.of_kind(tx, RoomKind.GOVERNED)
        if not governed:
            message = "There is no governed room to restrict anybody in."
            raise Incomplete(message)
        found = [room.room_id for room in governed if self.hindrance(room, user_id) is None]
        if not found:
            message = (
                f"{user_id} ranks as high as I do in every governed room, so I cannot restrict them "
                "there. Suspend the account if it is ours, or decide about the rooms."
            )
            raise Incomplete(message)
        return found

    def hindrance(self, room: Room, user_id: str) -> str | None:
        """Say why rank forbids to restrict somebody in a room; None if it does not."""
        return hindrance(room.levels, self._setting.config.bot_user_id, user_id)

    def _check_control(self, room: Room | None, kind: Kind) -> None:
        if room is None or kind not in BARRING:
            return
        if control(room.levels, self._setting.config.bot_user_id) is Control.NONE:
            message = (
                f"I have no rank in {room.room_id}, so I cannot keep anybody from writing there. Ask "
                f"its owner to give {self._setting.config.bot_user_id} power level 100, revoke the "
                "filing, or decide about the accounts."
            )
            raise Incomplete(message)

    # The person behind an account ----------------------------------------------------------------

    async def person(self, tx: Tx, decision: Decision) -> str | None:
        """Name the person all of whose accounts a decision reaches; None if it is the account alone."""
        rule = self._setting.rule_of(decision.rule_id)
        if rule is None or rule.reach is not Whom.PERSON or decision.automatic:
            return None
        if decision.user_id is None or decision.scope not in (Scope.MEMBER, Scope.ACCOUNT):
            return None
        if decision.measure.kind not in BARRING and decision.span is None:
            return None
        return await members.answerable(tx, decision.user_id, decision.occurred_at)

    async def others(self, tx: Tx, decision: Decision) -> tuple[str, ...]:
        """Name the other accounts of that person."""
        return await self.others_of(tx, await self.person(tx, decision), decision)

    @staticmethod
    async def others_of(tx: Tx, person_id: str | None, decision: Decision) -> tuple[str, ...]:
        """Name the accounts of a person but the one that a decision is about."""
        linked = await members.links_of(tx, person_id) if person_id else []
        return tuple(sorted({link.user_id for link in linked} - {decision.user_id or ""}))

    async def on_account(self, tx: Tx, decision: Decision, user_id: str) -> tuple[Effect, ...]:
        """Say which effects carry a decision to another account of the person.

        Where there is a gate it keeps them from writing: a power level that changes together with
        another's would tell everybody in the room whose accounts these are.
        """
        # Published it would tell everybody whose accounts these are.
        also = replace(decision, user_id=user_id, publish=False)
        in_rooms = decision.scope is Scope.MEMBER or self.in_every_room(also)
        if in_rooms and self._setting.config.gate is not None and self._setting.is_local(user_id):
            return ()
        try:
            place = await places.of(tx, self._setting, also.room_id)
            return await self.restraints(tx, also, place)
        except Incomplete:  # rank forbids it there; what is decided is about the other account
            return ()

    # What was filed or linked meanwhile -----------------------------------------------------------

    async def into(self, tx: Tx, sanction: Sanction, room: Room) -> tuple[Effect, ...]:
        """Say which effects carry a measure into a room that has become governed."""
        found = tuple(e for e in rules.in_room(sanction, room.room_id) if self._reaches(room, e))
        if sanction.scope is not Scope.SERVER or not found:
            return found
        decision = await decisions.get(tx, sanction.decision_id)
        assert decision is not None
        said = await self._said(tx, decision, [room.room_id])
        return (Say(room.room_id, said[room.room_id]), *found)

    async def whole(self, tx: Tx, decision: Decision, sanction: Sanction) -> tuple[Effect, ...]:
        """Say which effects a measure needs today, that of rooms and accounts of earlier included."""
        wanted = dict.fromkeys(sanction.restraints)
        if sanction.scope in (Scope.ACCOUNT, Scope.SERVER):
            for room in await rooms.of_kind(tx, RoomKind.GOVERNED):
                wanted |= dict.fromkeys(await self.into(tx, sanction, room))
        for user_id in await sanctions.accounts(tx, sanction.decision_id):
            wanted |= dict.fromkeys(await self.on_account(tx, decision, user_id))
        return tuple(wanted)

    async def room_changed(self, tx: Tx, room_id: str) -> None:
        """Let what binds accounts and servers in all governed rooms bind in one that is governed now."""
        room = await rooms.get(tx, room_id)
        if room is None or room.kind is not RoomKind.GOVERNED:
            return
        for sanction in await sanctions.everywhere(tx):
            await self._widen(tx, sanction, await self.into(tx, sanction, room))

    async def account_changed(self, tx: Tx, user_id: str) -> None:
        """Let what binds all accounts of a person bind one that was linked to them; tell them."""
        link = await members.link_of(tx, user_id)
        for sanction in await sanctions.reaching_person(tx, link.person_id) if link else ():
            known = {sanction.user_id, *await sanctions.accounts(tx, sanction.decision_id)}
            decision = await decisions.get(tx, sanction.decision_id)
            if user_id in known or decision is None:
                continue
            await sanctions.reach(tx, decision.id, [user_id])
            self._setting.curbs_changed(tx, user_id)
            if sanction.state in BINDING:
                await self._widen(tx, sanction, await self.on_account(tx, decision, user_id))
            statement = await decisions.statement(tx, decision.id)
            text = statements.rendered(
                self._setting, decision, statement, ends_at=sanction.ends_at, link=notice.PLACE
            )
            self._setting.tell(tx, user_id, f"{text}\n\n{ALSO}", cause=f"notice {decision.id} also")

    async def _widen(self, tx: Tx, sanction: Sanction, effects: Sequence[Effect]) -> None:
        """Let a measure that binds have further effects."""
        if not effects:
            return
        await hold_rooms(tx, effects)
        await sanctions.save(tx, replace(sanction, restraints=(*sanction.restraints, *effects)))
        kept = [e.user_id for e in effects if isinstance(e, SuspendAccount)]
        every = self._setting.config.measures.look_every
        await watches.begin(tx, kept, self._setting.now() + every)
        self._setting.queue(tx, effects, cause=f"decision {sanction.decision_id}")

    # For people ----------------------------------------------------------------------------------

    async def notes(self, tx: Tx, decision: Decision, others: Sequence[str]) -> tuple[str, ...]:
        """Say what whoever decides should know of the reach of a measure; no other account is named."""
        if decision.scope is Scope.SERVER:
            return await self._notes_on_server(tx, decision)
        lines = []
        if (number := len(others)) > 0:
            lines.append(
                f"It also reaches {number} other account{'s' * (number > 1)} of the same person."
            )
        if not self.in_every_room(decision):
            return tuple(lines)
        user_id, kind = decision.user_id or "", decision.measure.kind
        if kind is not Kind.RESTRICT:
            lines.append(
                "The account lives on another homeserver, so it is not ours to suspend: it is kept out "
                "of all governed rooms instead, also of those that are filed meanwhile."
            )
        governed = await rooms.of_kind(tx, RoomKind.GOVERNED)
        above = sum(self.hindrance(room, user_id) is not None for room in governed)
        if above:
            lines.append(f"In {above} of {len(governed)} rooms they rank as high as I do: not there.")
        return tuple(lines)

    async def _notes_on_server(self, tx: Tx, decision: Decision) -> tuple[str, ...]:
        if decision.measure.kind not in BARRING:
            return (servers.UNTOLD,)
        governed = await rooms.of_kind(tx, RoomKind.GOVERNED)
        out = sum(not self.may_deny(room) for room in governed)
        lacking = f"In {out} of {len(governed)} rooms my rank does not let me: not there."
        return (servers.ALL_OF_IT, *((lacking,) if out else ()))

    async def above(self, tx: Tx, room_id: str) -> list[str]:
        """Name who ranks as high as we do in a room that is otherwise under our control."""
        room = await rooms.get(tx, room_id)
        bot = self._setting.config.bot_user_id
        if room is None or control(room.levels, bot) is not Control.SHARED:
            return []
        mine = room.levels.of(bot)
        return sorted(u for u in room.levels.ranked() - {bot} if room.levels.of(u) >= mine) or [
            "everybody"
        ]


async def hold_rooms(tx: Tx, restraints: Sequence[Effect]) -> None:
    """Keep others from taking and giving back rights in the same rooms until this is committed.

    Always after the case and the number of a decision: so no two wait for each other.
    """
    kinds = (RestrictMember, ExcludeMember, DenyServer)
    await rooms.hold(tx, {e.room_id for e in restraints if isinstance(e, kinds)})


async def hold_cases(tx: Tx, *case_ids: int, pending: Sequence[int] = ()) -> list[Sanction]:
    """Let others wait who change cases, their measures, or decisions that are `pending` there.

    Returns what measures there are.

    Raises:
        Stale: one has come meanwhile.
    """
    known = await sanctions.of_cases(tx, case_ids)
    await decisions.lock(tx, *pending, *(one.decision_id for one in known))
    await cases.lock(tx, *case_ids)  # from now on nobody puts anything on hold there
    found = await sanctions.of_cases(tx, case_ids)
    if len(found) != len(known):
        raise Stale(case_ids)
    return found
