"""Findings are listed with what to do, open ones first of all."""

from __future__ import annotations

from typing import Any

import pytest

from perennial.model.findings import Finding, Severity
from perennial.workflows.world import World
from tests.api.calling import Api
from tests.api.stocking import DAY, NOW
from tests.memory.world import make_world


def found(world: World, vault: str, certificate: str, rule: str, **changes: Any) -> None:
    """Put a finding."""
    facts: dict[str, Any] = {"severity": Severity.HIGH, "opened": NOW - DAY, "last_seen": NOW, "fix": "mend it"}
    world.tables.findings.put(Finding(vault=vault, certificate=certificate, rule=rule, **(facts | changes)))


def stocked() -> World:
    """Return a world with findings of every sort."""
    world = make_world(NOW)
    found(world, "kv-orders", "web", "weak-key", owner="orders", evidence={"key": "RSA 1024"})
    found(world, "kv-orders", "web", "no-owner", severity=Severity.LOW)
    found(world, "kv-orders", "old", "expired", state="resolved", resolved=NOW)
    found(world, "kv-watched", "", "no-whole-walk", severity=Severity.CRITICAL)
    return world


@pytest.mark.parametrize(
    ("query", "rules"),
    [
        ({}, ["no-owner", "weak-key", "no-whole-walk"]),
        ({"state": "all"}, ["expired", "no-owner", "weak-key", "no-whole-walk"]),
        ({"state": "open"}, ["no-owner", "weak-key", "no-whole-walk"]),
        ({"state": "resolved"}, ["expired"]),
        ({"vault": "kv-watched"}, ["no-whole-walk"]),
        ({"rule": "weak-key"}, ["weak-key"]),
        ({"severity": "low"}, ["no-owner"]),
        ({"severity": "high", "state": "all"}, ["expired", "weak-key"]),
        ({"owner": "orders"}, ["weak-key"]),
        ({"owner": "nobody"}, []),
    ],
)
def test_filters(query: dict[str, str], rules: list[str]) -> None:
    """By vault, rule, severity, owner and state; open ones unless asked otherwise."""
    items = Api(stocked()).call("list_findings", query=query).one("items")
    assert [item["rule"] for item in items] == rules


def test_a_finding_says_what_was_seen_and_what_to_do() -> None:
    """Evidence, severity and the fix; a finding of a vault names no certificate."""
    api = Api(stocked())
    item = api.call("list_findings", rule="weak-key").one("items", 0)
    assert (item["evidence"], item["severity"], item["what_to_do"]) == ({"key": "RSA 1024"}, "high", "mend it")
    assert api.call("list_findings", vault="kv-watched").one("items", 0, "certificate") is None


@pytest.mark.parametrize(
    ("field", "value"), [("severity", "awful"), ("severity", "4"), ("state", "closed"), ("rule", ""), ("vault", "a b")]
)
def test_a_wrong_filter_is_refused(field: str, value: str) -> None:
    """400 by the parameter's name."""
    answer = Api(stocked()).call("list_findings", query={field: value})
    assert (answer.status, answer.one("field")) == (400, field)


def test_pages() -> None:
    """Each finding once over all pages, with a filter too."""
    world = stocked()
    rules: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = Api(world).call("list_findings", query={"limit": "1", "severity": "high", "state": "all"} | more)
        rules += [item["rule"] for item in page.one("items")]
        if page.one("next") is None:
            break
        more = {"cursor": page.one("next")}
    assert rules == ["expired", "weak-key"]
