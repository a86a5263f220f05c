"""What can be configured: each key with its type, its default and what it means."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    model_validator,
)

from policybot.domain.agreement import Agreement, Commitment
from policybot.domain.identity import Assurance, Claim
from policybot.domain.ladder import Ladder, Scope, Severity
from policybot.domain.measure import parse_duration
from policybot.domain.permission import Role
from policybot.domain.rules import Ground, Rule

EXAMPLE = "CHANGE-ME"
"""What stands in the sample where a secret belongs."""
_MIN_SECRET = 32
_LAST_PORT = 65535


class Listen(NamedTuple):
    """Where to listen: an address of this machine and a port."""

    host: str
    port: int


def _listen(value: object) -> Listen:
    if isinstance(value, Listen):
        return value
    match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[\w.-]+):(\d{1,5})", str(value))
    if match is None or int(match[2]) > _LAST_PORT:
        message = "must be an address and a port, such as 127.0.0.1:29330"
        raise ValueError(message)
    return Listen(match[1].strip("[]"), int(match[2]))


def _url(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
        message = "must be an address that begins with http:// or https://"
        raise ValueError(message)
    return value.rstrip("/")


def _secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text.startswith(EXAMPLE) or text == "generate":
        message = "is an example; run `policybot init`, or write a random secret of your own"
        raise ValueError(message)
    if len(text) < _MIN_SECRET:
        message = f"must have {_MIN_SECRET} characters or more"
        raise ValueError(message)
    return value


def _user_id(value: str) -> str:
    if not re.fullmatch(r"@[!-9;-~]+:[\w.\[\]:-]+", value, re.ASCII):
        message = "must be a user ID, such as @anna:example.org"
        raise ValueError(message)
    return value


def _room(value: str) -> str:
    if not re.fullmatch(r"[!#]\S+", value):
        message = "must be a room ID or an alias, such as #review:example.org"
        raise ValueError(message)
    return value


def _database(value: SecretStr) -> SecretStr:
    if not re.match(r"(sqlite:|postgres(ql)?://).", value.get_secret_value()):
        message = "must be sqlite:FILE or postgres://user:password@host/name"
        raise ValueError(message)
    return value


def _span(value: object) -> timedelta:
    return value if isinstance(value, timedelta) else parse_duration(str(value))


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Url = Annotated[str, AfterValidator(_url)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
UserId = Annotated[str, AfterValidator(_user_id)]
Room = Annotated[str, AfterValidator(_room)]
Span = Annotated[timedelta, PlainValidator(_span)]
Time = Annotated[datetime, AfterValidator(_in_utc)]
Address = Annotated[Listen, BeforeValidator(_listen)]
Word = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A part of the configuration; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


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


class Operator(Section):
    """Who runs this."""

    name: Word = Field(description="Who you are, as members read it.")
    contact: Word = Field(description="How people reach you when the bot cannot help.")
    appeal_body: str | None = Field(
        None, description="Somebody outside whom people can turn to after an appeal."
    )


class RosterSection(Section):
    """The way in by a code from a list of persons that you import."""

    title: Word = Field(
        "The code that you were given", description="What the code is called on the page."
    )
    assurance: Assurance = Field(
        Assurance.SUBSTANTIAL, description="How sure this list is: low, substantial or high."
    )
    grace: Span = Field(
        timedelta(days=14),
        description="For how long a verification is still good after its person left the list.",
    )


class Identity(Section):
    """How accounts are linked to verified persons."""

    index_key: Secret = Field(
        description="The secret under which persons are recognised without their names. If it "
        "changes, nobody is recognised any more: keep it, and keep it apart."
    )
    key_file: Path = Field(
        Path("vault.key"),
        description="The file of the keys under which names are encrypted. Without it nobody can read "
        "them any more: keep a copy, apart from the copies of the database.",
    )
    accounts_per_person: int = Field(
        1, ge=1, le=50, description="How many accounts one person may link."
    )
    link_minutes: int = Field(
        30, ge=5, le=1440, description="For how many minutes a verification link works."
    )
    valid_for: Span = Field(
        timedelta(days=730), description="For how long a verification is good at most."
    )
    keep: frozenset[Claim] = Field(
        frozenset({Claim.NAME}),
        description="What is kept of a person: name, given_name, family_name, birthdate. Whatever "
        "else a source sends is dropped at once.",
    )
    roster: RosterSection | None = Field(
        None, description="The way in by a code from a list; null for none."
    )

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if self.roster is None:
            message = "name at least one way in, such as roster"
            raise ValueError(message)
        return self


class CommitmentSection(Section):
    """One promise in the agreement."""

    id: Word = Field(description="A short name.")
    text: Word = Field(description="What is promised.")


class AgreementSection(Section):
    """The text that everybody signs before publishing."""

    version: Word = Field(description="Its version; a changed text needs a new one.")
    effective_from: Time = Field(description="From when it binds.")
    text: Word = Field(description="The text.")
    commitments: tuple[CommitmentSection, ...] = Field(
        (), description="The promises that are shown one by one."
    )


class Category(Section):
    """A kind of public room."""

    id: str = Field(
        pattern=r"^[a-z0-9_-]+$", description="A short name in small letters, as it is typed."
    )
    title: Word = Field(description="What it is called.")
    assurance: Assurance = Field(
        Assurance.LOW, description="How sure the applicant's verification must be."
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

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.ground is Ground.LAW and not self.legal_ref:
            message = "legal_ref: is needed where the ground is law"
            raise ValueError(message)
        if self.severity[1] < self.severity[0]:
            message = "severity: must name the milder one first"
            raise ValueError(message)
        return self

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
    database: Annotated[SecretStr, AfterValidator(_database)] = Field(
        SecretStr("sqlite:policybot.db"),
        description="sqlite:FILE (relative to this file) or postgres://user:password@host/name.",
    )
    web: Web = Field(description="The pages for members.")
    ops: Ops = Field(default_factory=Ops, description="The health of the service.")
    operator: Operator = Field(description="Who runs this.")
    review_room: Room = Field(description="The private room in which your people work.")
    staff: dict[UserId, tuple[Role, ...]] = Field(
        description="Your people and their roles: reviewer, moderator, appeals. A role counts only "
        "while its holder is in the review room."
    )
    identity: Identity = Field(description="How accounts are linked to verified persons.")
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
        for moderator in sorted(holders[Role.MODERATOR]):
            if holders[Role.APPEALS] <= {moderator}:
                message = (
                    f"staff: nobody could decide an appeal against a decision of {moderator}: give "
                    "somebody else the role appeals"
                )
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
        ):
            for place, id_ in enumerate(ids):
                if id_ in ids[:place]:
                    message = f"{name}.{place}.id: «{id_}» is there twice"
                    raise ValueError(message)
        return self


class Config:
    """The configuration, with what follows from it."""

    def __init__(self, settings: Settings, ladder: Ladder, folder: Path) -> None:
        """Join the settings with the ladder; relative paths begin at `folder`."""
        self.homeserver = settings.homeserver
        self.appservice = settings.appservice
        self.web = settings.web
        self.ops = settings.ops
        self.operator = settings.operator
        self.review_room = settings.review_room
        self.staff = settings.staff
        self.identity = settings.identity
        self.filing = settings.filing
        self.dry_run = settings.dry_run
        self.logging = settings.logging
        self.ladder = ladder
        self.rules = tuple(section.rule() for section in settings.rules)
        self.agreement = Agreement(
            version=settings.agreement.version,
            effective_from=settings.agreement.effective_from,
            text=settings.agreement.text.strip(),
            commitments=tuple(Commitment(c.id, c.text.strip()) for c in settings.agreement.commitments),
        )
        self.bot_user_id = f"@{settings.appservice.localpart}:{settings.homeserver.server_name}"
        self.key_file = folder / settings.identity.key_file
        self._database = settings.database
        self._folder = folder

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
