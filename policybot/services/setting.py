"""What all services share: the configuration, the clock, chance, and the way to queue effects."""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from policybot.config import Config
from policybot.domain.effects import Effect, Notify, Say
from policybot.domain.errors import NotFound
from policybot.domain.ladder import Ladder
from policybot.domain.permission import Role
from policybot.domain.rules import Rule
from policybot.ports import Clock
from policybot.store import outbox, policies, rooms
from policybot.store.database import Tx
from policybot.store.policies import Policy

_CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


Changed = Callable[[Tx, str], Awaitable[None]]
"""Hears, within the transaction, that what counts of an account or a room has changed."""


def _nobody_to_nudge() -> None:
    """Stand in until the outbox worker runs."""


def _nobody_to_look(tx: Tx, user_id: str) -> None:
    """Stand in until somebody keeps track of an account."""


async def _nobody_to_list(tx: Tx, room_id: str, called: Mapping[str, object]) -> None:
    """Stand in until somebody lists rooms."""


async def _nobody_to_hear(tx: Tx, subject: str) -> None:
    """Stand in until somebody keeps track."""


@dataclass
class Setting:
    """The surroundings of a service."""

    config: Config
    now: Clock
    nudge: Callable[[], None] = field(default=_nobody_to_nudge)
    """Tells the outbox worker that there is something to do."""
    account_changed: Changed = field(default=_nobody_to_hear)
    """To be told of every link, verification and signature that begins or ends: by its account."""
    room_changed: Changed = field(default=_nobody_to_hear)
    """To be told of every room that becomes governed or stops being so: by its ID."""
    name_changed: Callable[[Tx, str], None] = field(default=_nobody_to_look)
    """To be told of everything that may change under which name an account is seen."""
    curbs_changed: Callable[[Tx, str], None] = field(default=_nobody_to_look)
    """To be told of every measure on an account that begins, moves or ends: by the account."""
    room_called: Callable[[Tx, str, Mapping[str, object]], Awaitable[None]] = field(
        default=_nobody_to_list
    )
    """To be told how a room is called: its ID, and its `name` or `alias` as the room has it."""
    policy: Policy = field(init=False)
    """The version of the ladder that binds today, with its hash."""
    review_room: str = ""
    """The ID of the review room, once its alias is resolved."""
    log_room: str = ""
    """The ID of the room in which checkpoints are posted, once it is found; empty for none."""

    def __post_init__(self) -> None:
        """Take the ladder of the configuration, until it is known which one is in force."""
        self.policy = policies.of(self.config.ladder)

    async def in_force(self, tx: Tx) -> Policy:
        """Read the version of the ladder that binds at this moment, whatever is remembered of it."""
        digest = await policies.live_hash(tx)
        if digest in (None, self.policy.hash):
            return self.policy
        live, _ = await policies.standing(tx)
        return live or self.policy

    @property
    def ladder(self) -> Ladder:
        """The ladder that binds today."""
        return self.policy.ladder

    def queue(self, tx: Tx, effects: Iterable[Effect], *, cause: str) -> None:
        """Put effects into the outbox and wake it once they are committed."""
        outbox.put(tx, tuple(effects), cause=cause, now=self.now())
        tx.after_commit(self.nudge)

    def tell(self, tx: Tx, user_id: str, text: str, *, cause: str) -> None:
        """Send a person a message."""
        self.queue(tx, [Notify(user_id, text)], cause=cause)

    def tell_staff(self, tx: Tx, text: str, *, cause: str) -> None:
        """Write in the review room."""
        self.queue(tx, [Say(self.review_room, text)], cause=cause)

    async def roles(self, tx: Tx, user_id: str) -> frozenset[Role]:
        """Name somebody's roles: those of the configuration, while they are in the review room.

        Reviewers outside are not in it.
        """
        if user_id in self.config.appeals.external_reviewers:
            return frozenset({Role.EVERYBODY, Role.EXTERNAL})
        given = self.config.staff.get(user_id)
        if given and await rooms.in_review(tx, user_id):
            return frozenset({Role.EVERYBODY, *given})
        return frozenset({Role.EVERYBODY})

    def rule_of(self, rule_id: str) -> Rule | None:
        """Find a rule by its number as it is on record; None if the operator has it no more."""
        return next((r for r in self.config.rules if r.id == rule_id), None)

    def rule(self, text: str) -> Rule:
        """Find one of the operator's rules by its number.

        Raises:
            NotFound: there is none of that number.
        """
        found = self.rule_of(text.upper())
        if found is None:
            known = ", ".join(r.id for r in self.config.rules)
            message = f"There is no rule «{text}». Rules: {known}."
            raise NotFound(message)
        return found

    def is_local(self, user_id: str) -> bool:
        """Say whether an account lives on our homeserver."""
        return user_id.partition(":")[2] == self.config.homeserver.server_name

    def keyed(self, purpose: str, text: str) -> str:
        """Hash a short code under the index key: who reads the database cannot try codes out."""
        key = self.config.identity.index_key.get_secret_value().encode()
        return hmac.new(key, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def token() -> str:
        """Draw a capability for a one-time link (256 bits)."""
        return secrets.token_urlsafe(32)

    @staticmethod
    def code() -> str:
        """Draw a short code for a confirmation; it is no secret, the role is what counts."""
        return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(6))
