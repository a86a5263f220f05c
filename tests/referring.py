"""What tests need to hand something of a case over."""

from typing import Any

from tests.staffed import Private
from tests.world import find

CONFIGURED: dict[str, Any] = {
    "recipients": [
        {
            "id": "police",
            "name": "Example Police",
            "what": "the police of the town",
            "reached": "post@police.example.org",
            "bases": {"order": "An order of a court", "danger": "Somebody is in danger"},
            "fields": ["rule", "facts", "time", "room", "event", "message", "account", "identity"],
        },
        {
            "id": "chamber",
            "name": "Chamber of Gardeners",
            "what": "the professional body",
            "reached": "by letter",
            "bases": {"licence": "Its rules on licences"},
            "fields": ["rule", "facts"],
        },
    ],
    "delays": [{"id": "investigation", "title": "An investigation goes on", "longest": "P30D"}],
    "answer_within": "P14D",
}
WHY = "A court asked for it in writing"


async def refer(
    made: Private, what: str = "+rule +time +message", to: str = "police order", why: str = WHY
) -> str:
    """Let Mira propose it; return her answer."""
    return await made.world.say("mira", f"!policy refer {made.case} {to} {what} {why}")


def code(made: Private, who: str = "ravi") -> str:
    return find(r"(?<=!policy confirm )\w+", made.world.told(who)[-1])


async def agreed(made: Private, what: str = "+rule +time +message") -> str:
    answer = await refer(made, what)
    number = find(r"REF-\d+", answer)
    assert "Agreed" in await made.world.say("ravi", f"!policy confirm {code(made)}")
    return number


async def take(made: Private, number: str, by: str = "mira") -> str:
    """Let somebody take the document to hand it over; return what is in it."""
    world = made.world
    await world.say(by, f"!policy handover {number}")
    token = find(r"(?<=/referral/)\S+", world.told(by)[-1])
    async with world.database.transaction() as tx:
        name, content = await world.app.services.referrals.take(tx, token)
    await world.work()
    assert name == f"{number}.txt"
    return content.decode()
