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
    DATA_EXPORT = "data:export"
    DATA_ERASE = "data:erase"
    LINK_OPEN = "link:open"
    ACT_CONFIRM = "act:confirm"

    QUEUE_READ = "queue:read"
    QUEUE_CLAIM = "queue:claim"
    FILING_REVIEW = "filing:review"
    FILING_REVOKE = "filing:revoke"
    UNFILED_HANDLE = "unfiled:handle"
    DOCUMENT_REVIEW = "document:review"
    CASE_READ = "case:read"
    CASE_CLAIM = "case:claim"
    CASE_DECIDE = "case:decide"
    CONSOLE_OPEN = "console:open"
    SANCTION_LIFT = "sanction:lift"
    APPEAL_DECIDE = "appeal:decide"
    APPEAL_ADMIT = "appeal:admit"
    RECHECK_CLOSE = "recheck:close"
    APPEAL_INSIST = "appeal:insist"
    POLICY_CHANGE = "policy:change"
    IDENTITY_COMPARE = "identity:compare"
    IDENTITY_REVEAL = "identity:reveal"
    IDENTITY_APPROVE = "identity:approve_reveal"
    REFERRAL_PROPOSE = "referral:propose"
    REFERRAL_APPROVE = "referral:approve"
    REFERRAL_HAND_OVER = "referral:hand_over"
    REFERRAL_ANSWER = "referral:answer"


class Role(StrEnum):
    """What a person is to the operator; `everybody` needs no entry in the configuration."""

    EVERYBODY = "everybody"
    REVIEWER = "reviewer"
    MODERATOR = "moderator"
    APPEALS = "appeals"
    PRIVACY = "privacy"
    EXTERNAL = "external"
    """Somebody outside who decides appeals that nobody inside can; given by a list of its own."""


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
        Permission.DATA_EXPORT,
        Permission.DATA_ERASE,
        Permission.LINK_OPEN,
        # Whether somebody may confirm this very act, the act itself says.
        Permission.ACT_CONFIRM,
    }
)
_STAFF = frozenset({Permission.QUEUE_READ, Permission.CASE_READ})
_LOOK = frozenset({Permission.IDENTITY_COMPARE, Permission.IDENTITY_REVEAL})

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.EVERYBODY: _EVERYBODY,
    Role.REVIEWER: _STAFF
    | {
        Permission.QUEUE_CLAIM,
        Permission.FILING_REVIEW,
        Permission.FILING_REVOKE,
        Permission.APPEAL_INSIST,
        Permission.DOCUMENT_REVIEW,
        Permission.UNFILED_HANDLE,
        Permission.POLICY_CHANGE,
    },
    Role.MODERATOR: _STAFF
    | _LOOK
    | {
        Permission.UNFILED_HANDLE,
        Permission.QUEUE_CLAIM,
        Permission.CASE_CLAIM,
        Permission.CASE_DECIDE,
        Permission.CONSOLE_OPEN,
        Permission.SANCTION_LIFT,
        Permission.APPEAL_INSIST,
        Permission.POLICY_CHANGE,
        Permission.REFERRAL_PROPOSE,
        Permission.REFERRAL_HAND_OVER,
    },
    Role.APPEALS: _STAFF
    | {
        Permission.APPEAL_DECIDE,
        Permission.APPEAL_ADMIT,
        Permission.RECHECK_CLOSE,
        Permission.REFERRAL_ANSWER,
        Permission.QUEUE_CLAIM,
        Permission.CONSOLE_OPEN,
        Permission.POLICY_CHANGE,
    },
    Role.EXTERNAL: frozenset({Permission.APPEAL_DECIDE, Permission.QUEUE_CLAIM}),
    Role.PRIVACY: _STAFF
    | {
        Permission.IDENTITY_APPROVE,
        Permission.REFERRAL_APPROVE,
        Permission.REFERRAL_HAND_OVER,
    },
}


def allowed(roles: Iterable[Role], permission: Permission) -> bool:
    """Say whether somebody who holds `roles` may do this; everybody may do what everybody may."""
    return permission in _EVERYBODY or any(permission in GRANTS[role] for role in roles)


def holders(permission: Permission) -> list[Role]:
    """List the roles inside the house that may do this."""
    return [role for role in Role if role is not Role.EXTERNAL and permission in GRANTS[role]]


def of_staff(permission: Permission) -> bool:
    """Say whether an act belongs to the operator's people, so that strangers need not know it."""
    return permission not in _EVERYBODY
