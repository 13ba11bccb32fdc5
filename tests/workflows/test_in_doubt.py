"""A CA that knows of a replacement which we do not: the vault is read before the CA is asked for another certificate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from perennial.model.renewal import Issued, Outcome, Renewal, Waiting
from tests.memory.authority import SlowAuthority
from tests.workflows.looks import DAY, NOW, SELF, WWW
from tests.workflows.test_through_csr import stage

HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Doubtful(SlowAuthority):
    """Goes on at once after a day of thinking, and says whether the certificate may have been replaced meanwhile."""

    doubts: bool = True
    issued: int = 0

    def sign(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting | Issued:
        """Take the next step."""
        answer = SlowAuthority.sign(self, csr, renewal, fresh=fresh, now=now)
        self.issued += isinstance(answer, Issued)
        thinking = renewal.checkpoint.memory.get("state") == "thinking"
        return replace(answer, until=now, in_doubt=self.doubts) if thinking and isinstance(answer, Waiting) else answer


@pytest.mark.parametrize("doubts", [True, False])
def test_a_replacement_by_somebody_else_ends_the_claim(doubts: bool) -> None:
    """Our operation was discarded and another version imported: with the doubt nothing more is asked of the CA, without it a merge fails."""
    authority = Doubtful(doubts=doubts)
    on = stage(authority)
    on.look("www")
    on.run(DAY - HOUR)  # later than the night's walk, which would have found it
    on.vaults.discard(WWW)
    on.vaults.import_certificate(WWW, on.now, NOW + 90 * DAY, policy=SELF, created=on.now, quiet=True)
    on.run(DAY)
    (claim,) = on.claims("www")
    assert claim.outcome is Outcome.SUPERSEDED
    assert (claim.failures == 0, authority.issued == 0, on.vaults.calls["merge"] == 0) == (doubts, doubts, doubts)
    assert len(on.vaults.versions(WWW)) == 2


def test_a_doubt_that_is_unfounded_costs_one_read() -> None:
    """The claim goes on from where it was."""
    on = stage(Doubtful())
    on.look("www")
    on.run(2 * DAY)
    assert on.claims("www")[0].outcome is Outcome.ISSUED
    assert (on.vaults.calls["get"], on.vaults.calls["create"], on.vaults.calls["merge"]) == (2, 1, 1)
    assert len(on.vaults.versions(WWW)) == 2
