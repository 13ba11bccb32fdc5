"""What an answer shows of a row, member by member: all that is known, and null for what is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.model.authority import Obstacle
from perennial.model.findings import Finding, Severity
from perennial.model.history import VaultWalk, WalkState
from perennial.model.inventory import Entry
from perennial.model.notices import Attempt, Delivery, DeliveryState, NoticeKind
from perennial.model.renewal import Asked
from perennial.workflows.api import facts, findings, paging
from tests.api.calling import Api
from tests.api.showing import AT, LATER, NEXT, REASON, SHOWN_REASON, VERSION
from tests.api.stocking import NOW
from tests.memory.world import make_world

ENTRY = Entry(
    vault="kv-orders",
    certificate="web",
    first_seen=NOW,
    next_check=LATER,
    read_at=LATER,
)


def test_a_certificate_of_which_all_is_known() -> None:
    """Facts, policy, decision, what was asked, what its CA says, and what stands in the way."""
    world = make_world(NOW)
    row = replace(
        ENTRY,
        version=VERSION,
        previous="v0",
        tags={"perennial-owner": "orders"},
        owner="orders",
        not_after=LATER,
        due_at=NOW,
        decision="renew",
        reason=REASON,
        since=NOW,
        announced="v1",
        request=Asked(reason="now", actor="ada", at=NOW, version="v1", force=True, accept_policy=True),
        paused_until=LATER,
        suggested_at=NOW,
        window_ends=LATER,
        revoked_at=NOW,
        explanation="https://ca.example/why",
        ask_ca_at=LATER,
        issued_by="account",
        issued_through="corp",
        drifted_at=NOW,
        preflight_at=LATER,
        obstacles=(Obstacle(code="caa", what="CAA forbids it", fix="allow the CA"),),
        last_issued=NOW,
    )
    world.tables.inventory.put(row)
    assert Api(world).call("get_certificate", "kv-orders", "web").body == {
        "vault": "kv-orders",
        "certificate": "web",
        "url": "/api/certificates/kv-orders/web",
        "owner": "orders",
        "managed": True,
        "version": "v1",
        "not_after": NEXT,
        "due_at": AT,
        "decision": "renew",
        "reason": SHOWN_REASON,
        "since": AT,
        "next_check": NEXT,
        "gone": None,
        "first_seen": AT,
        "read_at": NEXT,
        "current": facts.version(VERSION),
        "previous_version": "v0",
        "announced_version": "v1",
        "policy": facts.policy(row.policy),
        "tags": {"perennial-owner": "orders"},
        "request": {
            "reason": "now",
            "actor": "ada",
            "at": AT,
            "version": "v1",
            "force": True,
            "accept_policy": True,
        },
        "paused_until": NEXT,
        "suggested_at": AT,
        "window_ends": NEXT,
        "revoked_at": AT,
        "explanation": "https://ca.example/why",
        "ask_ca_at": NEXT,
        "issued_by": "account",
        "issued_through": "corp",
        "drifted_at": AT,
        "preflight_at": NEXT,
        "obstacles": [{"code": "caa", "what": "CAA forbids it", "fix": "allow the CA"}],
        "last_issued": AT,
        "renewal": None,
    }


def test_a_certificate_of_which_little_is_known() -> None:
    """Null stands for what is not."""
    world = make_world(NOW)
    world.tables.inventory.put(ENTRY)
    shown = Api(world).call("get_certificate", "kv-orders", "web").body
    known = ("vault", "certificate", "url", "managed", "next_check", "first_seen", "read_at", "policy")
    rest = {name: value for name, value in shown.items() if name not in known}
    assert {name for name, value in rest.items() if value is not None} == {"tags", "obstacles"}
    assert (shown["tags"], shown["obstacles"]) == ({}, [])


def test_a_finding() -> None:
    """Of a certificate with all there is, or of a vault with what there is."""
    row = Finding(
        vault="kv-orders",
        certificate="web",
        rule="no-owner",
        severity=Severity.LOW,
        opened=NOW,
        last_seen=LATER,
        resolved=LATER,
        state="resolved",
        owner="orders",
        evidence={"a": "b"},
        fix="name one",
        waived_until=LATER,
        waived_by="ada",
        waived_why="old",
        times=2,
    )
    assert findings.shape(row) == {
        "vault": "kv-orders",
        "certificate": "web",
        "rule": "no-owner",
        "severity": "low",
        "state": "resolved",
        "owner": "orders",
        "opened": AT,
        "last_seen": NEXT,
        "resolved": NEXT,
        "waived_until": NEXT,
        "waived_by": "ada",
        "waived_why": "old",
        "times": 2,
        "evidence": {"a": "b"},
        "what_to_do": "name one",
    }
    bare = findings.shape(
        Finding(vault="kv-orders", certificate="", rule="r", severity=Severity.HIGH, opened=NOW, last_seen=NOW)
    )
    nothing = {name for name, value in bare.items() if value is None}
    assert nothing == {"certificate", "owner", "resolved", "waived_until", "waived_by", "waived_why", "what_to_do"}


@pytest.mark.parametrize(
    ("subject", "place"),
    [("kv-orders:web", ("kv-orders", "web")), ("kv-orders:", ("kv-orders", None)), (":", (None, None))],
)
def test_a_delivery(subject: str, place: tuple[str | None, str | None]) -> None:
    """What it is about, how it stands, and each attempt."""
    row = Delivery(
        subject=subject,
        notice="n1",
        subscription="orders",
        kind=NoticeKind.EXPIRING,
        opened=NOW,
        body="{}",
        time=NOW,
        version="v1" if place[1] else "",
        state=DeliveryState.OPEN,
        lease_until=LATER,
        next_attempt=LATER,
        failures=1,
        attempts=(Attempt(NOW, "500"), Attempt(LATER, "200", delivered=True)),
        closed=LATER,
    )
    world = make_world(NOW)
    world.tables.deliveries.put(row)
    assert Api(world).call("list_deliveries").one("items") == [
        {
            "id": paging.shown_id(subject, "n1:orders"),
            "vault": place[0],
            "certificate": place[1],
            "subscription": "orders",
            "notice": "n1",
            "kind": "expiring",
            "time": AT,
            "version": "v1" if place[1] else None,
            "state": "open",
            "opened": AT,
            "next_attempt": NEXT,
            "lease_until": NEXT,
            "closed": NEXT,
            "failures": 1,
            "attempts": [
                {"at": AT, "answer": "500", "delivered": False},
                {"at": NEXT, "answer": "200", "delivered": True},
            ],
        }
    ]


def test_a_sweep() -> None:
    """From its first vault's start to its last one's end; what went wrong in a vault, with the fix."""
    world = make_world(NOW)
    minute = timedelta(minutes=1)
    rows = [
        VaultWalk(tick=NOW, vault="kv-orders", state=WalkState.WHOLE, started=NOW + minute, ended=NOW + 2 * minute),
        VaultWalk(tick=NOW, vault="kv-watched", state=WalkState.FAILED, error="403", fix="give back the role"),
        VaultWalk(tick=NOW, vault="kv-z", state=WalkState.WHOLE, started=NOW + 2 * minute, ended=NOW + 3 * minute),
    ]
    for row in rows:
        world.tables.sweeps.put(replace(row, asked_by="ada"))
    (run,) = Api(world).call("list_sweeps").one("items")
    assert (run["tick"], run["asked_by"]) == (AT, "ada")
    assert (run["started"], run["ended"]) == ("2026-11-24T08:01:00Z", "2026-11-24T08:03:00Z")
    trouble = [(walk["error"], walk["fix"]) for walk in run["vaults"]]
    assert trouble == [(None, None), ("403", "give back the role"), (None, None)]
    bare = make_world(NOW)
    bare.tables.sweeps.put(VaultWalk(tick=NOW, vault="kv-orders", state=WalkState.FAILED))
    (run,) = Api(bare).call("list_sweeps").one("items")
    assert (run["started"], run["ended"]) == (None, None)
