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
from policybot.domain.rules import Ground, Rule

_KEPT = "Nothing was removed."
MIN_FACTS = 10
"""Characters below which facts say nothing that could be checked or contested."""


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
    if "facts" not in empty and len(statement.facts.strip()) < MIN_FACTS:
        empty.append("facts")
    return tuple(empty)


def complete(statement: Statement) -> Statement:
    """Return the statement if it can be enforced.

    Raises:
        Incomplete: a field says nothing.
    """
    if empty := missing(statement):
        message = (
            f"The statement of reasons lacks: {', '.join(empty)}. "
            "Say in a sentence what happened; the person will read it."
        )
        raise Incomplete(message)
    return statement


def day(at: datetime) -> str:
    """Write a time as people read it, in UTC."""
    return f"{at:%-d %B %Y, %H:%M} UTC"


class Origin(StrEnum):
    """How something came to our knowledge, and who decided."""

    REPORT = "report"
    OURS = "ours"
    RULE = "rule"
    """A rule found it by machine, and a person decided."""
    MACHINE = "machine"
    """A rule found it by machine and acted by itself."""


_ORIGINS = {
    Origin.REPORT: "A report by somebody who saw it.",
    Origin.OURS: "Our own observation.",
    Origin.RULE: "A rule that a machine holds against every message in the room.",
    Origin.MACHINE: "A rule that a machine holds against every message in the room.",
}
_AUTOMATED = {
    Origin.REPORT: "No. A person decided this, and no machine looked for it.",
    Origin.OURS: "No. A person decided this, and no machine looked for it.",
    Origin.RULE: "No. A machine found it, and a person decided this.",
    Origin.MACHINE: "Yes. A machine found it and did this by itself; no person has decided it. If you "
    "appeal, a person will. It does not count against you later.",
}


def statement(  # noqa: PLR0913 - one argument for each field that the law names
    *,
    rule: Rule,
    measure: Measure,
    scope: Scope,
    place: str,
    removed: bool,
    facts: str,
    severity: str,
    history: str,
    origin: Origin,
    case_number: str,
    appeal_window: timedelta,
    appeal_body: str | None,
) -> Statement:
    """Write the statement of reasons for a decision."""
    ground = f"the rules that you agreed to, rule {rule.id}"
    if rule.ground is Ground.LAW:
        ground = f"the law ({rule.legal_ref}), rule {rule.id}"
    outside = f" You can also turn to {appeal_body}." if appeal_body else ""
    return Statement(
        measure=measure.in_words(scope.value),
        scope=place,
        duration=_duration(measure),
        removed="The message was removed." if removed else _KEPT,
        facts=facts.strip(),
        origin=_ORIGINS[origin],
        automated=_AUTOMATED[origin],
        ground=ground,
        rule=f"{rule.id} {rule.title}: {rule.text}",
        severity=severity,
        history=history,
        remedies=f"You can appeal within {appeal_window.days} days, and another person than the "
        f"one who decided will look at it: !policy appeal {case_number} YOUR REASONS.{outside}",
    )


def with_measure(statement: Statement, measure: Measure, scope: Scope) -> Statement:
    """Give a statement another measure, as a milder decision has it."""
    return replace(
        statement, measure=measure.in_words(scope.value), duration=_duration(measure), removed=_KEPT
    )


def _duration(measure: Measure) -> str:
    if measure.kind is Kind.CLOSE:
        return "without a time limit"
    return duration_in_words(measure.duration) if measure.duration else "no duration"


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


def decided(
    statement: Statement, *, case_number: str, ends_at: datetime | None, heading: str = "Decision"
) -> str:
    """Tell the person about whom it was decided."""
    until = f"\nIt ends by itself on {day(ends_at)}." if ends_at else ""
    return (
        f"{heading} {case_number}\n"
        f"Measure: {statement.measure}. It concerns {statement.scope}.{until}\n"
        f"{statement.removed}\n\n"
        f"What happened: {statement.facts}\n"
        f"Why it is not allowed: {statement.rule}\n"
        f"Ground: {statement.ground}.\n"
        f"How we came to the measure: {statement.severity}; {statement.history}\n"
        f"How we learned of it: {statement.origin} Decided by machine? {statement.automated}\n\n"
        f"{statement.remedies}"
    )


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
    return f"{case_number}: the {measure} has ended. Everything is as it was before. Welcome back."


def lifted(*, case_number: str, measure: str, reason: str) -> str:
    """Tell somebody that a measure was lifted early."""
    return f"{case_number}: the {measure} was lifted. Reason: {reason}"


def overturned(*, case_number: str, reasons: str, removed: bool) -> str:
    """Tell an appellant that they were right."""
    back = (
        f"\nYour message was removed; if you want it back, write: !policy restore {case_number}"
        if removed
        else ""
    )
    return (
        f"Your appeal on {case_number} succeeded: the decision is overturned and void from the "
        f"beginning. It will not count against you.\nReasons: {reasons}\n"
        f"The measure has been taken back.{back}"
    )


def upheld(*, case_number: str, reasons: str, appeal_body: str | None) -> str:
    """Tell an appellant that the decision stands."""
    outside = f"\nYou can still turn to {appeal_body}." if appeal_body else ""
    return f"Your appeal on {case_number} was decided: the decision stands.\nReasons: {reasons}{outside}"


def modified(*, case_number: str, reasons: str, measure: str) -> str:
    """Tell an appellant that a milder measure takes the place of the first."""
    return (
        f"Your appeal on {case_number} succeeded in part: the measure is now {measure}.\n"
        f"Reasons: {reasons}"
    )
