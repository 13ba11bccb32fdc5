"""The steps of one look at a renewal: what is saved between them, and what ends the look."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.decisions.case import written
from perennial.errors import Changed, Forbidden, IssuerError, Throttled, Unclear, VaultError
from perennial.model.history import HistoryKind
from perennial.model.messages import Look
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Checkpoint, InVault, Outcome, Renewal, Step
from perennial.workflows import claims, renew, vault_state
from tests.workflows.looks import DAY, HOUR, NOW, SELF, WWW
from tests.workflows.racing import raced
from tests.workflows.rows import rewrite_fleet, rewrite_vault
from tests.workflows.scripted import DUE, REASON, claimed, sight_of, steps_taken, the_claim, waits, young

LEASE = timedelta(minutes=12)  # longer than host.json's functionTimeout

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def test_a_claim_that_another_inserted_is_the_others() -> None:
    """Nothing is asked of the issuer, and the look says so."""
    on = young()
    sight, script = sight_of(on)
    claimed(on)
    sight.stored = on.tables.inventory.get("kv-orders", "www") or sight.stored
    renew.take_steps(sight, DUE)
    assert script.asked == []
    assert sight.did == ["lost-the-claim"]


def test_steps_follow_each_other_until_one_waits() -> None:
    """The first is not fresh, the others are; each finds what the one before left, and the lease is kept between them."""
    on = young()
    claimed(on)
    sight, script = sight_of(on, waits(Step.CLAIMED), waits(Step.SIGNING), waits(Step.WAITING, 5 * MINUTE))
    renew.take_steps(sight, DUE)
    assert [fresh for _, fresh in script.asked] == [False, True, True]
    assert [row.checkpoint.memory.get("at") for row, _ in script.asked] == [None, "claimed", "signing"]
    assert [row.held_until for row, _ in script.asked] == [NOW + LEASE] * 3
    row = the_claim(on)
    assert (row.checkpoint, row.waiting) == (Checkpoint(Step.WAITING, {"at": "waiting"}), REASON)
    assert (row.held_until, row.next_step, row.earliest) == (None, NOW + 5 * MINUTE, NOW + 5 * MINUTE)
    assert steps_taken(on) == []


def test_a_look_takes_ten_steps_at_the_most() -> None:
    """The tenth is let go for a second, so that no lease holds up the next look."""
    on = young()
    claimed(on)
    sight, script = sight_of(on, waits(Step.CLAIMED))
    renew.take_steps(sight, DUE)
    assert len(script.asked) == 10
    row = the_claim(on)
    assert (row.held_until, row.next_step) == (None, NOW + SECOND)
    assert steps_taken(on) == [(Look(certificate=WWW, cause="step"), 2 * SECOND)]


@pytest.mark.parametrize(("wait", "looks"), [(MINUTE - SECOND, 1), (MINUTE, 0)])
def test_a_wait_under_a_minute_goes_as_a_look_too(wait: timedelta, looks: int) -> None:
    """A second late; a longer one is the clock's."""
    on = young()
    claimed(on)
    sight, _ = sight_of(on, waits(Step.WAITING, wait))
    renew.take_steps(sight, DUE)
    assert steps_taken(on) == [(Look(certificate=WWW, cause="step"), wait + SECOND)] * looks


def test_an_accepted_request_is_ours_from_then_on() -> None:
    """Its id is added to those before, and to the history: sent, or found after a crash."""
    on = young()
    claimed(on, requests=("one",))
    sight, _ = sight_of(on, waits(Step.WAITING, DAY, "two"))
    renew.take_steps(sight, DUE)
    row = the_claim(on)
    assert (row.requests, row.adopted) == (("one", "two"), False)
    (sent,) = [one for one in on.history("www") if one.kind is HistoryKind.SENT]
    assert (sent.at, sent.version) == (NOW, row.replacing)
    sight, _ = sight_of(on, waits(Step.WAITING, DAY, "three", adopted=True))
    renew.take_steps(sight, DUE)
    assert (the_claim(on).requests, the_claim(on).adopted) == (("one", "two", "three"), True)
    (found,) = [one for one in on.history("www") if one.kind is HistoryKind.ADOPTED]
    assert (found.at, found.version) == (NOW, row.replacing)
    sight, _ = sight_of(on, waits(Step.WAITING, DAY))
    renew.take_steps(sight, DUE)
    assert (the_claim(on).requests, the_claim(on).adopted) == (("one", "two", "three"), True)


def test_two_requests_of_one_renewal_are_two_rows_of_the_history() -> None:
    """Each is named by its id."""
    on = young()
    claimed(on)
    for number in ("one", "two"):
        sight, _ = sight_of(on, waits(Step.WAITING, DAY, number))
        renew.take_steps(sight, DUE)
    assert len([one for one in on.history("www") if one.kind is HistoryKind.SENT]) == 2


def test_an_unclear_answer_leaves_the_lease_and_the_intent() -> None:
    """Whoever finds it asks first; no failure, no look, nothing closed."""
    on = young()
    claimed(on)
    sight, _ = sight_of(on, waits(Step.SENDING), Unclear("kv-orders", "503"))
    renew.take_steps(sight, DUE)
    row = the_claim(on)
    assert (row.checkpoint.step, row.held_until, row.failures) == (Step.SENDING, NOW + LEASE, 0)
    assert sight.did == ["unclear: 503"]
    assert vault_state.row_of(on.world(), "kv-orders").value.closures == 0


@pytest.mark.parametrize(
    ("refusal", "said", "wait"),
    [
        (Throttled("kv-orders", "slow", retry_after=90 * SECOND), "throttled", 90 * SECOND),
        (Forbidden("kv-orders", "no", code="ForbiddenByFirewall"), "refused", 15 * MINUTE),
    ],
)
@pytest.mark.parametrize("step", [Step.SENDING, Step.MERGING])
def test_a_vault_that_refuses_closes_and_the_claim_waits(
    refusal: VaultError, said: str, wait: timedelta, step: Step
) -> None:
    """No failure: a create's intent is taken back, a merge's stays with what it merges."""
    on = young()
    claimed(on)
    sight, _ = sight_of(on, waits(step), refusal)
    renew.take_steps(sight, DUE)
    row = the_claim(on)
    back = Checkpoint() if step is Step.SENDING else Checkpoint(step, {"at": step.value})
    assert (row.checkpoint, row.failures, row.held_until) == (back, 0, None)
    assert (row.next_step, row.earliest) == (NOW + wait, NOW + wait)
    assert row.waiting is not None
    assert row.waiting.code is ReasonCode.VAULT_CLOSED
    assert sight.did == [said]
    assert sight.closed


def test_a_failure_is_written_down_and_ends_the_look() -> None:
    """A rung, and no second step."""
    on = young()
    claimed(on)
    sight, script = sight_of(on, IssuerError("down", "503"))
    renew.take_steps(sight, DUE)
    assert len(script.asked) == 1
    assert (the_claim(on).failures, the_claim(on).next_step) == (1, NOW + MINUTE)


def test_a_version_that_the_issuer_brings_back_ends_the_claim() -> None:
    """It is taken in and closed as issued in the same look."""
    on = young()
    claimed(on)
    on.vaults.import_certificate(WWW, NOW, NOW + 90 * DAY, policy=SELF)
    current = on.vaults.get(WWW)
    assert current is not None
    sight, _ = sight_of(on, InVault(current))
    renew.take_steps(sight, DUE)
    assert (the_claim(on).outcome, the_claim(on).new_version) == (Outcome.ISSUED, current.version.id)
    assert sight.entry.version == current.version


@pytest.mark.parametrize("step", [Step.SENDING, Step.MERGING])
def test_who_has_outlived_its_lease_sends_nothing(step: Step) -> None:
    """Between the intent and its effect; who waits may go on."""
    on = young()
    claimed(on)
    sight, script = sight_of(on, waits(step), waits(Step.WAITING, DAY))
    sight.world = replace(sight.world, outlived=lambda: True)
    renew.take_steps(sight, DUE)
    assert len(script.asked) == 1
    assert sight.did == ["outlived-its-lease"]
    assert the_claim(on).checkpoint.step is step
    on = young()
    claimed(on, checkpoint=Checkpoint(step))
    sight, script = sight_of(on, waits(Step.CLAIMED), waits(Step.WAITING, DAY))
    sight.world = replace(sight.world, outlived=lambda: True)
    renew.take_steps(sight, DUE)
    assert [fresh for _, fresh in script.asked] == [False, True]


@pytest.mark.parametrize("step", [Step.SENDING, Step.MERGING])
def test_the_switch_stops_an_effect_before_its_intent_is_saved(step: Step) -> None:
    """For a minute, with the switch's own words; also where the settings no longer name the vault."""
    on = young()
    claimed(on)
    rewrite_fleet(on, switch_off="a migration")
    sight, script = sight_of(on, waits(step))
    renew.take_steps(sight, DUE)
    assert len(script.asked) == 1
    row = the_claim(on)
    assert (row.checkpoint, row.held_until, row.next_step, row.earliest) == (
        Checkpoint(),
        None,
        NOW + MINUTE,
        NOW + MINUTE,
    )
    assert row.waiting is not None
    assert (row.waiting.code, row.waiting.facts) == (ReasonCode.KILL_SWITCH, {"why": "a migration"})
    assert sight.fleet.value.switch_off == "a migration"
    rewrite_fleet(on, switch_off="")
    sight, _ = sight_of(on, waits(step))
    sight.world = replace(sight.world, settings=replace(on.settings, vaults={}))
    renew.take_steps(sight, DUE)
    waiting = the_claim(on).waiting
    assert waiting is not None
    assert waiting.facts == {"why": "the settings no longer name this vault"}


def test_a_closed_vault_stops_an_effect_until_it_opens() -> None:
    """Not a wait that needs no effect."""
    on = young()
    claimed(on)
    rewrite_vault(on, closed_until=NOW + HOUR, closures=1, closed_why="forbidden: no role")
    sight, script = sight_of(on, waits(Step.MERGING))
    renew.take_steps(sight, DUE)
    row = the_claim(on)
    assert (len(script.asked), row.next_step) == (1, NOW + HOUR)
    assert row.waiting is not None
    assert row.waiting.facts["why"] == "forbidden: no role"
    sight, _ = sight_of(on, waits(Step.SIGNING, DAY))
    renew.take_steps(sight, DUE)
    assert the_claim(on).next_step == NOW + DAY


def test_only_a_create_takes_the_vaults_turn() -> None:
    """A merge makes no key."""
    on = young()
    claimed(on)
    rewrite_vault(on, next_create=NOW + 30 * SECOND)
    sight, script = sight_of(on, waits(Step.MERGING), waits(Step.WAITING, DAY))
    renew.take_steps(sight, DUE)
    assert len(script.asked) == 2
    sight, script = sight_of(on, waits(Step.SENDING))
    renew.take_steps(sight, DUE)
    row = the_claim(on)
    assert len(script.asked) == 1
    assert row.waiting is not None
    assert row.waiting.code is ReasonCode.PACED
    assert NOW + 30 * SECOND <= row.next_step < NOW + 90 * SECOND
    assert row.waiting.facts == {"until": written(row.next_step)}
    assert row.next_step == row.earliest


@pytest.mark.parametrize("outcome", [Outcome.OPEN, Outcome.GIVEN_UP])
def test_a_late_answer_adds_its_request_and_nothing_else(outcome: Outcome) -> None:
    """Another wrote the row twice meanwhile: read again each time; one that is closed by then is to be tidied."""
    on = young()
    claimed(on)
    sight, _ = sight_of(on)
    stored = sight.renewal
    assert stored is not None

    def theirs(row: Renewal) -> Renewal:
        """Write what another look writes."""
        return replace(row, fix="theirs", outcome=outcome)

    sight.world = raced(sight.world, "renewals", theirs, times=3)
    with pytest.raises(Changed):
        claims.save(sight, replace(stored.value, error="ours"), accepted="late")
    row = the_claim(on)
    assert (row.requests, row.fix, row.error) == (("late",), "theirs", "")
    assert row.untidy is (outcome is not Outcome.OPEN)
    assert sight.did == ["late-answer"]


def test_a_late_answer_that_is_known_or_without_an_id_writes_nothing() -> None:
    """The other look found the same operation; what has no id is no create."""
    for known, accepted in ((("late",), "late"), ((), "")):
        on = young()
        claimed(on, requests=known)
        sight, _ = sight_of(on)
        stored = sight.renewal
        assert stored is not None
        on.tables.renewals.put(replace(stored.value, fix="theirs"))
        with pytest.raises(Changed):
            claims.save(sight, replace(stored.value, error="ours"), accepted=accepted)
        assert (the_claim(on).requests, the_claim(on).fix) == (known, "theirs")
        assert sight.did == []
    row = the_claim(on)
    on.tables.renewals.delete("kv-orders:www", row.replacing)
    with pytest.raises(Changed):
        claims.save(sight, row, accepted="late")
    assert on.claims("www") == []
