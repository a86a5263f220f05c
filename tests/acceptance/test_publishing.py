"""Who may publish, on the real homeserver: it refuses what is not allowed, and gives it back exactly."""

from pathlib import Path

from policybot.demo import story
from policybot.demo.stage import CODES, stage
from policybot.demo.story import Cast, found

NAMED = [{"id": "general", "title": "For the public", "assurance": "low", "front": "verified_required"}]


async def verified_and_signed(cast: Cast, name: str) -> None:
    """Let one person verify themselves and sign, as people do."""
    link = found(r"http\S+/verify/\S+", await cast.asks(name, "!policy verify", "/verify/"))
    origin = link.partition("/verify/")[0]
    form = {"way": "roster", "code": CODES[name]}
    async with cast.stage.session.post(link, data=form, headers={"Origin": origin}) as page:
        command = found(r"!policy verify \w{6}", await page.text())
    await cast.asks(name, command, "You are verified")
    await cast.asks(name, "!policy agree 1", "Thank you. You have signed")


async def test_a_stranger_writes_once_and_again_after_verifying_and_signing(tmp_path: Path) -> None:
    async with stage(tmp_path, changes={"filing.categories": NAMED}) as made:
        cast = Cast(made, lambda *_: None)
        await verified_and_signed(cast, "anna")
        await story.file_room(cast)
        await story.approve(cast)
        room, tom = cast.known["room"], made.people["tom"]
        await tom.join(room)
        levels = await made.people["anna"].power_levels(room)
        await cast.asks("tom", "!policy about", "Contact")
        event = await tom.say(room, "Look at my tulips")
        await cast.hears("tom", cast.rooms["tom"], "verify yourself: !policy verify")
        await tom.wait_for_state(
            room, "m.room.power_levels", lambda content: tom.user_id in content["users"]
        )
        assert await tom.is_refused(room, "And at my roses"), "the homeserver refuses the next one"
        body = (await made.people["anna"].event(room, event))["content"]["body"]
        assert body == "Look at my tulips", "the first one stays"
        await verified_and_signed(cast, "tom")
        await cast.hears("tom", cast.rooms["tom"], "You can write again")
        assert not await tom.is_refused(room, "Here I am again")
        assert await made.people["anna"].power_levels(room) == levels, "exactly as it was before"
        async with made.session.get(f"{made.web}/agreement?lang=de") as page:
            assert page.status == 200
            assert "Du sprichst hier" in await page.text()
        assert "in force" in await made.command("agreement", "status")
