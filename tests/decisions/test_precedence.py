"""The order of the checks, as a table: each row is one situation in which two checks would answer, and the one that must."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from perennial.decisions.renewal import Check, decide
from perennial.model.decision import Decision, RenewalPolicy, Snapshot
from perennial.model.reasons import ReasonCode
from tests.decisions.cases import NOW
from tests.decisions.signed import SIGNED
from tests.decisions.situations import ROWS as UNSIGNED

ROWS = UNSIGNED + SIGNED


@pytest.mark.parametrize(("seen", "policy", "kind", "code"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_first_check_that_answers_decides(
    seen: Snapshot, policy: RenewalPolicy, kind: type[Decision], code: ReasonCode, checks: Sequence[Check]
) -> None:
    """Each situation is decided by the check that stands higher, with its reason."""
    decision = decide(seen, policy, NOW, checks)
    assert (type(decision), decision.reason.code) == (kind, code), "the check that stands higher decides"


#: Reasons that the workflow gives for a claim's waits, not the checks; tests of the workflow reach them.
OF_THE_WORKFLOW = {
    ReasonCode.VAULT_CLOSED,
    ReasonCode.PACED,
    ReasonCode.IN_PROGRESS,
}


def test_every_reason_is_reached() -> None:
    """No reason code stands in the product that nothing gives."""
    assert {row[4] for row in ROWS} | OF_THE_WORKFLOW == set(ReasonCode)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_every_reason_has_a_whole_sentence(
    row: tuple[str, Snapshot, RenewalPolicy, type[Decision], ReasonCode],
) -> None:
    """A reason's sentence is made of facts that are all there."""
    sentence = decide(row[1], row[2], NOW).reason.sentence
    assert sentence
    assert "?" not in sentence
