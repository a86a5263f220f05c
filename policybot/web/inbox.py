"""The place to which a verification service posts its results, signed."""

from aiohttp import web

from policybot.ports import Inbox, Received
from policybot.web.site import machine_route

_LARGEST = 64 * 1024
_STATUS = {
    # What is unknown here is taken too: see services/results.
    Received.TAKEN: 200,
    Received.UNTIMELY: 400,
    Received.UNREADABLE: 400,
    Received.FORGED: 401,
    Received.CONTRADICTED: 409,
}


class InboxDoor:
    """The door of an inbox."""

    def __init__(self, inbox: Inbox) -> None:
        """Hand over to an inbox what is posted."""
        self._inbox = inbox

    def routes(self) -> list[web.RouteDef]:
        """List the one place."""
        return [machine_route("/verify/callback", self._post)]

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.clone(client_max_size=_LARGEST).read()
        received = await self._inbox.receive(request.headers, body)
        return web.json_response({"result": received.value}, status=_STATUS[received])
