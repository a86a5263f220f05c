"""The module without a homeserver: what Synapse's API would give it is as a test says."""

import warnings
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from policybot.domain.mechanism import Mechanism
from policybot.gate.link import Compiled
from policybot.gate.wire import Page
from policybot.matching.ruleset import RuleSet

with warnings.catch_warnings():
    # Synapse's own imports complain about each other.
    warnings.simplefilter("ignore", DeprecationWarning)
    from synapse.events import EventBase
    from synapse.module_api import ModuleApi
    from synapse.module_api.errors import ConfigError, SynapseError

    from policybot.gate.module import Gate

__all__ = ["Api", "ConfigError", "Gate", "SynapseError", "at_once", "event", "gate"]

_T = TypeVar("_T")


@dataclass
class Api:
    """What the module asks Synapse for."""

    server_name: str = "a.example"
    worker_name: str | None = None
    registered: dict[str, Any] = field(default_factory=dict)
    background: list[str] = field(default_factory=list)
    info: Any = None
    members: dict[str, object] = field(default_factory=dict)
    """What they are in every room."""

    def register_spam_checker_callbacks(self, **callbacks: Any) -> None:
        self.registered |= callbacks

    register_third_party_rules_callbacks = register_spam_checker_callbacks
    register_media_repository_callbacks = register_spam_checker_callbacks

    def run_as_background_process(self, name: str, work: Any, **_: Any) -> None:
        self.background.append(name)

    def is_mine(self, user_id: str) -> bool:
        return user_id.endswith(f":{self.server_name}")

    async def get_userinfo_by_id(self, user_id: str) -> Any:
        return self.info

    async def get_room_state(self, room_id: str, wanted: Any) -> Any:
        return {
            (kind, user): SimpleNamespace(content={"membership": self.members[user]})
            for kind, user in wanted
            if user in self.members
        }

    async def defer_to_thread(self, work: Callable[..., _T], *args: Any) -> _T:
        return work(*args)


def gate(api: Api, page: Page | None = None, *mechanisms: Mechanism, **config: object) -> Gate:
    """Make a module that knows what stands on a page, and these rules."""
    address = {"address": "http://127.0.0.1:9", "token": "tests-token"}
    made = Gate(Gate.parse_config(address | config), cast(ModuleApi, api))
    if page is not None:
        link = made._link
        link.replica.begin()
        for _ in (*link.replica.take(page), *link.replica.end(page.clock)):
            pass
        link.compiled = Compiled("1", RuleSet(mechanisms))
        link._rules_for, link._heard = "1", link.host.now()
    return made


def event(room_id: str, sender: str, kind: str = "m.room.message", **content: Any) -> EventBase:
    """Make an event as Synapse shows it to modules."""
    made = SimpleNamespace(
        room_id=room_id,
        sender=sender,
        type=kind,
        content={"msgtype": "m.text", "body": "tulips"} | content,
        event_id="$e",
        get_state_key=lambda: None,
    )
    return cast(EventBase, made)


def at_once(asking: Coroutine[Any, Any, _T]) -> _T:
    """Run what waits for nothing."""
    try:
        asking.send(None)
    except StopIteration as answer:
        return cast(_T, answer.value)
    message = "it waits for something"
    raise AssertionError(message)
