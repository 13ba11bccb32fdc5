"""How a vault's row stands after refusals and successes, also when another writes it at the same moment."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.errors import Forbidden, Throttled, Unreachable, VaultError
from perennial.model.inventory import VaultRow
from perennial.workflows import vault_state
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, stage
from tests.workflows.racing import raced
from tests.workflows.rows import rewrite_vault

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
FORBIDDEN = Forbidden("kv-orders", "no role", code="ForbiddenByRbac")


def row_of(on: Stage) -> VaultRow:
    """Return the vault's row."""
    return vault_state.row_of(on.world(), "kv-orders").value


def trouble(on: Stage) -> list[dict[str, object]]:
    """Return the data of the notices of the vault's trouble that were delivered."""
    on.run(SECOND)
    bodies = [one.delivery.body for one in on.channel.sent if '"vault-trouble"' in one.delivery.body]
    return [json.loads(body) for body in bodies]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FORBIDDEN, "role"),
        (Forbidden("kv-orders", "no", code="ForbiddenByFirewall"), "firewall"),
        (Unreachable("kv-orders", "DNS"), "resolve"),
    ],
)
def test_what_a_person_must_mend_is_told_with_its_fix(error: VaultError, words: str) -> None:
    """About the vault, now, in the vault's own words."""
    on = stage(events=False)
    vault_state.refused(on.world(), vault_state.row_of(on.world(), "kv-orders"), error, NOW)
    (told,) = trouble(on)
    assert (told["vault"], told["code"], told["reason"]) == ("kv-orders", "vault-trouble", error.what)
    assert words in str(told["fix"])
    assert told["since"] == "2026-11-24T12:00:00Z"


def test_being_throttled_is_told_nobody() -> None:
    """It passes by itself."""
    on = stage(events=False)
    refusal = Throttled("kv-orders", "slow down", retry_after=HOUR)
    stored = vault_state.refused(on.world(), vault_state.row_of(on.world(), "kv-orders"), refusal, NOW)
    assert trouble(on) == []
    assert stored.value.closed_until == NOW + HOUR


def test_a_refusal_while_it_is_closed_is_the_same_occasion_and_another_kind_a_new_one() -> None:
    """In a row nothing more is told; two occasions never share an id, whatever came first."""
    on = stage(events=False)
    stored = rewrite_vault(on)
    for number, error in enumerate((FORBIDDEN, FORBIDDEN, Unreachable("kv-orders", "DNS"))):
        on.now = NOW + number * HOUR
        stored = vault_state.refused(on.world(), stored, error, on.now)
    assert len(trouble(on)) == 1
    stored = vault_state.succeeded(on.world(), vault_state.row_of(on.world(), "kv-orders"))
    vault_state.refused(on.world(), stored, Unreachable("kv-orders", "DNS"), on.now)
    assert len(trouble(on)) == 2


def test_a_refusal_of_a_request_that_began_before_the_closure_changes_nothing() -> None:
    """Not the row, not its ETag; one that began at that second counts."""
    on = stage(events=False)
    stored = rewrite_vault(on, closed_at=NOW, closed_until=NOW + MINUTE, closures=1)
    assert vault_state.refused(on.world(), stored, FORBIDDEN, NOW - SECOND) is stored
    assert trouble(on) == []
    on.now = NOW + 2 * MINUTE
    assert vault_state.refused(on.world(), stored, FORBIDDEN, NOW).value.closures == 2


def test_a_closed_vault_is_probed_when_it_opens_and_not_later_than_it_was_due() -> None:
    """Its own row comes at that instant, unless it comes before."""
    on = stage(events=False)
    stored = rewrite_vault(on, next_check=NOW + MINUTE)
    assert vault_state.refused(on.world(), stored, FORBIDDEN, NOW).value.next_check == NOW + MINUTE
    assert vault_state.closed(row_of(on), NOW + 15 * MINUTE - SECOND)
    assert not vault_state.closed(row_of(on), NOW + 15 * MINUTE)


def test_a_long_answer_is_cut() -> None:
    """A row holds 500 characters of it."""
    on = stage(events=False)
    error = Forbidden("kv-orders", "x" * 900, code="ForbiddenByRbac")
    vault_state.refused(on.world(), rewrite_vault(on), error, NOW)
    assert row_of(on).closed_why == f"forbidden: {'x' * 900}"[:500]


def test_a_refusal_whose_save_was_late_closes_what_is_there_now() -> None:
    """What another wrote stays, and it is told once."""
    on = stage(events=False)
    stored = rewrite_vault(on)
    world = raced(on.world(), "vaults", lambda row: replace(row, listed=7))
    vault_state.refused(world, stored, FORBIDDEN, NOW)
    assert (row_of(on).listed, row_of(on).closures, row_of(on).closed_until) == (7, 1, NOW + 15 * MINUTE)
    assert len(trouble(on)) == 1


def test_a_success_whose_save_was_late_leaves_the_word_to_the_other() -> None:
    """The row as the other wrote it is what the look goes on with."""
    on = stage(events=False)
    stored = rewrite_vault(on, closed_until=NOW, closures=1)
    world = raced(on.world(), "vaults", lambda row: replace(row, closures=3))
    assert vault_state.succeeded(world, stored).value.closures == 3
    assert row_of(on).closures == 3


@pytest.mark.parametrize("columns", [{"closures": 1}, {"closed_until": NOW}])
def test_a_success_opens_whatever_is_left_of_a_closure(columns: dict[str, Any]) -> None:
    """Either column of it."""
    on = stage(events=False)
    assert vault_state.succeeded(on.world(), rewrite_vault(on, **columns)).value == row_of(on)
    assert (row_of(on).closed_until, row_of(on).closures) == (None, 0)


def test_a_turn_that_another_took_at_this_instant_is_a_second_later() -> None:
    """One create a second, over all instances; the turn that was taken stands in the row."""
    on = stage(events=False)
    rewrite_vault(on, next_create=NOW - DAY)
    assert vault_state.take_turn(raced(on.world(), "vaults"), "kv-orders") == NOW + SECOND
    assert row_of(on).next_create == NOW - DAY
    assert vault_state.take_turn(on.world(), "kv-orders") is None
    assert row_of(on).next_create == NOW + SECOND


def test_a_closure_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Which vault, why, until when, and the vault's words."""
    on = stage(events=False)
    with caplog.at_level(logging.WARNING, logger="perennial"):
        vault_state.refused(on.world(), rewrite_vault(on), Throttled("kv-orders", "slow down", retry_after=HOUR), NOW)
    (line,) = [one for one in map(json.loads, caplog.messages) if one["event"] == "vault-closed"]
    assert line == {
        "event": "vault-closed",
        "vault": "kv-orders",
        "why": "throttled",
        "until": "2026-11-24T13:00:00Z",
        "error": "slow down",
    }
