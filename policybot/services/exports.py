"""Exports: what is kept about somebody, for themselves: in short in the chat, whole as an archive."""

import io
import json
import zipfile
from datetime import datetime
from typing import Any

from policybot.domain import reveal as reveal_rules
from policybot.domain.decision import IN_FORCE
from policybot.domain.errors import NotFound
from policybot.domain.ladder import Ladder, Severity
from policybot.services.privacy import Privacy
from policybot.services.setting import Setting
from policybot.services.verifications import hashed
from policybot.store import audit, decisions, exports, looks, members, privacy
from policybot.store.database import Tx
from policybot.store.exports import OF_ACCOUNT, OF_PERSON, Part
from policybot.store.privacy import Hold

_LINK_LIFE = reveal_rules.LINK_LIFE
_SHOWN = 5
_DEAD_LINK = "This link is no longer valid. Write !policy export to the bot for a new one."
_ABOUT = "person"


class Exports:
    """The service for what is kept about somebody."""

    def __init__(self, setting: Setting, people: Privacy) -> None:
        """Ask the privacy service for what is in the vault."""
        self._setting = setting
        self._privacy = people

    # In short ------------------------------------------------------------------------------------

    async def overview(self, tx: Tx, user_id: str) -> list[str]:
        """Write sections about what is kept of somebody, each short; empty ones are left out."""
        person_id = await members.own_person(tx, user_id)
        sections = await self._own(tx, user_id)
        if person_id is None:
            sections.append(_held(await privacy.holds_on(tx, user_id, None)))
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
        """Say which decisions would make the next one harsher, and until when."""
        now, ladder = self._setting.now(), self._setting.config.ladder
        return [
            f"{d.number}, {d.severity.value}: until {ends:%-d %B %Y}"
            for d in await decisions.about(tx, user_id)
            if d.state in IN_FORCE and (ends := _counts_until(ladder, d.severity, d.occurred_at)) > now
        ]

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
        accounts = await members.accounts_ever(tx, person_id) if person_id else [user_id]
        content: list[tuple[str, str, Any]] = []
        if person_id is not None:
            claims = await self._privacy.claims(tx, person_id) or {}
            known = {name: value.reveal() for name, value in claims.items()}
            sources = await self._privacy.all_claims(tx, person_id)
            said = {s: {n: v.reveal() for n, v in claim.items()} for s, claim in sources.items()}
            about = {"id": person_id, "claims": known, "by source": said}
            content.append((_ABOUT, "What is known of you.", about))
            content += [(p.name, p.what, await exports.rows(tx, p, person_id)) for p in OF_PERSON]
            seen = await exports.looks(tx, person_id, now)
            content.append((exports.LOOKS.name, exports.LOOKS.what, seen))
        for part in OF_ACCOUNT:
            content.append((part.name, part.what, await self._of_accounts(tx, part, accounts)))
        return _zipped(self._readme(content, user_id, now), content)

    @staticmethod
    async def _of_accounts(tx: Tx, part: Part, accounts: list[str]) -> dict[str, Any]:
        return {account: await exports.rows(tx, part, account) for account in accounts}

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


def _zipped(readme: str, content: list[tuple[str, str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", readme)
        for name, _, data in content:
            archive.writestr(f"{name}.json", json.dumps(data, ensure_ascii=False, indent=1))
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


def _counts_until(ladder: Ladder, severity: Severity, occurred_at: datetime) -> datetime:
    return occurred_at + ladder.severities[severity].expires
