"""Configuration files for tests, made as operators make them: from the sample."""

from pathlib import Path
from typing import Any

from policybot.config import fresh

CODES = {
    "anna": "birch-7421",
    "tom": "cedar-1180",
    "lea": "maple-5533",
    "zoe": "aspen-9044",
    "mira": "elder-2468",
}


NAMES = {name: f"{name.title()} Canary-{name}" for name in CODES}
"""Real names that must turn up nowhere."""


def write(folder: Path, database_url: str = "", changes: dict[str, Any] | None = None) -> Path:
    """Write a configuration with its keys; return the configuration's path."""
    answers: dict[str, Any] = {
        "staff": {
            "@mira:example.org": ["moderator"],
            "@otto:example.org": ["moderator", "appeals"],
            "@ravi:example.org": ["reviewer", "appeals", "privacy"],
        },
    }
    if database_url:
        answers["database"] = database_url
    return fresh.write(folder, answers | (changes or {})).config
