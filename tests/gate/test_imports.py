"""What runs in the homeserver brings nothing along but the rules and the engines that match."""

import subprocess
import sys

BESIDE = {
    "aiohttp",
    "aiosqlite",
    "asyncpg",
    "joserfc",
    "mautrix",
    "pypdfium2",
    "rich",
    "ruamel",
    "typer",
}
OURS = ("policybot.domain", "policybot.gate", "policybot.matching")


def loaded(module: str) -> set[str]:
    """Name what a fresh interpreter has loaded after an import."""
    code = f"import {module}, sys; print('\\n'.join(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(said.stdout.split())


def test_synapse_loads_nothing_of_policybots_but_what_decides() -> None:
    names = loaded("policybot.gate.module")
    tops = {name.partition(".")[0] for name in names}
    assert tops.isdisjoint(BESIDE)
    assert {
        name for name in names if name.startswith("policybot.") and not name.startswith(OURS)
    } == set()
    assert {"ahocorasick_rs", "re2", "synapse"} <= tops


def test_what_keeps_the_copy_true_knows_no_synapse() -> None:
    tops = {name.partition(".")[0] for name in loaded("policybot.gate.link, policybot.gate.options")}
    assert tops.isdisjoint(BESIDE | {"synapse", "twisted", "pydantic", "jinja2", "cryptography", "attr"})
