"""A proof that an entry is in the audit log: one file that can be checked without the log, offline."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policybot.domain import entry, merkle
from policybot.domain.note import Note, NoteRefused, Verifier, note

_WHAT = "policybot audit proof, version 1"
_FILE = re.compile(r"^\{$.*^\}$", re.MULTILINE | re.DOTALL)


class ProofUnreadable(ValueError):  # noqa: N818 - an answer
    """A file that is no proof, or whose parts do not fit each other; the message says which."""


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry, the hashes that lead from it to the signed root, and the checkpoint with that root."""

    columns: Mapping[str, Any]
    """What is hashed of it: seq, at, actor (a fingerprint), tag, object, commitment, previous."""
    path: Sequence[bytes]
    note: Note
    verifier: Verifier
    """The key under which it is said to be signed; who checks compares it with the published one."""
    said: tuple[str, str] | None = None
    """What the entry says, as canonical JSON, and its salt."""
    actor: tuple[str, str] | None = None
    """Who acted, and the veil."""

    def __str__(self) -> str:
        """Write the file."""
        data: dict[str, Any] = {
            "what": _WHAT,
            "check": "policybot audit verify-proof FILE",
            "entry": dict(self.columns),
        }
        if self.said is not None:
            data["payload"], data["salt"] = json.loads(self.said[0]), self.said[1]
        if self.actor is not None:
            data["actor"], data["veil"] = self.actor
        data["path"] = [b64encode(one).decode() for one in self.path]
        data["checkpoint"] = str(self.note).splitlines()
        data["key"] = str(self.verifier)
        return json.dumps(data, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def read(cls, text: str) -> "Proof":
        """Read such a file, or a message in which it stands; nothing in it is believed by this.

        Raises:
            ProofUnreadable: it is none.
        """
        found = _FILE.search(text)
        try:
            data = json.loads(found[0] if found else text)
            if not isinstance(data, dict) or data.get("what") != _WHAT:
                message = "this is no proof of policybot's audit log"
                raise ProofUnreadable(message)
            columns = data["entry"]
            if {key: type(value) for key, value in columns.items()} != _TYPES:
                message = "the entry has other columns than the log"
                raise ProofUnreadable(message)
            said = (entry.canonical(data["payload"]), str(data["salt"])) if "payload" in data else None
            return cls(
                columns,
                [b64decode(one, validate=True) for one in data["path"]],
                note("".join(f"{one}\n" for one in data["checkpoint"])),
                Verifier.read(data["key"]),
                said,
                (str(data["actor"]), str(data["veil"])) if "actor" in data else None,
            )
        except (KeyError, TypeError, AttributeError, NoteRefused, RecursionError) as error:
            message = f"a part of it is missing or unreadable: {error}"
            raise ProofUnreadable(message) from None
        except ValueError as error:
            message = (
                str(error) if isinstance(error, ProofUnreadable) else "this is no proof: it is no JSON"
            )
            raise ProofUnreadable(message) from None

    def check(self) -> None:
        """Check that the entry is under the checkpoint's root; not who has signed that.

        Raises:
            ProofUnreadable: it is not; the message says what does not fit.
        """
        row, checkpoint = self.columns, self.note.checkpoint
        text = entry.line(
            row["seq"],
            row["at"],
            row["actor"],
            row["tag"],
            row["object"],
            row["commitment"],
            row["previous"],
        )
        try:
            leaf = merkle.leaf(text.encode())
            root = merkle.included(leaf, row["seq"] - 1, checkpoint.size, self.path)
        except (merkle.ProofRefused, UnicodeEncodeError) as refused:
            raise ProofUnreadable(str(refused)) from None
        if root != checkpoint.root:
            message = "this entry is not in the log that was signed: the entry or the path was changed"
            raise ProofUnreadable(message)
        try:
            if (
                self.said is not None
                and entry.commitment(self.said[1], self.said[0]) != row["commitment"]
            ):
                message = "what the entry is said to say is not what it was written with"
                raise ProofUnreadable(message)
        except ValueError as error:
            raise ProofUnreadable(str(error)) from None
        if self.actor is not None and entry.fingerprint(self.actor[1], self.actor[0]) != row["actor"]:
            message = "another than the one who is named has acted"
            raise ProofUnreadable(message)


_TYPES = {
    "seq": int,
    "at": int,
    "actor": str,
    "tag": str,
    "object": str,
    "commitment": str,
    "previous": str,
}
