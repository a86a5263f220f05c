"""The example policies: each loads, is fair, lists no words, and takes a matter to its undoing."""

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from policybot.cli.program import app
from policybot.config import Config, fresh, load
from policybot.domain import ladder
from policybot.domain.closure import Earlier
from policybot.domain.ladder import GUARANTEED, Act, Scope, Severity
from policybot.domain.measure import Kind
from policybot.domain.permission import Role
from tests import files
from tests.world import START, World, find, user, world_of

FOLDER = Path(__file__).parents[1] / "docs" / "examples"
FACTS = "Wrote to a neighbour at night that they had better move away"


@pytest.fixture(params=fresh.LIKE, scope="module")
def like(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def file(like: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an example with secrets of its own, once for all that is asked of it."""
    return files.write(tmp_path_factory.mktemp(like), like=like)


@pytest.fixture(scope="module")
def config(file: Path) -> Config:
    return load(file)


def test_there_is_a_file_for_each_and_no_other() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(fresh.LIKE)
    page = (FOLDER.parent / "examples.md").read_text("utf-8")
    assert [name for name in fresh.LIKE if f"examples/{name}.yaml" not in page] == []


def test_its_file_has_no_mistake_and_no_secret(like: str, file: Path) -> None:
    done = CliRunner().invoke(app, ["config", "check", "--config", str(file)])
    assert done.exit_code == 0, done.output
    text = (FOLDER / f"{like}.yaml").read_text("utf-8")
    assert text.count("CHANGE-ME") == 3, "its secrets are made anew by `policybot init --like`"
    assert "CHANGE-ME" not in file.read_text("utf-8")


def test_it_lists_no_words_and_no_topics(like: str) -> None:
    """Mechanism only: what a rule looks for by machine is a number, a kind of file or a declaration."""
    data = YAML(typ="safe").load((FOLDER / f"{like}.yaml").read_text("utf-8"))
    looked_for = {key for rule in data["rules"] for key in keys(rule.get("when", {}))}
    assert looked_for <= {"rate", "more_than", "within", "files_more_than", "unqualified"}


def keys(data: Any) -> set[str]:
    if isinstance(data, dict):
        return {*data, *(key for one in data.values() for key in keys(one))}
    return {key for one in data for key in keys(one)} if isinstance(data, list) else set()


def test_its_ladder_begins_with_a_warning_and_closes_only_the_gravest(config: Config) -> None:
    """I1: more severity or more history is never answered more mildly; a file that does is refused."""
    for scope in (Scope.MEMBER, Scope.ACCOUNT, Scope.ROOM):
        cells = [
            ladder.propose(
                config.ladder, Act(scope, "somebody", severity, START, START, "this"), ()
            ).cell
            for severity in Severity
        ]
        assert cells == sorted(cells)
        assert max(cells[: len(GUARANTEED)]).kind.rank <= Kind.WARN.rank
        assert cells[-1].kind is not Kind.CLOSE


def test_where_one_person_decides_appeals_somebody_outside_is_named(config: Config) -> None:
    inside = [who for who, roles in config.staff.items() if Role.APPEALS in roles]
    assert len(inside) > 1 or config.appeals.external_reviewers
    assert config.transparency.text, "what is published says who looks after the rooms"


def test_what_the_page_says_of_memory_rooms_and_closing_is_in_the_files(
    like: str, config: Config
) -> None:
    law = config.ladder
    assert (law.half_life is not None) == (like == "university")
    assert (law.spill is not None) == (like in {"marketplace", "bank"})
    assert (Earlier.REPLACE_OWNER in law.before_close) == (like in {"ministry", "university", "bank"})
    assert law.before_close
    assert law.room_cure == config.filing.cure, "one time, wherever it is read"


def homeserver(world: World) -> str:
    """Write down how the homeserver looks to its people."""
    server = world.homeserver
    seen: list[Any] = [server.levels, server.topics, server.labels, server.contents, server.banners]
    seen += [sorted(server.suspended), sorted(server.locked), sorted(server.banned)]
    return json.dumps([*seen, sorted(server.closed), sorted(server.directory)], sort_keys=True)


async def confirmed(world: World, answer: str, by: str) -> str:
    """Let somebody else confirm, where the policy asks for two."""
    if "!policy confirm" not in answer:
        return answer
    return await world.review(by, f"!policy confirm {find(r'(?<=!policy confirm )[A-Z0-9]+', answer)}")


async def test_one_matter_goes_its_whole_way_and_is_undone(config: Config) -> None:
    """File a room, report, decide as proposed, a complete notice, appeal, overturn: all as before."""
    async with world_of(config) as world:
        for who in ("anna", "tom", "lea"):
            await world.verified(who)
        world.homeserver.levels[world.room] = {"users": {user("anna"): 100}}
        await world.deliver(
            type="m.room.member",
            room_id=world.room,
            sender=user("anna"),
            state_key=user("policybot"),
            content={"membership": "invite"},
        )
        category = config.filing.categories[0]
        answer = await world.say("anna", f"!policy file {world.room} {category.id} Neighbours talk here")
        filing = find(r"F-\d+", answer)
        if category.checklist:
            await world.review("ravi", f"!policy check {filing} all")
        answer = await world.review("ravi", f"!policy approve {filing}")
        await confirmed(world, answer, "mira")
        await world.tick(minutes=1)
        assert config.filing.prefix in "".join(world.told("anna")), answer
        before = homeserver(world)
        rule = config.rules[0]
        event = await world.message("tom", "You had better move away", world.room)
        link = f"https://matrix.to/#/{world.room}/{event}"
        await world.say("lea", f"!policy report {link} {rule.id} He frightens me")
        answer = await world.review("mira", f"!policy decide C-1 {rule.id} S3 proposed {FACTS}")
        answer = await confirmed(world, answer, "otto")
        assert "carried out" in answer, answer
        assert homeserver(world) != before
        notice = world.told("tom")[-1]
        for part in (
            rule.title,
            FACTS,
            "!policy appeal C-1",
            "It ends by itself on",
            str(config.operator.appeal_body),
        ):
            assert part in notice, f"{part} is missing in: {notice}"
        await world.say("tom", "!policy appeal C-1 It was about a hedge, ask him")
        answer = await world.review("ravi", "!policy overturn C-1 Both say that it was about a hedge")
        assert "void from the beginning" in answer, answer
        assert homeserver(world) == before
        assert "C-1" not in (await world.say("tom", "!policy me")).partition("What counts")[2]


def test_init_begins_with_one_and_says_whom_it_needs_besides(tmp_path: Path) -> None:
    asked = ["init", str(tmp_path), "--server-name", "uni.example", "--public-url", "https://p.example"]
    asked += ["--operator", "Another House", "--contact", "it@uni.example", "--gate", "--force"]
    asked += ["--moderator", "@mo:uni.example", "--reviewer", "@re:uni.example"]
    done = CliRunner().invoke(app, [*asked, "--like", "universe"])
    assert done.exit_code == 1
    assert "university" in done.output
    done = CliRunner().invoke(app, [*asked, "--like", "bank"])
    assert done.exit_code == 2
    assert "only one person has the role reviewer" in done.output
    done = CliRunner().invoke(app, [*asked, "--like", "bank", "--second", "@se:uni.example"])
    assert done.exit_code == 0, done.output
    config = load(tmp_path / "config.yaml")
    assert config.operator.name == "Another House"
    assert [rule.id for rule in config.rules] == ["B1", "B2", "B3", "B4"]
    assert config.gate is not None
