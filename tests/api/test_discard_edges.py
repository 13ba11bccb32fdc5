"""What stands in the rows, the history and the log once an operation was discarded, and what a vault's word does to the vault."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from perennial.errors import IssuerError, Refused, Throttled, Unreachable, VaultError
from perennial.model.certificate import OperationState
from perennial.model.history import HistoryKind, Record
from perennial.model.ids import digest
from perennial.model.inventory import Entry
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, Outcome, Renewal, Step
from perennial.workflows import vault_state
from perennial.workflows.world import World
from tests.api.calling import Answer
from tests.api.stocking import DAY, NOW, WEB, claim
from tests.api.test_discard import discard, history, ours, renewal, row, scene
from tests.memory.vault import MemoryVaults
from tests.workflows.racing import raced
from tests.workflows.scripted import Scripted, waits

MINUTE = timedelta(minutes=1)


def by(error: Exception | None = None, *, ends: bool = False) -> tuple[World, MemoryVaults, Entry, Scripted, str]:
    """Return a world whose issuer cleans up as it is told: it raises, or it ends the operation itself."""
    world, vaults, entry = scene()

    class Issuer(Scripted):
        """Ends what is its own."""

        def abandon(self, renewal: Renewal, now: datetime) -> None:
            """Note it, and end it or raise."""
            super().abandon(renewal, now)
            if ends:
                vaults.end_operation(WEB, OperationState.CANCELLED)
            if error is not None:
                raise error

    script = Issuer([waits(Step.WAITING, DAY)])
    world = replace(world, issuers={"vault": script})
    identifier = ours(world, vaults, entry)
    return world, vaults, entry, script, identifier


def said(answer: Answer) -> tuple[int, str]:
    """Return status and word."""
    return answer.status, str(answer.body.get("type", "")).rpartition(":")[2]


def test_the_issuer_cleans_up_first_and_what_it_left_is_deleted() -> None:
    """Its claim is handed to it, closed; the operation goes."""
    world, vaults, entry, script, _ = by()
    assert discard(world).status == 200
    (seen,) = script.abandoned
    assert (seen.replacing, seen.outcome) == (renewal(world, entry).replacing, Outcome.GIVEN_UP)
    assert vaults.pending(WEB) is None


def test_what_the_issuer_has_ended_is_not_deleted() -> None:
    """Another operation may have begun by then."""
    world, vaults, *_ = by(ends=True)
    assert discard(world).status == 200
    assert vaults.calls["discard"] == 0


def test_an_issuer_that_cannot_clean_up_is_a_warning_and_holds_nothing_up(caplog: pytest.LogCaptureFixture) -> None:
    """The operation goes all the same."""
    world, vaults, *_ = by(IssuerError("no", "the CA is away"))
    assert discard(world).status == 200
    assert vaults.pending(WEB) is None
    (line,) = [one for one in map(json.loads, caplog.messages) if one["event"] == "not-abandoned"]
    assert line == {
        "event": "not-abandoned",
        "certificate": "kv-orders/web",
        "issuer": "vault",
        "error": str(IssuerError("no", "the CA is away")),
    }


def test_an_issuer_that_is_no_longer_set_up_cleans_up_nothing() -> None:
    """The operation goes all the same."""
    world, vaults, entry = scene()
    ours(replace(world, issuers={}), vaults, entry, issuer="former")
    assert discard(world).status == 200
    assert vaults.pending(WEB) is None


def test_what_is_written_of_our_own() -> None:
    """The claim says who ended it and what to do; the history has a row for the claim and one for the operation."""
    world, vaults, entry = scene()
    waiting = Reason(ReasonCode.IN_PROGRESS, {"issuer": "x", "what": "y"})
    identifier = ours(world, vaults, entry, waiting=waiting)
    before = renewal(world, entry)
    pending = vaults.pending(WEB)
    assert pending is not None
    issuer = pending.issuer
    discard(world, actor="ada")
    after = renewal(world, entry)
    error = "discarded by api (ada): left over"
    assert (after.error, after.fix, after.waiting, after.held_until) == (
        f"(person) {error}",
        "ask for a renewal when Perennial shall go on",
        None,
        None,
    )
    records = {record.kind: record for record in history(world)}
    assert records[HistoryKind.GIVEN_UP] == Record(
        certificate=WEB,
        id=digest(str(WEB), before.replacing, before.opened.isoformat(), HistoryKind.GIVEN_UP),
        at=NOW,
        kind=HistoryKind.GIVEN_UP,
        trigger="api",
        version=before.replacing,
        reason=error,
    )
    discarded = records[HistoryKind.DISCARDED]
    assert (discarded.trigger, discarded.actor) == ("api", "api (ada)")
    assert discarded.facts == {"operation": identifier, "whose": "ours", "issuer": issuer}


@pytest.mark.parametrize(
    ("before", "after"), [(NOW + DAY, NOW + MINUTE), (NOW + MINUTE / 2, NOW + MINUTE / 2), (NOW - DAY, NOW - DAY)]
)
def test_a_lost_look_is_made_up_for_in_a_minute(before: datetime, after: datetime) -> None:
    """The clock is brought forward, never back."""
    world, vaults, _ = scene()
    vaults.begin_foreign_operation(WEB)
    world.tables.inventory.put(replace(row(world), next_check=before))
    discard(world)
    assert row(world).next_check == after


@pytest.mark.parametrize(("left", "status"), [(MINUTE, 503), (timedelta(0), 200)])
@pytest.mark.parametrize("why", ["", "forbidden: no role"])
def test_a_vault_that_is_left_alone_is_not_asked_until_that_second(left: timedelta, status: int, why: str) -> None:
    """How long, why, and when to come again; then it is asked."""
    world, vaults, _ = scene()
    vaults.begin_foreign_operation(WEB)
    stored = vault_state.row_of(world, "kv-orders")
    world.tables.vaults.save(
        replace(stored, value=replace(stored.value, closed_until=NOW + left, closed_at=NOW - DAY, closed_why=why))
    )
    found = discard(world)
    assert found.status == status
    if left:
        assert said(found) == (503, "vault-closed")
        until = "2026-11-24T08:01:00Z"
        assert found.one("detail") == f"kv-orders is left alone until {until}: {why or 'throttled'}"
        assert (found.one("fix"), found.headers["Retry-After"]) == ("send it again then", "60")


@pytest.mark.parametrize(
    ("error", "closes"),
    [
        (Throttled("kv-orders", "429"), True),
        (Unreachable("kv-orders", "DNS"), True),
        (Refused("kv-orders", "no"), False),
    ],
)
def test_a_vault_that_does_not_say_what_is_pending_is_left_alone(error: VaultError, *, closes: bool) -> None:
    """As after a refusal of the deletion; nothing is deleted."""
    world, vaults, _ = scene()
    vaults.begin_foreign_operation(WEB)
    vaults.fail_next("pending", error)
    assert discard(world).status in (409, 503, 504)
    assert (vault_state.row_of(world, "kv-orders").value.closed_until is not None) is closes
    assert vaults.calls["discard"] == 0


def test_a_vault_of_nobody_has_its_word() -> None:
    """The settings no longer name it."""
    world, _, _ = scene()
    assert said(discard(replace(world, settings=replace(world.settings, vaults={})))) == (409, "not-ours")


@pytest.mark.parametrize("step", [Step.FOREIGN, Step.WAITING])
def test_a_foreign_operation_frees_only_who_waits_for_it(step: Step) -> None:
    """Another step keeps its clock; a look that was quicker sees it itself."""
    world, vaults, entry = scene()
    vaults.begin_foreign_operation(WEB)
    claim(world, entry, checkpoint=Checkpoint(step), next_step=NOW + DAY, earliest=NOW + DAY)
    assert discard(raced(world, "renewals", lambda one: replace(one, failures=7))).status == 200
    assert (renewal(world, entry).failures, renewal(world, entry).next_step) == (7, NOW + DAY)
    vaults.begin_foreign_operation(WEB)
    discard(world)
    freed = NOW if step is Step.FOREIGN else NOW + DAY
    assert (renewal(world, entry).next_step, renewal(world, entry).earliest) == (freed, freed)


def test_a_claim_that_has_ended_keeps_its_clock() -> None:
    """Also one that ended while it waited for the foreign operation."""
    world, vaults, entry = scene()
    vaults.begin_foreign_operation(WEB)
    claim(world, entry, checkpoint=Checkpoint(Step.FOREIGN), outcome=Outcome.GIVEN_UP, next_step=NOW + DAY)
    discard(world)
    assert renewal(world, entry).next_step == NOW + DAY
