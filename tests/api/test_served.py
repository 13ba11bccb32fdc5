"""The API over HTTP: through the host, the worker library, storage and a vault; every answer is as openapi.yaml says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import urllib3
from azure.keyvault.certificates import CertificatePolicy

from localazure.client import LocalAzure, await_until
from localazure.operator import Operator
from tests.api.calling import ROOT, described, faults, resolved

PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """The API of a running host."""

    base: str
    vault: str
    http: urllib3.PoolManager

    def call(self, door: str, /, *parts: str, body: object = None, raw: bytes | None = None, **query: str) -> Any:
        """Call a door; return status and body, which is as described for the status."""
        method, path, said = described()[door]
        for part in parts:
            path = path.replace(path[path.index("{") : path.index("}") + 1], part, 1)
        payload = raw if raw is not None else (msgspec.json.encode(body) if body is not None else None)
        headers = {"X-Perennial-Actor": "ada"} if method != "GET" else {}
        url = f"{self.base}/api{path}" + (
            f"?{'&'.join(f'{key}={text}' for key, text in query.items())}" if query else ""
        )
        answer = self.http.request(method, url, body=payload, headers=headers)
        told = resolved(said["responses"].get(str(answer.status)) or said["responses"]["default"]).get("content", {})
        assert answer.headers.get("Content-Type", "").partition(";")[0] in (*told, "" if told else "application/json")
        shown = msgspec.json.decode(answer.data) if answer.data else None
        for media in told.values():
            assert faults(media["schema"], shown) == [], f"{door} {answer.status}"
        return answer.status, shown

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for what the app does by itself."""
        await_until(condition, PATIENCE)


@pytest.fixture
def served(azure: LocalAzure, account: str, vault: str) -> Iterator[Served]:
    """The API of an app that only observes one vault, which holds one certificate that is due."""
    with Operator(azure) as operator:
        operator.seed(vault, "web", lifetime=timedelta(days=90), left=timedelta(days=20))
    variables = azure.environment(account=account, vaults={vault: "observe"})
    with azure.host(ROOT, variables) as host, urllib3.PoolManager(retries=False) as http:
        yield Served(host.url, vault, http)


def test_every_route_is_served(served: Served, azure: LocalAzure) -> None:
    """A person finds a certificate by a sweep, reads the plan, is told, asks, is declined, and ends a foreign operation."""
    assert served.call("health")[0] == 200
    assert served.call("start_sweep", body={"reason": "new here"})[0] == 202
    served.until(lambda: served.call("list_certificates", decision="leave-alone")[1]["items"])
    served.until(lambda: served.call("list_sweeps")[1]["items"][0]["state"] == "whole")

    assert served.call("get_certificate", served.vault.upper(), "web")[1]["reason"]["code"] == "observed"
    plan = served.call("plan")[1]
    assert [block["code"] for block in plan["blocked"]] == ["observed"]
    assert served.call("get_history", served.vault, "web", limit="1")[1]["items"]
    assert served.call("list_findings", vault=served.vault)[0] == 200

    assert served.call("put_subscription", "ops", body={"channel": "event-grid", "send": "test"})[0] == 201
    served.until(lambda: served.call("list_deliveries", state="delivered")[1]["items"])
    delivery = served.call("list_deliveries", subscription="ops")[1]["items"][0]
    assert served.call("redeliver", delivery["id"])[0] == 202
    assert served.call("get_subscription", "ops")[1]["channel"] == "event-grid"
    assert [one["name"] for one in served.call("list_subscriptions")[1]["items"]] == ["ops"]
    assert served.call("delete_subscription", "ops") == (204, None)
    refused = served.call("put_subscription", "web", body={"channel": "webhook", "target": "http://x.example/"})
    assert (refused[0], refused[1]["field"]) == (400, "target")

    assert served.call("renew_certificate", served.vault, "web", body={"reason": "why"})[0] == 409
    assert served.call("discard_pending", served.vault, "web", body={"reason": "why"})[0] == 404
    with Operator(azure) as operator, operator.client(served.vault) as client:
        # Of the issuer Unknown, so that it waits for a merge until somebody discards it.
        client.begin_create_certificate("web", CertificatePolicy("Unknown", subject="CN=web.example.com"))
        status, discarded = served.call("discard_pending", served.vault, "web", body={"reason": "left over"})
    assert (status, discarded["whose"]) == (200, "foreign")
    history = served.call("get_history", served.vault, "web")[1]["items"]
    assert "api (ada)" in [record["actor"] for record in history if record["kind"] == "discarded"]

    assert served.call("put_mode", body={"mode": "observe", "reason": "incident"})[1]["actor"] == "api (ada)"
    assert served.call("get_mode")[1]["reason"] == "incident"


def test_bad_input_is_a_problem_document_over_http_too(served: Served) -> None:
    """400 for every body that is none, and for an unknown query parameter; 404 for what is not there; never a 500."""
    for raw in (b"", b"\xff", b"[" * 10_000, b'{"reason": "why", "more": 1}'):
        assert served.call("renew_certificate", served.vault, "web", raw=raw)[0] == 400
    assert served.call("list_certificates", bogus="1")[1]["field"] == "bogus"
    assert served.call("get_certificate", served.vault, "none")[0] == 404
    assert served.call("get_certificate", served.vault, "%23%3F")[0] == 404
