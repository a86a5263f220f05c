"""Rules that a machine can apply, for tests: in a configuration as operators write it."""

from typing import Any

R1: dict[str, Any] = {
    "id": "R1",
    "title": "Advertising",
    "text": "Advertise only in rooms that are made for it.",
    "severity": ["S0", "S2"],
}
R2: dict[str, Any] = {
    "id": "R2",
    "title": "Respect",
    "text": "Do not insult or threaten anybody.",
    "severity": ["S1", "S4"],
}
FROBNITZ = {"terms": {"words": ["frobnitz", "blue wibble"]}}


def rules(**mechanics: Any) -> dict[str, Any]:
    """Give the change of a configuration that makes R1 such a rule."""
    return {"rules": [R1 | {"when": FROBNITZ} | mechanics, R2]}
