"""The statement of reasons, and the messages that tell people what was decided about them.

The fields are those of Article 17(3) of Regulation (EU) 2022/2065: what and until when, the facts,
on whose notice, whether by machine, on which ground, and how to object. An incomplete statement
cannot be enforced.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.errors import Incomplete
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind, Measure, duration_in_words
from policybot.domain.notice_words import ENGLISH, Phrases
from policybot.domain.prepared import MOST_FACTS
from policybot.domain.rules import Ground, Rule
from policybot.domain.statement import MIN_FACTS as MIN_FACTS  # noqa: PLC0414 - also for those who ask here

PLACE = "\x03"
"""Stands where a link to appeal is put in when a notice is sent: it is in no text that is kept."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Why something was decided about somebody, in the words that they read."""

    measure: str
    scope: str
    duration: str
    removed: str
    facts: str
    origin: str
    automated: str
    ground: str
    rule: str
    severity: str
    history: str
    remedies: str


def missing(statement: Statement) -> tuple[str, ...]:
    """Name the fields that are empty, or say too little; none may be."""
    empty = [f.name for f in fields(statement) if not str(getattr(statement, f.name)).strip()]
    if "facts" not in empty and not MIN_FACTS <= len(statement.facts.strip()) <= MOST_FACTS:
        empty.append("facts")
    return tuple(empty)


def complete(statement: Statement) -> Statement:
    """Return the statement if it can be enforced.

    Raises:
        Incomplete: a field says nothing.
    """
    if empty := missing(statement):
        message = (
            f"The statement of reasons lacks: {', '.join(empty)}. Say in a sentence, and in at most "
            f"{MOST_FACTS} characters, what happened; the person will read it."
        )
        raise Incomplete(message)
    return statement


def day(at: datetime) -> str:
    """Write a time as people read it, in UTC."""
    return f"{at:%-d %B %Y, %H:%M} UTC"


class Origin(StrEnum):
    """How something came to our knowledge, and who decided."""

    REPORT = "report"
    FLAGGER = "flagger"
    """A trusted flagger reported it; whom it concerns reads that somebody did."""
    OURS = "ours"
    RULE = "rule"
    """A rule found it by machine, and a person decided."""
    LIST = "list"
    """A policy list of another community named it, and nobody here reported it."""
    MACHINE = "machine"
    """A rule found it by machine and acted by itself."""


_ORIGINS = {
    Origin.REPORT: ("notice_by_report", "notice_by_person"),
    Origin.FLAGGER: ("notice_by_report", "notice_by_person"),
    Origin.OURS: ("notice_by_us", "notice_by_person"),
    Origin.RULE: ("notice_by_rule", "notice_found_by_machine"),
    Origin.LIST: ("notice_by_list", "notice_found_by_machine"),
    Origin.MACHINE: ("notice_by_rule", "notice_by_machine"),
}
"""For each the keys of how we learned of it, and whether a machine decided."""


def statement(  # noqa: PLR0913 - one argument for each field that the law names
    *,
    rule: Rule,
    measure: Measure,
    scope: Scope,
    place: str,
    removed: int,
    facts: str,
    severity: str,
    history: str,
    origin: Origin,
    case_number: str,
    appeal_window: timedelta,
    appeal_body: str | None,
    language: str = "",
    phrases: Phrases = ENGLISH,
) -> Statement:
    """Write the statement of reasons for a decision, in somebody's language."""
    say = phrases.say
    ground = say("notice_terms", rule=rule.id)
    if rule.ground is Ground.LAW:
        ground = say("notice_law", rule=rule.id, law=str(rule.legal_ref))
    title, text = rule.in_language(language)
    remedies = say("notice_remedies", days=str(appeal_window.days), number=case_number)
    outside = f" {say('notice_outside', body=appeal_body)}" if appeal_body else ""
    known, automated = _ORIGINS[origin]
    return Statement(
        measure=phrases.measure(measure, scope.value),
        scope=place,
        duration=_duration(measure, phrases),
        removed=_removed(removed, phrases),
        facts=facts.strip(),
        origin=say(known),
        automated=say(automated),
        ground=ground,
        rule=f"{rule.id} {title}: {text}",
        severity=severity,
        history=history,
        remedies=f"{remedies}{outside}",
    )


def _removed(number: int, phrases: Phrases) -> str:
    match number:
        case 0:
            return phrases.say("notice_kept")
        case 1:
            return phrases.say("notice_removed")
        case _:
            return phrases.say("notice_removed_many", count=str(number))


def with_measure(
    statement: Statement, measure: Measure, scope: Scope, phrases: Phrases = ENGLISH
) -> Statement:
    """Give a statement another measure, as a milder decision has it."""
    return replace(
        statement,
        measure=phrases.measure(measure, scope.value),
        duration=_duration(measure, phrases),
        removed=_removed(0, phrases),
    )


def history(counted: int, phrases: Phrases = ENGLISH) -> str:
    """Say how many earlier decisions counted."""
    if not counted:
        return phrases.say("notice_no_history")
    return phrases.say("notice_history", count=str(counted))


def _duration(measure: Measure, phrases: Phrases) -> str:
    if measure.kind is Kind.CLOSE:
        return phrases.say("notice_no_limit")
    return phrases.span(measure.duration) if measure.duration else phrases.say("notice_no_duration")


def held(statement: Statement, words: str, span: timedelta) -> Statement:
    """Say in a statement that it is about a hold, and that nothing is decided."""
    return replace(
        statement,
        measure=words,
        duration=duration_in_words(span),
        severity="nothing is decided yet; it holds while the case is looked at",
        history="a hold counts for nothing later",
        automated="No. A person ordered this, and no machine looked for it.",
    )


def replaced(statement: Statement, words: str) -> Statement:
    """Say in a statement that somebody else answers for a room from now on."""
    return replace(
        statement,
        measure=words,
        duration="without a time limit",
        severity="two people agreed to it",
        history="it counts for nothing later",
        automated="No. Two people decided this, and no machine looked for it.",
    )


def linked(text: str, link: str) -> str:
    """Put the link to appeal into a notice that leaves; its place is behind all that others wrote."""
    before, _, after = text.rpartition(PLACE)
    return f"{before}{link}{after}"


def decided(  # noqa: PLR0913 - what a notice says beside its statement
    statement: Statement,
    *,
    case_number: str,
    ends_at: datetime | None,
    hold: bool = False,
    begins: str = "",
    link: str = "",
    phrases: Phrases = ENGLISH,
) -> str:
    """Tell the person about whom it was decided; without a `link`, that they have one of their own."""
    said = reasons(
        statement,
        case_number=case_number,
        ends_at=ends_at,
        hold=hold,
        begins=begins,
        phrases=phrases,
    )
    shown = link or phrases.say("notice_own_link")
    return f"{said}\n\n{statement.remedies}\n{phrases.say('notice_link')} {shown}"


def reasons(  # noqa: PLR0913 - as above
    statement: Statement,
    *,
    case_number: str,
    ends_at: datetime | None,
    hold: bool = False,
    begins: str = "",
    phrases: Phrases = ENGLISH,
) -> str:
    """Say what was decided and why; `begins` is `later` or `locking` if it is not carried out yet."""
    say = phrases.say
    until = f"\n{say('notice_until', date=phrases.day(ends_at))}" if ends_at else ""
    if begins:
        until += f"\n{say(f'notice_{begins}')}"
    s = statement
    return (
        f"{say('notice_heading_hold' if hold else 'notice_heading', number=case_number)}\n"
        f"{say('notice_measure', measure=s.measure, scope=s.scope)}{until}\n"
        f"{s.removed}\n\n"
        f"{say('notice_facts', facts=s.facts)}\n"
        f"{say('notice_rule', rule=s.rule)}\n"
        f"{say('notice_ground', ground=s.ground)}\n"
        f"{say('notice_reasoning', severity=s.severity, history=s.history)}\n"
        f"{say('notice_origin', origin=s.origin, automated=s.automated)}"
    )


def begun(
    *, case_number: str, measure: str, ends_at: datetime | None, phrases: Phrases = ENGLISH
) -> str:
    """Tell somebody who was told before a measure was carried out that its clock runs."""
    until = f" {phrases.say('notice_until', date=phrases.day(ends_at))}" if ends_at else ""
    return f"{phrases.say('notice_begun', number=case_number, measure=measure)}{until}"


def tombstone(*, case_number: str, rule_id: str, title: str) -> str:
    """Say in a room, in the place of a message, why it is gone; it names nobody."""
    about, by = f" {title}" if title else "", f" by decision {case_number}" if case_number else ""
    return f"Removed{by} under rule {rule_id}{about}"


def received(*, receipt: str) -> str:
    """Tell somebody who pressed their client's report button what becomes of it."""
    return (
        f"Thank you for your report. Your receipt is {receipt}. A moderator will look at it, and I will "
        f"tell you the outcome here. Where it stands: !policy status {receipt}"
    )


def own_account(contact: str) -> str:
    """Tell somebody that they reported themselves."""
    return (
        "You have reported your own account, so nothing was opened. If you meant somebody else, please "
        f"report theirs. If something is wrong with yours: {contact}"
    )


def no_breach(
    *, case_number: str, receipt: str, window: timedelta | None, appeal_body: str | None
) -> str:
    """Tell a reporter that no rule was broken, and how to object; no window where they did before."""
    outside = f" You can also turn to {appeal_body}." if appeal_body else ""
    if window is None:
        return (
            f"Your report {receipt} (case {case_number}) was looked at anew, and again no breach of the "
            f"rules was found, so nothing was done.{outside}"
        )
    return (
        f"Thank you for your report {receipt} (case {case_number}). A moderator looked at it and "
        "found no breach of the rules, so nothing was done.\n"
        f"If something was overlooked, you can object within {window.days} days, and another "
        f"person than the one who decided will look at it: !policy object {receipt} YOUR "
        f"REASONS.{outside}"
    )


def actioned(*, case_number: str, receipt: str) -> str:
    """Tell a reporter that a rule was broken."""
    return (
        f"Thank you for your report {receipt} (case {case_number}). A moderator looked at it, found "
        "a breach of the rules and took a measure. Details stay between us and the person concerned."
    )


def reversed_for_reporter(*, case_number: str, receipt: str) -> str:
    """Tell a reporter that the decision they heard of was overturned."""
    return (
        f"About your report {receipt} (case {case_number}): the decision was appealed. Another "
        "person looked at it and overturned it, so the measure was taken back."
    )


def ended(*, case_number: str, measure: str) -> str:
    """Tell somebody that a measure has run out."""
    return f"{case_number} has ended: {measure}. Everything is as it was before. Welcome back."


def lifted(*, case_number: str, measure: str, reason: str) -> str:
    """Tell somebody that a measure was lifted early."""
    return f"{case_number} was lifted: {measure}. Reason: {reason}"


def overturned(
    *, case_number: str, reasons: str, removed: bool, contact: str, appeal_body: str | None
) -> str:
    """Tell an appellant that they were right; it is not undone yet in the moment they are told."""
    return (
        f"Your appeal on {case_number} succeeded: the decision is overturned and void from the "
        f"beginning. It will not count against you.\nReasons: {reasons}\n"
        f"What it did is being undone. If you still notice anything of it tomorrow, tell {contact}."
        f"{_back(case_number) if removed else ''}{_outside(appeal_body)}"
    )


def undone(*, case_number: str, reason: str, removed: bool, known: bool) -> str:
    """Tell somebody that what was decided about them was taken back; whether they `known` of it."""
    what = f"The decision {case_number} is taken back and"
    if not known:
        what = f"A decision about you, {case_number}, was taken back before I told you of it. It is"
    return (
        f"{what} void from the beginning. It will not count against you.\nReason: {reason}\n"
        "The case is looked at anew, and you hear what comes of it."
        f"{_back(case_number) if removed else ''}"
    )


def reopened(*, case_number: str, receipt: str) -> str:
    """Tell a reporter that what they heard does not stand."""
    return (
        f"About your report {receipt} (case {case_number}): what we told you does not stand. The case "
        "is looked at anew, and I will tell you the outcome here."
    )


def _outside(appeal_body: str | None) -> str:
    return f"\nYou can still turn to {appeal_body}." if appeal_body else ""


def upheld(*, case_number: str, reasons: str, appeal_body: str | None) -> str:
    """Tell an appellant that the decision stands."""
    return (
        f"Your appeal on {case_number} was decided: the decision stands.\nReasons: {reasons}"
        f"{_outside(appeal_body)}"
    )


def modified(
    *, case_number: str, reasons: str, measure: str, removed: bool, appeal_body: str | None
) -> str:
    """Tell an appellant that a milder measure takes the place of the first."""
    return (
        f"Your appeal on {case_number} succeeded in part: in place of the measure there is now "
        f"{measure}.\n"
        f"Reasons: {reasons}{_back(case_number) if removed else ''}{_outside(appeal_body)}"
    )


def void_for_others(*, case_number: str) -> str:
    """Tell somebody who was told of a decision, and has not appealed, that it is void."""
    return (
        f"The decision {case_number}, of which I told you, was overturned after an appeal and is void "
        "from the beginning: nothing of it counts against anybody. What it did is taken back."
    )


def milder_for_others(*, case_number: str, measure: str) -> str:
    """Tell somebody who was told of a decision, and has not appealed, what took its place."""
    return (
        f"The decision {case_number}, of which I told you, was changed after an appeal: in place of the "
        f"measure there is now {measure}."
    )


def void_in_room(*, case_number: str, removed: int) -> str:
    """Say where messages were removed that this was wrong; without a number, if it must not be named."""
    what = "a message" if removed == 1 else "messages"
    decision = f"Decision {case_number}" if case_number else "A decision"
    return (
        f"{decision}, by which {what} of this room {'was' if removed == 1 else 'were'} removed, was "
        "overturned and is void."
    )


def _back(case_number: str) -> str:
    """Say how somebody has a message back that was removed."""
    return (
        f"\nWhat you had written was removed; if you want it back, write: !policy restore {case_number}"
    )
