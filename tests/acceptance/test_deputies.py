"""An owner who is gone, on the real homeserver: declined, left, closed; and who is called then."""

from pathlib import Path

from policybot.config import load
from policybot.demo import story
from policybot.demo.person import Person
from policybot.demo.stage import PASSWORD, stage
from policybot.demo.story import Cast, found
from policybot.store import vacancies
from policybot.store.database import Database
from tests.acceptance.test_publishing import verified_and_signed


async def leave(person: Person, room: str) -> None:
    await person.request("POST", f"/_matrix/client/v3/rooms/{room}/leave", {})


async def close_account(person: Person) -> None:
    """Deactivate one's own account, as clients do."""
    auth = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": person.user_id},
        "password": PASSWORD,
    }
    await person.request("POST", "/_matrix/client/v3/account/deactivate", {"auth": auth})


async def test_the_deputy_is_called_when_the_owners_account_is_closed_and_not_before(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as made:
        cast, anna, tom = Cast(made, lambda *_: None), made.people["anna"], made.people["tom"]
        for name in ("anna", "tom"):
            await verified_and_signed(cast, name)
        answer = await cast.asks("anna", "!policy file new general Of rakes and spades", "F-")
        number = found(r"F-\d+", answer)
        await cast.asks("anna", f"!policy deputy {number} {tom.user_id}", "when it is approved")
        await cast.asks_in_review("ravi", f"!policy approve {number}", "is approved as")
        told = await cast.hears("anna", cast.rooms["anna"], "I have made it and invited you")
        room, record = found(r"![^\s?]+", told), found(r"PB-\d{4}-\d{6}-\w\w", told)
        await cast.hears("tom", cast.rooms["tom"], "asks you to be the deputy")
        await cast.asks("tom", f"!policy accept {record}", "you are the deputy")

        await leave(anna, room)  # declines the invitation, and was never in it
        status = await cast.asks("anna", f"!policy status {record}", "is approved")
        assert f"Deputy: {tom.user_id} (has agreed)" in status
        database = await Database.open(load(made.config).database_url, upgrade=False)
        async with database.transaction(reading=True) as tx:
            assert await vacancies.get(tx, int(number.removeprefix("F-"))) is None
        await database.close()
        await anna.join(room)
        await close_account(anna)
        await cast.hears("tom", cast.rooms["tom"], "you are its deputy: please take it over")
        await cast.asks("tom", f"!policy accept {record}", f"You answer for {record}")
        await cast.hears("ravi", made.review_room, f"in place of {anna.user_id}")
        assert room in await made.people["lea"].public_rooms(), "the room stays as it is"
        said = [
            str(event["content"].get("body"))
            for event in await made.people["ravi"].messages(made.review_room)
        ]
        assert not any("I could not" in text for text in said), "that she cannot be told is no alarm"


async def test_a_room_whose_owner_leaves_needs_an_owner_until_they_are_back(tmp_path: Path) -> None:
    async with stage(tmp_path) as made:
        cast, anna = Cast(made, lambda *_: None), made.people["anna"]
        await verified_and_signed(cast, "anna")
        await story.file_room(cast)
        await story.approve(cast)
        await leave(anna, cast.known["room"])
        record = cast.known["record"]
        await cast.hears("ravi", made.review_room, f"{record} ({cast.known['room']}) needs an owner")
        await cast.hears("anna", cast.rooms["anna"], "Nobody answers for your room")
        await anna.join(cast.known["room"])
        await cast.asks("anna", f"!policy status {record}", "is approved")
