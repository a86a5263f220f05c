"""The doors of the gate in homeserver.yaml: who asks us there, and whether it is safe to be asked so.

Door (a) is synapse-http-antispam (what is said of it holds for 0.5.1), door (b) our own module.
"""

import hmac
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from policybot.config.finding import Finding, shown
from policybot.config.schema import Config
from policybot.domain.measure import parse_duration

NAME = "homeserver.yaml"
MODULE = "policybot.gate.module.Gate"
KEYS = ("address", "token", "token_path", "away", "patience")
"""What our module understands."""
ANTISPAM = "synapse_http_antispam.HTTPAntispam"
CALLBACKS_AT = "/gate/antispam"
SAFE = ("check_event_for_spam", "user_may_join_room", "user_may_invite", "user_may_publish_room")
"""The callbacks that policybot answers through door (a)."""
HARMLESS = ("user_may_create_room",)
"""Asked for nothing: it does not say which kind of room is made."""
UNSAFE: Mapping[str, str] = {
    "check_username_for_spam": "everybody disappears from the user directory",
    "user_may_create_room_alias": "every address of a room is refused",
    "accept_make_join": "Synapse does not start",
}
NEEDLESS = ("check_login_for_spam", "federated_user_may_invite", "user_may_send_3pid_invite")
"""Callbacks to which policybot has no answer."""
AWAY: Mapping[str, str] = {
    "open": "afterwards everything passes, and is judged after delivery",
    "closed": "afterwards nothing is accepted in governed rooms",
}
_LONGEST_TOKEN = 4096
_PATIENCE = timedelta(seconds=5), timedelta(days=365)
_RESTART = "restart the homeserver"


def modules(listed: object, config: Config, folder: Path, *, everybodys: bool) -> list[Finding]:
    """Check the list of modules.

    Args:
        listed: what stands under `modules`.
        config: our own configuration.
        folder: where paths that are not whole are looked for.
        everybodys: whether everybody on the machine can read what stands in the file.
    """
    what = f"{NAME}, modules"
    if listed is not None and not (isinstance(listed, list) and all(map(_is_module, listed))):
        said = "is no list of modules with a name each: Synapse does not start"
        mend = "Write each as `- module: NAME`, with its `config:` below."
        return [Finding(what, good=False, said=said, mend=mend)]
    found: list[Finding] = []
    ours, theirs = 0, 0
    elsewhere = ""
    for place, entry in enumerate(listed if isinstance(listed, list) else ()):
        name, section = entry["module"], entry.get("config")
        door = _Door(f"{what}[{place}]", section, config, folder, everybodys)
        if name.startswith("policybot"):
            ours += 1
            found += _module(door, name)
        elif "http_antispam" in name.lower():
            if door.is_for_us():
                theirs += 1
                found += _antispam(door, name)
            else:
                elsewhere = f"; synapse-http-antispam asks {shown(door.keys.get('base_url'))}"
    found += _together(what, config, elsewhere, ours=ours, theirs=theirs)
    return found


def _is_module(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("module"), str)


def _together(what: str, config: Config, elsewhere: str, *, ours: int, theirs: int) -> list[Finding]:
    found = []
    if config.gate is None and (ours or theirs):
        said = "the homeserver asks our gate, and `gate` in our configuration is null"
        mend = (
            "Set gate in our configuration (docs/gate.md) and restart policybot, or take the module out."
        )
        found.append(Finding(what, good=False, said=said, mend=mend))
    if config.gate is not None and not ours and not theirs:
        said = f"nothing asks our gate, though it is in our configuration{elsewhere}"
        mend = f"Add our module to homeserver.yaml as docs/gate.md says, and {_RESTART}."
        found.append(Finding(what, good=False, said=said, mend=mend))
    if ours > 1 or theirs > 1:
        said = "one of the doors stands there twice, so that everything is asked twice"
        found.append(Finding(what, good=False, said=said, mend=f"Take one out, and {_RESTART}."))
    if ours and theirs:
        said = "both doors are open: what stands first is asked first, and the first refusal counts"
        found.append(Finding(what, good=True, said=said))
    return found


@dataclass(frozen=True, slots=True)
class _Door:
    """One entry that asks us."""

    what: str
    section: object
    config: Config
    folder: Path
    everybodys: bool

    @property
    def keys(self) -> Mapping[Any, Any]:
        return self.section if isinstance(self.section, dict) else {}

    def bad(self, said: str, mend: str) -> Finding:
        return Finding(self.what, good=False, said=said, mend=mend)

    def is_for_us(self) -> bool:
        """Say whether synapse-http-antispam is meant to ask us, and not another service."""
        there = _place(self.keys.get("base_url"))
        if there is None:
            return self.config.gate is not None
        known = [place[:3] for place in map(_place, self._known()) if place is not None]
        return there[:3] in known or "/gate" in there[3]

    def _known(self) -> tuple[str, ...]:
        service = self.config.appservice
        host = f"[{service.listen.host}]" if ":" in service.listen.host else service.listen.host
        return service.address, f"http://{host}:{service.listen.port}"

    def asks_here(self, key: str, path: str = "") -> Iterator[Finding]:
        """Check the address at which it asks."""
        wanted = [_place(address + path) for address in self._known()]
        given = self.keys.get(key)
        # Our module does not mind a / at the end; to the other one the path is all that stands there.
        asked = given.rstrip("/") if isinstance(given, str) and not path else given
        if _place(asked) not in wanted:
            where = self.config.appservice.address + path
            said = f"{key} is {shown(given)}, and we are reached at {where}"
            yield self.bad(said, f"Write {key}: {where}, and {_RESTART}.")

    def knows_us(self, key: str, file_key: str) -> Iterator[Finding]:
        """Check the secret, in the file or in a file of its own; it is shown nowhere."""
        keys = self.keys
        mend = f"Put gate.token of our configuration into a file of one line, and name it in {file_key}."
        if key in keys and file_key in keys:
            yield self.bad(f"{key} and {file_key} are both there", f"Keep {file_key} alone.")
        given = keys.get(key)
        if given is not None:
            if not isinstance(given, str):
                yield self.bad(f"{key} is no text", mend)
            else:
                yield from self._same(SecretStr(given), key)
            if self.everybodys:
                said = f"{key} stands in a file that everybody on this machine can read"
                yield self.bad(said, f"chmod o-r that file, or use {file_key}.")
            return
        name = keys.get(file_key)
        if not isinstance(name, str):
            said = f"neither {key} nor {file_key} is there" if name is None else f"{file_key} is no path"
            yield self.bad(said, mend)
            return
        path = self.folder / name
        secret, why, everybodys = _secret_in(path)
        if secret is None:
            mend = (
                "Give the whole path of a file with the token, and run this as a user who can read it."
            )
            yield self.bad(f"{file_key}: {shown(str(path))} {why}", mend)
            return
        yield from self._same(secret, file_key)
        if everybodys:
            said = f"{file_key}: everybody on this machine can read {shown(str(path))}"
            yield self.bad(said, f"chmod o-rwx {shown(str(path))}")

    def _same(self, secret: SecretStr, key: str) -> Iterator[Finding]:
        if self.config.gate is None:
            return
        given = secret.get_secret_value().encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, self.config.gate.token.get_secret_value().encode()):
            yield self.bad(
                f"{key} is another secret than gate.token of our configuration, so nothing is answered",
                f"Write the same token in both places, and {_RESTART}.",
            )


def _loads(door: _Door, name: str, right: str, whose: str) -> Iterator[Finding]:
    """Check that Synapse finds a module, and something for it to read."""
    if name != right:
        said = f"{shown(name)} is not the name of {whose}: Synapse does not start"
        yield door.bad(said, f"Write module: {right}")
    if not isinstance(door.section, dict):
        yield door.bad("has no config: Synapse does not start", "Write it as docs/gate.md says.")


def _module(door: _Door, name: str) -> Iterator[Finding]:
    """Check our own module."""
    yield from _loads(door, name, MODULE, "our module")
    if not isinstance(door.section, dict):
        return
    problems = [
        *_unknown(door),
        *door.asks_here("address"),
        *door.knows_us("token", "token_path"),
        *_absence(door),
    ]
    yield from problems
    if not problems and name == MODULE:
        away = AWAY[door.keys.get("away", "open")]
        said = f"our module asks us; while we are away it goes on with what it knows, and {away}"
        yield Finding(door.what, good=True, said=said)


def _unknown(door: _Door) -> Iterator[Finding]:
    for key in door.keys:
        if key not in KEYS:
            near = get_close_matches(str(key) if isinstance(key, str) else "", KEYS, n=1)
            mend = f"Did you mean {near[0]}?" if near else f"Take it out; there are {', '.join(KEYS)}."
            yield door.bad(f"there is no key {shown(key)}: Synapse does not start", mend)


def _absence(door: _Door) -> Iterator[Finding]:
    away = door.keys.get("away", "open")
    if not isinstance(away, str) or away not in AWAY:
        yield door.bad("away is neither open nor closed: Synapse does not start", "Write away: open")
    if not _is_time(door.keys.get("patience")):
        said = "patience is no time from five seconds to a year: Synapse does not start"
        yield door.bad(said, "Write a time such as P1D, which is a day.")


def _is_time(value: object) -> bool:
    shortest, longest = _PATIENCE
    if isinstance(value, str):
        try:
            return shortest <= parse_duration(value) <= longest
        except (ValueError, OverflowError):
            return False
    if not isinstance(value, int) or isinstance(value, bool):
        return value is None
    return shortest.total_seconds() <= value <= longest.total_seconds()


def _antispam(door: _Door, name: str) -> Iterator[Finding]:
    """Check synapse-http-antispam."""
    yield from _loads(door, name, ANTISPAM, "synapse-http-antispam's module")
    if not isinstance(door.section, dict):
        return
    problems = [
        *door.asks_here("base_url", CALLBACKS_AT),
        *door.knows_us("authorization", "authorization_path"),
        *_callbacks(door),
    ]
    yield from problems
    if not problems and name == ANTISPAM:
        said = "synapse-http-antispam asks us; while we are away everything passes"
        yield Finding(door.what, good=True, said=said)


def _callbacks(door: _Door) -> Iterator[Finding]:
    block = f"Write enabled_callbacks: [{', '.join(SAFE)}]"
    enabled = door.keys.get("enabled_callbacks")
    if not isinstance(enabled, list) or not all(isinstance(name, str) for name in enabled):
        said = "is not there" if enabled is None else "is no list of names"
        yield door.bad(f"enabled_callbacks {said}: Synapse does not start", block)
        return
    for name in dict.fromkeys(enabled):
        if name in UNSAFE:
            yield door.bad(f"{name} is enabled: {UNSAFE[name]}", f"Take it out, and {_RESTART}.")
        elif name in NEEDLESS:
            said = f"{name} is enabled, and policybot has no answer to it"
            yield door.bad(said, f"Take it out, and {_RESTART}.")
        elif name not in SAFE + HARMLESS:
            said = f"there is no callback {shown(name)} in it: Synapse does not start"
            yield door.bad(said, block)
    if missing := [name for name in SAFE if name not in enabled]:
        said = f"not asked about: {', '.join(missing)}"
        yield door.bad(said, block)
    yield from _ways(door, [name for name in SAFE + HARMLESS if name in enabled])


def _ways(door: _Door, enabled: list[str]) -> Iterator[Finding]:
    """Check for which callbacks it goes on without us, and for which it does not wait for our answer."""
    for key in ("fail_open", "async"):
        if not isinstance(door.keys.get(key, {}), dict):
            said = f"{key} is no map: Synapse does not start"
            yield door.bad(said, f"Write under {key} a line for each callback, such as {SAFE[0]}: true")
            return
    ways, unwaited = door.keys.get("fail_open", {}), door.keys.get("async", {})
    # It lets messages pass without us unless it is told not to.
    closed = [n for n in enabled if not ways.get(n, n == SAFE[0])]
    if closed:
        said = f"fail_open lacks {', '.join(closed)}: while policybot is away all of that is refused"
        yield door.bad(said, f"Write under fail_open: {', '.join(f'{n}: true' for n in closed)}")
    if lost := [name for name in enabled if unwaited.get(name)]:
        said = f"async has {', '.join(lost)}: our answer is not waited for, so nothing is refused"
        yield door.bad(said, "Take async out.")


Place = tuple[str, str, int | None, str]


def _place(address: object) -> Place | None:
    """Take an address apart, so that two ways to write one are the same."""
    if not isinstance(address, str):
        return None
    try:
        parts = urlsplit(address)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    host = parts.hostname
    bare = not parts.query and not parts.fragment and parts.username is None
    if parts.scheme not in ("http", "https") or not host or not bare:
        return None
    host = "127.0.0.1" if host in ("localhost", "::1") else host
    return parts.scheme, host, port, parts.path


def _secret_in(path: Path) -> tuple[SecretStr | None, str, bool]:
    """Read a secret from a file: it, or why not, and whether everybody on the machine can read it."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return None, "is no file", False
        if found.st_size > _LONGEST_TOKEN:
            return None, "is too large for a token", False
        text = path.read_text("utf-8").strip()
    except OSError as error:
        return None, f"cannot be read: {error.strerror}", False
    except ValueError:
        return None, "cannot be read: it is no text", False
    return SecretStr(text), "", bool(found.st_mode & stat.S_IRWXO)
