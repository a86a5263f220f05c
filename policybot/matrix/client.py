"""Requests to the homeserver: mautrix's HTTP client, with answers in the words of our ports."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from mautrix.api import HTTPAPI, Method, PathBuilder
from mautrix.errors import MatrixConnectionError, MatrixRequestError

from policybot.ports import Impossible, Later

TIMEOUT = 30
"""Seconds after which a request is given up, to be made again later."""

_FAILING = HTTPStatus.INTERNAL_SERVER_ERROR
_IN_VAIN = (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)

Json = Mapping[str, Any]


class Missing(Impossible):
    """There is no such thing on the homeserver."""


class Client:
    """One account's access to the homeserver."""

    def __init__(self, address: str, token: str, session: aiohttp.ClientSession) -> None:
        """Use an access token at a homeserver's address."""
        self._api = HTTPAPI(address, token, client_session=session)
        self._address, self._session = address, session

    def with_token(self, token: str) -> "Client":
        """Use another access token at the same homeserver."""
        return Client(self._address, token, self._session)

    async def get(self, path: PathBuilder, query: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Read something."""
        return await self._request(Method.GET, path, None, query)

    async def put(self, path: PathBuilder, body: Json) -> Any:  # noqa: ANN401 - JSON
        """Write something; repeating it changes nothing more."""
        return await self._request(Method.PUT, path, body)

    async def post(self, path: PathBuilder, body: Json) -> Any:  # noqa: ANN401 - JSON
        """Do something."""
        return await self._request(Method.POST, path, body)

    async def delete(self, path: PathBuilder, body: Json | None = None) -> Any:  # noqa: ANN401 - JSON
        """Remove something."""
        return await self._request(Method.DELETE, path, body or {})

    async def beginning(self, path: str, most: int, query: Mapping[str, str]) -> tuple[bytes, int]:
        """Read the first bytes of a file, and how many it has in all.

        Where the homeserver does not say how long it is, what was read counts.

        Raises:
            Later: the homeserver is away, busy, or failing.
            Missing: there is no such file, it lies elsewhere, or the homeserver waited for it in vain.
        """
        headers = {"Authorization": f"Bearer {self._api.token}"}
        url = f"{self._address}{path}"
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                # Where it redirects to is nowhere that we go with our token.
                self._session.get(url, headers=headers, params=query, allow_redirects=False) as answer,
            ):
                if answer.status in _IN_VAIN and answer.content_type == "application/json":
                    # It is the homeserver that says so, not what stands before it. To ask on for days
                    # would let anybody hold up the looks into all other files of a room.
                    message = f"{answer.status} for a file"
                    raise Missing(message)
                if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= _FAILING:
                    message = f"{answer.status} for a file"
                    raise Later(message)
                if answer.status != HTTPStatus.OK:
                    message = f"{answer.status} for a file"
                    raise Missing(message)
                data = bytearray()
                async for chunk in answer.content.iter_chunked(most):
                    data += chunk
                    if len(data) >= most:
                        break
                return bytes(data[:most]), answer.content_length or len(data)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            message = "the homeserver cannot be reached"
            raise Later(message) from error

    async def _request(
        self,
        method: Method,
        path: PathBuilder,
        body: Json | None,
        query: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        """Make a request.

        Raises:
            Later: the homeserver is away, busy, or failing.
            Missing: it answers 404.
            Impossible: it refuses; the message is its own.
        """
        content = None if body is None else dict(body)
        try:
            async with asyncio.timeout(TIMEOUT):
                # `sensitive` keeps what people wrote out of mautrix's log.
                return await self._api.request(
                    method,
                    path,
                    content,
                    query_params=dict(query or {}),
                    sensitive=content is not None,
                )
        except TimeoutError as error:
            message = "the homeserver did not answer in time"
            raise Later(message) from error
        except (MatrixConnectionError, aiohttp.ClientError, OSError) as error:
            message = "the homeserver cannot be reached"
            raise Later(message) from error
        except MatrixRequestError as error:
            status = error.http_status
            reason = f"{status} {error.errcode or ''} {error.message or ''}".strip()
            if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise Later(reason) from error
            if status == HTTPStatus.NOT_FOUND:
                raise Missing(reason) from error
            raise Impossible(reason) from error
