"""How cases are worked, as operators set it up: how long one is somebody's, when one is overdue."""

from datetime import timedelta

from pydantic import Field

from policybot.config.review import Lease, Wait
from policybot.config.types import Section
from policybot.domain.case import LEASE
from policybot.domain.ladder import Severity


class CasesSection(Section):
    """How cases are worked."""

    claim: Lease = Field(
        LEASE,
        description="For how long a case is a moderator's who has taken it; each act on it begins "
        "that time anew (PT5M to PT24H).",
    )
    look_within: Wait = Field(
        timedelta(days=1),
        description="Within which time somebody should look at a case; a rule can have a time of its "
        "own. People are called when it is over, and nothing is decided by it.",
    )
    unsorted: Severity = Field(
        Severity.S2,
        description="As how grave a report counts in the queue that names no rule.",
    )
