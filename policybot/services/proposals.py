"""Proposals: an act is kept under a code until it is confirmed, and bound to what it was then."""

from policybot.domain.decision import APPROVAL_LIFE, Approval
from policybot.services.setting import Setting
from policybot.store import decisions
from policybot.store.database import Tx


async def propose(  # noqa: PLR0913 - what a proposal is
    tx: Tx, setting: Setting, *, by: str, subject: str, binding: str, needs_other: bool = True
) -> Approval:
    """Keep an act under a fresh code; `subject` begins with the word that `Approvals` hands on by."""
    approval = Approval(
        code=setting.code(),
        subject=subject,
        binding=binding,
        proposer=by,
        needs_other=needs_other,
        expires_at=setting.now() + APPROVAL_LIFE,
    )
    await decisions.add_approval(tx, approval)
    return approval
