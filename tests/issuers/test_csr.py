"""What of a chain is judged before it is merged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

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


@pytest.mark.parametrize(
    ("title", "lost"),
    [
        ("Contoso Web", ""),
        ("intranet", ""),
        ("www.example.com", ""),
        ("WWW.example.com", ""),
        ("other.example.com", "the certificate does not name other.example.com"),
    ],
)
def test_a_title_may_be_left_out_and_a_host_may_not(title: str, lost: str) -> None:
    """Let's Encrypt's newer profiles leave the common name out: one that is a host must be among the names, any other is a title."""
    names = ("www.example.com",)
    issued = minting.signed(minting.csr("", names, 1), NOW, timedelta(days=90))
    assert fault_of((issued,), minting.csr(title, names, 1), NOW) == lost


def test_a_name_among_the_alternatives_may_not_be_left_out() -> None:
    """Whatever it looks like."""
    issued = minting.signed(minting.csr("", ("www.example.com",), 1), NOW, timedelta(days=90))
    assert (
        fault_of((issued,), minting.csr("", ("intranet", "www.example.com"), 1), NOW)
        == "the certificate does not name intranet"
    )
