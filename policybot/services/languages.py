"""Languages: in which one somebody reads the agreement, and what the gate answers."""

from collections.abc import Collection

from policybot.domain.errors import NotFound
from policybot.services.setting import Setting
from policybot.store import audit, filings, languages
from policybot.store.database import Tx

DEFAULT = "default"
"""What somebody writes who wants no language of their own any more."""
_ENGLISH = "en"
"""Every sentence of the gate is there in it."""


class Languages:
    """The service for languages."""

    def __init__(self, setting: Setting) -> None:
        """Know what the operator has written in which language."""
        self._setting = setting

    @property
    def known(self) -> tuple[str, ...]:
        """The languages in which there is something to read."""
        return tuple(sorted({*_written(self._setting), *self._setting.config.agreement.languages}))

    async def of(self, tx: Tx, user_id: str) -> str:
        """Say which language somebody chose; empty for none."""
        return await languages.get(tx, user_id) or ""

    async def choose(self, tx: Tx, user_id: str, language: str) -> None:
        """Answer somebody in a language from now on, or in the operator's own.

        Raises:
            NotFound: there is nothing to read in it.
        """
        if language != DEFAULT and language not in self.known:
            message = (
                f"There is nothing to read in «{language[:20]}» here. There is: "
                f"{', '.join(self.known)}; and «{DEFAULT}» for the usual one."
            )
            raise NotFound(message)
        await keep(self._setting, tx, user_id, "" if language == DEFAULT else language)


def _written(setting: Setting) -> set[str]:
    """Name the languages in which there are sentences or rules."""
    rules = {code for rule in setting.config.rules for code, _, _ in rule.translations}
    return {_ENGLISH, *setting.config.languages, *rules}


async def of_rooms(setting: Setting, tx: Tx, room_ids: Collection[str]) -> dict[str, str]:
    """Say in which language each of some rooms reads what is for everybody there.

    It is the first that its filing names in which there is something to read, else the agreement's.
    """
    written, filed = _written(setting), await filings.held(tx, room_ids)
    found = dict.fromkeys(room_ids, setting.config.agreement.default_language)
    for room_id, filing in filed.items():
        spoken = [one for code in filing.about.languages for one in (code, code.partition("-")[0])]
        found[room_id] = next((code for code in spoken if code in written), found[room_id])
    return found


async def keep(setting: Setting, tx: Tx, user_id: str, language: str) -> None:
    """Remember the language of somebody, if it is another one than before; empty for none."""
    if language == (await languages.get(tx, user_id) or ""):
        return
    if language:
        await languages.save(tx, user_id, language, setting.now())
    else:
        await languages.forget(tx, user_id)
    audit.append(
        tx,
        at=setting.now(),
        actor=user_id,
        tag="language:choose",
        object=user_id,
        language=language,
    )
    await setting.account_changed(tx, user_id)
