"""The command of everybody for the agreement: read it in one's language, see what changed, sign it."""

from policybot.domain.agreement import Standing, Version
from policybot.matrix.commands.command import Asked, Services
from policybot.services.agreements import day

_LONGEST = 6000
"""Characters of a text that is shown in the chat; a longer one is on its page."""


async def agree(services: Services, asked: Asked) -> str:
    """Show the agreement, or sign it."""
    version, language = asked.words["VERSION"], asked.words["LANGUAGE"]
    if not language and version in services.agreements.newest.agreement.languages:
        version, language = "", version
    if language:
        await services.agreements.choose(asked.tx, asked.sender, language.lower())
    return await (_sign(services, asked, version) if version else _show(services, asked))


async def _show(services: Services, asked: Asked) -> str:
    texts = services.agreements
    version, signed = texts.newest, await texts.signed(asked.tx, asked.sender)
    language = version.agreement.language(await texts.language(asked.tx, asked.sender))
    text = version.agreement.texts[language]
    if len(text) > _LONGEST:
        text = f"It is long; please read it here: {texts.address(f'?version={version.name}')}"
    promises = version.agreement.promises(language)
    numbered = "\n".join(f"{number}. {promise}" for number, promise in enumerate(promises, 1))
    parts = [
        f"Agreement, version {version.name}{_when(services, version)}",
        text,
        f"You promise:\n{numbered}" if promises else "",
        _changes(services, signed, version, language),
        f"To sign it, write: !policy agree {version.name}",
        _elsewhere(services, version, language),
    ]
    if signed is not None and signed.number >= version.number:
        parts[-2] = f"You have signed it. For others to read: {texts.address()}"
    return "\n\n".join(part for part in parts if part)


def _when(services: Services, version: Version) -> str:
    if version is services.agreements.current:
        return ""
    return f", binds from {day(version.binds_from)}; signing it is good until then as well"


def _changes(services: Services, signed: Version | None, version: Version, language: str) -> str:
    if signed is None or signed.number >= version.number:
        return ""
    change = services.announcements.change(signed, version, language)
    return f"You have signed version {signed.name}. What changed since:\n{change}"


def _elsewhere(services: Services, version: Version, language: str) -> str:
    others = [name for name in version.agreement.languages if name != language]
    if not others:
        return ""
    commands = ", ".join(f"!policy agree {name}" for name in others)
    return f"In another language: {commands}. As a page: {services.agreements.address()}"


async def _sign(services: Services, asked: Asked, name: str) -> str:
    if not await services.agreements.sign(asked.tx, asked.sender, name, asked.event_id):
        return f"You have signed version {name} already. Nothing to do."
    said = (
        f"Thank you. You have signed version {name}. I will write to you here "
        "whenever something concerns you.\nTo open a public room, invite me to it and write: "
        "!policy file ROOM"
    )
    coming = services.agreements.coming
    if coming is not None and coming.name != name:
        said += (
            f"\nVersion {coming.name} binds from {day(coming.binds_from)}. You can read it and sign it "
            "now: !policy agree"
        )
    return said


async def in_words(services: Services, asked: Asked) -> str:
    """Say what somebody has signed, to themselves."""
    texts = services.agreements
    signed = await texts.signed(asked.tx, asked.sender)
    standing = await texts.standing(asked.tx, asked.sender)
    if signed is None:
        return "not signed; see !policy agree"
    if standing is Standing.DUE:
        return f"signed, version {signed.name}; version {texts.current.name} binds: see !policy agree"
    if standing is Standing.WAITING:
        ahead = f"version {texts.newest.name} binds from {day(texts.newest.binds_from)}"
        return f"signed, version {signed.name}; {ahead}: see !policy agree"
    return f"signed, version {signed.name}"
