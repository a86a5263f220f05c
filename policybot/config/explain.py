"""What a key of the configuration means, for `policybot config explain`."""

import re
from collections.abc import Iterator
from datetime import timedelta
from difflib import get_close_matches

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML

from policybot.config.fresh import full_sample
from policybot.config.schema import Settings
from policybot.config.types import Listen
from policybot.domain.measure import format_duration

_LADDER = "ladder."


def keys(
    model: type[BaseModel] = Settings, prefix: str = "", within: tuple[type[BaseModel], ...] = ()
) -> dict[str, FieldInfo]:
    """List every key with its description; those of list items without a number.

    What stands in itself, as conditions do, is listed once.
    """
    found = {}
    for name, field in model.model_fields.items():
        found[prefix + name] = field
        inner = model_in(field.annotation)
        if inner is not None and inner is not model and inner not in within:
            found |= keys(inner, f"{prefix}{name}.", (*within, model))
    return found


def model_in(annotation: object) -> type[BaseModel] | None:
    """Find the section within a type such as `tuple[Section, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if (found := model_in(inner)) is not None:
            return found
    return None


def explain(key: str) -> str:
    """Say what a key means, its default, and how the sample has it.

    Raises:
        LookupError: there is no such key.
    """
    known, of_ladder = keys(), set(_of_ladder())
    if key in of_ladder:
        return f"{key}\n\nIn the sample:\n{_excerpt(key)}"
    if key not in known:
        near = get_close_matches(key, [*known, *sorted(of_ladder)], n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        more = " What a ladder can say: docs/ladder.md" if key.startswith(_LADDER) else ""
        message = f"There is no key {key}.{hint}{more}"
        raise LookupError(message)
    field = known[key]
    default = "required" if field.is_required() else f"default: {_shown(field)}"
    return f"{key} ({default})\n{field.description}\n\nIn the sample:\n{_excerpt(key)}"


def _shown(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return "as below"
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, Listen):
        return f"{value.host}:{value.port}"
    return "none" if value is None else str(value)


def _of_ladder() -> Iterator[str]:
    """List what a ladder can say, as the sample has it: its keys stand in no model."""
    waiting = [(_LADDER, YAML(typ="safe").load(_excerpt("ladder"))["ladder"])]
    for prefix, table in waiting:
        for name, inner in table.items():
            yield f"{prefix}{name}"
            if isinstance(inner, dict):
                waiting.append((f"{prefix}{name}.", inner))


def _excerpt(key: str) -> str:
    """Cut a key with its comment and what is below it out of the sample; or what it stands in."""
    lines = full_sample().splitlines()
    start, end, depth = 0, len(lines), -1
    for name in key.split("."):
        wanted = re.compile(rf"(\s*)(?:- )?{re.escape(name)}:")
        found = [(len(m[1]), n) for n in range(start, end) if (m := wanted.match(lines[n]))]
        # Of several of that name the outermost is meant: the others stand in something else.
        inside = min((one for one in found if one[0] > depth), default=None)
        if inside is None:
            break
        depth, start = inside
        end = start + 1
        while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > depth):
            end += 1
    while start and lines[start - 1].strip().startswith("#"):
        start -= 1
    return "\n".join(lines[start:end]).rstrip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
