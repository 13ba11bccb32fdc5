"""Answers of the ACME CA in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from tests.memory.acme_books import Json, Problem


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def shown(body: Json, status: int = 200, where: str = "", wait: timedelta | None = None) -> Reply:
    """Return an answer in JSON."""
    headers = {"Content-Type": "application/json"}
    headers |= {"Location": where} if where else {}
    headers |= {"Retry-After": str(int(wait.total_seconds()))} if wait is not None else {}
    return Reply(status, json.dumps(body).encode(), headers)


def refused(problem: Problem) -> Reply:
    """Return a problem document."""
    wait = {} if problem.wait is None else {"Retry-After": str(problem.wait)}
    headers = {"Content-Type": "application/problem+json", **wait}
    return Reply(problem.status, json.dumps(problem.document).encode(), headers)
