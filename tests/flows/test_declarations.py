"""Declarations: an author says what a post is about, and nothing happens by itself."""

from policybot.store import declarations
from tests.flows.test_qualifications import any_medical, granted, medical
from tests.world import World, user

__all__ = ["any_medical", "medical"]


async def declared(world: World, who: str, event: str, kind: str = "medical") -> None:
    """Let somebody declare a post by replying to it."""
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": event}}}
    await world.message(who, f"!policy declare {kind}", world.room, **reply)


async def test_an_author_declares_a_post_in_a_qualified_room(any_medical: World) -> None:
    world = any_medical
    await granted(world)
    event = await world.message("anna", "Rest, and drink tea", world.room)
    before = len(world.in_review())
    await declared(world, "anna", event)
    assert f"{event} is about «Medical advice»." in world.told("anna")[-1]
    assert "not qualified" not in world.told("anna")[-1]
    assert len(world.in_review()) == before
    async with world.database.transaction(reading=True) as tx:
        kept = await declarations.get(tx, event)
    assert kept is not None
    assert (kept.user_id, kept.kind, kept.qualified) == (user("anna"), "medical", True)
    told = len(world.told("anna"))
    await declared(world, "anna", event)
    assert len(world.told("anna")) == told + 1, "the answer, and no second note"


async def test_without_the_qualification_owner_and_people_are_told_once_and_nothing_happens(
    medical: World,
) -> None:
    await granted(medical)
    done = len(medical.homeserver.performed)
    for text in ("Sue them", "And sue them again"):
        event = await medical.message("tom", text, medical.room)
        await declared(medical, "tom", event, "legal")
    assert "The room is not qualified for that" in medical.told("tom")[-1]
    owner = [text for text in medical.told("anna") if "somebody has posted about" in text]
    staff = [text for text in medical.in_review() if "was declared to be about" in text]
    assert (len(owner), len(staff)) == (1, 1)
    assert "!policy report https://matrix.to/#/" in staff[0]
    kinds = {type(effect).__name__ for effect in medical.homeserver.performed[done:]}
    assert kinds == {"Notify", "Say", "LearnAuthor"}, "no measure, no case"
    assert "Nothing waits" in await medical.review("mira", "!policy queue cases")


async def test_nobody_declares_the_post_of_somebody_else(medical: World) -> None:
    await granted(medical)
    event = await medical.message("tom", "Rest, and drink tea", medical.room)
    await declared(medical, "lea", event)
    assert "somebody else's" in medical.told("lea")[-1]
    async with medical.database.transaction(reading=True) as tx:
        assert await declarations.get(tx, event) is None


async def test_what_is_no_post_in_a_filed_room_is_refused_in_words(medical: World) -> None:
    await granted(medical)
    event = await medical.message("anna", "Rest, and drink tea", medical.room)
    assert "Which post?" in await medical.say("anna", "!policy declare medical")
    link = f"https://matrix.to/#/{medical.room}/{event}"
    assert "tell you once" in await medical.say("anna", f"!policy declare {link} medical")
    for other in (f"https://matrix.to/#/{medical.room}", "@tom:example.org"):
        assert "is no post" in await medical.say("anna", f"!policy declare {other} medical")
    elsewhere = "https://matrix.to/#/!elsewhere:example.org/$e"
    assert "Only posts in a filed room" in await medical.say(
        "anna", f"!policy declare {elsewhere} medical"
    )
    assert "no qualification «astrology»" in await medical.say(
        "anna", f"!policy declare {link} astrology"
    )


async def test_a_post_that_is_not_there_rings_no_alarm(medical: World) -> None:
    await granted(medical)
    before = len(medical.in_review())
    link = f"https://matrix.to/#/{medical.room}/$nothing"
    await medical.say("tom", f"!policy declare {link} medical")
    assert len(medical.in_review()) == before
