"""What the doctor says of the gate: whether it answers, and how the homeserver asks it."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from ruamel.yaml import YAML

from policybot import __version__
from policybot.cli.doctor import (
    asked_findings,
    file_findings,
    gate_findings,
    module_findings,
    relay_findings,
)
from policybot.config import load
from policybot.matrix.doctor import Doctor
from policybot.store.modules import Module
from tests import files

TOKEN = "a-token-for-the-gate-of-these-tests"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@asynccontextmanager
async def answering(status: int) -> AsyncIterator[tuple[str, list[tuple[str, Any]]]]:
    """Serve a gate that always answers so; tell what it was asked."""
    asked: list[tuple[str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.headers["Authorization"], await request.json()))
        return web.json_response({}, status=status, headers={"Location": "/gate/rules"})

    app = web.Application()
    app.router.add_post("/gate/rules", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/"), asked


@pytest.mark.parametrize(
    ("status", "said", "mend"),
    [
        (200, "answers under its token", ""),
        (403, "has another token", "Restart policybot"),
        (404, "has no gate", "Restart policybot"),
        (409, "of another version", "Restart policybot"),
        (302, "answers 302", "appservice.address"),
        (500, "answers 500", "appservice.address"),
    ],
)
async def test_the_doctor_knocks_at_the_gate(tmp_path: Path, status: int, said: str, mend: str) -> None:
    async with answering(status) as (address, asked):
        changes = {"gate": {"token": TOKEN}, "appservice.address": address}
        [finding] = await gate_findings(load(files.write(tmp_path, changes=changes)))
    assert finding.good is (status == 200)
    assert said in finding.said
    assert mend in finding.mend
    assert asked == [(f"Bearer {TOKEN}", {"protocol": 1})]


async def test_without_a_gate_the_doctor_says_nothing_of_it(tmp_path: Path) -> None:
    config = load(files.write(tmp_path))
    assert await gate_findings(config) == []
    assert await asked_findings(config) == []
    assert file_findings(config, tmp_path / "registration.yaml", []) == []


@pytest.mark.parametrize(("status", "good"), [(401, True), (404, False), (504, False), (200, False)])
async def test_the_doctor_sends_a_report_that_the_homeserver_has_to_refuse(
    tmp_path: Path, status: int, good: bool
) -> None:
    shown: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        shown.append(request.headers.get("Authorization"))
        return web.json_response({}, status=status)

    app = web.Application()
    app.router.add_post("/_matrix/client/v3/rooms/{room}/report", answer)
    async with TestServer(app) as server:
        address = str(server.make_url("")).rstrip("/")
        changes = {"reports.proxy": True, "appservice.address": address}
        config = load(files.write(tmp_path, changes=changes))
        [finding] = await relay_findings(config)
    assert finding.good is good
    assert ("passes reports on" if good else f"answers {status}") in finding.said
    assert shown == [None]
    [finding] = await relay_findings(config)
    assert not finding.good
    assert "must be the homeserver itself" in finding.mend


async def test_without_the_proxy_the_doctor_says_nothing_of_it(tmp_path: Path) -> None:
    assert await relay_findings(load(files.write(tmp_path))) == []


def asked(worker: str, minutes: float, version: str = __version__) -> Module:
    return Module(f"{worker} {minutes}", worker, version, 1, NOW - timedelta(minutes=minutes))


def test_the_doctor_says_which_processes_ask_and_which_are_of_another_version() -> None:
    known = [
        asked("main", 1),
        asked("media", 2, version="0.0.1"),
        asked("", 3, version=""),
        asked("main", 30, version="0.0.1"),
        asked("old\n\x1b[31m", 60),
        asked("gone", 60 * 25),
    ]
    main, media, old = module_findings(known, NOW)
    assert main.good, "its former life counts no more"
    assert f"main asks, with version {__version__}" in main.said
    assert not media.good
    assert f"media has version 0.0.1, and this is {__version__}" in media.said
    assert "Install the same package" in media.mend
    assert not old.good
    assert old.said == "old??[31m asked last at 2026-03-01 11:00 UTC"
    [none] = module_findings([], NOW)
    assert none.good
    assert "none has asked" in none.said


def doctor(path: Path, *more: str) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "policybot", "doctor", "--json", "-c", str(path), *more],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    return {row["what"]: row for row in json.loads(done.stdout)}


def test_the_doctor_looks_at_homeserver_yaml_when_told_and_else_says_how(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:1"
    changes = {"homeserver.address": nowhere, "appservice.address": nowhere, "gate": {"token": TOKEN}}
    path, file = files.write(tmp_path, changes=changes), tmp_path / "homeserver.yaml"
    config, registration = load(path), tmp_path / "registration.yaml"
    [finding] = file_findings(config, registration, [])
    assert finding.good
    assert "--homeserver-yaml" in finding.said
    [finding] = file_findings(config, registration, [file])
    assert "No such file" in finding.said
    assert "Run this as a user who can read it" in finding.mend
    with file.open("w", encoding="utf-8") as out:
        modules = [{"module": "policybot.gate.module.Gate", "config": {"address": nowhere}}]
        YAML().dump({"server_name": "example.org", "modules": modules}, out)
    found = doctor(path, "--homeserver-yaml", str(file))
    assert "cannot be reached" in found["gate"]["said"]
    assert "neither token nor token_path" in found["homeserver.yaml, modules[0]"]["said"]
    assert "auto_join" in found["homeserver.yaml, server_notices"]["mend"]


MIRA, OTTO, RAVI = (f"@{name}:example.org" for name in ("mira", "otto", "ravi"))


@pytest.mark.parametrize(
    ("present", "outside", "said"),
    [
        ([MIRA, OTTO, RAVI], [], ""),
        (
            [MIRA, OTTO],
            [],
            "could decide an appeal against a decision of @otto",
        ),
        ([MIRA], [], "nobody in the review room could decide an appeal"),
        ([], [], "nobody in the review room could decide an appeal"),
        ([MIRA], ["@dana:elsewhere.org"], ""),
    ],
)
async def test_the_doctor_says_where_nobody_here_could_decide_an_appeal(
    tmp_path: Path, present: list[str], outside: list[str], said: str
) -> None:
    """I14: otto decides cases and appeals, ravi appeals alone, mira cases alone."""

    async def room(_: web.Request) -> web.Response:
        return web.json_response({"room_id": "!review:example.org"})

    async def joined(_: web.Request) -> web.Response:
        return web.json_response({"joined": {who: {} for who in present}})

    app = web.Application()
    app.router.add_get("/_matrix/client/v3/directory/room/{alias}", room)
    app.router.add_get("/_matrix/client/v3/rooms/{room}/joined_members", joined)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        changes: dict[str, Any] = {"homeserver.address": str(server.make_url("")).rstrip("/")}
        changes["appeals"] = {"external_reviewers": outside}
        path = files.write(tmp_path, changes=changes)
        doctor = Doctor(load(path), path, tmp_path / "registration.yaml", session)
        [finding] = [one async for one in doctor.look() if one.what == "appeals"]
    assert finding.good is (not said), finding
    assert said in finding.said
