"""Works expressions out, and tells what must be known when a deployment starts from what is known only once resources are made."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.infra.bicep import syntax as s
from tests.infra.bicep.azure import TENANT, Azure, Scope
from tests.infra.bicep.functions import FUNCTIONS

type Locals = Mapping[str, Any]


class NotYet(Exception):
    """A name, scope, condition, location or loop needs what is known only once resources are made."""


class Faulty(Exception):
    """A template that Bicep or Resource Manager would refuse."""


class Clock:
    """Where in time an expression is worked out, and which symbols it reads."""

    def __init__(self) -> None:
        self.before_start = ""
        self.late_reads = 0
        self.symbols: list[set[str]] = [set()]

    @contextmanager
    def start(self, what: str) -> Iterator[None]:
        """Allow nothing that resources say of themselves."""
        outer, self.before_start = self.before_start, self.before_start or what
        try:
            yield
        finally:
            self.before_start = outer

    @contextmanager
    def later(self) -> Iterator[None]:
        """Work out what another resource is given, which may wait."""
        outer, self.before_start = self.before_start, ""
        try:
            yield
        finally:
            self.before_start = outer

    @contextmanager
    def noting(self) -> Iterator[set[str]]:
        """Collect the symbols that are read."""
        self.symbols.append(set())
        try:
            yield self.symbols[-1]
        finally:
            found = self.symbols.pop()
            self.symbols[-1] |= found

    def reads_late(self, what: str) -> None:
        """Note that something is read that a resource says of itself."""
        self.late_reads += 1
        if self.before_start:
            raise NotYet(f"{self.before_start} needs {what}")


class Evaluator(ABC):
    """Works out expressions in one file, deployed at one scope."""

    def __init__(self, azure: Azure, clock: Clock, path: Path, scope: Scope) -> None:
        self.azure, self.clock, self.path, self.scope = azure, clock, path, scope

    @abstractmethod
    def named(self, name: str) -> Any:
        """Return what a name stands for in the file."""

    @abstractmethod
    def own_function(self, name: str) -> Callable[..., Any] | None:
        """Return a function of the file's own."""

    def value(self, expr: s.Expr, local: Locals) -> Any:
        """Work an expression out."""
        match expr:
            case s.Literal(value):
                return value
            case s.Name(name):
                return local[name] if name in local else self.named(name)
            case s.Text() | s.ArrayOf() | s.ObjectOf() | s.For():
                return self._composed(expr, local)
            case s.Ternary(condition, then, otherwise):
                return self.value(then if self.value(condition, local) else otherwise, local)
            case s.Lambda(names, body):
                return self._lambda(names, body, local)
            case s.Call(function, args):
                return self._call(function, args, local)
            case s.Operation(sign, operands):
                return self._operation(sign, operands, local)
            case s.Member() | s.Index() | s.Nested():
                return self._part(expr, local)
        raise Faulty("a condition stands in no expression")

    def _composed(self, expr: s.Text | s.ArrayOf | s.ObjectOf | s.For, local: Locals) -> Any:
        match expr:
            case s.Text(parts):
                return "".join(p if isinstance(p, str) else _written(self.value(p, local)) for p in parts)
            case s.ArrayOf(items):
                return [self.value(item, local) for item in items]
            case s.ObjectOf(members):
                return {_written(self.value(key, local)): self.value(value, local) for key, value in members}
            case s.For():
                return [self.value(body, inner) for body, inner in self.turns(expr, local)]

    def turns(self, loop: s.For, local: Locals) -> Iterator[tuple[s.Expr, dict[str, Any]]]:
        """Go through a loop: its body with what it binds."""
        for i, item in enumerate(self.value(loop.over, local)):
            yield loop.body, {**local, loop.item: item} | ({loop.index: i} if loop.index else {})

    def _lambda(self, names: tuple[str, ...], body: s.Expr, local: Locals) -> Callable[..., Any]:
        def function(*given: Any) -> Any:
            """Call the lambda."""
            return self.value(body, {**local, **dict(zip(names, given, strict=True))})

        function.__dict__["arity"] = len(names)
        return function

    def _operation(self, sign: str, operands: tuple[s.Expr, ...], local: Locals) -> Any:
        first = self.value(operands[0], local)
        match sign:
            case "!":
                return not first
            case "-" if len(operands) == 1:
                return -first
            case "!.":
                return first
            case "??":
                return first if first is not None else self.value(operands[1], local)
            case "&&":
                return bool(first and self.value(operands[1], local))
            case "||":
                return bool(first or self.value(operands[1], local))
        second = self.value(operands[1], local)
        compared = {"==": first == second, "!=": first != second}
        if sign in compared:
            return compared[sign]
        raise Faulty(f"the operator {sign} is not in the subset")

    def _part(self, expr: s.Member | s.Index | s.Nested, local: Locals) -> Any:
        of = self.value(expr.of, local)
        if isinstance(expr, s.Nested):
            return of.nested(expr.name)
        key = expr.name if isinstance(expr, s.Member) else self.value(expr.at, local)
        if of is None and expr.safe:
            return None
        if hasattr(of, "member"):
            return of.member(key, safe=expr.safe)
        try:
            return of[key]
        except (KeyError, IndexError, TypeError) as missing:
            if expr.safe and not isinstance(missing, TypeError):
                return None
            raise Faulty(f"{self.path.name}: there is no {key} in {of!r:.200}") from missing

    def _call(self, function: str, args: tuple[s.Expr, ...], local: Locals) -> Any:
        given = [self.value(arg, local) for arg in args]
        own = self.own_function(function)
        if own is not None:
            return own(*given)
        if function in FUNCTIONS:
            return FUNCTIONS[function](*given)
        return self._of_the_scope(function, given)

    def _of_the_scope(self, function: str, given: list[Any]) -> Any:
        """Call a function that knows where it is called."""
        here = self.scope
        match function, given:
            case "environment", []:
                return self.azure.environment
            case "tenant", []:
                return {"tenantId": TENANT}
            case "subscription", []:
                return {"id": Scope(here.subscription).id, "subscriptionId": here.subscription}
            case "resourceGroup", [] if here.group:
                return {"id": here.id, "name": here.group}
            case "resourceGroup", [*subscription, group]:
                return Scope(subscription[0] if subscription else here.subscription, group)
            case "loadTextContent" | "loadJsonContent", [name]:
                text = (self.path.parent / name).read_text(encoding="utf-8")
                return text if function == "loadTextContent" else json.loads(text)
            case "resourceId" | "subscriptionResourceId", [*where, kind, name]:
                at = Scope(*where) if where else here if function == "resourceId" else Scope(here.subscription)
                return f"{at.id}/providers/{kind}/{name}"
        raise Faulty(f"{self.path.name}: {function} with {len(given)} arguments is not in the subset")


def _written(value: Any) -> str:
    if value is None or isinstance(value, Mapping | list):
        raise Faulty(f"{value!r:.100} becomes no text")
    return str(value).lower() if isinstance(value, bool) else str(value)
