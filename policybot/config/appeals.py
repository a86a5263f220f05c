"""How appeals are decided, as operators set it up: within which time, by whom if nobody inside can."""

from datetime import timedelta

from pydantic import Field

from policybot.config.review import Lease, Wait
from policybot.config.types import Section, UserId, Word
from policybot.domain.case import LEASE


class AppealsSection(Section):
    """How appeals and objections of reporters are decided."""

    answer_within: Wait = Field(
        timedelta(days=7),
        description="Within which time an appeal should be answered. People are called when it is over, "
        "and nothing is decided by it; time in which the person was asked is not counted.",
    )
    urgent_within: Wait = Field(
        timedelta(days=1),
        description="The same for an urgent one: the account or room cannot be used, the measure would "
        "end before, or a reviewer agrees with the person that it is urgent.",
    )
    claim: Lease = Field(
        LEASE,
        description="For how long an appeal is a reviewer's who has taken it; each act on it begins "
        "that time anew (PT5M to PT24H).",
    )
    revocations_rest: bool = Field(
        default=True,
        description="Whether a room whose approval was revoked is shown again while the appeal against "
        "that is decided.",
    )
    external_reviewers: tuple[UserId, ...] = Field(
        (),
        description="People outside, by their user IDs on any server, who decide an appeal when nobody "
        "inside can because all had a part in the matter. They see what that appeal needs, and "
        "nothing else.",
    )
    outside_contact: Word | None = Field(
        None,
        description="How to reach operator.appeal_body, such as its address; it stands in every answer "
        "to an appeal.",
    )
