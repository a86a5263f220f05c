"""What homeserver.yaml says of policybot, looked at before the homeserver is restarted with it."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policybot.config import Config, fresh, load
from policybot.config.finding import Finding
from policybot.config.homeserver_file import MOST, HomeserverFile, Unreadable, look, read
from policybot.config.homeserver_modules import ANTISPAM, MODULE, NEEDLESS, SAFE, UNSAFE
from tests import files

TOKEN = "a-token-for-the-gate-of-these-tests"
ADDRESS = "http://127.0.0.1:29330"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("etc")


@pytest.fixture(scope="module")
def config(folder: Path) -> Config:
    return load(files.write(folder, changes={"gate": {"token": TOKEN}}))


@pytest.fixture(scope="module")
def without_gate(folder: Path) -> Config:
    return load(files.write(folder / "without"))


def token_file(folder: Path, text: str = TOKEN, mode: int = 0o640) -> str:
    path = folder / "gate.token"
    path.write_text(text + "\n", "utf-8")
    path.chmod(mode)
    return str(path)


def ours(folder: Path, **changes: Any) -> dict[str, Any]:
    section = {"address": ADDRESS, "token_path": token_file(folder), "away": "open"} | changes
    return {"module": MODULE, "config": {k: v for k, v in section.items() if v is not None}}


def antispam(folder: Path, **changes: Any) -> dict[str, Any]:
    section = {
        "base_url": f"{ADDRESS}/gate/antispam",
        "authorization_path": token_file(folder),
        "enabled_callbacks": list(SAFE),
        "fail_open": dict.fromkeys(SAFE, True),
    } | changes
    return {"module": ANTISPAM, "config": {k: v for k, v in section.items() if v is not None}}


def good(folder: Path, *modules: Any) -> dict[str, Any]:
    """Make a homeserver's file in which nothing is wrong."""
    return {
        "server_name": "example.org",
        "app_service_config_files": [str(folder / "registration.yaml")],
        "room_list_publication_rules": [
            {"user_id": "@policybot:example.org", "action": "allow"},
            {"action": "deny"},
        ],
        "server_notices": {"system_mxid_localpart": "notices", "auto_join": True},
        "modules": list(modules),
    }


def found(folder: Path, config: Config, data: Any, *, everybodys: bool = False) -> list[Finding]:
    return look(HomeserverFile(data, folder, everybodys), config, folder / "registration.yaml")


def bad(folder: Path, config: Config, data: Any, *, everybodys: bool = False) -> list[str]:
    wrong = [f for f in found(folder, config, data, everybodys=everybodys) if not f.good]
    assert all(f.mend for f in wrong)
    text = "\n".join(f"{f.what}: {f.said} {f.mend}" for f in wrong)
    assert TOKEN not in text
    return [f"{f.said} → {f.mend}" for f in wrong]


# Good ones ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("doors", [(ours,), (antispam,), (ours, antispam)])
def test_nothing_is_wrong_with_either_door_or_both(
    folder: Path, config: Config, doors: tuple[Callable[[Path], Any], ...]
) -> None:
    data = good(folder, *(door(folder) for door in doors))
    assert bad(folder, config, data) == []
    if len(doors) == 2:
        said = [f.said for f in found(folder, config, data)]
        assert any("both doors are open" in text for text in said)


def test_what_init_prints_is_what_the_doctor_wants(tmp_path: Path) -> None:
    made = fresh.write(tmp_path, {}, gate=True)
    config = load(made.config)
    assert made.token is not None
    lines = fresh.homeserver_lines(config, made.registration) + fresh.module_lines(config, made.token)
    (tmp_path / "homeserver.yaml").write_text(f"server_name: example.org\n{lines}", "utf-8")
    (tmp_path / "homeserver.yaml").chmod(0o640)
    findings = look(read([tmp_path / "homeserver.yaml"]), config, made.registration)
    assert [f for f in findings if not f.good] == []
    assert any("our module asks us" in f.said for f in findings)


def test_it_says_what_happens_while_policybot_is_away(folder: Path, config: Config) -> None:
    said = [f.said for f in found(folder, config, good(folder, ours(folder, away="closed")))]
    assert any("afterwards nothing is accepted in governed rooms" in text for text in said)


def test_modules_of_others_are_none_of_our_business(folder: Path, config: Config) -> None:
    others = {"module": ANTISPAM, "config": {"base_url": "http://127.0.0.1:29339", "fail_open": 3}}
    data = good(folder, {"module": "mjolnir.Module", "config": 7}, others, ours(folder))
    assert bad(folder, config, data) == []
    [wrong] = bad(folder, config, good(folder, others))
    assert "nothing asks our gate" in wrong
    assert "synapse-http-antispam asks http://127.0.0.1:29339" in wrong


# Mistakes with either door --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"adress": ADDRESS}, "there is no key adress: Synapse does not start → Did you mean address?"),
        ({"address": "http://127.0.0.1:29331"}, "we are reached at http://127.0.0.1:29330"),
        ({"address": 29330}, "address is no text, and we are reached at"),
        ({"address": "http://me:hunter2@[::1"}, "address is an address with a name or a password in it"),
        ({"address": "http://me:hunter2@127.0.0.1:29330"}, "an address with a name or a password in it"),
        ({"token_path": None}, "neither token nor token_path is there"),
        ({"token_path": ["x"]}, "token_path is no path"),
        ({"token": TOKEN}, "token and token_path are both there"),
        ({"token": "another one"}, "token is another secret than gate.token"),
        ({"token": 12}, "token is no text"),
        ({"token_path": "nowhere"}, "cannot be read: No such file"),
        ({"token_path": "/dev/zero"}, "is no file"),
        ({"token_path": "a\0b"}, "cannot be read: it is no text"),
        ({"away": "shut"}, "away is neither open nor closed"),
        ({"away": True}, "away is neither open nor closed"),
        ({"patience": "for ever"}, "patience is no time"),
        ({"patience": 10**400}, "patience is no time"),
        ({"patience": float("nan")}, "patience is no time"),
        ({"patience": 0.5}, "patience is no time"),
        ({"patience": "P400D"}, "patience is no time from five seconds to a year"),
        ({"patience": 4}, "patience is no time"),
        ({"patience": "PT0S"}, "patience is no time"),
        ({"patience": True}, "patience is no time"),
    ],
)
def test_a_mistake_with_our_module_is_told(
    folder: Path, config: Config, change: dict[str, Any], said: str
) -> None:
    wrong = bad(folder, config, good(folder, ours(folder, **change)))
    assert any(said in text for text in wrong), wrong
    assert not any("hunter2" in text or "another one" in text for text in wrong)


@pytest.mark.parametrize("patience", ["PT12H", 3600, None])
@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}/", "http://localhost:29330"])
def test_our_module_may_be_written_in_several_ways(
    folder: Path, config: Config, patience: Any, address: str
) -> None:
    data = good(folder, ours(folder, patience=patience, address=address))
    assert bad(folder, config, data) == []


@pytest.mark.parametrize("name", ["policybot", "policybot.gate.Gate", "policybot.gate.module.gate"])
def test_our_module_under_a_wrong_name_is_told(folder: Path, config: Config, name: str) -> None:
    [wrong] = bad(folder, config, good(folder, ours(folder) | {"module": name}))
    assert "is not the name of our module" in wrong
    assert MODULE in wrong


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"enabled_callbacks": None}, "enabled_callbacks is not there: Synapse does not start"),
        ({"enabled_callbacks": "all"}, "enabled_callbacks is no list of names"),
        ({"enabled_callbacks": [["x"]]}, "enabled_callbacks is no list of names"),
        ({"enabled_callbacks": []}, f"not asked about: {', '.join(SAFE)}"),
        *(
            ({"enabled_callbacks": [*SAFE, name]}, f"{name} is enabled: {w}")
            for name, w in UNSAFE.items()
        ),
        *(({"enabled_callbacks": [*SAFE, name]}, "policybot has no answer to it") for name in NEEDLESS),
        ({"enabled_callbacks": [*SAFE, "user_may_fly"]}, "there is no callback user_may_fly in it"),
        (
            {"fail_open": None},
            "fail_open lacks user_may_join_room, user_may_invite, user_may_publish_room: while",
        ),
        ({"fail_open": dict.fromkeys(SAFE[:-1], True)}, f"fail_open lacks {SAFE[-1]}"),
        (
            {"fail_open": dict.fromkeys(SAFE, True) | {SAFE[0]: False}},
            f"fail_open lacks {SAFE[0]}: while policybot is away all of that is refused",
        ),
        ({"fail_open": [SAFE[0]]}, "fail_open is no map: Synapse does not start"),
        ({"async": {SAFE[1]: True}}, f"async has {SAFE[1]}: our answer is not waited for"),
        ({"base_url": ADDRESS}, "we are reached at http://127.0.0.1:29330/gate/antispam"),
        ({"base_url": f"{ADDRESS}/gate/antispam/"}, "we are reached at"),
        ({"base_url": None}, "base_url is nothing"),
        ({"authorization_path": None, "authorization": "z" * 40}, "authorization is another secret"),
        ({"authorization_path": None}, "neither authorization nor authorization_path is there"),
    ],
)
def test_a_mistake_with_synapse_http_antispam_is_told(
    folder: Path, config: Config, change: dict[str, Any], said: str
) -> None:
    wrong = bad(folder, config, good(folder, antispam(folder, **change)))
    assert any(said in text for text in wrong), wrong


def test_a_secret_that_everybody_on_the_machine_can_read_is_told(folder: Path, config: Config) -> None:
    data = good(folder, ours(folder))
    token_file(folder, mode=0o644)
    [wrong] = bad(folder, config, data)
    assert "chmod o-rwx" in wrong
    data = good(folder, ours(folder, token_path=None, token=TOKEN))
    assert bad(folder, config, data) == []
    [wrong] = bad(folder, config, data, everybodys=True)
    assert "stands in a file that everybody on this machine can read" in wrong


def test_a_path_that_is_not_whole_begins_where_the_file_is(folder: Path, config: Config) -> None:
    token_file(folder)
    assert bad(folder, config, good(folder, ours(folder, token_path="gate.token"))) == []


def test_a_gate_that_nobody_asks_and_a_door_without_a_gate_are_told(
    folder: Path, config: Config, without_gate: Config
) -> None:
    [wrong] = bad(folder, config, good(folder))
    assert "nothing asks our gate" in wrong
    for door in (ours(folder), antispam(folder)):
        data = good(folder / "without", door)
        [wrong] = bad(folder / "without", without_gate, data)
        assert "`gate` in our configuration is null" in wrong
    assert bad(folder / "without", without_gate, good(folder / "without")) == []


def test_a_door_that_stands_there_twice_is_told(folder: Path, config: Config) -> None:
    [wrong] = bad(folder, config, good(folder, ours(folder), ours(folder)))
    assert "asked twice" in wrong


# The rest of the file -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"server_name": "example.net"}, "is of example.net, and we are attached to example.org"),
        ({"app_service_config_files": None}, "is not there → Add"),
        ({"app_service_config_files": "registration.yaml"}, "is no list of files"),
        ({"app_service_config_files": ["/nowhere", "a\0b", 3]}, "names no registration of ours"),
        ({"room_list_publication_rules": None}, "nobody may publish a room"),
        ({"room_list_publication_rules": [{"action": "maybe"}]}, "Synapse does not start"),
        ({"room_list_publication_rules": [{"action": "deny"}]}, "do not let the bot publish"),
        (
            {"room_list_publication_rules": [{"action": "allow", "room_id": "!a:example.org"}]},
            "do not let the bot publish",
        ),
        ({"server_notices": None}, "people whose account is suspended could not be reached"),
        ({"server_notices": {"auto_join": True}}, "names no system_mxid_localpart"),
        ({"server_notices": {"system_mxid_localpart": "n"}}, "lacks auto_join: true"),
        ({"modules": {"module": MODULE}}, "is no list of modules"),
        ({"modules": [MODULE]}, "is no list of modules"),
    ],
)
def test_what_else_the_file_has_to_say_is_looked_at(
    folder: Path, config: Config, change: dict[str, Any], said: str
) -> None:
    wrong = bad(folder, config, good(folder, ours(folder)) | change)
    assert len(wrong) == 1, wrong
    assert said in wrong[0]


def test_rules_of_publication_are_read_as_synapse_reads_them(folder: Path, config: Config) -> None:
    rules = [{"user_id": "@POLICY*:example.???", "action": "allow"}, {"action": "deny"}]
    data = good(folder, ours(folder)) | {"room_list_publication_rules": rules}
    assert bad(folder, config, data) == []
    data["room_list_publication_rules"] = [{"action": "allow"}]
    assert "the bot may publish rooms, and so may others" in [
        f.said for f in found(folder, config, data)
    ]


def test_what_is_listed_beside_our_registration_may_be_anything(folder: Path, config: Config) -> None:
    odd_ones = ["[" * 20_000, "a: !!timestamp x", "- 1", "\0", "id: 9" + "9" * 5000]
    for number, text in enumerate(odd_ones):
        (folder / f"{number}.yaml").write_text(text, "utf-8")
    names = [f"{number}.yaml" for number in range(len(odd_ones))]
    data = good(folder, ours(folder)) | {"app_service_config_files": names}
    [wrong] = bad(folder, config, data)
    assert "names no registration of ours among those that can be read; 5 cannot" in wrong
    data["app_service_config_files"] = [*names, str(folder / "registration.yaml")]
    assert bad(folder, config, data) == []


def test_a_copy_of_the_registration_is_ours_and_an_older_one_is_told(
    folder: Path, config: Config
) -> None:
    copy = folder / "copy.yaml"
    text = (folder / "registration.yaml").read_text("utf-8")
    data = good(folder, ours(folder)) | {"app_service_config_files": ["copy.yaml"]}
    copy.write_text(text, "utf-8")
    assert bad(folder, config, data) == []
    copy.write_text(text.replace("rate_limited: false", "rate_limited: true"), "utf-8")
    [wrong] = bad(folder, config, data)
    assert "rate_limited differs" in wrong


# Reading --------------------------------------------------------------------------------------------


def test_files_are_joined_as_synapse_joins_them(tmp_path: Path) -> None:
    (tmp_path / "homeserver.yaml").write_text(
        "server_name: a\nserver_notices: {auto_join: yes}\n", "utf-8"
    )
    more = tmp_path / "conf.d"
    more.mkdir()
    (more / "b.yaml").write_text("server_name: c\n", "utf-8")
    (more / "a.yaml").write_text("server_name: b\nmodules:\n", "utf-8")
    (more / "a.yaml.old").write_text("server_name: z\n", "utf-8")
    file = read([tmp_path / "homeserver.yaml", more])
    assert file.data == {"server_name": "c", "server_notices": {"auto_join": True}, "modules": None}
    assert file.folder == tmp_path
    for path in (tmp_path / "homeserver.yaml", *more.iterdir()):
        path.chmod(0o640)
    assert not read([tmp_path / "homeserver.yaml", more]).everybodys
    (more / "b.yaml").chmod(0o644)
    assert read([tmp_path / "homeserver.yaml", more]).everybodys


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("secret: one\nsecret: two\n", "line 2: this key is there twice"),
        ("a: !!timestamp two", "line 1: is not YAML"),
        ("a: [one\n", "is not YAML"),
        ("- two\n", "is no map of keys"),
        ("\0", "is not YAML"),
        ("[" * 20_000, "is not YAML"),
        ("a: 9" + "9" * 5000, "is not YAML"),
        ("x" * (MOST + 1), "is larger than 4 MiB"),
    ],
)
def test_a_file_that_is_none_is_told_and_nothing_of_it_shown(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "homeserver.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(Unreadable) as refused:
        read([path])
    assert said in str(refused.value)
    assert "two" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="No such file"):
        read([tmp_path / "homeserver.yaml"])
    (tmp_path / "homeserver.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(Unreadable, match="is not YAML"):
        read([tmp_path / "homeserver.yaml"])


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["", "open"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = ["address", "token", "token_path", "away", "patience", "base_url", "authorization"]
KEYS += ["authorization_path", "enabled_callbacks", "fail_open", "async"]
sections = odd | st.dictionaries(st.sampled_from(KEYS), odd, max_size=6)
entries = odd | st.fixed_dictionaries(
    {"module": st.sampled_from([MODULE, ANTISPAM, "policybot"]) | st.text(), "config": sections}
)
rule = odd | st.fixed_dictionaries({"action": st.sampled_from(["allow", "deny"]), "user_id": odd})
homeservers = st.fixed_dictionaries(
    {},
    optional={
        "server_name": odd,
        "app_service_config_files": odd | st.lists(st.text(), max_size=3),
        "room_list_publication_rules": odd | st.lists(rule, max_size=3),
        "server_notices": odd | st.dictionaries(st.sampled_from(["auto_join"]), odd),
        "modules": odd | st.lists(entries, max_size=3),
    },
)


def test_whatever_stands_in_the_file_is_a_finding_and_no_error(
    folder: Path, config: Config, without_gate: Config
) -> None:
    @given(homeservers, st.sampled_from([config, without_gate]), st.booleans())
    @settings(deadline=None, max_examples=300)
    def holds(data: dict[str, Any], ours_: Config, everybodys: bool) -> None:
        findings = look(HomeserverFile(data, folder, everybodys), ours_, folder / "registration.yaml")
        for finding in findings:
            assert finding.good or finding.mend
            assert "\n" not in finding.said
            assert TOKEN not in finding.said + finding.mend

    holds()


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")))
@settings(deadline=None)
def test_whatever_text_the_file_is_it_is_read_or_refused(text: str) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(text.encode("utf-8", "surrogatepass")[:10_000])
    # As a shell gives it: --homeserver-yaml <(sudo cat /etc/matrix-synapse/homeserver.yaml)
    with os.fdopen(reading, "rb"), suppress(Unreadable):
        assert isinstance(read([Path(f"/dev/fd/{reading}")]).data, dict)
