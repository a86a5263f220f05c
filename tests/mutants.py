"""How well the tests of the domain guard it: small faults are put into it, and a test has to find each.

    python -m tests.mutants [MODULE…] [--seconds N] [--most N]

A module is named as in `policybot/domain/`: ladder, appeal. Each fault changes one place of its syntax:
a comparison, an operator, a constant, a condition, a returned value. A process of its own imports the
faulty module in place of the good one and runs the tests of that module; a fault that they let through
is printed with its line. Faults are drawn in an order that is always the same, so that a shorter run is
a part of a longer one.
"""

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import io
import os
import random
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType

import pydantic
import pytest
import ruamel.yaml

READY = (pydantic, ruamel.yaml)
"""What is imported before the processes part, for it takes longer than most tests."""
ROOT = Path(__file__).parents[1]
DOMAIN = ROOT / "policybot" / "domain"
TESTS = ROOT / "tests" / "domain"
_GUARDS = {
    "plain": ["test_ladder_file.py"],
    "fairness": ["test_ladder_file.py"],
    "report_words": ["test_report_tables.py"],
    "closure": ["test_ladder.py", "test_decision.py"],
    "measure": ["test_measure.py", "test_values.py", "test_ladder.py", "test_ladder_file.py"],
}
"""Tests of modules that they do not name, or not alone."""
PATIENCE = 90.0
"""Seconds after which a fault counts as found: the tests hang."""

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One change of a module."""

    module: str
    line: int
    was: str
    what: str
    code: CodeType

    def __str__(self) -> str:
        """Say where it is and what it does."""
        return f"{self.module}:{self.line}: {self.was}  →  {self.what}"


def faults(module: str) -> Iterator[Fault]:
    """Give every fault that can be put into a module, in the order of its lines."""
    path = DOMAIN / f"{module}.py"
    tree = ast.parse(path.read_text("utf-8"))
    spared = _spared(tree)
    for place, node in enumerate(ast.walk(tree)):
        if id(node) in spared:
            continue
        for number in range(len(list(_changes(node)))):
            faulty = copy.deepcopy(tree)
            twin = next(n for at, n in enumerate(ast.walk(faulty)) if at == place)
            change = list(_changes(twin))[number]
            put_in(faulty, twin, change)
            ast.fix_missing_locations(faulty)
            yield Fault(
                module,
                getattr(node, "lineno", 0),
                " ".join(ast.unparse(node).split())[:60],
                " ".join(ast.unparse(change).split())[:60],
                compile(faulty, str(path), "exec"),
            )


def put_in(tree: ast.Module, old: ast.AST, new: ast.AST) -> None:
    """Put a node in the place of another."""

    class Exchange(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            """Put it there, or look further."""
            return new if node is old else self.generic_visit(node)

    Exchange().visit(tree)


def _spared(tree: ast.Module) -> set[int]:
    """Find what is not to be changed: words for readers, types, imports, how dataclasses are made."""
    apart = [part for node in ast.walk(tree) for part in _apart(node)]
    return {id(inner) for part in apart for inner in ast.walk(part)}


def _apart(node: ast.AST) -> list[ast.AST]:
    found: list[ast.AST | None] = []
    match node:
        case ast.Import() | ast.ImportFrom() | ast.JoinedStr() | ast.Raise():
            found = [node]
        case ast.Expr(value=ast.Constant()) | ast.Call(func=ast.Name(id="field")):
            found = [node]
        case ast.AnnAssign():
            found = [node.annotation]
        case ast.FunctionDef():
            arguments = (*node.args.args, *node.args.kwonlyargs)
            found = [node.returns, *node.decorator_list, *(one.annotation for one in arguments)]
        case ast.ClassDef():
            found = [*node.decorator_list]
    return [part for part in found if part is not None]


def _changes(node: ast.AST) -> Iterator[ast.AST]:  # noqa: C901, PLR0912 - one line for each kind
    """Give what a node can be changed into."""
    match node:
        case ast.Compare(ops=[operator]):
            for other in _COMPARISONS.get(type(operator), ()):
                yield ast.Compare(node.left, [other()], node.comparators)
        case ast.BinOp(op=operator) if not isinstance(node.left, ast.Constant | ast.JoinedStr):
            if (swapped := _OPERATORS.get(type(operator))) is not None:
                yield ast.BinOp(node.left, swapped(), node.right)
        case ast.BoolOp():
            other_op = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
            yield ast.BoolOp(other_op, node.values)
            for place in range(len(node.values)):
                rest = node.values[:place] + node.values[place + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int()):
            yield ast.Constant(int(str(node.value)) + 1)
        case ast.If():
            yield ast.If(ast.Constant(value=True), node.body, node.orelse)
            yield ast.If(ast.Constant(value=False), node.body, node.orelse)
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield ast.Return(ast.Constant(value=None))
        case ast.Call(func=ast.Name(id="min" | "max" as name)):
            other_name = ast.Name("max" if name == "min" else "min", ast.Load())
            yield ast.Call(other_name, node.args, node.keywords)
        case ast.AugAssign(op=operator) if type(operator) in _OPERATORS:
            yield ast.AugAssign(node.target, _OPERATORS[type(operator)](), node.value)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


class Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a faulty module in place of the good one."""

    def __init__(self, fault: Fault) -> None:
        """Keep what is to be imported."""
        self._name, self._code = f"policybot.domain.{fault.module}", fault.code

    def find_spec(
        self, name: str, path: object, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Say that we have it."""
        del path, target
        return importlib.util.spec_from_loader(name, self) if name == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the faulty code as the module."""
        exec(self._code, module.__dict__)  # noqa: S102 - our own code, with one change


class QuickFirst:
    """Runs the tests with examples of their own before those that try many."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put them in that order."""
        items.sort(key=lambda item: hasattr(getattr(item, "obj", None), "hypothesis"))


def tests_of(module: str) -> list[str]:
    """Name the files of tests that guard a module: its own, or all of the domain's that import it."""
    named = re.compile(
        rf"from policybot\.domain\.{module} import|from policybot\.domain import .*\b{module}\b"
    )
    if module in _GUARDS:
        return [str(TESTS / name) for name in _GUARDS[module]]
    found = [path for path in sorted(TESTS.glob("test_*.py")) if named.search(path.read_text("utf-8"))]
    own = [path for path in found if path.stem.startswith(f"test_{module}")]
    return [str(path) for path in own or found]


def survives(fault: Fault | None, files: Sequence[str]) -> bool:
    """Run the tests on a fault, or on none, in a process of its own; say whether they let it through."""
    child = os.fork()
    if child == 0:
        os.setsid()
        os._exit(_tried(fault, files))
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _tried(fault: Fault | None, files: Sequence[str]) -> int:
    """Run the tests with the fault; 0 if they pass."""
    from hypothesis import HealthCheck, Phase, settings

    for name in [name for name in sys.modules if name.startswith(("policybot", "tests."))]:
        if name != __name__:
            del sys.modules[name]
    if fault is not None:
        sys.meta_path.insert(0, Instead(fault))
    settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=20,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    options = [
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-p",
        "no:randomly",
        "--noconftest",
    ]
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        settings.load_profile("mutants")
        return int(pytest.main([*options, "--assert=plain", *files], plugins=[QuickFirst()]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Put faults in, and print those that the tests let through, with the score."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help="modules of policybot/domain; all if none is named")
    parser.add_argument("--seconds", type=float, default=3600.0, help="how long to go on")
    parser.add_argument("--most", type=int, default=10**6, help="how many faults to try in a module")
    asked = parser.parse_args(arguments)
    modules = asked.modules or sorted(p.stem for p in DOMAIN.glob("*.py") if tests_of(p.stem))
    ends, found, tried = time.monotonic() + asked.seconds, 0, 0
    for module in modules:
        if time.monotonic() > ends:
            print(f"no time was left for {module} and what comes after it")
            break
        files = tests_of(module)
        if not files:
            print(f"{module}: no test of the domain imports it")
            continue
        drawn = list(faults(module))
        random.Random(module).shuffle(drawn)  # noqa: S311 - an order, no secret
        if not survives(None, files):
            print(f"{module}: its tests fail as it is")
            return 2
        here = [0, 0]
        for fault in drawn[: asked.most]:
            if time.monotonic() > ends:
                break
            through = survives(fault, files)
            here = [here[0] + (not through), here[1] + 1]
            if through:
                print(f"  let through: {fault}", flush=True)
        found, tried = found + here[0], tried + here[1]
        print(f"{module}: {here[0]} of {here[1]} found (there are {len(drawn)})", flush=True)
    if tried:
        print(f"together: {found} of {tried} found, {found / tried:.0%}")
    return 0 if found == tried else 1


if __name__ == "__main__":
    sys.exit(main())
