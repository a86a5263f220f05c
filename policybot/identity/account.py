"""Proofs that a browser or a client holds a Matrix account: a login at its side, a token from it."""

import re
from collections.abc import Mapping

from policybot.domain.private import Private
from policybot.identity.fetch import Fetch
from policybot.identity.provider import Provider
from policybot.ports import Go, NotProved

_SCOPES = ("openid",)
"""Never `urn:matrix:*`: we want to know the account, and no access to it."""
_LOCALPART = r"[!-9;-~]+"
"""A user ID's part before the colon, old ones included (Matrix 1.16, appendices, user identifiers)."""


class MasLogin:
    """A login at the Matrix Authentication Service."""

    def __init__(self, provider: Provider, server_name: str) -> None:
        """Trust this service for the accounts of this homeserver."""
        self._provider = provider
        self._server_name = server_name

    async def begin(self, state: str) -> Go:
        """Send the browser to the service."""
        return await self._provider.begin(state, _SCOPES)

    async def finish(self, memory: Mapping[str, str], answer: Mapping[str, str]) -> str:
        """Name the account that is logged in."""
        said = await self._provider.finish(memory, answer)
        name = said.claims.get("username")
        if not isinstance(name, str) or not re.fullmatch(_LOCALPART, name):
            message = "the service names no account"
            raise NotProved(message)
        return f"@{name}:{self._server_name}"


class OpenIdToken:
    """The check of Matrix OpenID tokens, at our own homeserver alone (server-server API, OpenID)."""

    def __init__(self, address: str, server_name: str) -> None:
        """Ask at this address; what a client names as its server is never asked."""
        self._url = f"{address}/_matrix/federation/v1/openid/userinfo"
        self._server_name = server_name
        self._fetch = Fetch(address)

    async def account(self, server_name: str, token: Private) -> str:
        """Name the account that a token is of."""
        if server_name != self._server_name:
            message = "the token is of another server"
            raise NotProved(message)
        if not re.fullmatch(r"[!-~]{1,1000}", token.reveal()):
            message = "the token is none"
            raise NotProved(message)
        answer = await self._fetch.get(self._url, params={"access_token": token.reveal()})
        user_id = answer.body.get("sub")
        ours = rf"@{_LOCALPART}:{re.escape(self._server_name)}"
        if not answer.good or not isinstance(user_id, str) or not re.fullmatch(ours, user_id):
            message = "the homeserver does not know the token, or it is of another server"
            raise NotProved(message)
        return user_id

    async def served(self) -> bool:
        """Say whether the homeserver answers such questions at all, for the doctor."""
        answer = await self._fetch.get(self._url, params={"access_token": "doctor"})
        return answer.body.get("errcode") == "M_UNKNOWN_TOKEN"
