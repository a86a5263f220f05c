"""Statements of reasons: what every one of them takes from the decision and the configuration."""

from dataclasses import dataclass, replace
from datetime import datetime

from policybot.domain import notice, prepared, removal
from policybot.domain import statement as rules
from policybot.domain.appeal import Kind as AppealKind
from policybot.domain.appeal import about_of
from policybot.domain.decision import Decision, Nature, parted
from policybot.domain.errors import Incomplete, NotFound
from policybot.domain.filing import Filing
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind
from policybot.domain.notice import Origin, Statement
from policybot.domain.notice_words import Phrases
from policybot.domain.quarantine import WITHHELD
from policybot.domain.rules import Ground, Rule
from policybot.domain.sanction import Sanction
from policybot.domain.statement import Automation, Content, Reasons, Source
from policybot.services import dossiers
from policybot.services.setting import Setting
from policybot.store import (
    appeals,
    audit,
    cases,
    copies,
    decisions,
    filings,
    languages,
    members,
    quarantines,
    reports,
    statements,
)
from policybot.store.database import Tx
from policybot.store.statements import Kept

_ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why something is decided: in the words that its person reads, and what else goes on record."""

    statement: Statement
    text: str
    """What they read, but for the dates that are known once it is carried out."""
    origin: Origin
    content: Content
    """What the case is about, in the law's words."""


async def concerned(tx: Tx, decision: Decision) -> str | None:
    """Name whom a decision is about: for a room, who answers for it, or did."""
    if decision.scope is not Scope.ROOM or decision.nature is Nature.REPLACEMENT:
        return decision.user_id
    return whom(decision, await filings.last_of_room(tx, decision.room_id or ""))


async def is_about(tx: Tx, who: str, decision: Decision) -> bool:
    """Say whether somebody may speak about a decision as whom it concerns.

    With the account that it names, or any that is linked to the same person now.
    """
    told = await concerned(tx, decision)
    if told is None or told == who:
        return told is not None
    own = await members.own_person(tx, who)
    return own is not None and own == await members.answerable(tx, told, decision.decided_at)


def whom(decision: Decision, filing: Filing | None) -> str | None:
    """Name the same, where the filing of its room is known."""
    if decision.scope is not Scope.ROOM or decision.nature is Nature.REPLACEMENT:
        return decision.user_id
    return (filing.applicant or None) if filing else None


async def language_of(tx: Tx, user_id: str | None) -> str:
    """Say in which language somebody wants to read what is decided about them; empty for English."""
    return await languages.get(tx, user_id) or "" if user_id else ""


def phrases(setting: Setting, language: str) -> Phrases:
    """Give the sentences of a notice in a language, as far as the operator has written them."""
    return Phrases(setting.config.languages.get(language, {}))


def facts_in(setting: Setting, decision: Decision, language: str) -> str:
    """Give the facts of a decision in a language: where they are a prepared text, as it has it."""
    rule = setting.rule_of(decision.rule_id)
    try:
        read = prepared.read(parted(decision.typed)[0], rule.prepared if rule else (), language)
    except (NotFound, Incomplete):  # the operator has changed that text since
        return decision.facts
    return read or decision.facts


async def written(  # noqa: PLR0913 - the rule, and what each kind of decision says for itself
    tx: Tx,
    setting: Setting,
    decision: Decision,
    rule: Rule,
    *,
    filing: Filing | None,
    origin: Origin,
    severity: str = "-",
    history: str = "-",
    facts: str = "",
    removed: int | None = None,
) -> Statement:
    """Write the statement of a decision in its language; a filed room is called by its number.

    Args:
        tx: a transaction.
        setting: the surroundings.
        decision: what is decided.
        rule: the rule that was broken.
        filing: that of its room.
        origin: how it came to our knowledge.
        severity: how grave it is, in words.
        history: what went before, in words.
        facts: what happened, where the person reads it in other words than it is on record.
        removed: how many messages are removed; without it, one if any.
    """
    said = phrases(setting, decision.language)
    room = said.say("notice_room", room=str(filing.number if filing else decision.room_id))
    place = {
        Scope.MEMBER: room,
        Scope.ACCOUNT: said.say("notice_account", account=str(decision.user_id)),
        Scope.ROOM: room,
        Scope.SERVER: said.say("notice_server"),
    }[decision.scope]
    config = setting.config
    statement = notice.statement(
        rule=rule,
        measure=decision.measure,
        scope=decision.scope,
        place=place,
        removed=int(decision.remove) if removed is None else removed,
        facts=facts or decision.facts,
        severity=severity,
        history=history,
        origin=origin,
        case_number=decision.number,
        appeal_window=setting.ladder.appeal_window,
        appeal_body=config.appeal_body,
        language=decision.language,
        phrases=said,
    )
    if decision.remove and decision.span is not None:
        gone = removal.told(decision.scope, decision.span, decision.occurred_at)
        statement = replace(statement, removed=gone)
    if await quarantines.of_case(tx, decision.case_id):
        statement = replace(statement, removed=f"{statement.removed} {WITHHELD}")
    if decision.publish:
        told = said.say("notice_published", room=str(config.policy_lists.publish))
        statement = replace(statement, removed=f"{statement.removed} {told}")
    if is_abroad(setting, decision) or locks(setting, decision):
        statement = replace(statement, measure=in_words(setting, decision))
    return statement


def is_abroad(setting: Setting, decision: Decision) -> bool:
    """Say whether a decision is about an account that is not ours to suspend."""
    abroad = decision.user_id is not None and not setting.is_local(decision.user_id)
    return decision.nature is Nature.DECISION and decision.scope is Scope.ACCOUNT and abroad


def locks(setting: Setting, decision: Decision) -> bool:
    """Say whether a decision locks an account of ours."""
    closes = decision.scope is Scope.ACCOUNT and decision.measure.kind is Kind.CLOSE
    return closes and setting.config.measures.locks and not is_abroad(setting, decision)


def in_words(setting: Setting, decision: Decision) -> str:
    """Say what is done: of an account that is not ours to suspend, what is done instead."""
    if is_abroad(setting, decision):
        return decision.measure.in_words("remote")
    if locks(setting, decision):
        return decision.measure.in_words("locked")
    return decision.in_words


def tombstone(setting: Setting, decision: Decision, *, named: bool = True) -> str:
    """Say in a room why a message of it is gone: by the number of the case, if `named`, and the rule."""
    rule = setting.rule_of(decision.rule_id)
    number, title = decision.number if named else "", rule.title if rule else ""
    return notice.tombstone(case_number=number, rule_id=decision.rule_id, title=title)


# On record ---------------------------------------------------------------------------------------


def grounds(
    setting: Setting, decision: Decision, statement: Statement, origin: Origin, content: Content
) -> Grounds:
    """Give the grounds of a decision whose statement is written."""
    return Grounds(statement, rendered(setting, decision, statement), origin, content)


async def grounds_of(tx: Tx, setting: Setting, decision: Decision, statement: Statement) -> Grounds:
    """Read what else the grounds of a decision are, where that is not at hand."""
    case = await cases.get(tx, decision.case_id)
    event_id = case.subject.event_id if case else None
    copy = await copies.get(tx, event_id) if event_id else None
    origin = await dossiers.origin(tx, decision.case_id, await reports.of_case(tx, decision.case_id))
    return grounds(setting, decision, statement, origin, copy.kind if copy else Content.OTHER)


async def keep(tx: Tx, setting: Setting, decision: Decision, found: Grounds) -> None:
    """Put the statement of a decision on record, before anything of it is queued.

    Raises:
        ValueError: it lacks what was checked before anything was written; all of it is taken back.
    """
    reasons = _reasons(setting, decision, found)
    if lacking := rules.missing(reasons):
        message = f"the statement of reasons of decision {decision.id} lacks: {', '.join(lacking)}"
        raise ValueError(message)
    await statements.keep(tx, Kept(decision.id, reasons.language, reasons, found.text))


def rendered(  # noqa: PLR0913 - what a notice says beside its statement
    setting: Setting,
    decision: Decision,
    statement: Statement,
    *,
    ends_at: datetime | None = None,
    begins: str = "",
    link: str = "",
) -> str:
    """Write the notice of a decision."""
    return notice.decided(
        statement,
        case_number=decision.number,
        ends_at=ends_at,
        hold=decision.interim,
        begins=begins,
        link=link,
        phrases=phrases(setting, decision.language),
    )


async def sent(tx: Tx, setting: Setting, decision: Decision, sanction: Sanction, text: str = "") -> None:
    """Note what was sent, from when it applies and until when; without a text, it was sent before."""
    kept = await statements.get(tx, decision.id)
    if kept is None:
        return
    dated = _dated(kept.reasons, sanction.starts_at or decision.decided_at, sanction.ends_at)
    await statements.keep(tx, replace(kept, reasons=dated, text=text or kept.text))
    await statements.sent(tx, decision.id, setting.now())


def _dated(reasons: Reasons, begins: datetime, ends: datetime | None) -> Reasons:
    return replace(
        reasons,
        application_date=begins,
        service_ends_at=ends if reasons.provision else None,
        account_ends_at=ends if reasons.account else None,
    )


def _reasons(setting: Setting, decision: Decision, found: Grounds) -> Reasons:
    rule, statement = setting.rule_of(decision.rule_id), found.statement
    by_law = rule is not None and rule.ground is Ground.LAW
    source = Source.OWN
    if found.origin is Origin.REPORT and not decision.automatic:
        source = Source.NOTICE if by_law else Source.OTHER_NOTICE
    elif found.origin is Origin.FLAGGER and not decision.automatic:
        source = Source.FLAGGER
    kind = decision.measure.kind
    visibility, provision, account = rules.consequences(decision.scope, kind, removed=decision.remove)
    title, text = rule.in_language(decision.language) if rule else (decision.rule_id, statement.rule)
    config = setting.config
    return Reasons(
        # A number would lead from what is published without a name to the room or list where it stands.
        puid=setting.keyed("statement", str(decision.id)),
        language=decision.language or _ENGLISH,
        visibility=visibility,
        provision=provision,
        account=account,
        restricts=decision.remove or kind not in (Kind.NONE, Kind.ADVISE, Kind.WARN),
        ground=Ground.LAW if by_law else Ground.TERMS,
        ground_name=str(rule.legal_ref) if rule and by_law else f"{decision.rule_id} {title}",
        explanation=rules.explained(text),
        reference_url=setting.ladder.text_url or f"{config.web.public_url}/agreement",
        content=(found.content,),
        category=rule.category if rule else None,
        content_date=decision.occurred_at,
        application_date=decision.decided_at,
        visibility_ends_at=None,
        service_ends_at=None,
        account_ends_at=None,
        facts=statement.facts,
        source=source,
        found_by_machine=decision.automatic or found.origin in (Origin.RULE, Origin.LIST),
        automation=Automation.FULLY if decision.automatic else Automation.NOT,
        remedies=statement.remedies,
    )


# What became of the notice -----------------------------------------------------------------------


async def appealable_until(tx: Tx, setting: Setting, decision: Decision) -> datetime:
    """Say until when a decision can be appealed, also if that is let in after its time."""
    end = (decision.told_at or decision.decided_at) + setting.ladder.appeal_window
    about = about_of(decision.scope)
    return await appeals.open_until(tx, AppealKind.DECISION, about, decision.id, end)


async def arrived(tx: Tx, setting: Setting, decision_id: int, event_id: str | None = None) -> None:
    """Note that the homeserver has taken a notice, and when its person is deemed to know it."""
    now = setting.now()
    decision = await decisions.get(tx, decision_id)
    if decision is not None and decision.told_at is None:
        audit.append(
            tx,
            at=now,
            actor="system:outbox",
            tag="notice:arrive",
            object=decision.number,
            decision=decision.id,
        )
    await decisions.told(tx, decision_id, now)
    deemed = now + setting.ladder.deemed_notified_after
    await statements.delivered(tx, decision_id, deemed, event_id)


async def delivery(tx: Tx, decision: Decision) -> str:
    """Say what became of the notice of a decision; empty while nothing was sent."""
    kept = await statements.get(tx, decision.id)
    if decision.read_at is not None:
        return f"read on {notice.day(decision.read_at)}"
    if decision.told_at is not None:
        deemed = f"; deemed known on {notice.day(kept.deemed_at)}" if kept and kept.deemed_at else ""
        return f"taken by the homeserver on {notice.day(decision.told_at)}{deemed}"
    if kept is not None and kept.failure:
        return f"could not be delivered: {kept.failure}"
    return "on its way" if kept is not None and kept.sent_at else ""
