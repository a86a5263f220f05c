"""A client's token on a real Synapse: it names its account, and nothing else passes for one."""

from pathlib import Path

import aiohttp
import pytest

from policybot.demo.synapse import Synapse
from policybot.domain.private import Private
from policybot.identity.account import OpenIdToken
from policybot.ports import NotProved


async def test_a_token_names_the_account_that_asked_for_it(tmp_path: Path) -> None:
    homeserver = Synapse(tmp_path / "synapse")
    await homeserver.start()
    try:
        async with aiohttp.ClientSession() as session:
            anna = await homeserver.register(session, "anna", "a-password")
            path = f"/_matrix/client/v3/user/{anna.user_id}/openid/request_token"
            given = await anna.request("POST", path, {})
        tokens = OpenIdToken(homeserver.address, homeserver.server_name)
        token = Private(given["access_token"])
        assert await tokens.served()
        assert await tokens.account(given["matrix_server_name"], token) == anna.user_id
        for wrong in ("x", f"{token.reveal()}x"):
            with pytest.raises(NotProved, match="does not know the token"):
                await tokens.account(homeserver.server_name, Private(wrong))
        with pytest.raises(NotProved, match="another server"):
            await tokens.account("evil.example", token)
        elsewhere = OpenIdToken(homeserver.address, "evil.example")
        with pytest.raises(NotProved, match="of another server"):
            await elsewhere.account("evil.example", token)
    finally:
        homeserver.stop()
