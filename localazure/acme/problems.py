"""Refusals as problem documents (RFC 7807) with ACME's types (RFC 8555 §6.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

type Json = dict[str, Any]

PREFIX = "urn:ietf:params:acme:error:"


class Problem(Exception):
    """An answer of 400 and above; `kind` is the type without its prefix, `retry_after` seconds or an HTTP date."""

    def __init__(
        self,
        kind: str,
        detail: str,
        status: int = 400,
        *,
        retry_after: float | str | None = None,
        subproblems: Sequence[Mapping[str, object]] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.status = kind, detail, status
        self.subproblems, self.more = [dict(one) for one in subproblems], dict(more or {})
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = retry_after if isinstance(retry_after, str) else f"{retry_after:g}"

    def document(self) -> Json:
        """Return the problem document."""
        body: Json = {"type": PREFIX + self.kind, "detail": self.detail, "status": self.status}
        if self.subproblems:
            body["subproblems"] = self.subproblems
        return body | self.more


def malformed(detail: str, status: int = 400) -> Problem:
    """Say what of a request cannot be read."""
    return Problem("malformed", detail, status)


def unauthorized(detail: str) -> Problem:
    """Refuse what this account may not do."""
    return Problem("unauthorized", detail, 403)


def not_found(what: str) -> Problem:
    """Say that something is not there, in Boulder's type for it."""
    return Problem("malformed", f"{what} not found", 404)
