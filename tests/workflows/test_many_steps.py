"""A CA with many steps: ten a look, and the next look goes on at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, Issued, Outcome, Renewal, Step, Waiting
from tests.memory.authority import SlowAuthority
from tests.workflows.test_through_csr import stage

STEPS = 43


@dataclass(slots=True)
class BusyAuthority(SlowAuthority):
    """Takes many steps, none of which waits, as an order for many names does."""

    def sign(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting | Issued:
        """Count one more."""
        done = int(renewal.checkpoint.memory.get("done", "0")) + 1
        if done > STEPS:
            return Issued(self._chain(csr, now))
        reason = Reason(ReasonCode.IN_PROGRESS, {"issuer": "a busy CA", "what": str(done)})
        return Waiting(now, Checkpoint(Step.SIGNING, {"done": str(done)}), reason)


def test_many_steps_take_seconds() -> None:
    """A look that ends with work left lets go of its lease: nobody waits twelve minutes for it to run out."""
    on = stage(BusyAuthority())
    on.look("www")
    (claim,) = on.claims("www")
    assert claim.outcome is Outcome.OPEN
    assert claim.held_until is None
    on.run(timedelta(minutes=1))
    (claim,) = on.claims("www")
    assert claim.outcome is Outcome.ISSUED
    assert claim.failures == 0
