"""The check of the tests themselves finds faults where they are guarded, and says where they are not."""

import ast

import pytest

from tests import mutants
from tests.mutants import Fault


def test_a_fault_that_the_tests_find_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutants.main(["breaker", "--most", "2"]) == 0
    assert "breaker: 2 of 2 found" in capsys.readouterr().out


def test_a_fault_that_the_tests_let_through_is_told_with_its_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (mutants.DOMAIN / "breaker.py").read_text("utf-8")
    none = Fault("breaker", 7, "as it was", "as it is", compile(text, "breaker.py", "exec"))
    monkeypatch.setattr(mutants, "faults", lambda _: iter([none]))
    assert mutants.main(["breaker"]) == 1
    said = capsys.readouterr().out
    assert "let through: breaker:7: as it was  →  as it is" in said
    assert "together: 0 of 1 found, 0%" in said


@pytest.mark.parametrize(
    ("text", "faulty"),
    [
        ("a < b", {"a <= b", "a >= b"}),
        ("a and b", {"a or b", "a", "b"}),
        ("not a", {"a"}),
        ("a + b", {"a - b"}),
        ("a if c else b", {"a", "b"}),
        ("max(a, b)", {"min(a, b)"}),
        ("True", {"False"}),
        ("5", {"6"}),
    ],
)
def test_each_kind_of_fault_is_made(text: str, faulty: set[str]) -> None:
    node = ast.parse(text, mode="eval").body
    assert {ast.unparse(change) for change in mutants._changes(node)} == faulty


def test_words_for_readers_and_types_are_not_changed() -> None:
    tree = ast.parse('def f(a: int = 1) -> "list[int]":\n    """Say 1."""\n    return 2')
    spared = mutants._spared(tree)
    left = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and id(n) not in spared]
    assert left == [1, 2]
