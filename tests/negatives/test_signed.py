"""What keeps certificates of CAs alive, each with one part taken away: the proof must say so by its own assertion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from perennial.model.renewal import Renewal
from perennial.ports import tables as specs
from perennial.ports.tables import Query
from perennial.workflows.reading import every
from tests.memory.stage import Stage
from tests.negatives.breaks import Spoilt, rows_of
from tests.workflows import test_drift, test_failover, test_windows


def _claims(on: Stage, spoil: Callable[[Renewal], Renewal]) -> None:
    on.tables = replace(on.tables, renewals=Spoilt(specs.RENEWALS, rows_of(on.tables.renewals), spoil))


def forgotten_drift(on: Stage) -> None:
    """Let claims forget in what the version that they replace differed."""
    _claims(on, lambda row: replace(row, drift=""))


def forgotten_refusals(on: Stage) -> None:
    """Let claims forget who has refused for good."""
    _claims(on, lambda row: replace(row, refused=()))


def unknown_ends(on: Stage) -> None:
    """Let rows forget when their certificates end."""
    table = Spoilt(specs.INVENTORY, rows_of(on.tables.inventory), lambda row: replace(row, not_after=None))
    on.tables = replace(on.tables, inventory=table)
    for row in list(every(on.tables.inventory, Query(partition="kv-orders"))):
        on.tables.inventory.put(row.value)


@pytest.mark.parametrize(
    ("proof", "spoil", "says"),
    [
        (
            test_drift.test_a_drift_that_a_renewal_leaves_is_a_finding_and_no_loop,
            forgotten_drift,
            "what a renewal left is told",
        ),
        (test_failover.test_it_is_given_up_only_when_all_have_refused, forgotten_refusals, "all have refused"),
        (test_windows.test_a_revocation_of_everything_is_worked_off_worst_first, unknown_ends, "the worst first"),
    ],
    ids=["drift", "refusals", "worst first"],
)
def test_a_part_that_is_missing_is_found_by_its_own_proof(
    proof: Callable[[Callable[[Stage], None]], None], spoil: Callable[[Stage], None], says: str
) -> None:
    """The proof fails with the broken part, by the assertion that names it."""
    with pytest.raises(AssertionError, match=says):
        proof(spoil)
