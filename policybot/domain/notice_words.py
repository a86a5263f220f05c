"""The sentences of a notice: in English here, and in the languages that the operator gives them in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from policybot.domain.measure import Kind, Measure
from policybot.domain.refusal import filled

LONGEST = 6_000
"""Characters of what is filled in."""

SENTENCES: Mapping[str, str] = {
    "notice_heading": "Decision {number}",
    "notice_heading_hold": "Hold {number}",
    "notice_measure": "Measure: {measure}. It concerns {scope}.",
    "notice_until": "It ends by itself on {date}.",
    "notice_later": "The homeserver has not carried it out yet. You hear when it has; its time is "
    "counted from then.",
    "notice_locking": "It is carried out now: the account is locked, and the link below is your way to "
    "us.",
    "notice_begun": "{number} has begun: {measure}.",
    "notice_facts": "What happened: {facts}",
    "notice_rule": "Why it is not allowed: {rule}",
    "notice_ground": "Ground: {ground}.",
    "notice_reasoning": "How we came to the measure: {severity}; {history}",
    "notice_origin": "How we learned of it: {origin} Decided by machine? {automated}",
    "notice_removed": "The message was removed.",
    "notice_removed_many": "{count} messages were removed.",
    "notice_kept": "Nothing was removed.",
    "notice_published": "While this holds, our public list {room} tells other communities of it: your "
    "account, the rule and the number of this decision, and nothing else.",
    "notice_by_report": "A report by somebody who saw it.",
    "notice_by_us": "Our own observation.",
    "notice_by_rule": "A rule that a machine holds against every message in the room.",
    "notice_by_list": "A list of another community names it, and we looked into it ourselves.",
    "notice_by_person": "No. A person decided this, and no machine looked for it.",
    "notice_found_by_machine": "No. A machine found it, and a person decided this.",
    "notice_by_machine": "Yes. A machine found it and did this by itself; no person has decided it. If "
    "you appeal, a person will. It does not count against you later.",
    "notice_terms": "the rules that you agreed to, rule {rule}",
    "notice_law": "the law ({law}), rule {rule}",
    "notice_severity": "severity {severity} on a scale from S0 to S4",
    "notice_mildest": "the mildest severity of this rule, {severity}",
    "notice_not_looked": "earlier decisions were not looked at",
    "notice_no_history": "no earlier decision counted",
    "notice_history": "earlier decisions that counted: {count}",
    "notice_factors": "considered: {factors}",
    "notice_why": "why this measure: {why}",
    "notice_remedies": "You can appeal within {days} days, and another person than the one who decided "
    "will look at it: !policy appeal {number} YOUR REASONS.",
    "notice_outside": "You can also turn to {body}.",
    "notice_link": "Or in your browser, also when you cannot write to me:",
    "notice_own_link": "(a link that is yours alone)",
    "notice_room": "the room {room}",
    "notice_account": "the account {account}",
    "notice_server": "the homeserver",
    "notice_server_shut": "Decision {number}: the server {server} is shut out of this room {time}. Its "
    "accounts do not see from now on what is written here, and cannot write.",
    "notice_server_for": "for at most {time}",
    "notice_server_published": "While this holds, our public list {room} tells other communities.",
    "notice_server_rule": "Rule: {rule}",
    "notice_server_remedies": "Whoever has an account on {server} can object within {days} days: write "
    "to {bot}: !policy appeal {number} YOUR REASONS. One answer is good for all of them.",
    "notice_server_over": "Decision {number} does not shut {server} out of this room any more.",
    "notice_date": "{day} {month_name} {year}, {time} UTC",
    "notice_for": "{measure} for {time}",
    "notice_no_limit": "without a time limit",
    "notice_no_duration": "no duration",
    "notice_day": "{n} day",
    "notice_days": "{n} days",
    "notice_hour": "{n} hour",
    "notice_hours": "{n} hours",
    "notice_minute": "{n} minute",
    "notice_minutes": "{n} minutes",
    "notice_second": "{n} second",
    "notice_seconds": "{n} seconds",
    "measure_none": "no measure",
    "measure_advise": "advice, without any record",
    "measure_warn": "a warning",
    "measure_restrict_member": "no posting in the room",
    "measure_exclude_member": "exclusion from the room",
    "measure_restrict_account": "no posting in any governed room",
    "measure_suspend_account": "suspension of the account",
    "measure_close_account": "closure of the account",
    "measure_restrict_room": "posts by its moderators alone",
    "measure_suspend_room": "suspension of the room",
    "measure_close_room": "closure of the room",
    "measure_suspend_server": "exclusion of the server from all governed rooms",
    "measure_close_server": "exclusion of the server from all governed rooms",
}
"""What is said, with blanks; the keys are those of the operator's translations."""
_UNITS = ("day", "hour", "minute", "second")


def _key_of(kind: Kind, scope: str) -> str:
    if kind in (Kind.NONE, Kind.ADVISE, Kind.WARN):
        return f"measure_{kind.value}"
    if scope == "member" and kind is not Kind.RESTRICT:
        return "measure_exclude_member"
    return f"measure_{kind.value}_{scope}"


@dataclass(frozen=True, slots=True)
class Phrases:
    """The sentences in one language; what is missing is in English."""

    said: Mapping[str, str] = field(default_factory=dict)

    def say(self, key: str, **blanks: str) -> str:
        """Fill a sentence in."""
        return filled(self.said.get(key, SENTENCES[key]), blanks, LONGEST)

    def measure(self, measure: Measure, scope: str) -> str:
        """Say what is done to a `member`, an `account` or a `room`."""
        key = _key_of(measure.kind, scope)
        said = self.say(key) if key in SENTENCES else measure.kind.value
        if measure.duration is None:
            return said
        return self.say("notice_for", measure=said, time=self.span(measure.duration))

    def span(self, span: timedelta) -> str:
        """Say how long something lasts: `3 days`, `1 day 12 hours`."""
        hours, rest = divmod(span.seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        parts = zip(_UNITS, (span.days, hours, minutes, seconds), strict=True)
        said = (self.say(f"notice_{unit}{'' if n == 1 else 's'}", n=str(n)) for unit, n in parts if n)
        return " ".join(said)

    def day(self, at: datetime) -> str:
        """Write a time as people read it, in UTC."""
        return self.say(
            "notice_date",
            day=str(at.day),
            month=str(at.month),
            month_name=f"{at:%B}",
            year=str(at.year),
            time=f"{at:%H:%M}",
        )


ENGLISH = Phrases()
MORE_BLANKS: Mapping[str, frozenset[str]] = {"notice_date": frozenset({"month"})}
"""What a translation may have filled in beside the blanks of the English sentence."""
