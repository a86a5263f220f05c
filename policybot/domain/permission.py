"""Who may do what: every act is a permission `noun:verb`, every role a set of them."""

from collections.abc import Iterable
from enum import StrEnum


class Permission(StrEnum):
    """An act that a command or a page carries out; each of them names exactly one."""

    ABOUT_READ = "about:read"
    SELF_READ = "self:read"
    IDENTITY_LINK = "identity:link"
    AGREEMENT_SIGN = "agreement:sign"
    REPORT_SEND = "report:send"
    APPEAL_SEND = "appeal:send"
    REGISTER_READ = "register:read"
    FILING_SUBMIT = "filing:submit"

    QUEUE_READ = "queue:read"
    FILING_REVIEW = "filing:review"
    FILING_REVOKE = "filing:revoke"
    DOCUMENT_REVIEW = "document:review"
    CASE_READ = "case:read"
    CASE_CLAIM = "case:claim"
    CASE_DECIDE = "case:decide"
    SANCTION_LIFT = "sanction:lift"
    APPEAL_DECIDE = "appeal:decide"
    ACT_CONFIRM = "act:confirm"


class Role(StrEnum):
    """What a person is to the operator; `everybody` needs no entry in the configuration."""

    EVERYBODY = "everybody"
    REVIEWER = "reviewer"
    MODERATOR = "moderator"
    APPEALS = "appeals"


_EVERYBODY = frozenset(
    {
        Permission.ABOUT_READ,
        Permission.SELF_READ,
        Permission.IDENTITY_LINK,
        Permission.AGREEMENT_SIGN,
        Permission.REPORT_SEND,
        Permission.APPEAL_SEND,
        Permission.REGISTER_READ,
        Permission.FILING_SUBMIT,
    }
)
_STAFF = frozenset({Permission.QUEUE_READ, Permission.CASE_READ, Permission.ACT_CONFIRM})

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.EVERYBODY: _EVERYBODY,
    Role.REVIEWER: _STAFF
    | {Permission.FILING_REVIEW, Permission.FILING_REVOKE, Permission.DOCUMENT_REVIEW},
    Role.MODERATOR: _STAFF | {Permission.CASE_CLAIM, Permission.CASE_DECIDE, Permission.SANCTION_LIFT},
    Role.APPEALS: _STAFF | {Permission.APPEAL_DECIDE},
}


def allowed(roles: Iterable[Role], permission: Permission) -> bool:
    """Say whether somebody who holds `roles` may do this; everybody may do what everybody may."""
    return permission in _EVERYBODY or any(permission in GRANTS[role] for role in roles)


def of_staff(permission: Permission) -> bool:
    """Say whether an act belongs to the operator's people, so that strangers need not know it."""
    return permission not in _EVERYBODY
