"""What can be configured: each key with its type, its default and what it means."""

from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from policybot.config.agreement import AgreementSection
from policybot.config.drift import DriftSection
from policybot.config.evidence import EvidenceSection
from policybot.config.identity import Identity
from policybot.config.measure import BANNER, Banner, CureSpan
from policybot.config.mechanism import ConditionSection, check_acts
from policybot.config.operator import Operator
from policybot.config.privacy import PrivacySection
from policybot.config.qualification import QualificationSection, ShownSection
from policybot.config.review import DeadlinesSection, Lease, Point, Reason
from policybot.config.types import (
    Address,
    Database,
    Listen,
    Room,
    Secret,
    Section,
    Span,
    Url,
    UserId,
    Word,
)
from policybot.config.unfiled import UnfiledSection
from policybot.domain.identity import Assurance, FrontClass
from policybot.domain.ladder import Ladder, Scope, Severity
from policybot.domain.mechanism import Mechanism, Stage, Then
from policybot.domain.permission import Role
from policybot.domain.rules import Ground, Rule


class Homeserver(Section):
    """The homeserver that policybot is attached to."""

    address: Url = Field(description="Where policybot reaches the homeserver.")
    server_name: Word = Field(description="The part of your user IDs after the colon.")
    admin_token: SecretStr | None = Field(
        None,
        description="An access token of a server administrator. Needed only where the homeserver "
        "does not let the bot itself be one, as under the Matrix Authentication Service.",
    )


class Appservice(Section):
    """How the homeserver knows policybot; the same values stand in registration.yaml."""

    id: Word = Field("policybot", description="The name of the registration.")
    localpart: Word = Field("policybot", description="The bot's user ID before the colon.")
    listen: Address = Field(
        Listen("127.0.0.1", 29330), description="Where policybot listens for the homeserver."
    )
    address: Url = Field("http://127.0.0.1:29330", description="Where the homeserver reaches policybot.")
    as_token: Secret = Field(description="The secret by which the homeserver knows policybot.")
    hs_token: Secret = Field(description="The secret by which policybot knows the homeserver.")


class Web(Section):
    """The pages for members."""

    listen: Address = Field(
        Listen("127.0.0.1", 29331), description="Where the pages are served; put TLS before it."
    )
    public_url: Url = Field(description="The address under which people open the pages.")


class Ops(Section):
    """The health of the service, for the machine that watches it."""

    listen: Address = Field(Listen("127.0.0.1", 29332), description="Where /live and /ready are served.")


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


class RuleSection(Section):
    """One of your published rules."""

    id: str = Field(pattern=r"^[A-Z0-9.-]+$", description="Its number, in capitals: R1.")
    title: Word = Field(description="What it is about, in a few words.")
    text: Word = Field(description="The rule, as people read it.")
    ground: Ground = Field(Ground.TERMS, description="terms, or law if a law forbids it.")
    legal_ref: str | None = Field(None, description="The provision, if the ground is law.")
    severity: tuple[Severity, Severity] = Field(
        (Severity.S0, Severity.S4), description="The mildest and the gravest a breach can be."
    )
    scope: Literal["member", "account"] = Field(
        "member", description="Whether a breach counts in its room (member) or everywhere."
    )
    when: ConditionSection | None = Field(
        None,
        description="When it applies, as far as a machine can see; everything that is named at once. "
        "null for a rule that only people can judge.",
    )
    state: Stage = Field(
        Stage.LIVE,
        description="draft (checked, and applied to nothing), shadow (counted, and nothing follows) or "
        "live. It is about the machine alone.",
    )
    where: tuple[str, ...] = Field(
        (), description="The categories of the rooms in which it is looked for; [] for all."
    )
    then: tuple[Then, ...] = Field(
        (Then.REPORT,),
        description="What follows: report (a case for people), refuse (it is not accepted), redact "
        "(removed, with a warning) or hold (no posting in that room for a time).",
    )
    automatic: bool = Field(
        default=False,
        description="Whether redact and hold, or refuse where it was delivered already, are done at "
        "once; people see each and can take it back.",
    )
    hold_for: Span = Field(
        timedelta(hours=24), description="How long hold lasts; PT72H at the most, without a person."
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.ground is Ground.LAW and not self.legal_ref:
            message = "legal_ref: is needed where the ground is law"
            raise ValueError(message)
        if self.severity[1] < self.severity[0]:
            message = "severity: must name the milder one first"
            raise ValueError(message)
        check_acts(self.then, automatic=self.automatic, hold_for=self.hold_for)
        return self

    def mechanism(self, folder: Path) -> Mechanism | None:
        """Give what a machine can apply of it; None if that is nothing.

        Raises:
            ValueError: a file of words cannot be read.
        """
        if self.when is None:
            return None
        return Mechanism(
            self.rule(),
            self.when.condition(folder),
            self.state,
            frozenset(self.where),
            frozenset(self.then),
            self.automatic,
            self.hold_for,
        )

    def rule(self) -> Rule:
        """Give the rule as the domain knows it."""
        mildest, harshest = self.severity
        return Rule(
            id=self.id,
            title=self.title,
            text=self.text.strip(),
            ground=self.ground,
            legal_ref=self.legal_ref,
            mildest=mildest,
            harshest=harshest,
            scope=Scope(self.scope),
        )


class Logging(Section):
    """What is written to the log."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="How much is logged. What people write is never logged."
    )


class Settings(Section):
    """The whole configuration, as it stands in the file."""

    homeserver: Homeserver = Field(description="The homeserver that policybot is attached to.")
    appservice: Appservice = Field(description="How the homeserver knows policybot.")
    database: Database = Field(
        SecretStr("sqlite:policybot.db"),
        description="sqlite:FILE (relative to this file) or postgres://user:password@host/name.",
    )
    web: Web = Field(description="The pages for members.")
    ops: Ops = Field(default_factory=Ops, description="The health of the service.")
    operator: Operator = Field(description="Who runs this.")
    review_room: Room = Field(description="The private room in which your people work.")
    staff: dict[UserId, tuple[Role, ...]] = Field(
        description="Your people and their roles: reviewer, moderator, appeals, privacy. A role counts "
        "only while its holder is in the review room."
    )
    identity: Identity = Field(description="How accounts are linked to verified persons.")
    privacy: PrivacySection = Field(
        default_factory=PrivacySection, description="What is kept of people, and who may look."
    )
    agreement: AgreementSection = Field(description="The text that everybody signs.")
    filing: FilingSection = Field(description="How rooms become public rooms.")
    rules: tuple[RuleSection, ...] = Field(min_length=1, description="Your published rules.")
    ladder: dict[str, Any] = Field(description="Which measure answers which breach.")
    dry_run: bool = Field(
        default=False,
        description="Say and record what would be done, and change nothing for anybody.",
    )
    logging: Logging = Field(default_factory=Logging, description="What is logged.")

    @model_validator(mode="after")
    def _enough_people(self) -> Self:
        holders = {role: {u for u, r in self.staff.items() if role in r} for role in Role}
        if holders[Role.EVERYBODY]:
            message = "staff: «everybody» is not a role to give"
            raise ValueError(message)
        for role in (Role.MODERATOR, Role.REVIEWER, Role.APPEALS):
            if not holders[role]:
                message = f"staff: somebody must have the role {role.value}"
                raise ValueError(message)
        twice = [place for place, c in enumerate(self.filing.categories) if c.second_person]
        if twice and len(holders[Role.REVIEWER]) == 1:
            message = (
                f"filing.categories.{twice[0]}.second_person: only one person has the role reviewer, so "
                "nobody could confirm an approval"
            )
            raise ValueError(message)
        for moderator in sorted(holders[Role.MODERATOR]):
            if holders[Role.APPEALS] <= {moderator}:
                message = (
                    f"staff: nobody could decide an appeal against a decision of {moderator}: give "
                    "somebody else the role appeals"
                )
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _known_categories(self) -> Self:
        known = {category.id for category in self.filing.categories}
        qualifications = {section.id for section in self.filing.qualifications}
        for place, rule in enumerate(self.rules):
            asked = set(rule.when.kinds_of_qualification()) if rule.when else set()
            if unknown := asked - qualifications:
                message = f"rules.{place}.when: there is no qualification «{min(unknown)}»"
                raise ValueError(message)
            if unknown := set(rule.where) - known:
                message = f"rules.{place}.where: there is no category «{min(unknown)}»"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        tokens = self.appservice.as_token, self.appservice.hs_token
        if tokens[0] == tokens[1]:
            message = "appservice: as_token and hs_token must differ"
            raise ValueError(message)
        for name, ids in (
            ("rules", [r.id for r in self.rules]),
            ("filing.categories", [c.id for c in self.filing.categories]),
            ("filing.qualifications", [q.id for q in self.filing.qualifications]),
        ):
            for place, id_ in enumerate(ids):
                if id_ in ids[:place]:
                    message = f"{name}.{place}.id: «{id_}» is there twice"
                    raise ValueError(message)
        return self


class Config:
    """The configuration, with what follows from it."""

    def __init__(
        self, settings: Settings, ladder: Ladder, folder: Path, mechanisms: tuple[Mechanism, ...] = ()
    ) -> None:
        """Join the settings with the ladder and the rules; relative paths begin at `folder`."""
        self.homeserver = settings.homeserver
        self.appservice = settings.appservice
        self.web = settings.web
        self.ops = settings.ops
        self.operator = settings.operator
        self.review_room = settings.review_room
        self.staff = settings.staff
        self.identity = settings.identity
        self.privacy = settings.privacy
        self.filing = settings.filing
        self.dry_run = settings.dry_run
        self.logging = settings.logging
        self.ladder = ladder
        self.rules = tuple(section.rule() for section in settings.rules)
        self.mechanisms = mechanisms
        self.agreement = settings.agreement.agreement()
        self.agreement_notice = settings.agreement.notice()
        self.bot_user_id = f"@{settings.appservice.localpart}:{settings.homeserver.server_name}"
        self.key_file = folder / settings.identity.key_file
        self._database = settings.database
        self._folder = folder

    @property
    def closing_notice(self) -> str:
        """What is said in a room that is closed."""
        return self.filing.closing_notice or (
            f"This room was closed by {self.operator.name}. What was written stays; nobody can write "
            f"here or enter any more. Questions: {self.operator.contact}"
        )

    @property
    def suspension_notice(self) -> str:
        """What is pinned in a suspended room, with places to fill in."""
        operator = self.operator
        words = BANNER.format(operator=operator.name, contact=operator.contact)
        return self.filing.suspension_notice or words

    @property
    def database_url(self) -> str:
        """The database's address; it may hold a password, so it is not for printing."""
        url = self._database.get_secret_value()
        if url.startswith("sqlite:") and not url.startswith("sqlite:/"):
            return f"sqlite:///{(self._folder / url.removeprefix('sqlite:')).resolve()}"
        return url

    @property
    def admin_token(self) -> str:
        """The token for the homeserver's admin API."""
        given = self.homeserver.admin_token
        return (given or self.appservice.as_token).get_secret_value()
