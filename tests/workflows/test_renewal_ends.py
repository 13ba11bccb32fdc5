"""The end of a renewal: what is written and told, what is left in the vault, and who tidies it when."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.model.certificate import Version
from perennial.model.history import HistoryKind, Record
from perennial.model.mode import Mode
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Checkpoint, Outcome, Step
from perennial.workflows import renew, vault_state
from perennial.workflows.sight import Sight
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW
from tests.workflows.rows import rewrite, rewrite_fleet, written
from tests.workflows.scripted import DUE, REASON, Scripted, claimed, sight_of, the_claim, waits, young
from tests.workflows.test_failing import at_work

LEASE = timedelta(minutes=12)  # longer than host.json's functionTimeout

NEW = "c" * 32


def ended(**columns: object) -> tuple[Stage, Sight, Scripted, Version]:
    """Return a look at a certificate whose claimed version was replaced an hour ago, two hours after it was claimed."""
    on = young(left=60 * DAY)
    row = claimed(on, **{"opened": NOW - 3 * HOUR, "held_until": NOW + LEASE, "waiting": REASON, **columns})
    sight, script = sight_of(on)
    before = sight.entry.version
    assert before is not None
    current = replace(
        before, id=NEW, created=NOW - HOUR, not_before=NOW - HOUR, not_after=NOW + 30 * DAY, made_for=row.replacing
    )
    sight.entry = replace(sight.entry, version=current)
    return on, sight, script, current


def record(on: Stage, kind: HistoryKind) -> Record | None:
    """Return the record of a kind, if there is one."""
    return next((row for row in on.history("www") if row.kind is kind), None)


@pytest.mark.parametrize(
    ("outcome", "kind"), [(Outcome.ISSUED, HistoryKind.ISSUED), (Outcome.SUPERSEDED, HistoryKind.SUPERSEDED)]
)
def test_a_claim_that_ends(outcome: Outcome, kind: HistoryKind) -> None:
    """Closed now, let go of, with the version that replaced its own; recorded when that was made, with all that is known."""
    on, sight, _, current = ended(trigger=ReasonCode.DRIFTED)
    renew.end(sight, outcome)
    row = the_claim(on)
    assert (row.outcome, row.closed, row.held_until, row.waiting) == (outcome, NOW, None, None)
    assert (row.new_version, row.untidy) == (NEW, False)
    written = record(on, kind)
    assert written is not None
    assert current.leaf is not None
    assert (written.at, written.version, written.new_version) == (NOW - HOUR, row.replacing, NEW)
    assert (written.trigger, written.actor, written.thumbprint, written.seconds) == (
        ReasonCode.DRIFTED,
        "ada",
        current.leaf.sha256,
        3 * 3600,
    )
    assert sight.did == [outcome.value]
    assert sight.renewal is not None
    assert sight.renewal.value == row
    assert record(on, HistoryKind.RECOVERED) is None


def test_a_version_from_before_the_claim_ends_it_at_its_own_beginning() -> None:
    """A restored backup: no record lies before the claim."""
    on, sight, _, current = ended()
    sight.entry = replace(sight.entry, version=replace(current, created=NOW - 9 * DAY))
    renew.end(sight, Outcome.SUPERSEDED)
    written = record(on, HistoryKind.SUPERSEDED)
    assert written is not None
    assert written.at == NOW - 3 * HOUR


def recovered(on: Stage) -> list[dict[str, object]]:
    """Return the data of the notices of a recovery."""
    return written(on, "renewal-recovered")


@pytest.mark.parametrize(
    ("failures", "outcome", "told"), [(2, Outcome.ISSUED, 1), (0, Outcome.ISSUED, 0), (2, Outcome.SUPERSEDED, 0)]
)
def test_a_renewal_that_had_failed_has_recovered(failures: int, outcome: Outcome, told: int) -> None:
    """If it was issued: recorded with its last failure, told with the new version."""
    on, sight, _, _ = ended(failures=failures, error="down: 503")
    renew.end(sight, outcome)
    written = record(on, HistoryKind.RECOVERED)
    assert len(recovered(on)) == told == (written is not None)
    if written is not None:
        assert (written.at, written.version, written.error) == (NOW - HOUR, the_claim(on).replacing, "down: 503")
        assert (recovered(on)[0]["new_version"], recovered(on)[0]["attempts"]) == (NEW, failures)


@pytest.mark.parametrize(
    ("automatic", "outcome", "lifetime", "guards"),
    [
        (True, Outcome.ISSUED, 9, 9),
        (True, Outcome.ISSUED, 90 * 86400, 30 * 86400 + 3600),
        (False, Outcome.ISSUED, 9, 0),
        (True, Outcome.SUPERSEDED, 9, 0),
    ],
)
def test_the_loop_guard_counts_what_was_issued_by_itself(
    automatic: bool, outcome: Outcome, lifetime: int, guards: int
) -> None:
    """From now on, for the shorter of the two lives."""
    _, sight, _, _ = ended(automatic=automatic, lifetime_seconds=lifetime)
    renew.end(sight, outcome)
    assert (sight.entry.last_issued, sight.entry.last_lifetime_seconds) == ((NOW, guards) if guards else (None, 0))


@pytest.mark.parametrize(
    ("outcome", "columns", "mode", "left"),
    [
        (Outcome.SUPERSEDED, {"requests": ("one",)}, Mode.RENEW, "discarded"),
        (Outcome.SUPERSEDED, {"requests": ("one",)}, Mode.OBSERVE, "untidy"),
        (Outcome.SUPERSEDED, {"requests": ("one",), "adopted": True}, Mode.RENEW, "discarded"),
        (Outcome.SUPERSEDED, {}, Mode.RENEW, "nothing"),
        (Outcome.ISSUED, {"requests": ("one",)}, Mode.RENEW, "nothing"),
    ],
)
def test_what_was_begun_in_vain_is_undone(outcome: Outcome, columns: dict[str, object], mode: Mode, left: str) -> None:
    """By its issuer, which knows what was only adopted: now if the vault may be written to, later if not; never what has ended well."""
    on, sight, script, _ = ended(**columns)
    sight.world = replace(sight.world, settings=replace(on.settings, vaults={"kv-orders": mode}))
    renew.end(sight, outcome)
    assert len(script.abandoned) == (left == "discarded")
    assert the_claim(on).untidy is (left == "untidy")


def untidy(**columns: object) -> tuple[Stage, Sight, Scripted]:
    """Return a look at a claim that left something in the vault."""
    on = young()
    claimed(on, **{"outcome": Outcome.SUPERSEDED, "untidy": True, "requests": ("one",), **columns})
    sight, script = sight_of(on)
    return on, sight, script


def test_what_was_left_is_tidied() -> None:
    """Once; the look says so."""
    on, sight, script = untidy()
    renew.tidy(sight)
    assert len(script.abandoned) == 1
    assert the_claim(on).untidy is False
    assert sight.renewal is not None
    assert sight.renewal.value == the_claim(on)
    assert sight.did == ["tidied"]
    renew.tidy(sight)
    assert len(script.abandoned) == 1


@pytest.mark.parametrize("columns", [{"outcome": Outcome.OPEN}, {"untidy": False}])
def test_what_is_open_or_tidy_is_left(columns: dict[str, object]) -> None:
    """An open claim's operation is its own."""
    _, sight, script = untidy(**columns)
    renew.tidy(sight)
    assert (script.abandoned, sight.did) == ([], [])


def test_nothing_is_tidied_where_nothing_may_be_written() -> None:
    """Observed, switched off as the fleet's row says by now, or closed; and not without a claim."""
    on, sight, script = untidy()
    sight.world = replace(sight.world, settings=replace(on.settings, vaults={"kv-orders": Mode.OBSERVE}))
    renew.tidy(sight)
    on, sight, script = untidy()
    rewrite_fleet(on, switch_off="a migration")
    renew.tidy(sight)
    assert script.abandoned == []
    on, sight, script = untidy()
    vault = vault_state.row_of(on.world(), "kv-orders")
    sight.vault = replace(vault, value=replace(vault.value, closed_until=NOW + HOUR))
    renew.tidy(sight)
    assert script.abandoned == []
    sight.renewal = None
    renew.tidy(sight)


def test_the_vault_cleans_up_after_an_issuer_that_is_no_longer_set_up() -> None:
    """What it left is in the vault."""
    _, sight, script = untidy(issuer="dropped")
    renew.tidy(sight)
    assert len(script.abandoned) == 1


def test_the_line_of_a_renewal(caplog: pytest.LogCaptureFixture) -> None:
    """How it ended, by whom, and how long it took, since it was claimed and since it was due."""
    for due_at, since_due in ((NOW - DAY, 86400), (None, None)):
        on, sight, _, _ = ended(failures=1, automatic=False, trigger=ReasonCode.DUE)
        rewrite(on, due_at=due_at)
        sight.entry = replace(sight.entry, due_at=due_at)
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="perennial"):
            renew.end(sight, Outcome.ISSUED)
        (line,) = [one for one in map(json.loads, caplog.messages) if one["event"] == "renewal"]
        assert line == {
            "event": "renewal",
            "certificate": "kv-orders/www",
            "outcome": "issued",
            "issuer": "vault",
            "trigger": "due",
            "automatic": False,
            "failures": 1,
            "seconds": 3 * 3600,
            "seconds_since_due": since_due,
        }


def test_the_tenth_step_waits_as_long_as_it_says() -> None:
    """Only one that would go on now is put off for a second."""
    on = young()
    claimed(on)
    sight, _ = sight_of(on, *[waits(Step.CLAIMED)] * 9, waits(Step.WAITING, DAY))
    renew.take_steps(sight, DUE)
    assert the_claim(on).next_step == NOW + DAY


def test_a_late_wait_hands_over_instead_of_being_saved() -> None:
    """A CA that has had its time and waits on is left in the same look, and the look ends there."""
    on, sight = at_work(opened=NOW - 30 * DAY, left=DAY, next_step=NOW, earliest=NOW)
    script = Scripted([waits(Step.SIGNING, DAY)])
    sight.world = replace(sight.world, issuers={**sight.world.issuers, "first": script})
    renew.take_steps(sight, DUE)
    assert (len(script.asked), the_claim(on).issuer) == (1, "second")


def test_a_cut_wait_is_handed_over_without_a_step() -> None:
    """Nobody is asked before the time that it named."""
    on, sight = at_work(opened=NOW - 30 * DAY, left=DAY, next_step=NOW, earliest=NOW + DAY)
    script = Scripted([waits(Step.SIGNING, DAY)])
    sight.world = replace(sight.world, issuers={**sight.world.issuers, "first": script})
    renew.take_steps(sight, DUE)
    assert (script.asked, the_claim(on).issuer) == ([], "second")
    assert the_claim(on).checkpoint == Checkpoint(Step.SIGNING, {"csr": "x"})


@pytest.mark.parametrize("read", [False, True])
def test_a_doubt_has_the_vault_read_before_the_next_step(read: bool) -> None:
    """The look ends, and the next one reads; one that has read goes on."""
    on = young()
    claimed(on)
    sight, script = sight_of(on, replace(waits(Step.SIGNING), in_doubt=True), waits(Step.WAITING, DAY))
    sight.read, before = read, sight.entry.read_at
    renew.take_steps(sight, DUE)
    assert len(script.asked) == (2 if read else 1)
    assert sight.entry.read_at == (before if read else NOW)
    assert (the_claim(on).held_until, the_claim(on).next_step) == (None, NOW + DAY if read else NOW)
