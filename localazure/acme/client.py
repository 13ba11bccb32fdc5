"""A CA of a local Azure as tests and demos reach it: its address, its books, and what it is told to do wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

type Json = dict[str, Any]
type Ask = Callable[[str, str, Mapping[str, object] | None], Json]


class LocalCa:
    """One CA. Its TLS certificate is from the local Azure's throw-away CA, so REQUESTS_CA_BUNDLE is trust enough."""

    def __init__(self, name: str, ask: Ask) -> None:
        """Take the CA's name and what asks the management port."""
        self.name = name
        self._ask = ask

    @property
    def directory(self) -> str:
        """The address of its directory."""
        return f"https://{self.name}.example/directory"

    def behave(self, **conduct: object) -> None:
        """Change how it behaves: members of `conduct.Conduct`; what is left out stays."""
        self._ask("PATCH", f"/acme/{self.name}", conduct)

    def report(self) -> Json:
        """Return what `GET /acme/{ca}` says: conduct, roots, requests, issued, accounts, orders, authorizations, certificates."""
        return self._ask("GET", f"/acme/{self.name}", None)

    def requests(self) -> dict[str, int]:
        """Return how many requests of each kind it had."""
        counts: dict[str, int] = self.report()["requests"]
        return counts

    def clear_requests(self) -> None:
        """Count requests and validations anew."""
        self._ask("DELETE", f"/acme/{self.name}/requests", None)

    def issued(self) -> dict[str, int]:
        """Return how many certificates each set of names got; the names of a set are sorted and joined by a blank."""
        counts: dict[str, int] = self.report()["issued"]
        return counts

    def orders(self) -> list[Json]:
        """Return its orders, oldest first: id, account, names, profile, status, replaces, exempt, certificate."""
        found: list[Json] = self.report()["orders"]
        return found

    def certificates(self) -> list[Json]:
        """Return its certificates, oldest first: names, serial, ari_id, not_before, not_after, replaced_by, revoked."""
        found: list[Json] = self.report()["certificates"]
        return found

    def roots(self) -> str:
        """Return its two roots as PEM, that of the default chain first."""
        return "".join(self.report()["roots"])

    def problem(
        self,
        on: str,
        kind: str = "serverInternal",
        status: int = 500,
        *,
        times: int | None = 1,
        **more: object,
    ) -> None:
        """Answer the next requests of a kind with a problem; more: detail, subproblems, retry_after, after_effect."""
        order = {"on": on, "type": kind, "status": status, "times": times, **more}
        self._ask("POST", f"/acme/{self.name}/problems", order)

    def clear_problems(self) -> None:
        """Take away all problems."""
        self._ask("DELETE", f"/acme/{self.name}/problems", None)

    def window(self, start: datetime | None = None, end: datetime | None = None, **more: object) -> None:
        """Answer renewalInfo with this window; more: explanation, name or serial (else all), status, body, retry_after."""
        times = {"start": start.isoformat() if start else None, "end": end.isoformat() if end else None}
        self._ask("POST", f"/acme/{self.name}/windows", {**times, **more})

    def clear_windows(self) -> None:
        """Let all windows be what the CA computes again."""
        self._ask("DELETE", f"/acme/{self.name}/windows", None)

    def expire(self, what: str) -> None:
        """Let all "orders" or "authorizations" expire now."""
        self._ask("POST", f"/acme/{self.name}/expire", {"what": what})

    def forget(self, what: str) -> None:
        """Forget all "accounts", or all "orders" that have no certificate yet."""
        self._ask("POST", f"/acme/{self.name}/forget", {"what": what})

    def revoke(self, *, name: str = "", serial: str = "", reason: int = 4) -> None:
        """Revoke the certificates with a name or serial number, or all."""
        self._ask("POST", f"/acme/{self.name}/revocations", {"name": name, "serial": serial, "reason": reason})
