"""How rooms become public rooms, as operators set it up: the kinds of room, what is asked of each."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from policybot.config.drift import DriftSection
from policybot.config.evidence import EvidenceSection
from policybot.config.gate import SlowSection
from policybot.config.measure import Banner, CureSpan
from policybot.config.qualification import QualificationSection, ShownSection
from policybot.config.review import DeadlinesSection, Lease, Point, Reason
from policybot.config.types import Section, Span, Word
from policybot.config.unfiled import UnfiledSection
from policybot.domain.identity import Assurance, FrontClass


class Category(Section):
    """A kind of public room."""

    id: str = Field(
        pattern=r"^[a-z0-9_-]+$", description="A short name in small letters, as it is typed."
    )
    title: Word = Field(description="What it is called.")
    assurance: Assurance = Field(
        Assurance.LOW, description="How sure the applicant's verification must be."
    )
    front: FrontClass = Field(
        FrontClass.VOLUNTARY,
        description="Which names such a room shows, and who publishes there: voluntary (what a person "
        "chose; everybody), verified_required (always whether they are verified; verified persons who "
        "have signed), role_based (a role in place of the owner; the same) or pseudonym_only (never a "
        "real name; everybody).",
    )
    checklist: tuple[Point, ...] = Field(
        (), description="What a reviewer has to check before such a room is approved, point by point."
    )
    second_person: bool = Field(
        default=False,
        description="Whether a second reviewer has to confirm the approval of such a room.",
    )
    enter: Literal["everybody", "publishers"] = Field(
        "everybody",
        description="Who enters such a room, where there is a gate: everybody, or only publishers: "
        "verified persons who have signed.",
    )
    slow: SlowSection | None = Field(
        None,
        description="How slowly people write in such a room, where there is a gate; null for as fast as "
        "they like.",
    )


class FilingSection(Section):
    """How rooms become public rooms."""

    prefix: str = Field(
        "PB", pattern=r"^[A-Z]{2,4}$", description="The letters that record numbers begin with."
    )
    categories: tuple[Category, ...] = Field(
        min_length=1, description="The kinds of room that can be filed."
    )
    valid_for: Span = Field(
        timedelta(days=365), description="How long an approval is valid, such as P365D."
    )
    rooms_per_person: int = Field(
        3, ge=1, description="How many rooms one person may have filed at a time."
    )
    rooms_per_organisation: int = Field(
        20, ge=1, description="How many rooms may be filed in the name of one organisation at a time."
    )
    qualifications: tuple[QualificationSection, ...] = Field(
        (), description="The subjects on which rooms can be qualified to publish; none are built in."
    )
    evidence: EvidenceSection = Field(
        default_factory=lambda: EvidenceSection.model_validate({}),
        description="The files that an applicant may show with a filing.",
    )
    claim: Lease = Field(
        timedelta(minutes=30),
        description="For how long an application is a reviewer's who has taken it; each act on it "
        "begins that time anew (PT5M to PT24H).",
    )
    deadlines: DeadlinesSection = Field(
        default_factory=DeadlinesSection,
        description="When people are called because an application waits; time never decides one.",
    )
    reasons: tuple[Reason, ...] = Field(
        (),
        description="Reasons for rejecting that reviewers can choose from, as the applicant reads them. "
        "What stands in {braces} is a blank that they have to fill.",
    )
    shown: ShownSection = Field(
        default_factory=ShownSection, description="What a filed room shows in your words."
    )
    owner_grace: Span = Field(
        timedelta(days=14),
        description="How long an owner whose verification has ended has to verify anew, such as P14D.",
    )
    drift: DriftSection = Field(
        default_factory=DriftSection,
        description="What happens where a room differs from its filing and its measures.",
    )
    unfiled: UnfiledSection | None = Field(
        None,
        description="What is done about rooms in your directory that nobody has filed; null to look for "
        "none.",
    )
    cure: CureSpan = Field(
        timedelta(days=7), description="How long an owner usually has to put something right: P7D."
    )
    suspension_notice: Banner | None = Field(
        None,
        max_length=2000,
        description="What is pinned in a room while it is suspended or on hold; without it: that it is, "
        "by whom, until when, and where to ask. {number}, {measure} and {until} are filled in.",
    )
    closing_notice: Word | None = Field(
        None, description="What is said in a room that is closed; without it, that it is, and by whom."
    )
    delete_closed_after: Span | None = Field(
        None,
        description="After which time a closed room is proposed for deletion, once; null for never. Two "
        "people decide, and what was written is kept.",
    )
