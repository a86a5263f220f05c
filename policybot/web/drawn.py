"""Files as they were sent, drawn anew as pictures; what cannot be taken is said by its name."""

from collections.abc import Sequence

from policybot.domain import evidence as rules
from policybot.matching.media import kind_of
from policybot.ports import Cleaner, Unfit
from policybot.services.evidence import Drawn


async def draw(cleaner: Cleaner, files: Sequence[tuple[str, bytes]]) -> tuple[list[Drawn], list[str]]:
    """Draw files anew; return those that are taken, and a sentence for each that is not."""
    taken, wrong = [], []
    for name, data in files:
        try:
            taken.append(Drawn(name, len(data), await _pictures(cleaner, name, data)))
        except Unfit as unfit:
            wrong.append(str(unfit))
    return taken, wrong


async def _pictures(cleaner: Cleaner, name: str, data: bytes) -> Sequence[bytes]:
    """Draw a file anew.

    Raises:
        Unfit: it is not taken; the message names it.
    """
    if fault := rules.fault(name, kind_of(data) if data else "inode/x-empty"):
        raise Unfit(fault)
    try:
        return await cleaner.clean(data)
    except Unfit as unfit:
        message = f"«{rules.called(name)}»: {unfit}"
        raise Unfit(message) from None
