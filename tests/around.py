"""What stands around messages and what their files are, in the fake homeserver of `tests.world`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from policybot.domain import copy
from policybot.domain.effects import KeepContext
from policybot.domain.quarantine import MediaEffect, QuarantineMedia
from policybot.ports import Result


@dataclass
class FakeMedia:
    """The files that a homeserver has, by their addresses."""

    files: dict[str, bytes] = field(default_factory=dict)
    kinds: dict[str, tuple[str, int]] = field(default_factory=dict)
    """What they are, and how large."""

    quarantined: set[str] = field(default_factory=set)

    def perform(self, effect: MediaEffect, before: Result | None) -> None:
        """Put a file in quarantine, or take it out."""
        if isinstance(effect, QuarantineMedia):
            self.quarantined.add(effect.uri)
        elif before is not None and not before["quarantined"]:
            self.quarantined.discard(effect.uri)

    async def file(self, uri: str, most: int) -> bytes | None:
        """Read a file, as `matrix.media` does."""
        data = self.files.get(uri)
        return data if data is None or len(data) <= most else None

    def around(
        self,
        keep: KeepContext,
        kept: Result | None,
        events: Mapping[str, dict[str, Any]],
        redacted: set[str],
    ) -> Result:
        """Read what stands around an event, as `matrix.media` does."""
        if not keep.most:
            uris = copy.files(kept["content"]) if kept else ()
            looked = [self.kinds.get(uri, ("", 0)) for uri in uris]
            return {"files": [{"kind": kind, "size": size} for kind, size in looked]}
        messages = [
            event
            for event in events.values()
            if event["room_id"] == keep.room_id and event["type"] == "m.room.message"
        ]
        at = next(n for n, event in enumerate(messages) if event["event_id"] == keep.event_id)
        lines = [
            {
                "place": n - at,
                "event_id": event["event_id"],
                "sender": event["sender"],
                "origin_server_ts": event["origin_server_ts"],
                "redacted": event["event_id"] in redacted,
                "text": "" if event["event_id"] in redacted else event["content"].get("body", ""),
            }
            for n, event in enumerate(messages)
            if 0 < abs(n - at) <= keep.most
        ]
        return {"lines": lines}
