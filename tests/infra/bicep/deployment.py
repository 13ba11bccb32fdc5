"""Deploys a file: parameters in, resources and outputs out, with modules at their scopes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.infra.bicep import syntax as s
from tests.infra.bicep.azure import Azure, Made, Scope
from tests.infra.bicep.evaluator import Clock, Evaluator, Faulty, Locals, NotYet
from tests.infra.bicep.parser import read

#: Azure Verified Modules that are used, and the one resource that each makes.
REGISTRY = {"br/public:avm/res/resources/resource-group:0.4.1": "Microsoft.Resources/resourceGroups@2025-04-01"}
AT_START = ("name", "scope", "parent", "location")
NOT_SENT = ("scope", "parent", "dependsOn")
UNDER_WAY = object()


class Deployment(Evaluator):
    """A file at work. What is asked for is worked out once, and not before."""

    def __init__(self, azure: Azure, path: Path, given: Mapping[str, Any], scope: Scope, clock: Clock | None = None):
        super().__init__(azure, clock or Clock(), path, scope)
        self.file, self.given = read(path), given
        self.needs: dict[str, set[str]] = {}  # symbol → the symbols that it waits for
        self._known: dict[str, tuple[Any, bool, set[str]]] = {}
        self._check()

    def _check(self) -> None:
        parameters = self.file.parameters
        strange = set(self.given) - set(parameters)
        missing = {name for name, one in parameters.items() if one.default is None} - set(self.given)
        if strange or missing:
            raise Faulty(f"{self.path.name}: unknown parameters {sorted(strange)}, missing {sorted(missing)}")
        for name, value in self.given.items():
            for decorator in parameters[name].decorators:
                allowed = [self.value(arg, {}) for arg in decorator.args]
                if decorator.name == "allowed" and value not in allowed[0]:
                    raise Faulty(f"{name} is {value!r}, not one of {allowed[0]}")
                if decorator.name == "maxLength" and len(value) > allowed[0]:
                    raise Faulty(f"{name} is longer than {allowed[0]}")

    def run(self) -> Deployment:
        """Make everything."""
        for symbol in (*self.file.resources, *self.file.modules):
            for one in _each(self.named(symbol)):
                one.make()
        return self

    def output(self, name: str) -> Any:
        """Return an output."""
        with self.clock.later():
            return self.value(self.file.outputs[name], {})

    def named(self, name: str) -> Any:
        """Return what a name stands for: a parameter, a variable, a resource, a module."""
        known = self._known.get(name)
        if known is None:
            self._known[name] = (UNDER_WAY, False, set())
            late = self.clock.late_reads
            with self.clock.noting() as symbols:
                value = self._worked_out(name)
            self._known[name] = known = (value, self.clock.late_reads > late, symbols)
        value, is_late, symbols = known
        if value is UNDER_WAY:
            raise Faulty(f"{self.path.name}: {name} needs itself")
        if is_late and self.clock.before_start:
            raise NotYet(f"{self.clock.before_start} needs {name}")
        self.clock.symbols[-1].update(symbols)
        return value

    def _worked_out(self, name: str) -> Any:
        file = self.file
        if name in self.given:
            return self.given[name]
        if name in file.parameters and (default := file.parameters[name].default) is not None:
            return self.value(default, {})
        if name in file.variables:
            return self.value(file.variables[name], {})
        if name in file.resources or name in file.modules:
            self.clock.symbols[-1].add(f"{self.path.name}:{name}")
            with self.clock.start(f"{self.path.name}: {name}"):
                declared = file.resources.get(name) or file.modules[name]
                return self._instances(declared, declared.body, {})
        raise Faulty(f"{self.path.name}: {name} is not declared")

    def _instances(self, declared: s.Resource | s.Module, body: s.Expr, local: Locals) -> Any:
        match body:
            case s.For():
                return [self._instances(declared, inner, bound) for inner, bound in self.turns(body, local)]
            case s.If(condition, inner):
                made = self._instances(declared, inner, local)
                made.wanted = bool(self.value(condition, local))
                return made
            case s.ObjectOf():
                kind = ModuleInstance if isinstance(declared, s.Module) else ResourceInstance
                return kind(self, declared, body, local)
        raise Faulty(f"{declared.symbol} has no body")

    def own_function(self, name: str) -> Callable[..., Any] | None:
        """Return a function of this file or of one that it imports from."""
        if name in self.file.functions:
            function = self.file.functions[name]
            return lambda *given: self.value(function.body, dict(zip(function.names, given, strict=True)))
        if name in self.file.imports:
            path = self.path.parent / self.file.imports[name]
            return Deployment(self.azure, path, {}, self.scope, self.clock).own_function(name)
        return None


class Instance:
    """A resource or module, one turn of its loop."""

    def __init__(self, home: Deployment, declared: Any, body: s.ObjectOf, local: Locals) -> None:
        self.home, self.declared, self.local = home, declared, local
        self.members = {str(key.value): value for key, value in body.members if isinstance(key, s.Literal)}
        self.nested_resources = body.nested
        self.wanted = True

    def at_start(self, member: str) -> Any:
        """Work out a member that must be known when the deployment starts; None where there is none."""
        if member not in self.members:
            return None
        with self.home.clock.start(f"{self.home.path.name}: {member} of {self.declared.symbol}"):
            return self.home.value(self.members[member], self.local)

    def wait(self) -> None:
        """Make first what this waits for by its `dependsOn`."""
        for name in self.home.value(self.members.get("dependsOn", s.ArrayOf(())), self.local):
            for one in _each(name):
                one.make()

    def make(self) -> None:
        """Make it, unless its condition says otherwise."""
        with self.home.clock.later(), self.home.clock.noting() as symbols:
            if self.wanted:
                self.wait()
                self.made()
        mine = {symbol for file, symbol in (one.split(":") for one in symbols) if file == self.home.path.name}
        self.home.needs.setdefault(self.declared.symbol, set()).update(mine - {self.declared.symbol})

    def made(self) -> Any:
        """Return what became of it."""
        raise Faulty(self.declared.symbol)


class ResourceInstance(Instance):
    """A resource; what is read of it is looked up as a GET would."""

    outer: ResourceInstance | None = None
    _made: Made | None = None

    @property
    def kind(self) -> tuple[str, str]:
        """Its type and version; a nested one continues its outer one's."""
        kind, _, version = self.declared.type.partition("@")
        outer = self.outer or self.at_start("parent")
        if self.outer is not None:
            return f"{self.outer.kind[0]}/{kind}", version or self.outer.kind[1]
        if outer is not None and not kind.lower().startswith(outer.kind[0].lower()):
            raise Faulty(f"{kind} has no parent {outer.kind[0]}")
        return kind, version

    @property
    def id(self) -> str:
        """Its resource id."""
        kind, name = self.kind[0], str(self.at_start("name"))
        if (parent := self.outer or self.at_start("parent")) is not None:
            return f"{parent.id}/{kind.rpartition('/')[2]}/{name}"
        scope = self.at_start("scope") or self.home.scope
        return f"{scope.id}/providers/{kind}/{name}"

    def made(self) -> Made | None:
        """Declare it, once."""
        if self._made is None and not self.declared.existing:
            self.at_start("location")
            sent = {k: self.home.value(v, self.local) for k, v in self.members.items() if k not in NOT_SENT}
            kind, version = self.kind
            self._made = Made(kind, version, str(sent["name"]), self.id, sent, self.home.path.name)
            self.home.azure.made.append(self._made)
        return self._made

    def nested(self, name: str) -> ResourceInstance:
        """Return a resource that is declared inside this one."""
        found = next(one for one in self.nested_resources if one.symbol == name)
        if not isinstance(found.body, s.ObjectOf):
            raise Faulty(f"{name} has no plain body")
        inner = ResourceInstance(self.home, found, found.body, self.local)
        inner.outer = self
        return inner

    def member(self, key: str, *, safe: bool) -> Any:
        """Return a member: id, name and type at once, everything else once it is made."""
        self.home.clock.symbols[-1].add(f"{self.home.path.name}:{self.declared.symbol}")
        if key in {"id", "name", "type"}:
            return {"id": self.id, "name": self.at_start("name"), "type": self.kind[0]}[key]
        self.home.clock.reads_late(f"{key} of {self.declared.symbol}")
        if not self.wanted:
            raise Faulty(f"{self.declared.symbol} is not made, and read")
        with self.home.clock.later():
            self.made()
        try:
            found = self.home.azure.look_up(self.kind[0], str(self.at_start("name")), self.id)
        except KeyError as missing:
            raise Faulty(f"ResourceNotFound: {self.id}") from missing
        return found.get(key) if safe else found[key]


class ModuleInstance(Instance):
    """A module; its outputs are known once it is made."""

    _child: Deployment | None = None

    def made(self) -> Deployment | None:
        """Deploy it, once."""
        scope = self.at_start("scope") or self.home.scope
        given = self.home.value(self.members.get("params", s.ObjectOf(())), self.local)
        if self.declared.path in REGISTRY:
            self._registered(given, scope)
        elif self._child is None:
            path = self.home.path.parent / self.declared.path
            self._child = Deployment(self.home.azure, path, given, scope, self.home.clock)
            if (self._child.file.scope == "subscription") != (not scope.group):
                raise Faulty(f"{path.name} is not for {scope.id}")
            with self.home.clock.noting():
                self._child.run()
        return self._child

    def _registered(self, given: Mapping[str, Any], scope: Scope) -> None:
        kind, _, version = REGISTRY[self.declared.path].partition("@")
        group_id = f"{scope.id}/resourceGroups/{given['name']}"
        if not any(one.id == group_id for one in self.home.azure.made):
            self.home.azure.made.append(Made(kind, version, given["name"], group_id, dict(given), self.declared.path))

    def member(self, key: str, *, safe: bool) -> Any:
        """Return its outputs."""
        del safe
        self.home.clock.symbols[-1].add(f"{self.home.path.name}:{self.declared.symbol}")
        if key != "outputs":
            raise Faulty(f"a module has no {key}")
        self.home.clock.reads_late(f"outputs of {self.declared.symbol}")
        if not self.wanted:
            raise Faulty(f"{self.declared.symbol} is not deployed, and read")
        with self.home.clock.later():
            self.wait()
            child = self.made()
        return _Outputs(child) if child else None


class _Outputs:
    """What a module gives back."""

    def __init__(self, child: Deployment) -> None:
        self.child = child

    def member(self, key: str, *, safe: bool) -> Any:
        """Return one output."""
        if key not in self.child.file.outputs:
            if safe:
                return None
            raise Faulty(f"{self.child.path.name} has no output {key}")
        with self.child.clock.noting() as symbols:
            value = self.child.output(key)
            symbols.clear()
        return value


def _each(value: Any) -> list[Instance]:
    return [one for item in value for one in _each(item)] if isinstance(value, list) else [value]
