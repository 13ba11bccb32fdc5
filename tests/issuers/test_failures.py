"""What a failed operation of an integrated CA is made of: its code, the CA's words, who must act."""

from __future__ import annotations

import pytest

from perennial.issuers.failures import CREDENTIALS, MEANINGS, explained
from perennial.model.certificate import Operation, OperationState


def failed(code: str, message: str = "no") -> Operation:
    """Return an operation that ended with this error."""
    return Operation(state=OperationState.FAILED, request_id="r", error_code=code, error_message=message)


@pytest.mark.parametrize(
    ("code", "permanent"),
    [
        ("Request rejected", False),
        ("RequestRejected", False),
        ("Certificate issuer error", False),
        ("InvalidIssuerCredentials", True),
        ("IssuerNotFound", True),
    ],
)
def test_a_known_code_says_what_to_do(code: str, permanent: bool) -> None:
    """Phrases and words alike, whatever their case; only what a repeat would meet again is permanent."""
    failure = explained(failed(code))
    assert failure.fix
    assert failure.permanent is permanent
    assert str(failure) == f"{code}: no"


def test_an_unknown_code_keeps_the_cas_own_text() -> None:
    """Nothing is guessed: it may pass, and the text says what the CA said."""
    failure = explained(failed("QuotaExceeded", "call us"))
    assert (failure.fix, failure.permanent, str(failure)) == ("", False, "QuotaExceeded: call us")


def test_a_refused_account_is_seen_in_the_cas_words() -> None:
    """Recorded traffic: DigiCert's refusal of a key comes under the same code as an outage; the text tells."""
    words = "The call to DigiCert failed with Error code access_denied|access_denied_invalid_key"
    assert explained(failed("Request rejected", words)).fix == CREDENTIALS
    assert not explained(failed("Request rejected", words)).permanent
    assert explained(failed("Request rejected", "a time-out")).fix == MEANINGS["requestrejected"].fix
