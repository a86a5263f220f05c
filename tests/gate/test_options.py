"""What operators write for the module in the homeserver's configuration."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policybot.config import homeserver_modules
from policybot.gate import options as module_options
from policybot.gate.options import Mistake, options

GOOD = {"address": "http://127.0.0.1:29330/", "token": "a-secret-of-some-length"}


def test_address_and_token_are_enough_and_the_secret_is_not_printed(tmp_path: Path) -> None:
    read = options(GOOD)
    assert (read.address, read.closed, read.patience) == ("http://127.0.0.1:29330", False, timedelta(1))
    assert read.token.reveal() == "a-secret-of-some-length"
    assert "a-secret" not in repr(read)
    (tmp_path / "token").write_text("another-secret\n", "ascii")
    more = {"token_path": str(tmp_path / "token"), "away": "closed", "patience": "PT30M"}
    read = options({"address": "https://policybot.example"} | more)
    assert (read.token.reveal(), read.closed, read.patience) == (
        "another-secret",
        True,
        timedelta(minutes=30),
    )
    assert options(GOOD | {"patience": 90}).patience == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("config", "key", "said"),
    [
        ([], "", "must be a map"),
        (GOOD | {"adress": "x"}, "adress", "no such key"),
        (GOOD | {"address": None}, "address", "where policybot listens"),
        (GOOD | {"address": "127.0.0.1:29330"}, "address", "where policybot listens"),
        (GOOD | {"address": "http://u:p@x"}, "address", "where policybot listens"),
        (GOOD | {"address": "http://[x"}, "address", "where policybot listens"),
        (GOOD | {"address": "http://x:99999"}, "address", "where policybot listens"),
        ({"address": GOOD["address"]}, "token", "either token or token_path"),
        (GOOD | {"token_path": "x"}, "token", "either token or token_path"),
        (GOOD | {"token": 7}, "token", "gate.token"),
        (GOOD | {"token": "two\nlines"}, "token", "gate.token"),
        ({"address": GOOD["address"], "token_path": "/nowhere"}, "token_path", "cannot be read"),
        (GOOD | {"away": "ajar"}, "away", "open or closed"),
        (GOOD | {"away": ["open"]}, "away", "open or closed"),
        (GOOD | {"patience": "1 day"}, "patience", "P1D"),
        (GOOD | {"patience": "P" + "9" * 30 + "D"}, "patience", "P1D"),
        (GOOD | {"patience": True}, "patience", "P1D"),
        (GOOD | {"patience": -1}, "patience", "P1D"),
        (GOOD | {"patience": "PT0S"}, "patience", "P1D"),
    ],
)
def test_a_mistake_is_named_with_what_to_write_instead(config: Any, key: str, said: str) -> None:
    with pytest.raises(Mistake, match=said) as mistake:
        options(config)
    assert mistake.value.key == key


def test_the_doctor_knows_the_same_keys_and_bounds() -> None:
    assert homeserver_modules.KEYS == module_options._KEYS
    assert homeserver_modules._PATIENCE == (module_options._SHORTEST, module_options._LONGEST)
