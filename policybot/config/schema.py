"""What can be configured: each key with its type, its default and what it means."""

from itertools import combinations
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, model_validator

from policybot.config.agreement import AgreementSection
from policybot.config.appeals import AppealsSection
from policybot.config.bulk import BulkSection
from policybot.config.care import CareSection
from policybot.config.casework import CasesSection
from policybot.config.copies import CopiesSection
from policybot.config.filing import FilingSection
from policybot.config.gate import GateSection, LanguageCode, check_languages
from policybot.config.identity import Identity
from policybot.config.intake import ReportsSection
from policybot.config.log import LogSection
from policybot.config.measure import BANNER, MeasuresSection
from policybot.config.operator import Operator
from policybot.config.policy_lists import PolicyListsSection
from policybot.config.privacy import PrivacySection
from policybot.config.referral import ReferralsSection
from policybot.config.reporters import ReportersSection
from policybot.config.rule import RuleSection
from policybot.config.transparency import TransparencySection
from policybot.config.types import (
    Address,
    Database,
    Listen,
    Room,
    Secret,
    Section,
    Url,
    UserId,
    Word,
)
from policybot.config.versions import VersionsSection
from policybot.domain import notice_words
from policybot.domain.ladder import Ladder
from policybot.domain.mechanism import Mechanism
from policybot.domain.permission import Role
from policybot.domain.refusal import Words
from policybot.domain.view import Creation, House, Pages


def _section(kind: type[Section], description: str) -> Any:  # noqa: ANN401 - as pydantic's own
    """Make a part of the file that may be left out, and then says what its defaults say, checked."""
    return Field(default_factory=lambda: kind.model_validate({}), description=description)


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
    copies: CopiesSection = _section(
        CopiesSection, "Copies of reported messages, which are sealed in the vault."
    )
    agreement: AgreementSection = Field(description="The text that everybody signs.")
    filing: FilingSection = Field(description="How rooms become public rooms.")
    rules: tuple[RuleSection, ...] = Field(min_length=1, description="Your published rules.")
    cases: CasesSection = Field(default_factory=CasesSection, description="How cases are worked.")
    ladder: dict[str, Any] = Field(description="Which measure answers which breach.")
    versions: VersionsSection = _section(VersionsSection, "How a changed ladder comes into force.")
    appeals: AppealsSection = _section(AppealsSection, "How appeals are decided.")
    policy_lists: PolicyListsSection = _section(
        PolicyListsSection, "Lists by which communities tell each other of accounts and servers."
    )
    reporters: ReportersSection = _section(
        ReportersSection, "What is done about reports that are manifestly unfounded."
    )
    referrals: ReferralsSection = _section(
        ReferralsSection, "To whom something of a case may be handed over; two people decide each time."
    )
    measures: MeasuresSection = Field(
        default_factory=MeasuresSection, description="How measures on people are carried out."
    )
    bulk: BulkSection = Field(default_factory=BulkSection, description="Deciding several cases at once.")
    care: CareSection = _section(
        CareSection, "When your moderators read that somebody else might go on."
    )
    gate: GateSection | None = Field(
        None,
        description="The answer before something is accepted, for the homeserver's module or its HTTP "
        "callbacks; null for none.",
    )
    reports: ReportsSection = Field(
        default_factory=ReportsSection,
        description="Ways of reporting beside the command and the client's button.",
    )
    languages: dict[LanguageCode, dict[str, Word]] = Field(
        default_factory=dict,
        description="What the gate and notices of decisions say, in other languages than English: by a "
        "language's code, then by the sentence's key.",
    )
    log: LogSection = _section(LogSection, "Signed checkpoints of the audit log.")
    transparency: TransparencySection = _section(
        TransparencySection, "The figures that everybody may read."
    )
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
        if holders[Role.EXTERNAL]:
            message = "staff: people outside stand in appeals.external_reviewers, not here"
            raise ValueError(message)
        for place, user_id in enumerate(self.appeals.external_reviewers):
            if user_id in self.staff:
                message = f"appeals.external_reviewers.{place}: {user_id} is one of your own people"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _reviewable(self) -> Self:
        """Refuse a set-up in which a decision has nobody left who could review it.

        Grave measures (S3 and up) are confirmed by a second moderator, who is no reviewer either.
        """
        moderators = sorted(u for u, r in self.staff.items() if Role.MODERATOR in r)
        reviewers = {u for u, r in self.staff.items() if Role.APPEALS in r}
        if self.appeals.external_reviewers:
            return self
        mend = "give somebody else the role appeals, or name somebody in appeals.external_reviewers"
        for moderator in moderators:
            if reviewers <= {moderator}:
                message = (
                    f"staff: nobody could decide an appeal against a decision of {moderator}: {mend}"
                )
                raise ValueError(message)
        for first, second in combinations(moderators, 2):
            if reviewers <= {first, second}:
                message = (
                    "staff: grave measures (S3 and up) need two people; if they are "
                    f"{first} and {second}, nobody could decide the appeal: {mend}"
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
    def _known_rules(self) -> Self:
        known = {rule.id for rule in self.rules}
        for place, wanted in enumerate(self.reporters.never_paused):
            if wanted not in known:
                message = f"reporters.never_paused.{place}: there is no rule «{wanted}»"
                raise ValueError(message)
        for place, flagger in enumerate(self.reports.trusted_flaggers):
            if unknown := set(flagger.rules) - known:
                message = f"reports.trusted_flaggers.{place}.rules: there is no rule «{min(unknown)}»"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _sayable(self) -> Self:
        check_languages(self.languages)
        return self

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        tokens = self.appservice.as_token, self.appservice.hs_token
        if tokens[0] == tokens[1]:
            message = "appservice: as_token and hs_token must differ"
            raise ValueError(message)
        if self.gate is not None and self.gate.token in tokens:
            message = "gate.token: must differ from those of the appservice"
            raise ValueError(message)
        for place, tool in enumerate(self.reports.tools):
            if tool.token in (*tokens, self.gate.token if self.gate else None):
                message = f"reports.tools.{place}.token: must differ from those of others"
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
        self.copies = settings.copies
        self.filing = settings.filing
        self.cases = settings.cases
        self.versions = settings.versions
        self.appeals = settings.appeals
        self.policy_lists = settings.policy_lists
        self.reporters = settings.reporters
        self.referrals = settings.referrals
        self.measures = settings.measures
        self.bulk = settings.bulk
        self.care = settings.care
        self.transparency = settings.transparency
        self.gate = settings.gate
        self.reports = settings.reports
        self.languages = {code: dict(said) for code, said in settings.languages.items()}
        self.log = settings.log
        self.dry_run = settings.dry_run
        self.logging = settings.logging
        self.ladder = ladder
        self.rules = tuple(section.rule() for section in settings.rules)
        self.mechanisms = mechanisms
        self.agreement = settings.agreement.agreement()
        self.agreement_notice = settings.agreement.notice()
        self.bot_user_id = f"@{settings.appservice.localpart}:{settings.homeserver.server_name}"
        self.key_file = folder / settings.identity.key_file
        self.log_key_file = folder / settings.log.key_file
        self.log_file = folder / settings.log.file
        self._database = settings.database
        self._folder = folder

    def house(self, rules: str) -> House:
        """What counts for the whole homeserver when the gate is asked; a dry run forbids nothing.

        Args:
            rules: where the ladder in force can be read, which is not always that of the file.
        """
        url, gate = self.web.public_url, None if self.dry_run else self.gate
        pages = Pages(
            agreement=f"{url}/agreement",
            rules=rules,
            contact=self.operator.contact,
            register=f"{url}/register",
        )
        return House(
            bot=self.bot_user_id,
            pages=pages,
            words=Words(
                {
                    code: {key: text for key, text in said.items() if key not in notice_words.SENTENCES}
                    for code, said in self.languages.items()
                }
            ),
            creation=gate.creation if gate else Creation.EVERYBODY,
            listed=gate is not None and gate.directory == "register",
            prefix="" if self.dry_run else self.filing.prefix,
            upload=gate.uploads.upload() if gate and gate.uploads else None,
        )

    @property
    def appeal_body(self) -> str | None:
        """The body outside to which people can turn after an appeal, with how to reach it."""
        body, contact = self.operator.appeal_body, self.appeals.outside_contact
        return f"{body} ({contact})" if body and contact else body

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
