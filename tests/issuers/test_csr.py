"""What of a chain is judged before it is merged."""

from __future__ import annotations

from datetime import UTC, datetime

from perennial.issuers.csr import LONGEST, fault_of
from tests.memory import minting

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_a_chain_that_no_row_holds_is_not_taken() -> None:
    """A thousand certificates: it says how many bytes they are, instead of failing at each look where the claim is saved."""
    csr = minting.csr("", ("www.example.com",), 1)
    assert (
        fault_of((b"x",) * (LONGEST + 1), csr, NOW)
        == f"the chain has {LONGEST + 1} bytes, and {LONGEST} are kept at most"
    )
    assert "not DER" in fault_of((b"x",) * LONGEST, csr, NOW)
