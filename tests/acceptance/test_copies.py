"""Kept copies on the real homeserver: what stands around a message, its files, their quarantine."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from policybot.config import load
from policybot.demo.person import Person
from policybot.demo.stage import Stage, stage
from policybot.domain.effects import Effect, KeepContext, KeepEvidence, Redact, TakeSeat
from policybot.domain.quarantine import QuarantineMedia, UnquarantineMedia
from policybot.matrix.client import Client
from policybot.matrix.homeserver import MatrixHomeserver
from policybot.matrix.synapse import Synapse
from policybot.ports import Errand, Impossible, Result
from tests.acceptance.test_rules import upload


@dataclass
class Bench:
    """A room of Anna's with Tom in it, and the port."""

    stage: Stage
    port: MatrixHomeserver
    room: str

    async def do(self, effect: Effect, key: str = "key", **known: Any) -> Result:
        return await self.port.perform(Errand(effect, key, **known))

    async def status(self, person: Person, uri: str) -> int:
        """Try to download a file."""
        headers = {"Authorization": f"Bearer {person._token}"}
        path = uri.removeprefix("mxc://")
        url = f"{person._address}/_matrix/client/v1/media/download/{path}"
        async with self.stage.session.get(url, headers=headers) as answer:
            return answer.status


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with stage(tmp_path) as made:
        made.stop_bot()  # the service must not act beside us
        config = load(made.config)
        address, token = config.homeserver.address, config.appservice.as_token.get_secret_value()
        client = Client(address, token, made.session)
        synapse = Synapse(Client(address, config.admin_token, made.session))
        port = MatrixHomeserver(client, synapse, bot=made.bot, secret="s" * 40)
        room = await made.people["anna"].create_room("Garden", public=True)
        await made.people["tom"].join(room)
        ready = Bench(made, port, room)
        await ready.do(TakeSeat(room))
        yield ready


def png() -> bytes:
    out = BytesIO()
    Image.new("RGB", (64, 48), "green").save(out, "PNG")
    return out.getvalue()


async def test_copies_context_and_files(bench: Bench) -> None:
    """One stage for all, for a homeserver takes seconds to start."""
    await check_context(bench)
    await check_removed_before(bench)
    await check_quarantine(bench)


async def check_context(bench: Bench) -> None:
    tom, anna, room = bench.stage.people["tom"], bench.stage.people["anna"], bench.room
    before = [await tom.say(room, f"before {n}") for n in range(4)]
    event = await tom.say(room, "Buy my spades!")
    after = [await anna.say(room, f"after {n}") for n in range(2)]
    await bench.do(Redact(room, before[3], "Removed: C-1"), "redact-3")
    found = await bench.do(KeepContext(room, event, 3))
    assert [(one["place"], one["event_id"], one["text"], one["redacted"]) for one in found["lines"]] == [
        (-3, before[1], "before 1", False),
        (-2, before[2], "before 2", False),
        (-1, before[3], "", True),
        (1, after[0], "after 0", False),
        (2, after[1], "after 1", False),
    ]
    assert {one["sender"] for one in found["lines"]} == {tom.user_id, anna.user_id}
    private = await tom.create_room("Private")
    secret = await tom.say(private, "for nobody else")
    assert (await bench.do(KeepContext(private, secret, 3)))["lines"] == [], "never where we are not"


async def check_removed_before(bench: Bench) -> None:
    """A message that was removed before it is reported: its own text, and what stands around it."""
    tom, room = bench.stage.people["tom"], bench.room
    event = await tom.say(room, "Buy my rakes!")
    await bench.do(Redact(room, event, "Removed by its author"), "redact-rakes")
    kept = await bench.do(KeepEvidence(room, event))
    assert kept["redacted"]
    assert kept["content"]["body"] == "Buy my rakes!"
    found = await bench.do(KeepContext(room, event, 1))
    assert [one["place"] for one in found["lines"]] == [-1]


async def check_quarantine(bench: Bench) -> None:
    tom, room = bench.stage.people["tom"], bench.room
    uri = await upload(bench.stage, tom, png(), "text/plain")
    event = await tom.say(room, "notes.txt", msgtype="m.image", url=uri)
    kept = await bench.do(KeepEvidence(room, event))
    found = await bench.do(KeepContext(room, event, 0), evidence=kept)
    assert found == {"files": [{"kind": "image/png", "size": len(png())}]}
    effect = QuarantineMedia(uri)
    before = await bench.port.observe(effect)
    assert before == {"quarantined": False}
    assert await bench.status(tom, uri) == 200
    for again in (False, True):
        await bench.do(effect, before=before, again=again)
    assert await bench.status(tom, uri) == 404
    assert await bench.port.observe(effect) == {"quarantined": True}
    assert await bench.port.media.file(uri, 1_000_000) == png(), "those who decide see it all the same"
    assert await bench.port.media.file(uri, 10) is None
    await bench.do(UnquarantineMedia(uri), before={"quarantined": True})
    assert await bench.status(tom, uri) == 404, "what was in quarantine before stays there"
    for again in (False, True):
        await bench.do(UnquarantineMedia(uri), before=before, again=again)
    assert await bench.status(tom, uri) == 200
    for nowhere in ("mxc://localhost/nothing", "mxc://elsewhere.example/nothing"):
        with pytest.raises(Impossible, match="does not have this file"):
            await bench.port.observe(QuarantineMedia(nowhere))
