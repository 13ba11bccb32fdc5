"""A certificate whose renewal no row can remember: it fails for good, says why and who must act, and is not tried for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from perennial.issuers.csr import LONGEST_CSR
from perennial.model.history import HistoryKind
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, Issued, Outcome, Renewal, Step, Waiting
from tests.memory.authority import SlowAuthority
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, UNKNOWN, WWW
from tests.workflows.signed_stage import signed_stage


def many(count: int, length: int) -> tuple[str, ...]:
    """Return so many names of so many characters, in labels that the DNS knows."""
    tail = ".".join(("x" * 60, "x" * 60, "x" * 60, "x" * 60, "example"))[-length + 5 :].lstrip(".")
    return tuple(f"n{number:03}.{tail}" for number in range(count))


def named(names: tuple[str, ...], issuers: tuple[str, ...] = ("first",), **authorities: Any) -> Stage:
    """Return a stage whose certificate has these names and is due."""
    policy = replace(UNKNOWN, subject=f"CN={names[0]}" if len(names[0]) <= 64 else "CN=many", names=names)
    return signed_stage(left=20 * DAY, policy=policy, issuers=issuers, **authorities)


@dataclass(slots=True)
class Heavy(SlowAuthority):
    """A CA whose order has more to remember than fits, once it is placed."""

    heavy: bool = True

    def sign(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting | Issued:
        """Take the next step."""
        if not self.heavy or "state" not in renewal.checkpoint.memory:
            return SlowAuthority.sign(self, csr, renewal, fresh=fresh, now=now)
        self.orders["one"] = now
        memory: Mapping[str, str] = {"state": "thinking", "values": "x" * 33_000}
        return Waiting(now, Checkpoint(Step.SIGNING, memory), Reason(ReasonCode.GOING_ON, {"step": "thinking"}))


def the_claim(on: Stage) -> Renewal:
    """Return the only claim."""
    (claim,) = on.claims("www")
    return claim


def assert_told(on: Stage) -> None:
    """Check that the failure names the certificate, the reason and who must act, once, in row, history and notice; and that no look failed."""
    claim = the_claim(on)
    assert claim.error.startswith("too-many-names: the names of kv-orders/www are too many or too long for one row")
    assert claim.fix.startswith("whoever keeps the certificate: spread its names")
    assert [record.error for record in on.history("www") if record.kind is HistoryKind.GIVEN_UP] == [claim.error]
    assert len(on.told("renewal-failed")) == 1
    assert not on.failed


def test_a_csr_that_no_row_holds_is_given_up_and_stays_ours() -> None:
    """Its create was accepted: the operation is known as ours, nobody is asked for a signature, and no other create is sent."""
    first = SlowAuthority(prompt=True)
    on = named(many(100, 250), first=first)
    on.look("www")
    on.run(3 * DAY)
    assert_told(on)
    claim = the_claim(on)
    pending = on.vaults.pending(WWW)
    assert (claim.outcome, claim.failures) == (Outcome.GIVEN_UP, 1)
    assert pending is not None
    assert claim.requests == (pending.request_id,)
    assert "checkpoint: has " in claim.error
    assert (on.vaults.calls["create"], first.orders) == (1, {})


def test_a_csr_that_leaves_no_room_for_its_chain_is_not_ordered() -> None:
    """It is seen before the CA is asked, which may not take the order back."""
    first = SlowAuthority(prompt=True)
    on = named(many(100, 120), first=first)
    on.look("www")
    on.run(3 * DAY)
    assert_told(on)
    assert f"{LONGEST_CSR} can be kept" in the_claim(on).error
    assert first.orders == {}


def test_one_that_just_fits_is_issued() -> None:
    """The negative: a hundred names as long as people have them."""
    on = named(many(100, 60), first=SlowAuthority(prompt=True))
    on.look("www")
    on.run(DAY)
    assert the_claim(on).outcome is Outcome.ISSUED
    assert not on.failed


def test_what_a_ca_cannot_remember_is_another_cas_turn() -> None:
    """With the same CSR; what the first had begun is undone."""
    heavy, second = Heavy(), SlowAuthority(prompt=True)
    on = named(("www.example",), ("first", "second"), first=heavy, second=second)
    on.look("www")
    on.run(DAY)
    claim = the_claim(on)
    assert (claim.outcome, claim.issuer, claim.refused) == (Outcome.ISSUED, "second", ("first",))
    assert (on.vaults.calls["create"], heavy.abandoned, len(second.orders)) == (1, 1, 1)
    assert not on.failed


def test_where_no_other_ca_is_left_it_is_given_up() -> None:
    """After one order, and what was begun is undone."""
    heavy = Heavy()
    on = named(("www.example",), first=heavy)
    on.look("www")
    on.run(5 * DAY)
    assert_told(on)
    assert (the_claim(on).outcome, heavy.abandoned, len(heavy.orders)) == (Outcome.GIVEN_UP, 1, 1)


@pytest.mark.parametrize("left", [timedelta(days=20), timedelta(hours=1)])
def test_nothing_of_it_depends_on_how_much_time_is_left(left: timedelta) -> None:
    """Also under the emergency floor it is tried once."""
    heavy = Heavy()
    on = signed_stage(left=left, issuers=("first",), first=heavy)
    on.look("www")
    on.run(left - timedelta(minutes=30))
    assert len(heavy.orders) == 1
    assert not on.failed
