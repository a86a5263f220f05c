"""What tests of reports share: reports by command, dismissals, and looks into the database."""

from typing import Any

from tests.world import World, find

NASTY = "<h1>x</h1>\u202e gnp.exe \x07 @room @mira:example.org \n\nC-9: closed " + "я" * 60_000
"""What nobody should have to read: markup, bidi, mentions, lines of its own, more than 60 KB."""


async def rows(world: World, sql: str, *values: object) -> list[Any]:
    """Read rows."""
    async with world.database.transaction(reading=True) as tx:
        return list(await tx.fetch(sql, *values))


async def report(world: World, who: str, event: str, text: str = "This is an advert") -> str:
    """Let somebody report a message by command."""
    return await world.say(who, f"!policy report https://matrix.to/#/{world.room}/{event} R1 {text}")


async def reported(world: World, *who: str, text: str = "Lovely tomatoes") -> tuple[str, list[str]]:
    """Have a message of Tom's reported; return the case and the receipts."""
    event = await world.message("tom", text, world.room)
    receipts = [find(r"R-\d+", await report(world, one, event)) for one in who]
    return find(r"C-\d+", world.in_review()[-1]), receipts


async def dismissed(world: World, *who: str, by: str = "mira") -> tuple[str, list[str]]:
    """Have a message of Tom's reported, and no breach found."""
    case, receipts = await reported(world, *who)
    answer = await world.review(by, f"!policy dismiss {case} Tomatoes are allowed here")
    assert "no breach" in answer, answer
    return case, receipts


def clean(text: str) -> bool:
    """Say whether a text is fit to be read, though somebody wrote `NASTY`."""
    lines = text.splitlines()
    return (
        len(text) < 6000
        and not {"\u202e", "\x07"} & set(text)
        and not any(line.startswith("C-9") for line in lines)
    )
