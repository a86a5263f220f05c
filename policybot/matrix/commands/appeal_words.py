"""What whoever appeals reads of it in the chat."""

from policybot.domain.appeal import URGENT, About, Appeal, Kind, State
from policybot.matrix.commands.command import PREFIX


def taken(appeal: Appeal, rests: str = "") -> str:
    """Say to whoever appeals that it is in, and what they can do next."""
    urgent = f"It is urgent, for {URGENT[appeal.urgent]}. " if appeal.urgent else ""
    of = "" if appeal.kind is Kind.DECISION else f", against {appeal.against},"
    return (
        f"Your {appeal.called}{of} is in. Somebody who had no part in {appeal.against} will look "
        f"at it, and I will tell you the outcome with the reasons. {urgent}{rests}"
        f"It should be answered by {appeal.due_at:%-d %B %Y}. {hints(appeal)}"
    )


def hints(appeal: Appeal) -> str:
    """Say what whoever appeals can write next."""
    n = appeal.number
    what = "To answer" if appeal.asked_at else "To add something"
    # One that is good for a whole server cannot be taken back for all of it.
    back = "" if appeal.about is About.SERVER else f" · to take it back: {PREFIX} withdraw {n}"
    return f"{what}: {PREFIX} add {n} TEXT · where it stands: {PREFIX} status {n}{back}"


def waits_for(appeal: Appeal) -> list[str]:
    """Say what whoever made an appeal can do while it waits."""
    return [hints(appeal)] if appeal.state is State.SUBMITTED else []
