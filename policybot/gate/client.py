"""How the module reaches policybot: by Synapse's own HTTP client, bounded in time and in length."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, TypeVar, cast

from synapse.http import RequestTimedOutError
from synapse.http.client import BodyExceededMaxSize, read_body_with_max_size
from synapse.logging.context import make_deferred_yieldable, run_in_background
from synapse.module_api import ModuleApi
from twisted.internet import defer
from twisted.internet.interfaces import IReactorTime
from twisted.web.http_headers import Headers

from policybot.gate.link import Lost
from policybot.gate.options import Options

_T = TypeVar("_T")


class Client:
    """A `link.Host` within Synapse."""

    def __init__(self, api: ModuleApi, options: Options) -> None:
        """Open nothing yet."""
        from twisted.internet import reactor  # by now Synapse has chosen it

        self._api = api
        self._address = options.address
        self._token = options.token
        self._reactor = cast(IReactorTime, reactor)

    def now(self) -> datetime:
        """Say what time it is."""
        return datetime.now(UTC)

    async def post(
        self, path: str, body: Mapping[str, Any], patience: float, most: int
    ) -> tuple[int, bytes]:
        """Ask policybot, and give the status and the body of its answer.

        Raises:
            Lost: there was none within `patience` seconds, or one of more than `most` bytes.
        """
        asking = run_in_background(self._post, path, json.dumps(body).encode(), most)
        asking.addTimeout(patience, self._reactor)
        try:
            return await make_deferred_yieldable(asking)
        except (defer.TimeoutError, RequestTimedOutError):
            message = "policybot does not answer in time"
        except BodyExceededMaxSize:
            message = "policybot answers with more than was agreed on"
        except Exception as error:  # whatever happens on the way  # noqa: BLE001
            message = f"policybot cannot be reached ({type(error).__name__})"
        raise Lost(message)

    async def _post(self, path: str, body: bytes, most: int) -> tuple[int, bytes]:
        headers = {
            "Authorization": [f"Bearer {self._token.reveal()}"],
            "Content-Type": ["application/json"],
        }
        client, read = self._api.http_client, BytesIO()
        response = await client.request("POST", self._address + path, body, Headers(headers))
        await make_deferred_yieldable(read_body_with_max_size(response, read, most))
        return response.code, read.getvalue()

    async def sleep(self, seconds: float) -> None:
        """Wait, and let others do something meanwhile."""
        await self._api.sleep(seconds)

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        """Do something that takes long, aside."""
        return await self._api.defer_to_thread(work)
