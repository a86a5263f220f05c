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


def write(folder: Path, database_url: str = "", changes: dict[str, Any] | None = None) -> Path:
    """Write a configuration with its roster; return the configuration's path."""
    answers: dict[str, Any] = {
        "staff": {
            "@mira:example.org": ["moderator"],
            "@otto:example.org": ["moderator", "appeals"],
            "@ravi:example.org": ["reviewer", "appeals"],
        },
    }
    if database_url:
        answers["database"] = database_url
    made = fresh.write(folder, answers | (changes or {}))
    rows = "".join(f"{name},{code}\n" for name, code in CODES.items())
    (folder / "roster.csv").write_text(f"person,code\n{rows}", "utf-8")
    return made.config
