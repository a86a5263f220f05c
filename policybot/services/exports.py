"""Exports: what is kept about somebody, for themselves: in short in the chat, whole as an archive."""

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from policybot.domain import reveal as reveal_rules
from policybot.domain.errors import NotFound
from policybot.services import strikes
from policybot.services.copies import Copies
from policybot.services.privacy import Privacy
from policybot.services.setting import Setting
from policybot.services.verifications import hashed
from policybot.store import audit, exports, looks, members, privacy
from policybot.store.database import Tx
from policybot.store.exports import OF_ACCOUNT, OF_PERSON
from policybot.store.members import Span
from policybot.store.privacy import Hold

_LINK_LIFE = reveal_rules.LINK_LIFE
_SHOWN = 5
_DEAD_LINK = "This link is no longer valid. Write !policy export to the bot for a new one."
_ABOUT, _SHOWN_NAME, _COUNTING = "person", "shown", "counting"
_SEALED = ("evidence", "context")
"""Parts whose texts are in the vault."""


class Exports:
    """The service for what is kept about somebody."""

    def __init__(self, setting: Setting, people: Privacy, kept: Copies) -> None:
        """Ask the privacy service, and that of copies, for what is in the vault."""
        self._setting = setting
        self._copies = kept
        self._privacy = people

    # In short ------------------------------------------------------------------------------------

    async def overview(self, tx: Tx, user_id: str) -> list[str]:
        """Write sections about what is kept of somebody, each short; empty ones are left out."""
        person_id = await members.own_person(tx, user_id)
        sections = await self._own(tx, user_id)
        if person_id is None:
            holds = await privacy.holds_on(tx, user_id, None)
            sections.append(_held([hold for hold in holds if hold.person_id is None]))
        else:
            verified, seen = await self._of_person(tx, person_id), await self._seen(tx, person_id)
            sections = [*verified, *sections, *seen]
        return [f"{title}:\n{_few(lines)}" for title, lines in sections if lines]

    async def _of_person(self, tx: Tx, person_id: str) -> list[tuple[str, list[str]]]:
        links = await members.links_of(tx, person_id)
        verified = [
            f"{v.source} ({v.process}), level {v.assurance}, {v.verified_at:%-d %B %Y} until "
            f"{v.ended_at or v.expires_at:%-d %B %Y}"
            for v in await members.verifications_of(tx, person_id)
        ]
        return [
            ("Your accounts", [link.user_id for link in links] if len(links) > 1 else []),
            ("Verified by", verified),
        ]

    async def _own(self, tx: Tx, user_id: str) -> list[tuple[str, list[str]]]:
        parts = {part.name: part for part in OF_ACCOUNT}
        signed = await exports.rows(tx, parts["agreements"], user_id)
        filed = await exports.rows(tx, parts["filings"], user_id)
        reported = await exports.rows(tx, parts["reports"], user_id)
        shown = await exports.rows(tx, parts["documents"], user_id)
        opened = await exports.rows(tx, parts["document_views"], user_id)
        return [
            ("Signed", [f"version {row['version']} on {_day(row['at'])}" for row in signed]),
            ("Your filings", [_filing(row) for row in reversed(filed)]),
            ("Your reports", [_report(row) for row in reversed(reported)]),
            ("Your documents", [_document(row) for row in reversed(shown)]),
            ("Who opened your documents", [_opened(row) for row in reversed(opened)]),
            ("What counts at present", await self._standing(tx, user_id)),
        ]

    async def _standing(self, tx: Tx, user_id: str) -> list[str]:
        """Say which decisions would make the next one harsher, until when, and how."""
        return [strike.in_words for strike in await strikes.own(tx, self._setting, user_id)]

    async def _seen(self, tx: Tx, person_id: str) -> list[tuple[str, list[str]]]:
        found = await looks.known_to(tx, person_id, self._setting.now())
        obstacles: list[str] = []
        if await privacy.erasure(tx, person_id) is not None:
            obstacles = [str(one) for one in await self._privacy.obstacles(tx, person_id)]
        holds = await self._privacy.holds_of(tx, person_id)
        return [
            _held(holds),
            ("You asked to be forgotten; it waits for", obstacles),
            ("Who looked behind your pseudonym", [reveal_rules.done_in_words(look) for look in found]),
        ]

    # Whole ---------------------------------------------------------------------------------------

    async def begin(self, tx: Tx, user_id: str) -> None:
        """Send somebody a one-time link to everything that is kept about them."""
        token, until = self._setting.token(), self._setting.now() + _LINK_LIFE
        await privacy.drop_exports(tx, user_id)
        await privacy.add_export(tx, hashed(token), user_id, until)
        self._remember(tx, user_id, "export:ask")
        self._setting.tell(
            tx,
            user_id,
            "Everything that is kept about you, as an archive:\n"
            f"{self._setting.config.web.public_url}/export/{token}\n"
            f"It works once, until {until:%H:%M} UTC, for whoever has the link: keep it to yourself.",
            cause=f"link export {user_id}",
        )

    async def peek(self, tx: Tx, token: str) -> str:
        """Name whose export a link gives, without using it.

        Raises:
            NotFound: the link is dead.
        """
        user_id = await privacy.export_of(tx, hashed(token), self._setting.now())
        if user_id is None:
            raise NotFound(_DEAD_LINK)
        return user_id

    async def fetch(self, tx: Tx, token: str) -> bytes:
        """Use a link, and make the archive.

        Raises:
            NotFound: the link is dead.
        """
        user_id = await privacy.use_export(tx, hashed(token), self._setting.now())
        if user_id is None:
            raise NotFound(_DEAD_LINK)
        self._remember(tx, user_id, "export:fetch")
        return await self.archive(tx, user_id)

    async def archive(self, tx: Tx, user_id: str) -> bytes:
        """Make a ZIP of everything that is kept about somebody, one JSON file for each part."""
        now, person_id = self._setting.now(), await members.own_person(tx, user_id)
        links = await members.links_ever(tx, person_id) if person_id else []
        spans = {link.user_id: Span.of(link) for link in links} | {user_id: Span(person_id)}
        content: list[tuple[str, str, Any]] = []
        if person_id is not None:
            known = await self._privacy.known(tx, person_id)
            content.append((_ABOUT, "What is known of you.", {"id": person_id} | known))
            content += [(p.name, p.what, await exports.rows(tx, p, person_id)) for p in OF_PERSON]
            seen = await exports.looks(tx, person_id, now)
            content.append((exports.LOOKS.name, exports.LOOKS.what, seen))
        for part in OF_ACCOUNT:
            found = {
                account: await exports.rows_of(tx, part, account, person_id, own=account == user_id)
                for account in spans
            }
            if part.name in _SEALED:
                for account, rows in found.items():
                    found[account] = [await self._copies.told(tx, row) for row in rows]
            content.append((part.name, part.what, found))
        counting = await self._standing(tx, user_id)
        content.append((_COUNTING, "What counts at present, until when, and what follows.", counting))
        shown, pictures = await self._privacy.shown(tx, spans)
        content.append((_SHOWN_NAME, "What you showed to be verified, as long as it is kept.", shown))
        return _zipped(self._readme(content, user_id, now), content, pictures)

    def _readme(self, content: list[tuple[str, str, Any]], user_id: str, now: datetime) -> str:
        operator = self._setting.config.operator
        lines = "\n".join(f"{name}.json: {what}" for name, what, _ in content)
        return (
            f"What {operator.name} keeps about {user_id}, {now:%-d %B %Y, %H:%M} UTC.\n"
            "Times are UTC. Who reported, decided or looked is not in here: that is about others.\n\n"
            f"{lines}\n\nIs something wrong, or do you want it erased? !policy erase, or write to "
            f"{operator.contact}.\n"
        )

    def _remember(self, tx: Tx, user_id: str, tag: str) -> None:
        audit.append(tx, at=self._setting.now(), actor=user_id, tag=tag, object=user_id)


def _zipped(readme: str, content: list[tuple[str, str, Any]], pictures: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", readme)
        for name, _, data in content:
            archive.writestr(f"{name}.json", json.dumps(data, ensure_ascii=False, indent=1))
        for name, picture in pictures.items():
            archive.writestr(f"{name}.jpg", picture)
    return buffer.getvalue()


def _held(holds: list[Hold]) -> tuple[str, list[str]]:
    return "Legal holds on your data", [f"{h.reason}, until {h.until:%-d %B %Y}" for h in holds]


def _few(lines: list[str]) -> str:
    more = [f"… and {len(lines) - _SHOWN} more: !policy export"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more])


def _day(moment: str | None) -> str:
    return f"{datetime.fromisoformat(moment):%-d %B %Y}" if moment else "–"


def _filing(row: dict[str, Any]) -> str:
    number = row["record_number"] or f"F-{row['id']}"
    return f"{number}: {row['state'].replace('_', ' ')}, of {_day(row['submitted_at'])}"


def _report(row: dict[str, Any]) -> str:
    outcome = (row["outcome"] or "being looked at").replace("_", " ")
    return f"R-{row['id']} of {_day(row['received_at'])}: {outcome}"


def _document(row: dict[str, Any]) -> str:
    return f"D-{row['id']} of {_day(row['submitted_at'])}: {row['state']}"


def _opened(row: dict[str, Any]) -> str:
    return f"{row['object']}: a reviewer, on {_day(row['at'])}"
