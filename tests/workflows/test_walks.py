"""Walks through what can go wrong between looks: slow holders, people in the middle, tables that are down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.errors import PerennialError
from perennial.model.mode import Mode
from perennial.model.renewal import Outcome, Renewal, Step
from perennial.ports.tables import Stored, Tables
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, NOW, SELF, WWW, place
from tests.workflows.racing import Over
from tests.workflows.test_crash import assert_all_is_well, by_vault

SLOW = timedelta(minutes=13)  # longer than the lease


def once(act: Callable[[], None]) -> Callable[[], None]:
    """Return an act that happens the first time only."""
    done: list[bool] = []

    def do() -> None:
        """Do it, once."""
        if not done:
            done.append(True)
            act()

    return do


def interrupt(on: Stage, method: str, act: Callable[[], None]) -> None:
    """Let something happen just before the first call of a method."""
    first = once(act)

    def on_call(called: str, vault: str, name: str) -> None:
        """Interrupt the first such call."""
        if called == method:
            on.vaults.on_call = None
            first()

    on.vaults.on_call = on_call


def test_a_lease_that_ends_under_a_slow_holder_before_its_create() -> None:
    """Another look finds the intent, asks, sends; the slow one is refused with 409 and stops: one create was accepted."""
    on = by_vault()

    def meanwhile() -> None:
        """Let the lease pass, and another look come."""
        on.now += SLOW
        on.look("www", "another")

    interrupt(on, "create", meanwhile)
    on.run(timedelta(days=2))
    assert_all_is_well(on)


def test_a_lease_that_ends_under_a_slow_holder_after_its_create() -> None:
    """Another look adopts the operation; the late answer adds its request id to the row, and nothing else."""
    on = by_vault()
    on.vaults.shelf.issuers["self"].delay = timedelta(hours=1)
    accepted = on.vaults.create

    def slow(certificate: Any, tags: Any) -> Any:
        """Create, and come back too late."""
        operation = accepted(certificate, tags)
        on.now += SLOW
        on.look("www", "another")
        return operation

    on.vaults.create = slow  # type: ignore[method-assign]  # the memory's vault, made slow
    on.run(timedelta(days=2))
    assert_all_is_well(on)
    (claim,) = on.claims("www")
    assert len(claim.requests) == 1


def test_a_holder_that_wakes_after_its_lease_sends_nothing(spoil: Callable[[Stage], None]) -> None:
    """Paused with its machine between its intent and its create, until another look has renewed: its create would be one too many."""
    on = by_vault()
    spoil(on)
    meanwhile = once(lambda: _others_go_on(on))

    class Slow(Over[Renewal]):
        """Claims after whose first intent the holder sleeps."""

        def save(self, row: Stored[Renewal]) -> Stored[Renewal]:
            """Save, and sleep."""
            stored = super().save(row)
            if row.value.checkpoint.step is Step.SENDING:
                meanwhile()
            return stored

    on.tables = replace(on.tables, renewals=Slow(on.tables.renewals))
    on.look("www")
    assert len(on.vaults.creates) == 1, "who wakes after its lease sends nothing"
    on.run(timedelta(days=2))
    assert_all_is_well(on)


def _others_go_on(on: Stage) -> None:
    on.now += SLOW
    on.run(timedelta(hours=1))
    assert len(on.vaults.versions(WWW)) == 2


def test_a_person_imports_in_the_middle() -> None:
    """While Key Vault's issuer is at work a person cancels and imports: the claim ends as superseded, the person's version is told."""
    on = by_vault()
    on.vaults.shelf.issuers["self"].delay = timedelta(hours=5)
    on.run(timedelta(minutes=2))
    on.look("www")
    on.vaults.shelf.names[WWW].pending = None
    version = on.vaults.import_certificate(WWW, on.now, on.now + 90 * DAY, policy=SELF)
    on.run(DAY)
    (claim,) = on.claims("www")
    assert claim.outcome is Outcome.SUPERSEDED
    assert len(on.vaults.versions(WWW)) == 2
    assert len(on.told("new-version")) == 1
    assert on.entry("www").announced == version.id
    assert len(on.vaults.creates) == 1


class Down:
    """A table that does not answer."""

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Refuse whatever is asked."""

        def refuse(*_: object, **__: object) -> Any:
            """Answer nothing."""
            raise PerennialError("the table service does not answer")

        return refuse


def test_tables_that_are_down_for_twenty_minutes_lose_nothing() -> None:
    """Every message fails to its poison queue and beyond; when the tables answer again the certificate is renewed in time."""
    on = Stage(NOW, vaults={"kv-orders": Mode.RENEW})
    on.subscribe()
    place(on)
    up = on.tables
    on.look("www")  # known before the outage; its event comes in the middle of it
    on.run(timedelta(hours=1))
    assert len(on.vaults.versions(WWW)) == 2
    on.vaults.import_certificate(WWW, on.now - 80 * DAY, on.now + 10 * DAY, policy=SELF)
    on.tables = Tables(**{one.name: Down() for one in fields(Tables)})
    on.ticking = False
    on.run(timedelta(minutes=20))
    assert on.failed
    on.tables, on.ticking = up, True
    on.run(2 * DAY)
    assert on.entry("www").version is not None
    assert len(set(on.told("new-version"))) >= 2
    on.run(30 * DAY)
    assert on.vaults.current(WWW) is not None
    current = on.vaults.current(WWW)
    assert current is not None
    assert current.not_after > on.now


def test_a_policy_that_a_person_fixes_reopens() -> None:
    """A refused create is given up with the fix named; the mended policy is read within a day and the renewal goes on."""
    on = by_vault()
    on.vaults.set_policy(WWW, replace(SELF, issuer="Missing"))
    version = on.vaults.versions(WWW)[0]
    leaf = version.leaf
    assert leaf is not None
    on.vaults.set_policy(WWW, replace(SELF, issuer="self", fingerprint="a"))
    del on.vaults.shelf.issuers["self"]
    on.run(timedelta(hours=2))
    (claim,) = on.claims("www")
    assert claim.outcome is Outcome.GIVEN_UP
    assert claim.fix
    on.vaults.add_issuer("self", issuer_class=leaf.issuer_class)
    on.vaults.set_policy(WWW, replace(SELF, fingerprint="b"))
    on.run(2 * DAY)
    assert len(on.vaults.versions(WWW)) == 2


@pytest.mark.parametrize("copies", [2, 10])
def test_copies_of_an_event_at_once(copies: int) -> None:
    """However many copies, one create."""
    on = by_vault()
    for _ in range(copies):
        on.look("www", "near-expiry")
    on.run(DAY)
    assert_all_is_well(on)
