"""Names on a real Synapse: the mark on the profile comes and goes, and a look-alike is told of."""

from pathlib import Path
from typing import Any

from policybot.demo.stage import NAMES, Stage, stage
from policybot.demo.story import Cast, approve, file_room, found, sign, verify

FIELD = "org.policybot.verified"


async def mark(cast: Cast, who: str) -> Any:
    """Read what Lea's client sees on somebody's profile."""
    return (await cast.people["lea"].profile(cast.people[who].user_id)).get(FIELD)


async def until_mark(cast: Cast, who: str, wanted: Any) -> None:
    """Wait until a profile shows what it should: the bot answers first, and then writes there."""
    lea = cast.people["lea"]
    for _ in range(40):
        if await mark(cast, who) == wanted:
            return
        await lea._sync(0.25)
    raise AssertionError(await mark(cast, who))


async def administrator(made: Stage, *, yes: bool) -> None:
    path = f"/_synapse/admin/v1/users/{made.bot}/admin"
    await made.people["root"].request("PUT", path, {"admin": yes})


async def test_names_as_people_see_them(tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        cast = Cast(made, lambda *_: None)
        anna, tom = made.people["anna"], made.people["tom"]
        for step in (verify, sign, file_room, approve):
            await step(cast)
        await tom.join(cast.known["room"])
        verified = {"verified": True, "by": made.bot}
        await until_mark(cast, "anna", verified)
        await anna.set_profile("displayname", "Rose")
        await cast.asks("anna", "!policy name real", "cannot be unseen")
        await cast.asks("anna", "!policy name real yes", "from now on")
        await until_mark(cast, "anna", verified | {"name": NAMES["anna"]})
        await cast.asks("lea", f"!policy lookup {anna.user_id}", f"Front name: «{NAMES['anna']}»")
        await cast.asks("anna", "!policy name front", "Others see your pseudonym: «Rose»")
        await until_mark(cast, "anna", verified)
        await tom.set_profile("displayname", "Rоse")
        await cast.hears("mira", made.review_room, f"The name of {tom.user_id} looks the same")
        await cast.asks("lea", f"!policy lookup {anna.user_id}", "a name that looks the same")
        await cast.asks("tom", "!policy unlink", "no longer linked")
        await until_mark(cast, "tom", None)
        await tom.set_profile(FIELD, verified)
        await cast.asks("lea", f"!policy lookup {tom.user_id}", f"{tom.user_id} is not verified.")
        await refused_quietly(cast)
        await but_not_when_a_name_stays(cast)


async def refused_quietly(cast: Cast) -> None:
    """Where the bot may not write profiles, names work all the same, and nobody is alarmed."""
    await administrator(cast.stage, yes=False)
    before = await mark(cast, "anna")
    await cast.asks("anna", "!policy name real yes", "from now on")
    await cast.asks("lea", f"!policy lookup {cast.people['anna'].user_id}", NAMES["anna"])
    assert await mark(cast, "anna") == before
    said = await cast.people["mira"].messages(cast.review_room)
    assert not [m for m in said if "could not" in str(m["content"].get("body"))]


async def but_not_when_a_name_stays(cast: Cast) -> None:
    """A name that its owner took back, and that the bot may not remove, calls people."""
    verified = {"verified": True, "by": cast.bot}
    await administrator(cast.stage, yes=True)
    await cast.asks("anna", "!policy name front", "Others see your pseudonym")
    await cast.asks("anna", "!policy name real yes", "from now on")
    await until_mark(cast, "anna", verified | {"name": NAMES["anna"]})
    await administrator(cast.stage, yes=False)
    await cast.asks("anna", "!policy name front", "Others see your pseudonym")
    alarm = await cast.hears("mira", cast.review_room, "verified name still stands there")
    await administrator(cast.stage, yes=True)
    await cast.asks_in_review("mira", found(r"!policy retry \d+", alarm), "")
    await until_mark(cast, "anna", verified)
