"""Calling the API as its doors do, on a world in memory; every answer is held against openapi.yaml."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import msgspec
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from perennial.workflows.api.http import Operation, Request, Response, answer
from perennial.workflows.world import World

ROOT = Path(__file__).parents[2]
DOCUMENT = "urn:openapi"


@dataclass(frozen=True, slots=True)
class Door:
    """A door of handlers/api.py: its name, how it is reached, and the operation that it hands over to."""

    name: str
    method: str
    route: str
    auth: str
    operation: Operation


@cache
def doors() -> dict[str, Door]:
    """Read the doors from their source, so that what is tested is what is served."""
    tree = ast.parse((ROOT / "handlers/api.py").read_text(encoding="utf-8"))
    functions = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.decorator_list]
    return {door.name: door for door in map(_door, functions)}


def _door(function: ast.FunctionDef) -> Door:
    decorator = function.decorator_list[0]
    assert isinstance(decorator, ast.Call)
    options = {word.arg: ast.unparse(word.value) for word in decorator.keywords}
    statement = function.body[-1]
    assert isinstance(statement, ast.Return)
    assert isinstance(statement.value, ast.Call)
    module, _, operation = ast.unparse(statement.value.args[0]).partition(".")
    room = importlib.import_module(f"perennial.workflows.api.{module}")
    return Door(
        name=function.name,
        method=ast.literal_eval(options["methods"])[0],
        route=ast.literal_eval(decorator.args[0]),
        auth=options["auth_level"].rpartition(".")[2],
        operation=cast("Operation", getattr(room, operation)),
    )


@cache
def document() -> dict[str, Any]:
    """Return openapi.yaml."""
    return cast("dict[str, Any]", yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8")))


def described() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return the operations that openapi.yaml describes: by operationId the method, the path, and all that is said."""
    methods = ("get", "put", "post", "delete")
    return {
        item[method]["operationId"]: (method.upper(), path, item[method])
        for path, item in document()["paths"].items()
        for method in methods
        if method in item
    }


@cache
def _registry() -> Any:
    resource = Resource.from_contents(document(), default_specification=DRAFT202012)
    return Registry[Any]().with_resource(DOCUMENT, resource)


def faults(schema: Mapping[str, Any], value: object) -> list[str]:
    """Tell where a value breaks a schema of openapi.yaml."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_absolute(schema)}
    validator = Draft202012Validator(whole, registry=_registry(), format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def _absolute(node: Any) -> Any:
    """Let references into the document be found from a part of it."""
    if isinstance(node, dict):
        return {
            key: f"{DOCUMENT}{value}" if key == "$ref" and value.startswith("#") else _absolute(value)
            for key, value in node.items()
        }
    return [_absolute(value) for value in node] if isinstance(node, list) else node


def resolved(node: Mapping[str, Any]) -> dict[str, Any]:
    """Follow a reference of openapi.yaml."""
    found: Any = node
    while "$ref" in found:
        inner: Any = document()
        for step in found["$ref"].removeprefix("#/").split("/"):
            inner = inner[step]
        found = inner
    return cast("dict[str, Any]", found)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as a client sees it."""

    status: int
    body: Any
    headers: Mapping[str, str]

    def one(self, *path: str | int) -> Any:
        """Return a part of the body."""
        found = self.body
        for step in path:
            found = found[step]
        return found


class Api:
    """The API over a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def call(
        self,
        name: str,
        /,
        *route: str,
        body: object = None,
        raw: bytes | None = None,
        actor: str = "",
        query: Mapping[str, str] | None = None,
        **more: str,
    ) -> Answer:
        """Call the door of that name; the answer must be as openapi.yaml says."""
        door = doors()[name]
        names = re.findall(r"{(\w+)}", door.route)
        payload = raw if raw is not None else (msgspec.json.encode(body) if body is not None else b"")
        request = Request(
            method=door.method,
            route=dict(zip(names, route, strict=True)),
            query={**(query or {}), **more},
            body=payload,
            actor=actor,
        )
        response = answer(door.operation, request, self.world)
        hold(name, response)
        shown = msgspec.json.decode(response.payload) if response.payload else None
        return Answer(response.status, shown, response.headers)


def hold(name: str, response: Response) -> None:
    """Hold an answer against what openapi.yaml says of it."""
    said = described()[name][2]["responses"]
    told = resolved(said.get(str(response.status)) or said["default"])
    if str(response.status) not in said:
        assert response.status >= 400, f"{name} answers {response.status}, which openapi.yaml does not know"
    content = told.get("content")
    if content is None:
        assert response.body is None
        return
    assert list(content) == [response.media_type]
    wrong = faults(content[response.media_type]["schema"], msgspec.json.decode(response.payload))
    assert wrong == [], f"{name} {response.status}: {wrong}"
