"""What there is to name: make's targets, settings, routes, functions, files, and every word of the code."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from perennial.decisions import tags
from perennial.model.messages import Queue
from perennial.settings.agreement import SECRETS
from perennial.settings.catalog import CATALOG
from tests.architecture.source import modules
from tests.docs.pages import ROOT

CODE = ("function_app.py", "handlers", "perennial", "localazure")
TESTS = ("tests/contract", "tests/conftest.py")

#: Words that are Azure's, a protocol's or a tool's, not ours.
FOREIGN = frozenset(
    {
        "ForbiddenByRbac",
        "ForbiddenByFirewall",
        "Unknown",
        "Self",
        "manager",
        "utils",
        "rg-NAME",
        "rg-prod",
        "DeliverySuccessCount",  # a metric of Event Grid
        # Of OpenTelemetry and its exporter for Azure Monitor; tests/wiring/test_telemetry.py holds spans against the page.
        "azure-monitor-opentelemetry",
        "azure-core",
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
        "user_agent.original",
        "az.client_request_id",
        "az.service_request_id",
        "KeyVaultClientBase.send_request",
        "REDACTED",
    }
)


@cache
def targets() -> frozenset[str]:
    """Return make's targets."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


@cache
def settings() -> frozenset[str]:
    """Return the settings, the variables that the tests against live Azure read, and what the deployment tells azd."""
    live = {f"PERENNIAL_LIVE_{name}" for name in ("VAULT", "TOPIC", "KEYS", "TABLES", "QUEUES")}
    told = set(re.findall(r"^output (PERENNIAL_[A-Z_]+)", (ROOT / "infra/main.bicep").read_text("utf-8"), re.MULTILINE))
    return frozenset({setting.variable for setting in CATALOG} | live | told)


def is_setting(name: str) -> bool:
    """Tell whether an environment variable of ours exists; secrets have any name."""
    return name in settings() or name.startswith(SECRETS)


def is_tag(name: str) -> bool:
    """Tell whether a certificate's tag is one that we read or write."""
    return name.startswith(tags.PREFIX) and name.removeprefix(tags.PREFIX) in tags.KNOWN


@cache
def routes() -> frozenset[tuple[str, str]]:
    """Return method and path of each route, the names in braces left open."""
    described: dict[str, Any] = yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8"))
    return frozenset(
        (method.upper(), re.sub(r"\{[^}]*\}", "*", path))
        for path, item in described["paths"].items()
        for method in item
        if method in {"get", "put", "post", "delete"}
    )


def is_route(method: str, path: str) -> bool:
    """Tell whether a request has a route; `path` begins after /api and may name things or leave them in braces."""
    parts = path.partition("?")[0].strip("/").split("/")
    return any(method == known and _fits(parts, pattern.strip("/").split("/")) for known, pattern in routes())


def _fits(parts: list[str], pattern: list[str]) -> bool:
    return len(parts) == len(pattern) and all(q in ("*", p) for p, q in zip(parts, pattern, strict=True))


@cache
def functions() -> frozenset[str]:
    """Return the name of every function of the code."""
    trees = [_tree(path) for path in modules(*CODE)]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for tree in trees for node in ast.walk(tree) if isinstance(node, kinds))


@cache
def lines() -> frozenset[str]:
    """Return every line of the product's code, without its indentation."""
    texts = (path.read_text(encoding="utf-8") for path in modules("function_app.py", "handlers", "perennial"))
    return frozenset(line.strip() for text in texts for line in text.splitlines())


@cache
def words() -> frozenset[str]:
    """Return every word that the code, its settings, the deployment and the API's description know: names, and the words of literals."""
    known: set[str] = set()
    for path in modules(*CODE, *TESTS):
        for node in ast.walk(_tree(path)):
            known |= _words_of(node)
    for name in ("openapi.yaml", "host.json", "Makefile", "pyproject.toml"):
        known |= _split((ROOT / name).read_text(encoding="utf-8"))
    for path in (ROOT / "infra").rglob("*.bicep"):
        known |= _split(path.read_text(encoding="utf-8"))
    return frozenset(known | FOREIGN | {f"message-lost-{queue}" for queue in Queue})  # a code made of two words


def _words_of(node: ast.AST) -> set[str]:
    match node:
        case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
            return {name}
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Constant(value=str(text)):
            return {text} | _split(text)
        case _:
            return set()


def _split(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z0-9_-]+", text))


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
