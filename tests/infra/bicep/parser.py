"""Reads Bicep: declarations here, expressions in `expressions.py`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.infra.bicep.expressions import Expressions
from tests.infra.bicep.lexer import tokens
from tests.infra.bicep.syntax import Decorator, File, Function, Module, Parameter, Resource


@cache
def read(path: Path) -> File:
    """Parse a file. Raises Unreadable."""
    return Declarations(tokens(path.read_text(encoding="utf-8"))).file()


class Declarations(Expressions):
    """A file's declarations, one after the other."""

    def file(self) -> File:
        """Read them all."""
        found = File()
        while self.now.kind != "end":
            self._declaration(found, self.decorators())
        return found

    def decorators(self) -> tuple[Decorator, ...]:
        """Read what stands before a declaration."""
        found = []
        while self.take("@"):
            name = self.word()
            found.append(Decorator(name, self.arguments()))
        return tuple(found)

    def resource(self) -> tuple[str, Resource]:
        """Read a resource after its keyword."""
        symbol, kind = self.word(), self.plain_text()
        existing = self.take_word("existing")
        self.need("=")
        return symbol, Resource(symbol, kind, self.body(), existing)

    def _declaration(self, file: File, decorators: tuple[Decorator, ...]) -> None:
        keyword = self.word()
        match keyword:
            case "metadata":
                self.word()
                self.need("=")
                self.expression()
            case "targetScope":
                self.need("=")
                file.scope = self.plain_text()
            case "import":
                self._import(file)
            case "func":
                name, function = self._function()
                file.functions[name] = function
            case _:
                self._named(file, keyword, decorators)

    def _named(self, file: File, keyword: str, decorators: tuple[Decorator, ...]) -> None:
        """Read a declaration whose name comes first."""
        if keyword == "resource":
            symbol, resource = self.resource()
            file.resources[symbol] = resource
            return
        name = self.word()
        match keyword:
            case "param":
                kind = self.type_text()
                default = self.expression() if self.take("=") else None
                file.parameters[name] = Parameter(name, kind, default, decorators)
            case "var":
                self.need("=")
                file.variables[name] = self.body()
            case "module":
                path = self.plain_text()
                self.need("=")
                file.modules[name] = Module(name, path, self.body())
            case "output":
                self.type_text()
                self.need("=")
                file.outputs[name] = self.body()
            case "type":
                self.need("=")
                file.types[name] = self._members()
            case other:
                raise self.wrong(f"{other} is no declaration")

    def _import(self, file: File) -> None:
        self.need("{")
        names = [self.word()]
        while self.take(","):
            names.append(self.word())
        self.need("}")
        if not self.take_word("from"):
            raise self.wrong("an import says from where")
        path = self.plain_text()
        file.imports |= dict.fromkeys(names, path)

    def _function(self) -> tuple[str, Function]:
        name = self.word()
        self.need("(")
        names = []
        while not self.take(")"):
            names.append(self.word())
            self.type_text()
            self.take(",")
        self.type_text()
        self.need("=>")
        return name, Function(tuple(names), self.expression())

    def _members(self) -> tuple[Parameter, ...]:
        """Read an object type."""
        self.need("{")
        found = []
        while not self.take("}"):
            decorators = self.decorators()
            name = self.word()
            self.need(":")
            found.append(Parameter(name, self.type_text(), None, decorators))
        return tuple(found)
