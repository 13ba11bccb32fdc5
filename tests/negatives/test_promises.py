"""For each promise of README.md: a proof, a small break, and what the proof then says.

The proof is the very test that proves the promise, called with one part exchanged; it must fail by its own assertion. Each line of NEGATIVES reads:
number of the promise, proof, what it is given instead of the sound part, what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from localazure.keyvault.rights import CREATE, DATA, READ, UPDATE
from perennial.decisions import renewal
from perennial.errors import Forbidden
from tests.decisions import test_precedence as precedence
from tests.decisions import test_renewal_properties as properties
from tests.decisions.situations import ROWS
from tests.intake import test_intake as intake
from tests.localazure.keyvault import test_keyvault_access as access
from tests.localazure.keyvault.house import House
from tests.negatives import breaks
from tests.workflows import (
    test_abandon,
    test_announce,
    test_crash,
    test_deliver_dead_target,
    test_deliver_order,
    test_look,
    test_look_trouble,
    test_walk,
    test_walk_trouble,
    test_walks,
)
from tests.workflows.test_crash import Story, by_vault
from tests.workflows.walking import ORDERS


@dataclass(frozen=True)
class Negative:
    """A proof with one part exchanged."""

    promise: int
    proof: Callable[..., None]
    broken: dict[str, Any]
    says: str
    whole: dict[str, Any] = field(default_factory=dict)
    """What else the proof is given: one of its rows."""


ABOUT_THE_FLOOR = dict(
    zip(
        ("seen", "policy", "kind", "code"),
        next(row[1:] for row in ROWS if row[0] == "the floor before the brake"),
        strict=True,
    )
)
REFUSAL = {"error": Forbidden(ORDERS, "no such right", code="ForbiddenByRbac"), "fix": "role"}

NEGATIVES = [
    Negative(
        1,
        properties.test_under_the_floor_only_named_reasons_hold_a_managed_certificate_back,
        {"checks": breaks.before(renewal.emergency_floor, breaks.paused_to_the_end)},
        "nothing else waits under the floor",
    ),
    Negative(
        1,
        precedence.test_first_check_that_answers_decides,
        {"checks": breaks.last(renewal.emergency_floor)},
        "the check that stands higher decides",
        ABOUT_THE_FLOOR,
    ),
    Negative(
        1,
        test_walk.test_a_lost_near_expiry_event_is_made_up_for_by_the_sweep,
        {"spoil": breaks.nothing_is_listed},
        "it is renewed although every event is lost",
    ),
    Negative(
        1,
        test_look_trouble.test_a_failing_ca_climbs_the_ladder_and_recovers,
        {"spoil": breaks.untold_failures},
        "each failure is told",
    ),
    Negative(
        2,
        test_look.test_ten_copies_make_one_version_and_leave_one_message,
        {"spoil": breaks.unseen_claims},
        "one create for ten copies",
    ),
    Negative(
        2,
        test_walks.test_a_holder_that_wakes_after_its_lease_sends_nothing,
        {"spoil": breaks.ageless},
        "who wakes after its lease sends nothing",
    ),
    Negative(
        2,
        test_crash.test_a_death_at_any_effect_ends_alike,
        {"story": Story("by the vault", lambda: breaks.forgotten_intents(by_vault()), timedelta(hours=30))},
        "one version is replaced at most once",
    ),
    Negative(
        3,
        test_abandon.test_a_lost_look_is_recorded_and_its_certificate_read_within_the_hour,
        {"spoil": breaks.unrecorded_losses},
        "the event and the loss are recorded",
    ),
    Negative(
        3,
        test_abandon.test_a_lost_look_is_recorded_and_its_certificate_read_within_the_hour,
        {"spoil": breaks.out_of_the_schedule},
        "it keeps its place in the schedule",
    ),
    Negative(
        5,
        test_announce.test_one_row_and_one_message_for_each_recipient,
        {"spoil": breaks.lost_deliveries},
        "every subscriber has a row",
    ),
    Negative(
        5,
        test_announce.test_a_crash_between_row_and_message_repeats_harmlessly,
        {"spoil": breaks.diced_ids},
        "a repeat has the same id",
        {"alive": 1},
    ),
    Negative(
        5,
        test_deliver_order.test_an_older_version_is_superseded,
        {"spoil": breaks.lonely_deliveries},
        "never an older one afterwards",
    ),
    Negative(
        6,
        properties.test_decide_is_total_and_says_why,
        {"checks": (breaks.unreasoned,)},
        "every decision has a reason",
    ),
    Negative(
        6,
        properties.test_next_check_is_later_than_now,
        {"checks": (breaks.at_once,)},
        "the next check is later than now",
    ),
    Negative(
        6,
        test_look.test_an_observed_certificate_is_never_written,
        {"spoil": breaks.rows_without_reason},
        "the row has the reason",
    ),
    Negative(
        7,
        test_deliver_dead_target.test_five_thousand_notices_wait_for_a_dead_target_at_the_cost_of_five_attempts,
        {"spoil": breaks.never_closed},
        "five failures close the dead one",
        {"size": 40},
    ),
    Negative(
        7,
        test_deliver_dead_target.test_five_thousand_notices_wait_for_a_dead_target_at_the_cost_of_five_attempts,
        {"spoil": breaks.all_down_together},
        "the living one is told of everything",
        {"size": 40},
    ),
    Negative(
        7,
        test_walk_trouble.test_a_vault_that_refuses_is_failed_with_reason_and_fix,
        {"spoil": breaks.one_closes_all},
        "the other vault is walked whole",
        REFUSAL,
    ),
    Negative(
        7,
        test_walk.test_one_bad_row_does_not_hold_up_the_others,
        {"spoil": breaks.a_list_ends_at("cert-00001")},
        "the others are checked",
    ),
]


@pytest.mark.parametrize("case", NEGATIVES, ids=lambda case: f"{case.promise}: {case.says}")
def test_a_broken_promise_is_found_by_its_own_proof(case: Negative) -> None:
    """The proof of the sound part fails with the broken one, by the assertion that names the promise."""
    with pytest.raises(AssertionError, match=case.says):
        case.proof(**case.whole, **case.broken)


def test_an_event_that_is_not_stored_is_missed(caplog: pytest.LogCaptureFixture) -> None:
    """Promise 3 at the door: its queue acknowledges and keeps nothing."""
    with pytest.raises(AssertionError, match="stored before it is acknowledged"):
        intake.test_an_event_of_ours_becomes_one_look(caplog, breaks.DroppingIntake())


@pytest.fixture
def house() -> Iterator[House]:
    """A Key Vault stand-in whose rights are given away here."""
    started = House()
    yield started
    started.close()


@pytest.mark.parametrize("right", [f"{DATA}secrets/getSecret/action", f"{DATA}certificates/import/action"])
def test_a_fourth_right_is_noticed(house: House, right: str) -> None:
    """Promise 4: the app's identity is given one data action more than its three."""
    house.vaults.grant("perennial", frozenset({READ, CREATE, UPDATE, right}))
    with pytest.raises(AssertionError, match="refused to the app"):
        access.test_the_app_may_read_create_and_update_and_nothing_else(house.room())


def test_each_promise_has_a_negative() -> None:
    """All seven; the fourth, and the door of the third, have tests of their own above."""
    assert {case.promise for case in NEGATIVES} | {4} == set(range(1, 8))
