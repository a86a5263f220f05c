"""The statement of reasons as data: what Article 17(3) of Regulation (EU) 2022/2065 asks for, typed.

The codes are those of the request by which the database of the EU takes statements
(`StatementStoreRequest`, schema of 1 July 2025). Nothing is sent there by this: it is our own record.
"""

import json
import re
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind
from policybot.domain.prepared import MOST_FACTS
from policybot.domain.rules import Ground

MIN_FACTS = 10
"""Characters below which facts say nothing that could be checked or contested."""
_MOST_EXPLAINED = 2_000
_PUID = re.compile(r"[A-Za-z0-9_-]{1,500}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")


class Visibility(StrEnum):
    """What was done to what somebody wrote."""

    REMOVED = "DECISION_VISIBILITY_CONTENT_REMOVED"
    DISABLED = "DECISION_VISIBILITY_CONTENT_DISABLED"
    LABELLED = "DECISION_VISIBILITY_CONTENT_LABELLED"
    INTERACTION_RESTRICTED = "DECISION_VISIBILITY_CONTENT_INTERACTION_RESTRICTED"


class Provision(StrEnum):
    """What was done to what somebody may use."""

    PARTIAL_SUSPENSION = "DECISION_PROVISION_PARTIAL_SUSPENSION"
    TOTAL_SUSPENSION = "DECISION_PROVISION_TOTAL_SUSPENSION"
    PARTIAL_TERMINATION = "DECISION_PROVISION_PARTIAL_TERMINATION"
    TOTAL_TERMINATION = "DECISION_PROVISION_TOTAL_TERMINATION"


class AccountDecision(StrEnum):
    """What was done to an account."""

    SUSPENDED = "DECISION_ACCOUNT_SUSPENDED"
    TERMINATED = "DECISION_ACCOUNT_TERMINATED"


class Content(StrEnum):
    """What kind of content it was about."""

    TEXT = "CONTENT_TYPE_TEXT"
    IMAGE = "CONTENT_TYPE_IMAGE"
    VIDEO = "CONTENT_TYPE_VIDEO"
    AUDIO = "CONTENT_TYPE_AUDIO"
    OTHER = "CONTENT_TYPE_OTHER"


class Source(StrEnum):
    """On whose word it was looked at."""

    NOTICE = "SOURCE_ARTICLE_16"
    """A notice of something that a law forbids."""
    FLAGGER = "SOURCE_TRUSTED_FLAGGER"
    """A notice of a trusted flagger, whatever it was found to break."""
    OTHER_NOTICE = "SOURCE_TYPE_OTHER_NOTIFICATION"
    OWN = "SOURCE_VOLUNTARY"


class Automation(StrEnum):
    """Whether a machine decided."""

    FULLY = "AUTOMATED_DECISION_FULLY"
    PARTIALLY = "AUTOMATED_DECISION_PARTIALLY"
    NOT = "AUTOMATED_DECISION_NOT_AUTOMATED"


_BY_MSGTYPE = {
    "m.text": Content.TEXT,
    "m.notice": Content.TEXT,
    "m.emote": Content.TEXT,
    "m.image": Content.IMAGE,
    "m.video": Content.VIDEO,
    "m.audio": Content.AUDIO,
}


def content_of(msgtype: object) -> Content:
    """Name the kind of content of a message by its `msgtype`; a room or an account is another."""
    return _BY_MSGTYPE.get(str(msgtype), Content.OTHER)


def consequences(
    scope: Scope, kind: Kind, *, removed: bool
) -> tuple[tuple[Visibility, ...], Provision | None, AccountDecision | None]:
    """Say what a measure is in the words of the law; nothing for advice and warnings."""
    visibility = (Visibility.REMOVED,) if removed else ()
    match scope, kind:
        case _, Kind.NONE | Kind.ADVISE | Kind.WARN:
            return visibility, None, None
        case Scope.ACCOUNT, Kind.SUSPEND:
            return visibility, None, AccountDecision.SUSPENDED
        case Scope.ACCOUNT, Kind.CLOSE:
            return visibility, None, AccountDecision.TERMINATED
        case _, Kind.CLOSE:
            return visibility, Provision.PARTIAL_TERMINATION, None
        case _:
            return visibility, Provision.PARTIAL_SUSPENSION, None


@dataclass(frozen=True, slots=True)
class Reasons:
    """One statement of reasons, with every field that the law names. It names no person."""

    puid: str
    """The number under which it can be found: of the case and the decision."""
    language: str
    """In which its text is written (ISO 639)."""
    visibility: tuple[Visibility, ...]
    provision: Provision | None
    account: AccountDecision | None
    restricts: bool
    """Whether it takes anything from anybody; a warning alone does not."""
    ground: Ground
    ground_name: str
    """The provision of a law, or the operator's rule by number and title."""
    explanation: str
    """Why it is not allowed: the text of the rule."""
    reference_url: str
    """Where the rules stand."""
    content: tuple[Content, ...]
    category: str | None
    """The operator's own word for the category of the database."""
    content_date: datetime
    application_date: datetime
    """From when it applies: once it is carried out, until then from the decision."""
    visibility_ends_at: datetime | None
    service_ends_at: datetime | None
    account_ends_at: datetime | None
    facts: str
    source: Source
    found_by_machine: bool
    automation: Automation
    remedies: str
    """How to object."""
    territory: tuple[str, ...] = ()
    """Countries (ISO 3166) to which it is limited; none for wherever the service is used."""
    content_language: str | None = None


def missing(reasons: Reasons) -> tuple[str, ...]:
    """Name the fields that say nothing, too little, or more than fits; none may."""
    texts = ("ground_name", "explanation", "reference_url", "remedies")
    empty = [name for name in texts if not getattr(reasons, name).strip()]
    if not MIN_FACTS <= len(reasons.facts.strip()) <= MOST_FACTS:
        empty.append("facts")
    if reasons.restricts and not (reasons.visibility or reasons.provision or reasons.account):
        empty.append("visibility, provision or account")
    if not reasons.content:
        empty.append("content")
    if not _PUID.fullmatch(reasons.puid):
        empty.append("puid")
    if not _LANGUAGE.fullmatch(reasons.language):
        empty.append("language")
    if (reasons.automation is Automation.FULLY) and not reasons.found_by_machine:
        empty.append("found_by_machine")
    return tuple(empty)


def dump(reasons: Reasons) -> str:
    """Write it as JSON; times in ISO 8601."""
    data = {f.name: getattr(reasons, f.name) for f in fields(reasons)}
    return json.dumps(data, default=lambda at: at.isoformat(), sort_keys=True)


def load(text: str) -> Reasons:
    """Read what `dump` wrote."""
    data: dict[str, Any] = json.loads(text)

    def at(name: str) -> datetime | None:
        return datetime.fromisoformat(data[name]) if data[name] else None

    return Reasons(
        **{
            **data,
            "visibility": tuple(Visibility(one) for one in data["visibility"]),
            "provision": Provision(data["provision"]) if data["provision"] else None,
            "account": AccountDecision(data["account"]) if data["account"] else None,
            "ground": Ground(data["ground"]),
            "content": tuple(Content(one) for one in data["content"]),
            "content_date": at("content_date"),
            "application_date": at("application_date"),
            "visibility_ends_at": at("visibility_ends_at"),
            "service_ends_at": at("service_ends_at"),
            "account_ends_at": at("account_ends_at"),
            "source": Source(data["source"]),
            "automation": Automation(data["automation"]),
            "territory": tuple(data["territory"]),
        }
    )


def explained(text: str) -> str:
    """Cut the text of a rule to what the database takes as explanation."""
    return text if len(text) <= _MOST_EXPLAINED else f"{text[: _MOST_EXPLAINED - 1].rstrip()}…"
