"""Verifications: from a one-time link over the pages of a way in to the code that comes back."""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from policybot.domain import identity
from policybot.domain.errors import NotFound, NotPermitted
from policybot.domain.identity import Attempt, Blinds, Bound, Found, Record, Source
from policybot.domain.private import Private
from policybot.services.documents import Documents
from policybot.services.members import Members, NotLinked, Why
from policybot.services.setting import Setting
from policybot.store import attempts, audit
from policybot.store.database import Tx

_DEAD_LINK = "This link is no longer valid. Write !policy verify to the bot for a new one."
_UNKNOWN_CODE = (
    "I do not know this code, or its time is over. Please check it on the page, or begin anew with "
    "!policy verify"
)
_FORWARDED = (
    "That page was made for another account. If somebody sent it to you: they would have spoken in "
    "your name. It is closed, and nothing was linked. To verify your own account, write !policy verify"
)
_USED_TOKEN = "Your client sent something that was used before. Please open the widget anew."  # noqa: S105 - words
_MAX_WRONG_A_DAY = 15
_MAX_FINDS_A_DAY = 50
_BATCH = 100
_TOKENS_KNOWN = timedelta(days=1)
"""For how long a client's token is remembered: far longer than homeservers take it."""


class WrongCode(NotFound):
    """The code on the page belongs to nobody."""


@dataclass(frozen=True, slots=True)
class Return:
    """A browser that is back from a provider."""

    token_hash: str
    attempt: Attempt
    memory: Mapping[str, Private]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of tying an account to the person on a page, in words for whoever asked."""

    linked: bool
    text: str
    waits: bool = False
    """Whether a reviewer has yet to decide."""

    @property
    def good(self) -> bool:
        """Whether it was taken."""
        return self.linked or self.waits


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
            NotPermitted: the account has tried too often today.
        """
        now = self._setting.now()
        yesterday = now - timedelta(days=1)
        if await attempts.finds_since(tx, user_id, yesterday) >= _MAX_FINDS_A_DAY:
            message = "You have tried this very often today. Please go on tomorrow."
            raise NotPermitted(message)
        wrong = await attempts.wrong_codes_since(tx, user_id, yesterday)
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
        await self.count_find(tx, hashed(token))
        attempt = await attempts.spend_try(tx, hashed(token), self._setting.now())
        if attempt is None:
            raise NotFound(_DEAD_LINK)
        return attempt

    async def count_find(self, tx: Tx, token_hash: str) -> None:
        """Count a find before it costs anything: a right code, too, is good for a few only.

        Raises:
            NotFound: the link has found as often as it may.
        """
        if not await attempts.count_find(tx, token_hash):
            raise NotFound(_DEAD_LINK)

    async def check_shown(self, tx: Tx, browser: str) -> None:
        """Check that somebody is shown in a browser who waits for their account.

        Raises:
            NotFound: nobody is, or their time is over.
        """
        if not await attempts.is_shown(tx, hashed(browser), self._setting.now()):
            raise NotFound(_DEAD_LINK)

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
        await self.count_find(tx, hashed(token))
        _, candidate = await self._fresh_candidate(tx, hashed(token))
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

    async def bind(self, tx: Tx, token_hash: str) -> str:
        """Tie what is shown to the browser that sees it; return the secret that it is to keep."""
        browser = self._setting.token()
        await attempts.bind(tx, token_hash, hashed(browser))
        return browser

    async def send_to_prove(self, tx: Tx, browser: str, state: str, memory: Mapping[str, str]) -> None:
        """Remember that a browser, in which somebody is shown, goes off to log in as the account.

        Raises:
            NotFound: nothing is shown in this browser, or its time is over.
        """
        sent = await attempts.send_to_prove(tx, hashed(browser), hashed(state), self._setting.now())
        if sent is None:
            raise NotFound(_DEAD_LINK)
        await self._members.remember(tx, sent[1], memory)

    async def blind(self, record: Record) -> Blinds:
        """Blind a person for the index. Takes a while: never call it in a transaction."""
        return await self._members.blind(record)

    async def found(
        self, tx: Tx, token_hash: str, record: Record, blinds: Blinds, *, forgive: bool = False
    ) -> str:
        """Keep whom a source found for an attempt; return the code that the account has to send.

        Nothing is linked yet: whoever sits before the page may be somebody else than whoever asked
        for it. `forgive` takes back the try that was counted on the way here.

        Raises:
            NotFound: the link is dead.
        """
        attempt, candidate = await self._fresh_candidate(tx, token_hash)
        if forgive:
            await attempts.forgive(tx, token_hash)
        await self._members.keep(tx, candidate, record)
        longest = self._setting.now() + self._setting.config.identity.valid_for
        found = Found(
            token_hash=token_hash,
            user_id=attempt.user_id,
            candidate=candidate,
            blind=blinds.person,
            likeness=blinds.likeness,
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

    async def _fresh_candidate(self, tx: Tx, token_hash: str) -> tuple[Attempt, str]:
        """Forget whom an attempt found before, and give the next find an ID; others wait meanwhile.

        Raises:
            NotFound: the link is dead.
        """
        held = await attempts.hold(tx, token_hash)
        if held is None or held[0].used_at is not None or self._setting.now() >= held[0].expires_at:
            raise NotFound(_DEAD_LINK)
        attempt, earlier = held
        if earlier is not None:
            await self._members.forget(tx, earlier)
        return attempt, f"P-{uuid.uuid4().hex}"

    async def confirm(self, tx: Tx, user_id: str, code: str, bound: Bound = Bound.CODE) -> Outcome:
        """Take the code of a page from an account; say what came of it.

        Wrong codes are counted, so the answer is no exception: it has to be committed.
        """
        now = self._setting.now()
        found = await attempts.by_code(tx, self._setting.keyed("confirm", code.upper()), now)
        if found is None:
            await attempts.count_wrong(tx, user_id, now)
            return Outcome(linked=False, text=_UNKNOWN_CODE)
        return await self._link(tx, found, user_id, bound)

    async def prove(self, tx: Tx, token_hash: str, user_id: str) -> Outcome:
        """Take it from a login in the same browser which account it holds; say what came of it.

        Raises:
            NotFound: nothing waits for that any more.
        """
        found = await attempts.waiting(tx, token_hash, self._setting.now())
        if found is None:
            raise NotFound(_DEAD_LINK)
        outcome = await self._link(tx, found, user_id, Bound.LOGIN)
        if outcome.good:  # it hears of it where it asked, too: whoever holds the browser saw it
            self._setting.tell(tx, user_id, outcome.text, cause=f"verification {user_id}")
        return outcome

    async def show(self, tx: Tx, user_id: str, token: Private, code: str) -> Outcome:
        """Take a code from an account that its client has shown by a token; a token is good once."""
        forget_at = self._setting.now() + _TOKENS_KNOWN
        if not await attempts.spend_token(tx, hashed(token.reveal()), forget_at):
            return Outcome(linked=False, text=_USED_TOKEN)
        return await self.confirm(tx, user_id, code, Bound.WIDGET)

    async def _link(self, tx: Tx, found: Found, user_id: str, bound: Bound) -> Outcome:
        """Link the account that was found for, if that is the one that comes; else close the page."""
        if not await attempts.use_up(tx, found, self._setting.now()):
            return Outcome(linked=False, text=_UNKNOWN_CODE)
        if found.user_id != user_id:
            await self._members.forget(tx, found.candidate)
            self._remember(
                tx, user_id, "identity:refuse", found.user_id, why="another account", bound=bound.value
            )
            return Outcome(linked=False, text=_FORWARDED)
        if found.source is Source.DOCUMENT:
            text = await self._documents.bind(tx, found, bound)
            return Outcome(linked=False, waits=True, text=text)
        try:
            await self._members.link(tx, found, bound)
        except NotLinked as refused:
            await self._members.forget(tx, found.candidate)
            self._remember(tx, user_id, "identity:refuse", user_id, why=refused.why.value)
            return Outcome(linked=False, text=self._not_linked(tx, user_id, refused.why))
        return Outcome(
            linked=True,
            text=f"You are verified, level {found.assurance}, until {found.valid_until:%-d %B %Y}. "
            "Others go on seeing the name of your choice (!policy name); your real name stays behind.\n"
            "Next: read and sign the agreement with !policy agree\n"
            "If this was not you: !policy unlink",
        )

    def _not_linked(self, tx: Tx, user_id: str, why: Why) -> str:
        """Say what came of a find that could not be linked; where a human has to look, call them."""
        contact, kept = self._setting.config.operator.contact, "What you showed was not kept."
        if why is Why.ANOTHER_LOGIN:
            return (
                "Your account was verified there as somebody else before, so this was not linked. If "
                f"you have a new login there, please ask {contact}. {kept}"
            )
        if why is Why.ANOTHER_NAME:
            self._setting.tell_staff(
                tx,
                f"{user_id} is verified, and has now shown another name. It was not linked. Somebody "
                "has to look: has the name changed, or is it another person?",
                cause=f"verification {user_id}",
            )
            return (
                "This bears another name than the one your account is verified by, so it was not "
                "linked; nothing else has changed. If your name has changed, please write to "
                f"{contact}: somebody looks at it with you. {kept}"
            )
        return f"This could not be linked to your account. Please ask {contact}. {kept}"

    async def sweep(self, tx: Tx) -> int:
        """Forget whom attempts found that came to nothing; return how many there were."""
        await attempts.forget_tokens(tx, self._setting.now())
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
