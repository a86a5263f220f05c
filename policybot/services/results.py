"""Results of a verification service: awaited by a browser, posted by the service; both have to meet.

The reference leaves with the browser, so whoever it was passed on to may use it. The result's ID is
made by the service once the person is done, so only the browser of that person brings it. Therefore
both have to come from the browser that left: then nobody is linked by a forwarded link, nor by a
forwarded address of the service.
"""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from policybot.domain.errors import NotFound
from policybot.domain.identity import MAX_ATTEMPTS
from policybot.domain.private import Private
from policybot.ports import Received
from policybot.services.members import Members
from policybot.services.setting import Setting
from policybot.services.verifications import Verifications, hashed
from policybot.store import attempts, audit, results, webhooks
from policybot.store.database import Tx
from policybot.store.results import Awaited

RESULT_ID = re.compile(r"[A-Za-z0-9_-]{20,200}")
"""The form of a result's ID: it must not be guessable, and becomes part of an address."""
SKEW = timedelta(minutes=5)
"""How far a sender's clock may be from ours (Standard Webhooks)."""
_REMEMBER_POSTS = timedelta(days=1) + SKEW
_BATCH = 100
_DEAD = "This page is no longer valid. Write !policy verify to the bot for a new link."


@dataclass(frozen=True, slots=True)
class Post:
    """A result as a service posted it, its signature checked."""

    webhook_id: str
    body_hash: str
    reference: str = field(repr=False)
    result_id: str = field(repr=False)
    status: str
    final: bool
    time: str
    """When the result came about, in a form that can be compared as text."""
    said: Mapping[str, str] = field(repr=False)
    """What is kept of it until the browser comes."""


@dataclass(frozen=True, slots=True)
class Met:
    """A browser that is back, and what was posted for it by now."""

    token_hash: str
    user_id: str
    way: str
    memory: Mapping[str, Private]
    """What was posted; nothing if it is not there yet."""


class Results:
    """The service for results."""

    def __init__(self, setting: Setting, people: Members, verifications: Verifications) -> None:
        """Keep with the members' service what waits for a browser."""
        self._setting = setting
        self._members = people
        self._verifications = verifications

    async def depart(self, tx: Tx, token: str, reference: str, way: str, wait: timedelta) -> str:
        """Remember that a browser goes to a service; return the secret that it is to keep.

        Raises:
            NotFound: the link is dead.
        """
        await self._verifications.attempt(tx, token)
        await self._verifications.count_find(tx, hashed(token))
        browser = self._setting.token()
        awaited = Awaited(
            reference_hash=hashed(reference),
            token_hash=hashed(token),
            way=way,
            browser_hash=hashed(browser),
            vault_id=f"P-{uuid.uuid4().hex}",
            wait_until=self._setting.now() + wait,
        )
        await results.add(tx, awaited)
        return browser

    async def come_back(self, tx: Tx, reference: str, browser: str, result_id: str) -> Met | None:
        """Recognise a browser that left for a result; None if it did not.

        It may come as often as it likes while nothing is there, and a few times after that.

        Raises:
            NotFound: it brings no result, or the attempt has done its work or found too often.
        """
        now = self._setting.now()
        awaited = await results.come_back(tx, hashed(reference), hashed(browser), hashed(result_id), now)
        if awaited is None:
            return None
        if not RESULT_ID.fullmatch(result_id):
            message = "Your result is missing. Please finish at the service, and come back from there."
            raise NotFound(message)
        attempt = await attempts.get(tx, awaited.token_hash)
        if attempt is None or attempt.used_at is not None or attempt.wrong_codes >= MAX_ATTEMPTS:
            raise NotFound(_DEAD)
        posted = await self._members.aside(tx, awaited.vault_id, _key(result_id)) or {}
        if posted:
            await self._verifications.count_find(tx, awaited.token_hash)
            # The code on the page is good for as long as a link, however long the result took.
            life = timedelta(minutes=self._setting.config.identity.link_minutes)
            await attempts.prolong(tx, awaited.token_hash, now + life)
        return Met(awaited.token_hash, attempt.user_id, awaited.way, posted)

    async def arrive(self, tx: Tx, post: Post) -> Received:
        """Keep what a service posted until its browser comes, and tell those who wait for it.

        What is new, what is known already and what nobody awaits is answered alike: a sender would
        only try again, and learns nothing of who waits here.
        """
        id_hash = self._setting.keyed("webhook id", post.webhook_id)
        body_hash = self._setting.keyed("webhook body", post.body_hash)
        earlier = await webhooks.take(tx, id_hash, body_hash, self._setting.now())
        if earlier is not None:
            return Received.TAKEN if earlier == body_hash else Received.CONTRADICTED
        if not post.final:
            return Received.TAKEN
        awaited = await results.count_posted(tx, hashed(post.reference), self._setting.now())
        attempt = await attempts.get(tx, awaited.token_hash) if awaited else None
        if awaited is None or attempt is None or attempt.used_at is not None:
            return Received.TAKEN
        known = await self._members.aside(tx, awaited.vault_id, _key(post.result_id))
        if known is not None and known["time"].reveal() >= post.time:
            return Received.TAKEN  # it was overtaken by a newer one
        said = {**post.said, "time": post.time}
        await self._members.put_aside(tx, awaited.vault_id, _key(post.result_id), said)
        audit.append(
            tx,
            at=self._setting.now(),
            actor="system:callback",
            tag="identity:result",
            object=attempt.user_id,
            status=post.status,
        )
        if awaited.brought_hash == hashed(post.result_id):
            self._setting.tell(
                tx,
                attempt.user_id,
                "The result of your verification is here. Please open that page again, in the same "
                "browser: it shows how to go on.",
                cause=f"verification {attempt.user_id}",
            )
        return Received.TAKEN

    async def sweep(self, tx: Tx) -> int:
        """Forget what is no longer awaited; return how much there was."""
        now = self._setting.now()
        over = await results.over(tx, now, _BATCH)
        for awaited in over:
            await self._members.forget(tx, awaited.vault_id)
            await results.remove(tx, awaited.reference_hash)
        await webhooks.forget_before(tx, now - _REMEMBER_POSTS)
        return len(over)


def _key(result_id: str) -> str:
    return hashed(result_id)
