"""The command of everybody for their language: in which one they are answered."""

from policybot.matrix.commands.command import PREFIX, Asked, Services
from policybot.services.languages import DEFAULT


async def language(services: Services, asked: Asked) -> str:
    """Show somebody's language, or set it."""
    code = asked.words["CODE"].lower()
    if code:
        await services.languages.choose(asked.tx, asked.sender, code)
    chosen = await services.languages.of(asked.tx, asked.sender)
    if code and chosen:
        return (
            f"From now on you read in «{chosen}» why something is not accepted, and the agreement, as "
            f"far as they are written in that language. To go back: {PREFIX} language {DEFAULT}"
        )
    known = ", ".join(f"{PREFIX} language {one}" for one in services.languages.known if one != chosen)
    now = f"«{chosen}»" if chosen else "the usual one here"
    back = f" To go back to the usual one: {PREFIX} language {DEFAULT}" if chosen else ""
    return f"Your language is {now}. Others: {known}.{back}"
