"""A pending operation is discarded by a person, with a reason, whosever it is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.decisions.renewal import decide
from perennial.errors import Forbidden, Refused, Throttled, Unclear, Unreachable, VaultError
from perennial.issuers.vault import ByVault
from perennial.model.certificate import CertificateRef, OperationState
from perennial.model.history import HistoryKind, Record
from perennial.model.inventory import Entry
from perennial.model.renewal import Asked, Checkpoint, Outcome, Renewal, Step
from perennial.ports.tables import Query
from perennial.workflows import sight
from perennial.workflows.inspection import snapshot_of
from perennial.workflows.world import World
from tests.api.calling import Answer, Api
from tests.api.stocking import DAY, NOW, WATCHED, WEB, claim, stock
from tests.memory.queue import MemoryQueues
from tests.memory.vault import MemoryVaults
from tests.memory.world import make_world

WHY = {"reason": "left over"}


def scene(ref: CertificateRef = WEB, **changes: Any) -> tuple[World, MemoryVaults, Entry]:
    """Return a world with one certificate that is due, in its vault and in the rows."""
    vaults = MemoryVaults(lambda: NOW)
    world = make_world(NOW, vaults=vaults)
    world = replace(world, issuers={"vault": ByVault(vaults, "perennial")})
    entry = stock(world, ref, left=50 * DAY, **changes)
    vaults.import_certificate(ref, NOW - 250 * DAY, NOW + 50 * DAY, policy=entry.policy)
    return world, vaults, entry


def discard(world: World, ref: CertificateRef = WEB, **options: Any) -> Answer:
    """Ask for it."""
    return Api(world).call("discard_pending", ref.vault, ref.name, body=WHY, **options)


def renewal(world: World, entry: Entry) -> Renewal:
    """Return the claim as it is stored."""
    stored = sight.newest_claim(world, entry)
    assert stored
    return stored.value


def history(world: World) -> list[Record]:
    """Return what was written into the history."""
    return [stored.value for stored in world.tables.history.select(Query()).items]


def row(world: World, ref: CertificateRef = WEB) -> Entry:
    """Return a certificate's row."""
    stored = world.tables.inventory.get(ref.vault, ref.name)
    assert stored
    return stored.value


def test_a_foreign_operation_is_discarded_and_recorded() -> None:
    """It is gone from the vault; the history says whose it was, who discarded it and why; the certificate is looked at."""
    world, vaults, _ = scene()
    operation = vaults.begin_foreign_operation(WEB)
    found = discard(world, actor="ada")
    assert (found.status, found.one("whose"), found.one("operation")) == (200, "foreign", operation.request_id)
    assert vaults.pending(WEB) is None
    record = history(world)[0]
    assert (record.kind, record.actor, record.reason) == (HistoryKind.DISCARDED, "api (ada)", "left over")
    assert record.facts["whose"] == "foreign"
    assert isinstance(world.queues, MemoryQueues)
    assert [look.cause for look in world.queues.looks] == ["discarded"]
    assert (row(world).read_at, row(world).paused_until) == (NOW, None)


def test_a_claim_that_waits_for_the_foreign_operation_goes_on() -> None:
    """Its next step comes now instead of in a day, and it stays open."""
    world, vaults, entry = scene()
    vaults.begin_foreign_operation(WEB)
    claim(world, entry, checkpoint=Checkpoint(Step.FOREIGN), next_step=NOW + DAY)
    discard(world)
    after = renewal(world, entry)
    assert (after.outcome, after.next_step) == (Outcome.OPEN, NOW)


def ours(world: World, vaults: MemoryVaults, entry: Entry, **changes: Any) -> str:
    """Let our claim have an operation in progress; return its id."""
    operation = vaults.create(entry.ref, {})
    claim(world, entry, checkpoint=Checkpoint(Step.WAITING), requests=(operation.request_id,), **changes)
    return operation.request_id


@pytest.mark.parametrize("adopted", [False, True])
def test_our_own_operation_is_given_up_and_the_certificate_paused_for_a_day(*, adopted: bool) -> None:
    """The row closes given up by a person, a request of before is spent, and no look begins again by itself."""
    asked = Asked(reason="x", actor="api", at=NOW - DAY, version="", force=True)
    world, vaults, entry = scene(request=asked)
    ours(world, vaults, entry, adopted=adopted, held_until=NOW + timedelta(minutes=5))
    found = discard(world)
    assert (found.status, found.one("whose"), found.one("paused_until")) == (200, "ours", "2026-11-25T08:00:00Z")
    assert vaults.pending(WEB) is None
    after = renewal(world, entry)
    assert (after.outcome, after.closed, after.untidy, after.held_until) == (Outcome.GIVEN_UP, NOW, False, None)
    assert after.error.startswith("(person)")
    assert row(world).request is None
    seen = snapshot_of(row(world), after)
    policy = sight.renewal_policy(world, "kv-orders", sight.fleet_row(world).value)
    for later in (NOW, NOW + 2 * DAY):
        assert decide(seen, policy, later).reason.code == "given-up"
    assert {record.kind for record in history(world)} == {HistoryKind.DISCARDED, HistoryKind.GIVEN_UP}


def test_a_later_request_of_a_person_begins_again() -> None:
    """After the discard a new request reopens it."""
    world, vaults, entry = scene()
    ours(world, vaults, entry)
    discard(world)
    later = replace(world, now=NOW + timedelta(hours=1))
    found = Api(later).call("renew_certificate", "kv-orders", "web", body=WHY)
    assert found.one("expected", "reason", "code") == "requested"


def test_an_operation_that_the_row_does_not_name_is_foreign() -> None:
    """With a claim of ours open, an operation of another id does not close it."""
    world, vaults, entry = scene()
    claim(world, entry, requests=("another",))
    vaults.begin_foreign_operation(WEB)
    assert discard(world).one("whose") == "foreign"
    assert renewal(world, entry).is_open


def test_dying_after_the_row_closed_is_made_up_for() -> None:
    """The vault does not answer: the row is closed and untidy, so that a look discards it, and a repeat ends it."""
    world, vaults, entry = scene()
    ours(world, vaults, entry)
    vaults.fail_next("discard", Unclear("kv-orders", "no answer"))
    found = discard(world)
    assert (found.status, found.one("type")) == (504, "urn:perennial:problem:unclear")
    after = renewal(world, entry)
    assert (after.outcome, after.untidy) == (Outcome.GIVEN_UP, True)
    again = discard(world)
    assert (again.status, again.one("whose")) == (200, "ours")
    assert not renewal(world, entry).untidy


def test_nothing_pending_is_not_found() -> None:
    """404, and the vault is not written to."""
    world, vaults, _ = scene()
    assert discard(world).status == 404
    assert vaults.calls["discard"] == 0


@pytest.mark.parametrize("state", [OperationState.CANCELLED, OperationState.FAILED, OperationState.COMPLETED])
def test_an_operation_that_has_ended_is_left(state: OperationState) -> None:
    """409: it blocks nobody, and a finished certificate keeps its operation."""
    world, vaults, _ = scene()
    vaults.begin_foreign_operation(WEB)
    vaults.end_operation(WEB, state)
    found = discard(world)
    assert (found.status, found.one("type")) == (409, "urn:perennial:problem:not-in-progress")
    assert vaults.calls["discard"] == 0


def test_it_may_be_done_in_a_vault_that_is_only_observed() -> None:
    """A person names one operation: the mode of the vault is for what Perennial does by itself."""
    world, vaults, _ = scene(WATCHED)
    vaults.begin_foreign_operation(WATCHED)
    assert discard(world, WATCHED).status == 200


def test_the_switch_stops_it() -> None:
    """On observe no vault is written to, nor asked."""
    world, vaults, _ = scene()
    vaults.begin_foreign_operation(WEB)
    Api(world).call("put_mode", body={"mode": "observe", "reason": "incident"})
    found = discard(world)
    assert (found.status, found.one("type")) == (409, "urn:perennial:problem:kill-switch")
    assert vaults.pending(WEB)
    assert vaults.calls["discard"] == 0


def test_a_vault_that_the_settings_no_longer_name_is_not_touched() -> None:
    """409: its rows are still there, the right to write is not."""
    world, vaults, _ = scene()
    settings = replace(world.settings, vaults={})
    assert discard(replace(world, settings=settings)).status == 409
    assert sum(vaults.calls.values()) == 0


@pytest.mark.parametrize(
    ("error", "status", "closes"),
    [
        (Throttled("kv-orders", "429", retry_after=timedelta(seconds=40)), 503, True),
        (Forbidden("kv-orders", "no", code="ForbiddenByRbac"), 502, True),
        (Unreachable("kv-orders", "DNS"), 504, True),
        (Refused("kv-orders", "no"), 409, False),
    ],
)
def test_a_vault_that_refuses_is_said_so(error: VaultError, status: int, *, closes: bool) -> None:
    """The caller hears what to do; a vault to be left alone is left alone by the next call too."""
    world, vaults, _ = scene()
    vaults.begin_foreign_operation(WEB)
    vaults.fail_next("discard", error)
    assert discard(world).status == status
    again = discard(world)
    assert (again.status, again.body.get("type")) == (
        (503, "urn:perennial:problem:vault-closed") if closes else (200, None)
    )


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "why", "force": True}])
def test_it_needs_a_reason_and_nothing_else(body: dict[str, object]) -> None:
    """400, and nothing is done."""
    world, vaults, _ = scene()
    vaults.begin_foreign_operation(WEB)
    assert Api(world).call("discard_pending", "kv-orders", "web", body=body).status == 400
    assert vaults.pending(WEB)


def test_an_unknown_certificate_is_not_found() -> None:
    """404 without a call to the vault."""
    world, vaults, _ = scene()
    assert discard(world, replace(WEB, name="none")).status == 404
    assert sum(vaults.calls.values()) == 0
