"""The CA/Browser Forum's maximum is that of the certificate's own issue date, counted as the Baseline Requirements count."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from perennial.compliance import evaluate
from perennial.compliance.rules.validity import days_valid, maximum
from perennial.model.certificate import IssuerClass
from tests.compliance.minted import DAY, SECOND, judged, mint


def at(text: str) -> datetime:
    """Return an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("issued", "days"),
    [
        ("2020-08-31T23:59:59", None),
        ("2020-09-01T00:00:00", 398),
        ("2026-03-14T23:59:59", 398),
        ("2026-03-15T00:00:00", 200),
        ("2027-03-14T23:59:59", 200),
        ("2027-03-15T00:00:00", 100),
        ("2029-03-14T23:59:59", 100),
        ("2029-03-15T00:00:00", 47),
    ],
)
def test_the_maximum_goes_by_the_issue_date(issued: str, days: int | None) -> None:
    """Each step of the table begins at midnight UTC of its day."""
    assert maximum(at(issued)) == days


@pytest.mark.parametrize(
    ("length", "days"), [(DAY - SECOND, 1), (DAY, 2), (200 * DAY - SECOND, 200), (200 * DAY, 201), (SECOND, 1)]
)
def test_both_ends_belong_to_the_validity(length: object, days: int) -> None:
    """A day has 86,400 seconds, both ends count, and any fraction is another day."""
    start = at("2026-03-15T00:00:00")
    assert isinstance(length, type(DAY))
    assert days_valid(start, start + length) == days


@pytest.mark.parametrize("issued", ["2025-06-01", "2026-03-15", "2027-03-15", "2029-03-15"])
def test_one_second_too_long_is_found(issued: str) -> None:
    """At every step the limit itself is allowed, and a second more is not."""
    start = at(issued)
    limit = maximum(start)
    assert limit is not None
    for length, found in ((limit * DAY - SECOND, False), (limit * DAY, True)):
        subject = judged(mint(start, start + length, issuer_class=IssuerClass.PUBLIC))
        assert ("validity-above-maximum" in {one.rule for one in evaluate(subject)}) is found


@pytest.mark.parametrize("kind", [IssuerClass.PRIVATE, IssuerClass.SELF_SIGNED])
def test_private_certificates_may_live_longer(kind: IssuerClass) -> None:
    """The limit binds publicly trusted TLS only."""
    start = at("2026-03-15")
    subject = judged(mint(start, start + 3650 * DAY, issuer_class=kind))
    assert "validity-above-maximum" not in {one.rule for one in evaluate(subject)}


def test_public_client_certificates_are_not_tls_servers() -> None:
    """A publicly trusted certificate without server authentication is not bound by the TLS requirements."""
    start = at("2026-03-15")
    subject = judged(mint(start, start + 365 * DAY, issuer_class=IssuerClass.PUBLIC, client_only=True))
    assert "validity-above-maximum" not in {one.rule for one in evaluate(subject)}
