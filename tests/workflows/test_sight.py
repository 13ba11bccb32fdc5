"""What a look has in hand before it decides: which rows, and when the vault must be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.errors import Changed
from perennial.model.inventory import Entry, FleetRow
from perennial.model.messages import Look
from perennial.model.mode import Mode
from perennial.model.renewal import Asked, Outcome, Renewal
from perennial.ports.tables import Stored
from perennial.workflows.sight import Sight, fleet_row, gather, must_read, renewal_policy
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, WWW, stage
from tests.workflows.racing import Over
from tests.workflows.rows import rewrite

OTHER = "f" * 32


def young() -> Stage:
    """Return a stage whose one certificate was looked at, and is not due for long."""
    on = stage(left=80 * DAY, events=False)
    on.look("www")
    return on


def hinted(on: Stage, *, version: str = "", sha1: str = "") -> Sight:
    """Gather the rows for a look with a hint."""
    return gather(on.world(), Look(certificate=WWW, cause="test", version=version, sha1=sha1))


def claim(on: Stage, replacing: str, **columns: Any) -> Renewal:
    """Put a claim there."""
    made = Renewal(certificate=WWW, replacing=replacing, issuer="vault", opened=NOW - DAY, next_step=NOW, earliest=NOW)
    row = replace(made, **columns)
    on.tables.renewals.put(row)
    return row


def test_a_row_made_at_first_sight_is_due_within_the_hour_and_to_be_read() -> None:
    """Should this look die, the clock comes back; the rows of the vault and the fleet are due at once."""
    on = stage(events=False)
    sight = hinted(on)
    row = on.entry("www")
    assert row == sight.entry
    assert (row.first_seen, row.next_check, row.read_at) == (NOW, NOW + HOUR, NOW)
    assert sight.new
    assert must_read(sight)
    assert (sight.vault.value.first_seen, sight.vault.value.next_check) == (NOW, NOW)
    assert (sight.fleet.value.first_seen, sight.fleet.value.next_check) == (NOW, NOW)
    assert (sight.read, sight.gone, sight.did) == (False, False, [])
    assert not hinted(on).new


def test_another_look_that_inserts_the_row_first_has_the_word() -> None:
    """Found by nobody and yet there: all of it again."""
    on = stage(events=False)
    world = on.world()

    class Late(Over[Entry]):
        """An inventory that shows nothing, and in which another is faster."""

        def get(self, partition: str, key: str) -> None:
            """Show nothing."""

        def insert(self, row: Entry) -> Stored[Entry] | None:
            """Find another's row."""
            self.put(row)
            return super().insert(row)

    late = replace(world, tables=replace(world.tables, inventory=Late(world.tables.inventory)))
    with pytest.raises(Changed):
        gather(late, Look(certificate=WWW, cause="test"))


def test_a_hint_of_what_is_known_asks_for_nothing() -> None:
    """The current version, the one before it, its thumbprint, and no hint at all."""
    on = young()
    entry = rewrite(on, previous="e" * 32)
    assert entry.version is not None
    assert entry.version.leaf is not None
    for hint in ({}, {"version": entry.version.id}, {"version": "e" * 32}, {"sha1": entry.version.leaf.sha1}):
        sight = hinted(on, **hint)
        assert sight.entry.read_at == entry.read_at > NOW
        assert not must_read(sight)


@pytest.mark.parametrize("hint", [{"version": OTHER}, {"sha1": "0" * 40}])
def test_a_hint_of_something_else_asks_for_a_read_now(hint: Mapping[str, str]) -> None:
    """And a read that was asked for before stays asked for since then."""
    on = young()
    sight = hinted(on, **hint)
    assert sight.entry.read_at == NOW
    assert must_read(sight)
    rewrite(on, read_at=NOW - HOUR)
    assert hinted(on, **hint).entry.read_at == NOW - HOUR


def test_a_thumbprint_is_news_where_only_an_unfinished_version_is_known() -> None:
    """And where none is; a version's id that is known is not."""
    on = young()
    version = on.entry("www").version
    assert version is not None
    rewrite(on, version=replace(version, leaf=None))
    assert hinted(on, sha1="0" * 40).entry.read_at == NOW
    assert hinted(on, version=version.id).entry.read_at > NOW
    rewrite(on, version=None)
    assert hinted(on, sha1="0" * 40).entry.read_at == hinted(on, version=version.id).entry.read_at == NOW


def test_the_vault_is_read_when_its_time_has_come() -> None:
    """At that second, not the one before; also what is gone, and what was never read."""
    on = young()
    rewrite(on, read_at=NOW + timedelta(seconds=1))
    assert not must_read(hinted(on))
    rewrite(on, read_at=NOW)
    assert must_read(hinted(on))
    rewrite(on, read_at=NOW + DAY, gone=NOW)
    assert must_read(hinted(on))
    rewrite(on, read_at=NOW + DAY, gone=None, version=None)
    assert must_read(hinted(on))


@pytest.mark.parametrize(
    ("outcome", "stale"),
    [(Outcome.ISSUED, True), (Outcome.SUPERSEDED, True), (Outcome.OPEN, False), (Outcome.GIVEN_UP, False)],
)
def test_a_replaced_version_that_the_row_still_shows_is_read(outcome: Outcome, stale: bool) -> None:
    """Its look died before it wrote the row. An open claim, or one that was given up, replaced nothing."""
    on = young()
    version = on.entry("www").version
    assert version is not None
    row = claim(on, version.id, outcome=outcome)
    sight = hinted(on)
    assert sight.renewal is not None
    assert sight.renewal.value == row
    assert must_read(sight) is stale


def test_a_claim_on_the_version_before_makes_no_row_stale() -> None:
    """The newest claim is the one that the row names; it ended in the version that is there."""
    on = young()
    row = claim(on, "e" * 32, outcome=Outcome.ISSUED)
    rewrite(on, claim="e" * 32)
    sight = hinted(on)
    assert sight.renewal is not None
    assert sight.renewal.value == row
    assert not must_read(sight)


def test_a_claim_is_found_under_the_version_or_under_the_rows_own_word() -> None:
    """First the version that is held as current; a row that names none has none; a row without a version too."""
    on = young()
    version = on.entry("www").version
    assert version is not None
    claim(on, "")
    assert hinted(on).renewal is None
    older = claim(on, "e" * 32)
    assert hinted(on).renewal is None
    rewrite(on, claim="e" * 32)
    newer = claim(on, version.id)
    found = hinted(on).renewal
    assert found is not None
    assert found.value == newer
    rewrite(on, version=None)
    found = hinted(on).renewal
    assert found is not None
    assert found.value == older


CLOSED = NOW - HOUR


@pytest.mark.parametrize(
    ("columns", "before", "after"),
    [
        ({}, None, CLOSED),
        ({}, CLOSED - HOUR, CLOSED),
        ({}, CLOSED, CLOSED),
        ({}, CLOSED + HOUR, CLOSED + HOUR),
        ({"outcome": Outcome.SUPERSEDED}, None, None),
        ({"automatic": False}, None, None),
        ({"closed": None}, None, None),
    ],
)
def test_the_loop_guard_remembers_a_renewal_whose_look_died(
    columns: Mapping[str, object], before: object, after: object
) -> None:
    """From the claim, if it is the newer knowledge: an automatic one that was issued, with the life that it had."""
    on = young()
    rewrite(on, claim="e" * 32, last_issued=before, last_lifetime_seconds=5)
    claim(on, "e" * 32, **{"outcome": Outcome.ISSUED, "closed": CLOSED, "lifetime_seconds": 7, **columns})
    entry = hinted(on).entry
    assert entry.last_issued == after
    assert entry.last_lifetime_seconds == (7 if after == CLOSED != before else 5)


def test_what_a_decision_may_know() -> None:
    """Every column that it asks for, and the claim; of a certificate that this look found gone nothing is current."""
    on = young()
    request = Asked(reason="key", actor="ada", at=NOW, version=OTHER)
    version = on.entry("www").version
    assert version is not None
    entry = rewrite(
        on,
        request=request,
        paused_until=NOW + DAY,
        last_issued=NOW - DAY,
        last_lifetime_seconds=60,
        suggested_at=NOW + HOUR,
        revoked_at=NOW,
        issued_through="first",
        drifted_at=NOW - HOUR,
    )
    row = claim(on, version.id)
    sight = hinted(on)
    seen = sight.snapshot()
    assert (seen.certificate, seen.current, seen.renewal, seen.policy) == (WWW, version, row, entry.policy)
    assert (seen.tags, seen.request, seen.paused_until) == (entry.tags, request, NOW + DAY)
    assert (seen.first_seen, seen.last_issued, seen.last_lifetime) == (NOW, NOW - DAY, timedelta(minutes=1))
    assert (seen.suggested_at, seen.window_passed) == (NOW + HOUR, True)
    assert (seen.issued_through, seen.drifted_at) == ("first", NOW - HOUR)
    sight.gone = True
    assert sight.snapshot().current is None


def test_the_policy_is_what_settings_and_fleet_say() -> None:
    """Each setting that a decision asks for; a vault that the settings do not name is observed."""
    on = stage(events=False)
    on.settings = replace(
        on.settings,
        instance="blue",
        issuers=("first",),
        foreign_tags={"managed-by": "terraform"},
        supervision_grace=3 * DAY,
        max_renewals_per_day=7,
    )
    world = replace(on.world(), issuers={"vault": on.world().issuers["vault"], "first": on.world().issuers["vault"]})
    fleet = FleetRow(first_seen=NOW, next_check=NOW, day=NOW.date(), renewals_today=4)
    policy = renewal_policy(world, "kv-orders", fleet)
    assert (policy.mode, policy.switched_off, policy.instance) == (Mode.RENEW, None, "blue")
    assert (policy.authorities, policy.issuers) == (frozenset({"first"}), ("first",))
    assert policy.foreign_tags == {"managed-by": "terraform"}
    assert (policy.renewals_today, policy.brake, policy.supervision_grace) == (4, 7, 3 * DAY)
    off = renewal_policy(world, "elsewhere", replace(fleet, switch_off="a migration", day=NOW.date() - DAY))
    assert (off.mode, off.switched_off, off.renewals_today) == (Mode.OBSERVE, "a migration", 0)


@pytest.mark.parametrize(
    ("expected", "brake"),
    [({}, 20), ({"a": 3.0, "b": 3.6}, 20), ({"a": 4.0, "b": 6.5}, 32), ({"a": 10.0}, 30)],
)
def test_the_brake_without_a_setting(expected: dict[str, float], brake: int) -> None:
    """Three times what the lifetimes ask for, over all vaults, and never less than twenty."""
    on = stage(events=False)
    on.settings = replace(on.settings, max_renewals_per_day=None)
    fleet = FleetRow(first_seen=NOW, next_check=NOW, expected=expected)
    assert renewal_policy(on.world(), "kv-orders", fleet).brake == brake


def test_a_limit_of_nothing_is_a_limit() -> None:
    """Zero renewals a day is what a person may set."""
    on = stage(events=False)
    on.settings = replace(on.settings, max_renewals_per_day=0)
    assert renewal_policy(on.world(), "kv-orders", fleet_row(on.world()).value).brake == 0
