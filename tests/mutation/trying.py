"""Tries a module's mutants in forks of one test session, so that a mutant costs its tests and no start of an interpreter.

A mutant of a function is put into the function itself (its `__code__`) in the fork. One outside of functions needs the module imported anew,
so it has a session of its own in a process that has imported none of the product.
"""

from __future__ import annotations

import ast
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from itertools import islice
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import pytest
from _pytest.runner import runtestprotocol  # what pytest-rerunfailures and pytest-forked run a test with

from tests.mutation.sites import Site, sites

TOOL = sys.monitoring.COVERAGE_ID
MEMORY = 3 * 2**30
SAID = {0: "survived", 1: "killed", 2: "killed"}  # pytest's exit codes: passed, failed, could not be collected


@dataclass(frozen=True, slots=True)
class Mutant:
    """The n-th way to change a module, and what its tests said."""

    module: str
    number: int
    function: str
    line: int
    change: str
    result: str = ""  # killed, survived, untested


def path_of(module: str) -> Path:
    """Return a module's source."""
    return Path(*module.split(".")).with_suffix(".py")


@cache
def source(module: str) -> str:
    """Return a module's text, the same for all of its mutants whatever is edited meanwhile."""
    return path_of(module).read_text("utf-8")


def every_site(module: str) -> list[Site]:
    """Return all places of a module."""
    return list(sites(ast.parse(source(module))))


def mutated(module: str, number: int) -> CodeType:
    """Compile a module with its n-th change."""
    path = path_of(module)
    tree = ast.parse(source(module))
    next(islice(sites(tree), number, None)).apply()
    return compile(ast.fix_missing_locations(tree), str(path.resolve()), "exec")


def in_fork(act: Callable[[], str], seconds: int) -> str:
    """Return what an act says in a fork that may take so much of the processor; empty: it was ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        try:
            os.write(writing, act().encode())
        except BaseException as failure:  # noqa: BLE001 - whatever it is, the parent must not go on twice, and is told
            traceback.print_exc()
            os.write(writing, f"error: {failure!r}".encode())
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read().decode()
    os.waitpid(child, 0)
    return said


def replace_code(module: str, number: int, function: str) -> None:
    """Put a mutated function's code into the living one, which every importer holds."""
    names = function.split(".")
    owner: object = sys.modules[module]
    for name in names[:-1]:
        owner = getattr(owner, name)
    living = vars(owner)[names[-1]]
    for inner in ("fget", "func", "__func__", "__wrapped__"):  # of a property, a static method, a decorator
        living = getattr(living, inner, living)
    new = _find(mutated(module, number), names)
    if not isinstance(living, FunctionType) or new is None:
        raise LookupError(f"{function} of {module} is no function")
    if len(new.co_freevars) == len(living.__code__.co_freevars):
        living.__code__ = new
    else:  # the call of super() is gone, and with it the closure
        bare = FunctionType(new, living.__globals__, living.__name__, living.__defaults__)
        bare.__kwdefaults__ = living.__kwdefaults__
        setattr(owner, names[-1], bare)


def _find(code: CodeType, names: list[str]) -> CodeType | None:
    for constant in code.co_consts:
        if not isinstance(constant, CodeType):
            continue
        if constant.co_name == names[0]:
            return constant if len(names) == 1 else _find(constant, names[1:])
        if constant.co_name == f"<generic parameters of {names[0]}>":  # PEP 695: a scope of its own around it
            return _find(constant, names)
    return None


@dataclass(slots=True)
class Reached:
    """Which tests run which lines of a module, and how long each took."""

    path: str
    lines: dict[str, set[int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, items: list[pytest.Item]) -> str:
        """Run every test once and note its lines."""
        seen: set[int] = set()

        def hit(code: CodeType, line: int) -> object:
            if code.co_filename != self.path:
                return sys.monitoring.DISABLE
            seen.add(line)
            return None

        sys.monitoring.use_tool_id(TOOL, "mutation")
        sys.monitoring.register_callback(TOOL, sys.monitoring.events.LINE, hit)
        sys.monitoring.set_events(TOOL, sys.monitoring.events.LINE)
        failed = []
        began = time.process_time()
        for item, passed in outcomes(items):
            if not passed:
                failed.append(item.nodeid)
            self.lines[item.nodeid], self.seconds[item.nodeid] = set(seen), time.process_time() - began
            seen.clear()
            began = time.process_time()
        sys.monitoring.free_tool_id(TOOL)
        return json.dumps([{key: sorted(lines) for key, lines in self.lines.items()}, self.seconds, failed])

    def tests(self, items: list[pytest.Item], first: int, last: int) -> list[pytest.Item]:
        """Return the tests that run one of these lines, the quickest first."""
        found = [item for item in items if any(first <= line <= last for line in self.lines[item.nodeid])]
        return sorted(found, key=lambda item: self.seconds[item.nodeid])


def all_pass(items: list[pytest.Item]) -> bool:
    """Run tests until one fails."""
    return all(passed for _, passed in outcomes(items))


def outcomes(items: list[pytest.Item]) -> Iterator[tuple[pytest.Item, bool]]:
    """Run tests one by one and tell which pass; what the session set up stays."""
    for item, following in zip(items, [*items[1:], items[0]], strict=True):
        reports = runtestprotocol(item, nextitem=following, log=False)
        yield item, not any(report.failed for report in reports)


class Trial:
    """A pytest plugin: instead of running the tests once, it runs them for every mutant."""

    def __init__(self, module: str, told: Callable[[Mutant], None], every: int) -> None:
        self.module = module
        self.every = every
        self.told = told
        self.functions = list(_functions(ast.parse(source(module))))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try each mutant of a function."""
        import_module(self.module)  # tests may only do so while they run
        reached = Reached(str(path_of(self.module).resolve()))
        lines, seconds, failed = json.loads(in_fork(lambda: reached.run(session.items), 3600))
        if failed:
            sys.stderr.write(f"{self.module}: left out, since they fail without any change: {failed}\n")
        reached.lines = {key: set(value) for key, value in lines.items()}
        reached.seconds = seconds
        for number, site in enumerate(every_site(self.module)):
            if self._inside(site) is None or number % self.every:
                continue
            sound = [item for item in session.items if item.nodeid not in failed]
            items = reached.tests(sound, site.line, site.end)
            self.told(self._try(number, site, items, sum(seconds[item.nodeid] for item in items)))
        return True

    def _try(self, number: int, site: Site, items: list[pytest.Item], seconds: float) -> Mutant:
        function = self._inside(site) or ""

        def act() -> str:
            replace_code(self.module, number, function)
            return "survived" if all_pass(items) else "killed"

        said = in_fork(act, 5 + int(5 * seconds)) if items else "untested"
        return Mutant(self.module, number, site.function, site.line, site.change, said or "killed")

    def _inside(self, site: Site) -> str | None:
        """Return the outermost function that a place is in."""
        inside = [name for name in self.functions if site.function == name or site.function.startswith(f"{name}.")]
        return min(inside, key=len, default=None)


def _functions(parent: ast.AST, prefix: str = "") -> Iterator[str]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.FunctionDef):
            yield f"{prefix}{node.name}"
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")


def try_functions(module: str, tests: list[str], told: Callable[[Mutant], None], every: int) -> None:
    """Try the mutants of a module's functions."""
    _session(tests, Trial(module, told, every))


def try_rest(module: str, tests: list[str], told: Callable[[Mutant], None], every: int) -> None:
    """Try the mutants outside of functions: tables, constants, defaults."""
    functions = list(_functions(ast.parse(source(module))))
    for number, site in enumerate(every_site(module)):
        if number % every or any(site.function == name or site.function.startswith(f"{name}.") for name in functions):
            continue

        def act(number: int = number) -> str:
            sys.meta_path.insert(0, Mutating(module, number))
            return SAID.get(_session(["-x", *tests]), "error")

        said = in_fork(act, 120)
        told(Mutant(module, number, site.function, site.line, site.change, said or "killed"))


def _session(arguments: list[str], *plugins: object) -> int:
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no", "-p", "no:faulthandler", "--no-summary"]
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        return int(pytest.main([*quiet, *arguments], plugins=[Few(), *plugins]))


class Few:
    """A pytest plugin: the properties try few examples, the same in each fork."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        """Choose the profile once hypothesis is there."""
        from hypothesis import HealthCheck, settings

        settings.register_profile(
            "mutation",
            max_examples=100,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        settings.load_profile("mutation")


class Mutating:
    """Finds one module of the product in a changed form."""

    def __init__(self, module: str, number: int) -> None:
        self.module = module
        self.number = number

    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Answer for that module alone."""
        if name != self.module:
            return None
        source = str(path_of(name).resolve())
        return spec_from_file_location(name, source, loader=_Changed(name, source, self.number))


class _Changed(SourceFileLoader):
    def __init__(self, name: str, path: str, number: int) -> None:
        super().__init__(name, path)
        self.number = number

    def get_code(self, fullname: str) -> CodeType:
        """Give the changed code."""
        return mutated(fullname, self.number)
