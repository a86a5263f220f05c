"""The link to policybot: keeps the copy of the view true, and tells what was refused.

It asks for everything once, page by page, and then only for what changed, by a request that policybot
leaves unanswered until something does. Whatever goes wrong, the last known view stays. It knows nothing
of Synapse: whoever runs it lends it a way to ask, to wait, and a thread.
"""

import json
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol, TypeVar

from policybot.domain.condition import Media, NewAccount, Rate, leaves
from policybot.domain.mechanism import Mechanism
from policybot.domain.refusal import Refusal
from policybot.gate.replica import Replica
from policybot.gate.tally import Tally
from policybot.gate.wire import PROTOCOL, Garbage, Page, page_in, rules_in
from policybot.matching.ruleset import EMPTY, RuleSet, alone

log = logging.getLogger(__name__)

WAIT = 25
"""Seconds for which policybot may leave a request unanswered."""
PATIENCE = 30
"""Seconds until an answer that is due counts as lost."""
_MOST_PAGE, _MOST_RULES, _MOST_SAID = 16 * 2**20, 64 * 2**20, 2**16
_BETWEEN = 0.1
"""Seconds between two requests, so that many changes at once come together."""
_LONGEST_PAUSE = 30
_BEFORE = 2
"""Seconds between two requests at the most while nothing was ever known: it is not judged meanwhile."""
_TELLING = 2.0
_MOST_NAMED = 20
_APART = timedelta(minutes=1)
"""By how much two clocks may differ before people are told."""
_POISON = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
_T = TypeVar("_T")


class Lost(Exception):  # noqa: N818 - what happened
    """policybot gave no answer that can be used; the message says why, for the log."""


class Host(Protocol):
    """What the link needs from whoever runs it."""

    def now(self) -> datetime:
        """Say what time it is."""

    async def post(
        self, path: str, body: Mapping[str, Any], patience: float, most: int
    ) -> tuple[int, bytes]:
        """Ask policybot, and give the status and the body of its answer.

        Raises:
            Lost: there was none within `patience` seconds, or one of more than `most` bytes.
        """

    async def sleep(self, seconds: float) -> None:
        """Wait, and let others do something meanwhile."""

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        """Do something that takes long, aside."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The rules that can refuse something, ready for use."""

    version: str
    rules: RuleSet = EMPTY
    left_out: tuple[str, ...] = ()
    """The numbers of those that are not understood here; they are applied after delivery."""
    rates: tuple[Rate, ...] = ()
    files: bool = False
    """Whether one asks what a file is."""
    ages: bool = False
    """Whether one asks how old an account is."""


@dataclass
class Link:
    """One process' link; `follow` and `tell` run beside each other until `stop`."""

    host: Host
    replica: Replica
    module: str
    """The version of the wheel."""
    worker: str
    instance: str
    patience: timedelta
    """For how long the last known view counts while policybot is away."""
    tally: Tally = field(default_factory=Tally)
    compiled: Compiled = field(default_factory=lambda: Compiled(""))
    _heard: datetime | None = None
    _rules_for: str | None = None
    """The fingerprint of the rules that came last."""
    _clock: int = 0
    """How far everything will hold that is coming now."""
    _after: str | None = None
    """Where everything goes on that is coming now."""
    _trouble: str = ""
    _apart: bool = False
    _stopped: bool = False

    # What is asked of it -------------------------------------------------------------------------

    def knows(self, now: datetime) -> bool:
        """Say whether everything is known, and not too long ago."""
        return self.ever and self._heard is not None and now - self._heard <= self.patience

    @property
    def ever(self) -> bool:
        """Whether everything was known once."""
        return self.replica.whole and self._rules_for is not None

    def refused(self, refusal: Refusal, room_id: str, user_id: str) -> None:
        """Count a refusal; policybot hears of it within seconds, or when it is back."""
        self.tally.add(refusal, room_id, user_id, self.host.now())

    # The view ------------------------------------------------------------------------------------

    async def follow(self) -> None:
        """Keep the copy true for ever."""
        failures = 0
        while not self._stopped:
            try:
                await self._turn()
            except (Lost, Garbage) as error:
                failures += 1
                self._in_trouble(str(error))
            except Exception as error:  # a mistake of ours must not end this  # noqa: BLE001
                failures += 1
                self._in_trouble(f"a mistake in the module: {type(error).__name__}", error)
            else:
                failures = 0
                self._well()
            await self.host.sleep(self._pause(failures))

    def _pause(self, failures: int) -> float:
        """Say how many seconds to wait before the next request."""
        if not failures:
            return _BETWEEN if self._after is None else 0
        # Many processes must not all come back in the same moment.
        longest = _LONGEST_PAUSE if self.ever else _BEFORE
        return min(longest, 1 << min(failures - 1, 5)) * random.uniform(0.5, 1)  # noqa: S311

    async def _turn(self) -> None:
        """Ask once, and take what comes."""
        replica = self.replica
        page = await self._page()
        self._compare_clocks(page.now)
        if page.whole:
            if self._after is None:
                replica.begin()
                self._clock = page.clock
            await self._in_steps(replica.take(page))
            self._after = page.more
        elif self._after is None and replica.whole:
            await self._in_steps(replica.take(page))
        else:
            self._after = None
            message = "policybot sends changes where everything is asked for"
            raise Garbage(message)
        if page.whole and page.more is None:
            await self._in_steps(replica.end(self._clock))
            log.info("The gate knows everything that policybot knows: %d accounts", len(replica))
        if page.head.rules != self._rules_for:
            await self._renew_rules()
        if replica.whole:
            self._heard = self.host.now()
        if page.head.rules != self._rules_for:
            message = "policybot's processes do not have the same rules yet"
            raise Garbage(message)

    async def _page(self) -> Page:
        replica = self.replica
        since = replica.clock if replica.whole and self._after is None else None
        # Rules that did not come the last time are not waited for; and whoever waits hears nothing.
        waits = since is not None and replica.head.rules == self._rules_for
        wait = min(WAIT, int(self.patience.total_seconds() / 2)) if waits else 0
        asked = {
            "module": self.module,
            "worker": self.worker,
            "instance": self.instance,
            "since": since,
            "after": self._after,
            "wait": wait,
        }
        try:
            body = await self._ask("/gate/view", asked, PATIENCE + wait, _MOST_PAGE)
        except Garbage:
            self._after = None  # where everything goes on is not known there any more
            raise
        return await self.host.in_thread(lambda: page_in(_json(body)))

    async def _renew_rules(self) -> None:
        body = await self._ask("/gate/rules", {}, PATIENCE, _MOST_RULES)
        ready = await self.host.in_thread(lambda: _compiled(body))
        self.replica.pace.remember(ready.rates)
        news = ready.version != self._rules_for
        self.compiled, self._rules_for = ready, ready.version
        if not news:
            return
        log.info("The rules are now %s: %d", ready.version, len(ready.rules.mechanisms))
        if ready.left_out:
            log.warning(
                "Rules that this module does not understand are applied after delivery: %s. Install the "
                "same version of policybot beside the homeserver",
                ", ".join(ready.left_out[:_MOST_NAMED]),
            )

    async def _in_steps(self, steps: Iterator[None]) -> None:
        for _ in steps:
            await self.host.sleep(0)

    # The refusals --------------------------------------------------------------------------------

    async def tell(self) -> None:
        """Tell policybot for ever what was refused; each batch until it has been heard."""
        while not self._stopped:
            await self.host.sleep(_TELLING)
            await self.tell_now()

    async def tell_now(self, patience: float = PATIENCE) -> None:
        """Tell what there is to tell; what is not heard is told again the next time."""
        try:
            while batch := self.tally.batch():
                number = self.tally.number
                said = {"instance": self.instance, "batch": number, "refused": batch}
                await self._ask("/gate/refused", said, patience, _MOST_SAID)
                self.tally.heard(number)
        except Lost:
            pass  # `follow` says in the log that policybot is away
        except Garbage as error:
            self.tally.heard(self.tally.number)
            log.warning("policybot does not take what it is told of refusals: %s", error)
        except Exception as error:  # a mistake of ours must not end this  # noqa: BLE001
            self.tally.heard(self.tally.number)
            log.warning("What was refused could not be told: %s", type(error).__name__)

    async def stop(self) -> None:
        """Tell what is left, if policybot hears it at once."""
        self._stopped = True
        await self.tell_now(patience=2)

    # Asking --------------------------------------------------------------------------------------

    async def _ask(self, path: str, body: Mapping[str, Any], patience: float, most: int) -> bytes:
        """Ask policybot.

        Raises:
            Lost: it is away, or does not want to answer now.
            Garbage: it does not understand what was asked.
        """
        status, answer = await self.host.post(path, {"protocol": PROTOCOL, **body}, patience, most)
        if status == HTTPStatus.OK:
            return answer
        if status == HTTPStatus.CONFLICT:
            message = (
                "policybot and this module do not speak the same protocol: install the same version of "
                "policybot beside the homeserver"
            )
            raise Lost(message)
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            message = "policybot refuses the token: it must be the one of `gate.token` there"
            raise Lost(message)
        if status in _POISON:
            message = f"policybot does not understand what it was asked ({status})"
            raise Garbage(message)
        message = f"policybot answers with status {status}"
        raise Lost(message)

    def _compare_clocks(self, theirs: datetime | None) -> None:
        """Say once that the clocks differ: measures and waits end here by the clock of this machine."""
        apart = theirs is not None and abs(theirs - self.host.now()) > _APART
        if apart and theirs is not None and not self._apart:
            ahead = int((theirs - self.host.now()).total_seconds())
            log.warning(
                "policybot's clock is ahead of this machine's by %d s, so measures end at another time "
                "here: have both machines ask a time server",
                ahead,
            )
        self._apart = apart

    def _in_trouble(self, what: str, error: Exception | None = None) -> None:
        """Say what is wrong, once for each thing that is wrong in a row."""
        if what != self._trouble:
            self._trouble = what
            log.warning("The gate goes on with what it knows: %s", what, exc_info=error)

    def _well(self) -> None:
        if self._trouble:
            self._trouble = ""
            log.info("The gate hears policybot again")


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        message = "policybot answers with something that is no JSON"
        raise Garbage(message) from None


def _compiled(body: bytes) -> Compiled:
    """Read rules and compile them; one that cannot be compiled here is left out."""
    version, mechanisms, unknown = rules_in(_json(body))
    sound, unsound = mechanisms, list[str]()
    try:
        rules = RuleSet(mechanisms)
    except ValueError:
        sound = tuple(filter(_is_sound, mechanisms))
        unsound = [m.id for m in mechanisms if m not in sound]
        rules = RuleSet(sound)
    asked = [leaf for mechanism in sound for leaf in leaves(mechanism.when)]
    return Compiled(
        version,
        rules,
        (*unknown, *unsound),
        rates=tuple(leaf for leaf in asked if isinstance(leaf, Rate)),
        files=any(isinstance(leaf, Media) for leaf in asked),
        ages=any(isinstance(leaf, NewAccount) for leaf in asked),
    )


def _is_sound(mechanism: Mechanism) -> bool:
    try:
        alone(mechanism)
    except ValueError:
        return False
    return True
