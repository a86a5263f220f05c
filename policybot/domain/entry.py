"""What is hashed of an entry of the audit log, so that it can be checked with or without what it says.

The leaf of an entry is SHA-256 over a zero byte and one line of JSON. Who acted stands in it as a
fingerprint under a random veil of the entry's own, and what the entry says as a commitment: so an entry
can be proved to somebody without naming the one or telling the other, and what it says can be forgotten.
"""

import hmac
import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from typing import Any

_VEIL = 32
_HASH = 64
_NO_VEIL = f"a veil has {_VEIL} characters"
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical(value: object) -> str:
    """Write JSON in one way only: sorted keys, no spaces (RFC 8785, for texts and integers)."""
    return _ENCODER.encode(value)


def commitment(salt: str, payload: str) -> str:
    """Commit to a payload without showing it; the salt is 16 random bytes, in hexadecimal."""
    return hmac.digest(bytes.fromhex(salt), payload.encode(), "sha256").hex()


def fingerprint(veil: str, actor: str) -> str:
    """Stand for somebody without naming them; the veil is 32 random hexadecimal digits.

    Raises:
        ValueError: it has another length; letters could move from it to the name.
    """
    if len(veil) != _VEIL:
        raise ValueError(_NO_VEIL)
    return sha256((veil + actor).encode()).hexdigest()


def line(seq: int, at: int, actor: str, tag: str, obj: str, committed: str, previous: str) -> str:  # noqa: PLR0913, PLR0917 - the columns
    """Write an entry as it is hashed, as `canonical` would; by hand, for that is three times as fast.

    Args:
        seq: its number, from 1.
        at: milliseconds since 1970.
        actor: the fingerprint of who acted.
        tag: the act.
        obj: what it is about.
        committed: the commitment to what it says.
        previous: the hash of the entry before it, in hexadecimal; empty for the first.
    """
    return (
        f'{{"actor":{quoted(actor)},"at":{at},"commitment":{quoted(committed)},"object":{quoted(obj)}'
        f',"previous":{quoted(previous)},"seq":{seq},"tag":{quoted(tag)}}}'
    )


def following(rows: Iterable[Sequence[Any]], previous: str) -> list[bytes]:
    """Hash entries that follow each other, but none from the first on that is not what was sealed.

    As `line` and `fingerprint` do: a log of a million is verified by this, and calls for each of them
    would take half as long again.

    Args:
        rows: seq, at, actor (as it is), veil, tag, object, commitment and hash of each.
        previous: the hash of the entry before the first of them.
    """
    found: list[bytes] = []
    try:
        for seq, at, actor, veil, tag, obj, committed, seal in rows:
            one = sha256(
                f'\0{{"actor":"{sha256((veil + actor).encode()).hexdigest()}","at":{at},"commitment":"'
                f'{committed}","object":{quoted(obj)},"previous":"{previous}","seq":{seq},"tag":'
                f"{quoted(tag)}}}".encode()
            ).digest()
            # A commitment as long as it was begins and ends where it did, so it needs no quoting.
            if one.hex() != seal or len(veil) != _VEIL or len(committed) != _HASH:
                break
            found.append(one)
            previous = seal
    except (TypeError, ValueError):  # no text, or letters that are none
        pass
    return found
