"""The page of one decision for whom it concerns: what was decided, an objection, and what came of it.

Who is suspended cannot write to the bot: the link in the notice is all that they need.
"""

from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import web

from policybot.domain.appeal import MOST_TEXT, PLEA, Said, State
from policybot.domain.errors import OutOfOrder, Refused
from policybot.domain.name import one_line
from policybot.domain.notice_words import LONGEST
from policybot.domain.permission import Permission
from policybot.ports import Cleaner
from policybot.services.appeal_links import PATH, AppealLinks
from policybot.services.evidence import Drawn
from policybot.store.database import Database
from policybot.web import parts
from policybot.web.drawn import draw
from policybot.web.parts import Broken, Limits, Places, Sent
from policybot.web.site import Site, form, route

_LARGEST = 64 * 1024
"""Bytes of a form: 5,000 characters are up to 60,000 as browsers send them."""
_SECONDS = 30.0
_FIELDS = 8

_ENDS = {
    State.SUBMITTED: (
        "Your appeal is in",
        "Somebody who had no part in the decision looks at it. Come back to this page for the outcome.",
    ),
    State.UPHELD: ("The decision stands", "Somebody who had no part in it has looked at your appeal."),
    State.MODIFIED: (
        "Your appeal succeeded in part",
        "A milder measure has taken the place of the one below.",
    ),
    State.WITHDRAWN: ("You took your appeal back", "The decision stands."),
    State.OVERTURNED: (
        "Your appeal succeeded",
        "The decision is void from the beginning; its measure is taken back and does not count later.",
    ),
}
SAID = {
    Said.QUESTION: "You were asked",
    Said.ANSWER: "You answered",
    Said.ADDITION: "You added",
}
"""What is called how that was written to an appeal, to whoever made it."""


class AppealPages:
    """The page behind the link in a notice."""

    def __init__(self, site: Site, database: Database, links: AppealLinks, cleaner: Cleaner) -> None:
        """Show what the links are for, and draw anew what is sent by them."""
        self._site = site
        self._database = database
        self._links = links
        self._cleaner = cleaner
        self._places = Places()
        allowed = site.config.filing.evidence
        self._limits = Limits(
            allowed.max_files, allowed.max_mib, _LARGEST, allowed.max_files + _FIELDS, patient=True
        )

    def routes(self) -> list[web.RouteDef]:
        """List the page; a look at it uses nothing up, so that previews of links do no harm."""
        return [
            route("GET", f"{PATH}/{{token}}", self._show, needs=Permission.APPEAL_SEND),
            route("POST", f"{PATH}/{{token}}", self._take, needs=Permission.APPEAL_SEND),
        ]

    async def _show(self, request: web.Request) -> web.Response:
        return await self._page(request.match_info["token"])

    async def _page(self, token: str, typed: str = "", refusal: str = "") -> web.Response:
        async with self._database.transaction(reading=True) as tx:
            found = await self._links.open(tx, token)
        number = found.decision.number
        (heading, _, reasons), text = found.reasons.partition("\n"), ""
        if found.appeal is not None:
            (heading, text), reasons = _ENDS[found.appeal.state], found.reasons
        return self._site.page(
            "appeal.html",
            HTTPStatus.UNPROCESSABLE_ENTITY if refusal else HTTPStatus.OK,
            number=number,
            heading=heading,
            text=text,
            found=found,
            reasons=lines(reasons),
            answer=lines(found.appeal.reasons if found.appeal else ""),
            written=lines(found.appeal.text if found.appeal else ""),
            language=found.decision.language or "en",
            body=self._site.config.appeal_body,
            typed=typed,
            refusal=refusal,
            words=[(SAID[word.kind], word, lines(word.text)) for word in found.words],
            waits=found.appeal is not None and found.appeal.state is State.SUBMITTED,
            late=found.appeal is not None and found.appeal.overdue(self._links.now()),
            longest=MOST_TEXT,
            allowed=self._site.config.filing.evidence,
        )

    async def _take(self, request: web.Request) -> web.Response:
        """Take an appeal in or back, what is added to it, or post again what was removed."""
        token = request.match_info["token"]
        if request.content_type != "multipart/form-data":
            return await self._do(token, Sent(await form(request.clone(client_max_size=_LARGEST))), ())
        try:
            async with self._database.transaction(reading=True) as tx:  # before a byte of it is read
                who = await self._links.sender(tx, token)
        except OutOfOrder as refusal:
            return parts.hung_up(await self._page(token, "", str(refusal)))
        with self._places.take(who):
            try:
                sent = await parts.read(request, self._limits, _SECONDS)
            except Broken as broken:
                return parts.hung_up(self._site.sorry(broken.status, str(broken)))
            try:
                drawn = await self._drawn(token, sent)
            except Refused as refusal:
                return await self._page(token, sent.texts.get("text", ""), str(refusal))
            return await self._do(token, sent, drawn)

    async def _drawn(self, token: str, sent: Sent) -> Sequence[Drawn]:
        """Draw files anew, all of them or none: an appeal is not sent with half of what shows it.

        Raises:
            Refused: there are too many, or not all can be taken.
        """
        if not sent.files and not sent.too_much:
            return ()
        async with self._database.transaction() as tx:
            await self._links.count_upload(tx, token, len(sent.files))
        wrong = [self._limits.in_words] if sent.too_much else []
        drawn, unfit = await draw(self._cleaner, sent.files) if not wrong else ([], [])
        if wrong := wrong + unfit:
            message = f"{' '.join(wrong)} {_NOT_SENT}"
            raise OutOfOrder(message)
        return drawn

    async def _do(self, token: str, sent: Sent, drawn: Sequence[Drawn]) -> web.Response:
        typed = sent.texts.get("text", "")
        try:
            async with self._database.transaction() as tx:
                match sent.texts.get("do", ""):
                    case "restore":
                        await self._links.restore(tx, token)
                    case "add":
                        await self._links.add(tx, token, typed, drawn)
                    case "withdraw":
                        await self._links.withdraw(tx, token)
                    case _:
                        pleads = f"{PLEA} " if sent.texts.get("urgent") else ""
                        await self._links.appeal(tx, token, pleads + typed, drawn)
        except Refused as refusal:
            again = f" {_CHOOSE_AGAIN}" if drawn else ""
            return await self._page(token, typed, f"{refusal}{again}")
        # So that to load the page again sends nothing again.
        return web.Response(status=303, headers={"Location": f"{PATH}/{token}"})


_CHOOSE_AGAIN = "Please choose your files again."
_NOT_SENT = f"Nothing was sent yet, and what you wrote stands below. {_CHOOSE_AGAIN}"


def lines(text: str) -> str:
    """Write a text of several lines without what hides or turns round what stands beside it."""
    return "\n".join(one_line(line, LONGEST) for line in text.splitlines())
