"""A person lives with a finding until an instant."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from perennial.model.findings import Finding, Found, Severity
from perennial.workflows import findings
from perennial.workflows.world import World
from tests.api.calling import Api
from tests.api.stocking import NOW
from tests.memory.world import make_world

DAY = timedelta(days=1)
WEAK = Found(rule="weak-key", severity=Severity.HIGH, evidence={"key": "RSA 1024"}, fix="mend it")
BODY: dict[str, Any] = {
    "vault": "kv-orders",
    "certificate": "web",
    "rule": "weak-key",
    "until": "2099-01-01T00:00:00Z",
    "reason": "the device goes in January",
}


def stocked() -> World:
    """Return a world with one open finding of a certificate and one of its vault."""
    world = make_world(NOW)
    findings.reconcile(world, ("kv-orders", "web"), [WEAK], silent=False, owner="")
    row = Finding(
        vault="kv-orders", certificate="", rule="vault-not-walked", severity=Severity.HIGH, opened=NOW, last_seen=NOW
    )
    world.tables.findings.put(row)
    return world


def waiver(**changes: Any) -> dict[str, Any]:
    """Return a body that waives the finding for thirty days."""
    return BODY | {"until": (NOW + 30 * DAY).isoformat()} | changes


def test_a_waiver_is_kept_with_who_and_why() -> None:
    """The finding stays open and listed."""
    api = Api(stocked())
    found = api.call("put_waiver", body=waiver(), actor="ada")
    assert (found.status, found.one("state"), found.one("waived_by")) == (200, "open", "api (ada)")
    assert (found.one("waived_until"), found.one("waived_why")) == ("2026-12-24T08:00:00Z", BODY["reason"])
    assert api.call("list_findings", rule="weak-key").one("items", 0) == found.body


def test_a_vaults_own_finding_is_named_without_a_certificate() -> None:
    """Null, or nothing at all."""
    api = Api(stocked())
    for body in (waiver(certificate=None, rule="vault-not-walked"), waiver(rule="vault-not-walked")):
        if body.get("certificate") == "web":
            del body["certificate"]
        assert api.call("put_waiver", body=body).status == 200


def test_what_still_stands_when_a_waiver_is_ended_is_told() -> None:
    """Null ends it; the next look finds the same and marks it to be told, and nothing of the waiver is left."""
    world = stocked()
    api = Api(world)
    assert api.call("put_waiver", body=waiver()).status == 200
    assert api.call("put_waiver", body=waiver(until=None, reason="the device is gone")).status == 200
    findings.reconcile(world, ("kv-orders", "web"), [WEAK], silent=False, owner="")
    stored = world.tables.findings.get("kv-orders", "web:weak-key")
    assert stored is not None
    assert (stored.value.waived_until, stored.value.waived_by, stored.value.waived_why) == (None, "", "")


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"until": "soon"}, 400, "until"),
        ({"until": "2026-11-24T08:00:00Z"}, 400, "until"),
        ({"until": "2029-01-01T00:00:00Z"}, 400, "until"),
        ({"until": "2026-12-01T00:00:00"}, 400, "until"),
        ({"reason": " "}, 400, "reason"),
        ({"rule": "no-such-rule"}, 404, None),
        ({"vault": "kv_orders"}, 404, None),
        ({"certificate": "other"}, 404, None),
    ],
)
def test_a_wrong_waiver_is_refused(changes: dict[str, Any], status: int, field: str | None) -> None:
    """By the member's name; what there is not is not found, and nothing is changed."""
    world = stocked()
    found = Api(world).call("put_waiver", body=waiver(**changes))
    assert (found.status, found.body.get("field")) == (status, field)
    stored = world.tables.findings.get("kv-orders", "web:weak-key")
    assert stored is not None
    assert stored.value.waived_until is None


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"vault": "kv_orders"}, "no finding can have that name"),
        ({"certificate": "a_b"}, "no finding can have that name"),
        ({"vault": "kv_orders", "certificate": None}, "no finding can have that name"),
        ({"rule": "a_b"}, "no finding can have that name"),
        ({"certificate": "other"}, "there is no finding weak-key of kv-orders/other"),
    ],
)
def test_what_there_is_not_is_named(changes: dict[str, Any], detail: str) -> None:
    """And what there cannot be is not looked for."""
    found = Api(stocked()).call("put_waiver", body=waiver(**changes))
    assert (found.status, found.one("detail")) == (404, detail)


def test_a_waiver_is_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Of what, by whom, until when."""
    with caplog.at_level(logging.INFO, logger="perennial"):
        Api(stocked()).call("put_waiver", body=waiver(), actor="ada")
    (said,) = [one for one in map(json.loads, caplog.messages) if one["event"] == "waived"]
    assert said == {
        "event": "waived",
        "vault": "kv-orders",
        "certificate": "web",
        "rule": "weak-key",
        "until": "2026-12-24T08:00:00Z",
        "actor": "api (ada)",
    }


def test_a_waiver_lasts_366_days_at_most() -> None:
    """To the second."""
    api = Api(stocked())
    end = NOW + 366 * DAY
    assert api.call("put_waiver", body=waiver(until=end.isoformat())).status == 200
    later = (end + timedelta(seconds=1)).isoformat()
    assert api.call("put_waiver", body=waiver(until=later)).one("field") == "until"


def test_a_waiver_takes_no_parameters() -> None:
    """All stands in its body."""
    found = Api(stocked()).call("put_waiver", body=waiver(), query={"rule": "weak-key"})
    assert (found.status, found.one("field")) == (400, "rule")
