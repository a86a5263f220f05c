"""A picture that somebody posts and somebody else reports."""

from tests import pictures
from tests.world import World, find

PICTURE = "mxc://example.org/abcSpades"


async def photographed(world: World, text: str = "Buy my spades!", offender: str = "tom") -> str:
    """Have somebody post a picture in the governed room, and somebody report it."""
    data = pictures.picture("PNG", size=(800, 600))
    world.homeserver.media.files[PICTURE] = data
    world.homeserver.media.kinds[PICTURE] = ("image/png", len(data))
    event = await world.message(offender, text, world.room, msgtype="m.image", url=PICTURE)
    link = f"https://matrix.to/#/{world.room}/{event}"
    await world.say("lea", f"!policy report {link} R1 This picture is an advert")
    return find(r"(?<=New case )C-\d+", world.in_review()[-1])
