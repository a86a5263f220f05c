"""A verification service: where a person is sent, what it posts signed, and what can be fetched there.

The signature is that of Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over ID, time and body.
"""

import hmac
import logging
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Literal
from unicodedata import normalize
from urllib.parse import quote

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from policybot.config.callback import CallbackSection
from policybot.domain.identity import Assurance, Claim, Record, Source, Still, Verification
from policybot.domain.private import Private
from policybot.identity.fetch import MISSING, Fetch, Missing
from policybot.ports import Go, NotProved, NotYet, Received, SourceAway, Step
from policybot.services.results import RESULT_ID, SKEW, Post, Results
from policybot.services.setting import Setting
from policybot.store.database import Database

log = logging.getLogger(__name__)

_SIGNATURES = 10
"""How many signatures of one post are looked at; a sender that rolls its keys has two."""


def _text(value: str) -> str:
    text = normalize("NFC", value).strip()
    if not text.isprintable():  # control signs, and those that turn the writing around
        message = "cannot be printed"
        raise ValueError(message)
    return text


Text = Annotated[str, Field(max_length=200), AfterValidator(_text)]
ResultId = Annotated[str, Field(pattern=f"^{RESULT_ID.pattern}$")]


class Claims(BaseModel):
    """What a service may say of a person; nothing else is read."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    name: Text | None = Field(None, repr=False)
    given_name: Text | None = Field(None, repr=False)
    family_name: Text | None = Field(None, repr=False)
    birthdate: Annotated[str, Field(pattern=r"^\d{4}(-\d\d-\d\d)?$")] | None = Field(None, repr=False)


class Payload(BaseModel):
    """A result as a service writes it."""

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    id: ResultId = Field(repr=False)
    reference: Annotated[str, Field(min_length=1, max_length=200)] = Field(repr=False)
    status: Literal["verified", "failed", "pending", "revoked"]
    claims: Claims = Field(default_factory=lambda: Claims.model_validate({}), repr=False)
    assurance_level: Annotated[str, Field(max_length=100)] = ""
    process: Annotated[str, Field(pattern=r"^[\w .:/-]{0,100}$")] = ""
    time: AwareDatetime
    expires_at: AwareDatetime | None = None
    subject: Text = Field("", repr=False)


def read(body: bytes) -> Payload:
    """Read a result.

    Raises:
        ValueError: it is none; the message names the fields, and nothing that stands in them.
    """
    try:
        return Payload.model_validate_json(body)
    except ValidationError as error:
        faults = {
            f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['type']}"
            for fault in error.errors(include_url=False, include_input=False, include_context=False)
        }
        raise ValueError(", ".join(sorted(faults))) from None


def sign(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Sign as Standard Webhooks has it; `secret` is `whsec_` and base64."""
    key = b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"


def is_signed(secrets: Sequence[str], headers: Mapping[str, str], body: bytes) -> bool:
    """Say whether one of the signatures was made under one of the secrets."""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    # Without dots, for they part what is signed.
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", message_id) or not re.fullmatch(
        r"[0-9]{1,12}", timestamp
    ):
        return False
    given = headers.get("webhook-signature", "").split(" ")[:_SIGNATURES]
    wanted = [sign(secret, message_id, timestamp, body).encode() for secret in secrets]
    same = [
        hmac.compare_digest(one, other.encode("utf-8", "surrogateescape"))
        for one in wanted
        for other in given
    ]
    return any(same)


class CallbackWay:
    """The way in by a verification service."""

    id = "callback"
    source = Source.CALLBACK

    def __init__(
        self, section: CallbackSection, setting: Setting, results: Results, database: Database
    ) -> None:
        """Send people to the service of the configuration."""
        self.title = section.title
        self.realm = section.realm
        self._service = section
        self._setting = setting
        self._results = results
        self._database = database
        self._there = Fetch(section.result_url or section.start_url)

    async def begin(self, state: str) -> Step:
        """Send the browser to the service, with our reference and the way back."""
        back = f"{self._setting.config.web.public_url}/verify/back?state={quote(state, safe='')}"
        url = self._service.start_url.replace("{reference}", quote(state, safe=""))
        return Go(url.replace("{return_url}", quote(back, safe="")), state, {}, self._service.wait)

    async def finish(self, memory: Mapping[str, str], answer: Mapping[str, str]) -> Record | None:
        """Read the result: what was posted, or what is fetched where that can be done."""
        if not memory:
            raise NotYet
        result_id, reference = answer.get("id", ""), answer.get("state", "")
        if self._service.result_url is None:
            if "payload" not in memory:
                message = "what was posted is to be fetched, and there is no result_url any more"
                raise NotProved(message)
            said = read(memory["payload"].encode())
        else:
            fetched = await self._fetch(result_id)
            if fetched is None:
                message = "what was posted is not there to be fetched"
                raise NotProved(message)
            said = fetched
        if (said.id, said.reference) != (result_id, reference):
            message = "the result that was fetched is another one"
            raise NotProved(message)
        if said.status == "pending":
            raise NotYet
        return self._record(said) if said.status == "verified" else None

    def _record(self, said: Payload) -> Record:
        """Take a person from a result.

        Raises:
            NotProved: it does not say enough, or what cannot be.
        """
        now = self._setting.now()
        level = self._service.levels.get(said.assurance_level)
        for wrong, message in (
            (level is None, "its assurance_level is not among identity.callback.levels"),
            (not said.subject, "it has no subject"),
            (said.time > now + SKEW, "its time is in the future"),
            (said.expires_at is not None and said.expires_at <= now, "it has expired"),
        ):
            if wrong:
                raise NotProved(message)
        claims = {
            Claim(name): Private(value)
            for name, value in said.claims.model_dump(exclude_none=True).items()
            if value
        }
        reached = level or Assurance.LOW
        most = self._service.assurance
        return Record(
            source=Source.CALLBACK,
            realm=self.realm,
            reference=Private(said.subject),
            claims=claims,
            assurance=most if reached.reaches(most) else reached,
            process=said.process or "verification service",
            verified_at=min(said.time, now),
            expires_at=said.expires_at,
            again=Private(said.id),
        )

    # What the service posts ----------------------------------------------------------------------

    async def receive(self, headers: Mapping[str, str], body: bytes) -> Received:
        """Take a result in, until its browser comes."""
        secrets = [secret.get_secret_value() for secret in self._service.secret]
        if not is_signed(secrets, headers, body):
            return Received.FORGED
        sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        if abs(sent_at - self._setting.now()) > SKEW:
            log.warning("A signed result was refused: its time is not ours. Are both clocks right?")
            return Received.UNTIMELY
        try:
            said = read(body)
        except ValueError as error:
            log.warning("A signed result cannot be read: %s", error)
            return Received.UNREADABLE
        post = Post(
            webhook_id=headers["webhook-id"],
            body_hash=sha256(body).hexdigest(),
            reference=said.reference,
            result_id=said.id,
            status=said.status,
            final=said.status != "pending",
            time=said.time.astimezone(UTC).isoformat(timespec="microseconds"),
            said=self._kept(said),
        )
        async with self._database.transaction() as tx:
            return await self._results.arrive(tx, post)

    def _kept(self, said: Payload) -> Mapping[str, str]:
        """Keep as little as can be: nothing of what is fetched later, no claim that is not wanted."""
        if self._service.result_url is not None:
            return {}
        wanted = {claim.value for claim in self._setting.config.identity.keep}
        if Claim.NAME in wanted:  # it is put together from these where it is missing
            wanted |= {Claim.GIVEN_NAME.value, Claim.FAMILY_NAME.value}
        dropped = set(Claims.model_fields) - (wanted if said.status == "verified" else set())
        return {"payload": said.model_dump_json(exclude={"claims": dropped})}

    # What can be fetched there -------------------------------------------------------------------

    async def revalidate(self, verification: Verification, again: Private | None) -> Still:
        """Ask the service whether a result still stands."""
        del verification  # the ID of its result says it all
        if again is None or self._service.result_url is None:
            return Still.UNKNOWN
        said = await self._fetch(again.reveal())
        if said is None:
            return Still.GONE
        if said.id != again.reveal() or said.status == "pending":
            return Still.UNKNOWN
        over = said.expires_at is not None and said.expires_at <= self._setting.now()
        return Still.GONE if over or said.status != "verified" else Still.GOOD

    async def _fetch(self, result_id: str) -> Payload | None:
        """Fetch a result by its ID; None if the service does not have it (any more).

        Raises:
            SourceAway: the service is away, slow, or does not answer as agreed.
        """
        service = self._service
        assert service.result_url is not None
        assert service.api_key is not None
        url = service.result_url.replace("{id}", quote(result_id, safe=""))
        headers = {"Authorization": f"Bearer {service.api_key.get_secret_value()}"}
        try:
            answer = await self._there.get(url, headers=headers)
        except Missing:
            return None
        if answer.status in MISSING:
            return None
        if not answer.good:
            message = f"the verification service answers HTTP {answer.status}"
            raise SourceAway(message)
        try:
            return read(answer.text)
        except ValueError as error:
            message = f"the verification service gives what cannot be read: {error}"
        raise SourceAway(message)
