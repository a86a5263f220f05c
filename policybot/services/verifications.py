"""Verifications: from a one-time link over the pages of a way in to the code that comes back."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from policybot.domain import identity
from policybot.domain.errors import NotFound, NotPermitted
from policybot.domain.identity import Attempt, Found, Record, Source
from policybot.domain.private import Private
from policybot.services.documents import Documents
from policybot.services.members import Members
from policybot.services.setting import Setting
from policybot.store import attempts, audit
from policybot.store.database import Tx

_DEAD_LINK = "This link is no longer valid. Write !policy verify to the bot for a new one."
_MAX_WRONG_A_DAY = 15
_BATCH = 100


class WrongCode(NotFound):
    """The code on the page belongs to nobody."""


@dataclass(frozen=True, slots=True)
class Return:
    """A browser that is back from a provider."""

    token_hash: str
    attempt: Attempt
    memory: Mapping[str, Private]


class Verifications:
    """The service for verifications."""

    def __init__(self, setting: Setting, people: Members, papers: Documents) -> None:
        """Hand over whom a way in has found: to the members' service, or to the reviewers."""
        self._setting = setting
        self._members = people
        self._documents = papers

    async def begin(self, tx: Tx, user_id: str) -> str:
        """Make a one-time link for an account and return its token.

        Raises:
            NotPermitted: too many wrong codes were given for the account today.
        """
        now = self._setting.now()
        wrong = await attempts.wrong_codes_since(tx, user_id, now - timedelta(days=1))
        if wrong >= _MAX_WRONG_A_DAY:
            message = "Too many wrong codes today. Please try again tomorrow."
            raise NotPermitted(message)
        token = self._setting.token()
        life = timedelta(minutes=self._setting.config.identity.link_minutes)
        await attempts.add(tx, hashed(token), Attempt(user_id, now + life))
        self._remember(tx, user_id, "identity:begin", user_id)
        return token

    async def attempt(self, tx: Tx, token: str) -> Attempt:
        """Look up a one-time link without using it, so that a link preview does no harm.

        Raises:
            NotFound: there is no such link, or it is used up.
        """
        found = await attempts.get(tx, hashed(token))
        if found is None or not found.usable(self._setting.now()):
            raise NotFound(_DEAD_LINK)
        return found

    async def spend_try(self, tx: Tx, token: str) -> Attempt:
        """Count a try before what was typed is looked at.

        Raises:
            NotFound: the link is dead.
        """
        attempt = await attempts.spend_try(tx, hashed(token), self._setting.now())
        if attempt is None:
            raise NotFound(_DEAD_LINK)
        return attempt

    def wrong(self, attempt: Attempt) -> WrongCode:
        """Say that what was typed belongs to nobody, and how many tries are left."""
        left = identity.MAX_ATTEMPTS - attempt.wrong_codes
        if left <= 0:
            return WrongCode(_DEAD_LINK)
        return WrongCode(
            f"This code was not accepted. Please check it; {left} "
            f"{'try is' if left == 1 else 'tries are'} left. If it is right and still refused, ask "
            f"{self._setting.config.operator.contact}."
        )

    async def send_away(self, tx: Tx, token: str, state: str, memory: Mapping[str, str]) -> str:
        """Remember that a browser goes to a provider; return the secret that it is to keep.

        Raises:
            NotFound: the link is dead.
        """
        await self.attempt(tx, token)
        candidate = await self._fresh_candidate(tx, hashed(token))
        await self._members.remember(tx, candidate, memory)
        browser = self._setting.token()
        await attempts.send_away(tx, hashed(token), candidate, hashed(state), hashed(browser))
        return browser

    async def come_back(self, tx: Tx, state: str, browser: str) -> Return:
        """Recognise the browser that was sent to a provider; a state is good once.

        Raises:
            NotFound: the state is unknown, used, too old, or another browser's.
        """
        row = await attempts.come_back(tx, hashed(state), hashed(browser), self._setting.now())
        memory = await self._members.recall(tx, row[1]) if row else None
        if row is None or memory is None:
            raise NotFound(_DEAD_LINK)
        return Return(row[0], row[2], memory)

    async def blind(self, record: Record) -> str:
        """Blind a person for the index. Takes a while: never call it in a transaction."""
        return await self._members.blind(record)

    async def found(
        self, tx: Tx, token_hash: str, record: Record, blind: str, *, forgive: bool = False
    ) -> str:
        """Keep whom a source found for an attempt; return the code that the account has to send.

        Nothing is linked yet: whoever sits before the page may be somebody else than whoever asked
        for it. `forgive` takes back the try that was counted on the way here.

        Raises:
            NotFound: the link is dead.
        """
        now = self._setting.now()
        attempt = await attempts.get(tx, token_hash)
        if attempt is None or attempt.used_at is not None or now >= attempt.expires_at:
            raise NotFound(_DEAD_LINK)
        if forgive:
            await attempts.forgive(tx, token_hash)
        candidate = await self._fresh_candidate(tx, token_hash)
        await self._members.keep(tx, candidate, record)
        longest = now + self._setting.config.identity.valid_for
        found = Found(
            token_hash=token_hash,
            user_id=attempt.user_id,
            candidate=candidate,
            blind=blind,
            source=record.source,
            realm=record.realm,
            assurance=record.assurance,
            process=record.process,
            verified_at=record.verified_at,
            valid_until=min(record.expires_at or longest, longest),
            ticket=record.ticket,
        )
        code = self._setting.code()
        await attempts.save_found(tx, found, self._setting.keyed("confirm", code))
        return code

    async def _fresh_candidate(self, tx: Tx, token_hash: str) -> str:
        """Forget whom an attempt found before, and give the next find an ID."""
        if (earlier := await attempts.candidate_of(tx, token_hash)) is not None:
            await self._members.forget(tx, earlier)
        return f"P-{uuid.uuid4().hex}"

    async def confirm(self, tx: Tx, user_id: str, code: str) -> str:
        """Link an account to the person on whose page a code stood; say what came of it.

        Wrong codes are counted, so the answer is no exception: it has to be committed.
        """
        now = self._setting.now()
        found = await attempts.by_code(tx, self._setting.keyed("confirm", code.upper()), now)
        if found is None:
            await attempts.count_wrong(tx, user_id, now)
            return (
                "I do not know this code, or its time is over. Please check it on the page, or begin "
                "anew with !policy verify"
            )
        if found.user_id != user_id:
            await self._close(tx, found)
            self._remember(tx, user_id, "identity:refuse", found.user_id, why="sent by another account")
            return (
                "This code stands on a page that was made for another account. If somebody sent you "
                "that page: they would have spoken in your name. I have closed it, and nothing was "
                "linked. To verify your own account, write !policy verify"
            )
        if found.source is Source.DOCUMENT:
            return await self._documents.bind(tx, found)
        person_id = await self._members.link(tx, found)
        if person_id is None:
            await self._close(tx, found)
            self._remember(tx, user_id, "identity:refuse", user_id, why="not free to be linked")
            return (
                "This could not be linked to your account. Please ask "
                f"{self._setting.config.operator.contact}. What you showed was not kept."
            )
        await attempts.use_up(tx, found.token_hash, now)
        return (
            f"You are verified, level {found.assurance}, until {found.valid_until:%-d %B %Y}. Others go "
            "on seeing the name of your choice; your real name stays behind.\n"
            "Next: read and sign the agreement with !policy agree\n"
            "If this was not you: !policy unlink"
        )

    async def _close(self, tx: Tx, found: Found) -> None:
        await self._members.forget(tx, found.candidate)
        await attempts.use_up(tx, found.token_hash, self._setting.now())

    async def sweep(self, tx: Tx) -> int:
        """Forget whom attempts found that came to nothing; return how many there were."""
        left = await attempts.left_over(tx, self._setting.now(), _BATCH)
        for token_hash, candidate in left:
            await self._members.forget(tx, candidate)
            await attempts.clear(tx, token_hash)
        return len(left)

    def _remember(self, tx: Tx, actor: str, tag: str, about: str, **payload: str) -> None:
        audit.append(tx, at=self._setting.now(), actor=actor, tag=tag, object=about, **payload)


def hashed(token: str) -> str:
    """Hash a token: who reads the database cannot use the links in it."""
    return hashlib.sha256(token.encode()).hexdigest()
