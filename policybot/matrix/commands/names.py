"""The commands about names: what others see of you, and what you see of others."""

from policybot.domain.errors import NotFound
from policybot.domain.filing import IN_FORCE
from policybot.domain.identity import FrontClass, masked
from policybot.domain.name import What
from policybot.matrix.commands import subject
from policybot.matrix.commands.command import PREFIX, Asked, Misused, Services
from policybot.services import labels
from policybot.services.cards import titles
from policybot.services.names import View

_SEEN = 40


async def name(services: Services, asked: Asked) -> str:
    """Show what others see of somebody, or change it."""
    match asked.words["FRONT"].lower(), asked.words["YES"].lower():
        case "", "":
            return await _own(services, asked)
        case "real", "":
            return await _offer(services, asked)
        case "real", "yes":
            await services.names.show_real(asked.tx, asked.sender)
            return (
                "Others see your verified name from now on, where they look you or your rooms up. "
                f"To go back, at any time: {PREFIX} name front"
            )
        case (("front" | "pseudonym"), ""):
            await services.names.go_back(asked.tx, asked.sender)
            view = await services.names.view(asked.tx, asked.sender)
            return f"Others see your pseudonym: {view.in_words}."
    message = f"Usage: {PREFIX} name · {PREFIX} name real · {PREFIX} name front"
    raise Misused(message)


async def _own(services: Services, asked: Asked) -> str:
    view = await services.names.view(asked.tx, asked.sender)
    if view.since is None:
        return f"You are not verified, so I show nothing of you. Begin with {PREFIX} verify"
    here = await services.names.class_here(asked.tx, asked.room)
    if view.shown.what is What.REAL:
        shown = "your verified name" if here is FrontClass.PSEUDONYM_ONLY else view.in_words
        change = f"To show your pseudonym again: {PREFIX} name front"
    else:
        shown = f"your pseudonym, {view.in_words}"
        change = (
            "The pseudonym is the display name of your account; change it in your client.\n"
            f"To show your verified name instead: {PREFIX} name real"
        )
        if not services.setting.config.identity.front.real_allowed:
            change = change.partition("\n")[0]
    return f"Others see {shown}, and that you are verified.{_alike(view)}\n{change}"


async def _offer(services: Services, asked: Asked) -> str:
    """Say what showing the verified name means, before it is done."""
    real = await services.names.offer(asked.tx, asked.sender)
    config = services.setting.config
    who = "everybody who looks you or your rooms up"
    if config.identity.front.profile_field:
        who += ", and everybody who can open your profile, on other servers too"
    hidden = [c.title for c in config.filing.categories if c.front is FrontClass.PSEUDONYM_ONLY]
    besides = ""
    if hidden:
        besides = (
            f"\nFor rooms of the kind {', '.join(f'«{title}»' for title in hidden)} I go on showing "
            "your pseudonym alone; your profile is seen from every room."
        )
    return (
        f"Your verified name ({masked(real.reveal())}) would stand in place of your pseudonym. Who will "
        f"see it: {who}. What they have seen cannot be unseen, also when you go back.{besides}\n"
        f"If you want that: {PREFIX} name real yes\nIf not, do nothing: your pseudonym stays."
    )


async def lookup(services: Services, asked: Asked) -> str:
    """Look up a room in the register, or whether an account is verified."""
    text = asked.words["WHAT"]
    if (account := subject.account_in(text)) is not None:
        return await _account(services, asked, account)
    if text[0] == "@":
        message = f"«{text[:_SEEN]}» is no account. Write it in full, such as @anna:example.org."
        raise NotFound(message)
    if text[0] in "#!h":
        text = subject.room_in(asked.aliases, text)
    filing = await services.filings.lookup(asked.tx, text)
    here = await services.names.class_here(asked.tx, asked.room)
    view = await services.names.answerable(asked.tx, filing, here)
    until = f"\nValid until: {filing.valid_until:%-d %B %Y}" if filing.valid_until else ""
    marks = await labels.marks(asked.tx, services.setting.config, filing)
    qualified = "".join(f"\nQualified: {mark.in_words}" for mark in marks if filing.state in IN_FORCE)
    return (
        f"{filing.number}: {filing.in_words}\nRoom: {filing.place}\n"
        f"Answerable: {view.with_mark}\nCategory: {titles(services.setting, filing)}\n"
        f"Purpose: {' '.join(filing.purpose.split())}{qualified}{until}{_alike(view)}"
    )


async def _account(services: Services, asked: Asked, account: str) -> str:
    here = await services.names.class_here(asked.tx, asked.room)
    view = await services.names.view(asked.tx, account, here)
    if view.since is None:
        return f"{account} is not verified."
    return f"{account}: verified since {view.since:%-d %B %Y}\nFront name: {view.in_words}{_alike(view)}"


def _alike(view: View) -> str:
    if not view.alike:
        return ""
    return "\nCareful: another verified account uses a name that looks the same."
