"""A CA's limits as data: what is known of whom, what a person sets, and how names are counted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.model import domains, limits
from perennial.model.authority import AuthoritySetting
from perennial.model.limits import Limit, LimitKind

HOUR = timedelta(hours=1)


def ca(host: str = "acme.example", **own: str) -> AuthoritySetting:
    """Return a CA."""
    return AuthoritySetting(name="ca", directory=f"https://{host}/directory", limits=own)


def test_lets_encrypts_limits_are_taken_where_nothing_else_is_known() -> None:
    """Cautious for a CA that nobody described."""
    assert (
        limits.limits_of(ca())
        == limits.limits_of(ca("acme-v02.api.letsencrypt.org"))
        == {
            LimitKind.ORDERS: Limit(300, 3 * HOUR),
            LimitKind.DOMAIN: Limit(50, 168 * HOUR),
            LimitKind.SET: Limit(5, 168 * HOUR),
            LimitKind.FAILED: Limit(5, HOUR),
        }
    )


def test_staging_has_its_own() -> None:
    """There a domain has no limit that matters."""
    known = limits.limits_of(ca("acme-staging-v02.api.letsencrypt.org"))
    assert set(known) == {LimitKind.ORDERS, LimitKind.FAILED}


def test_a_person_sets_and_switches_off() -> None:
    """Each kind by itself; the rest stays as known."""
    known = limits.limits_of(ca(orders="20/1d", set="none"))
    assert known[LimitKind.ORDERS] == Limit(20, 24 * HOUR)
    assert LimitKind.SET not in known
    assert known[LimitKind.DOMAIN] == limits.LETS_ENCRYPT[LimitKind.DOMAIN]


@pytest.mark.parametrize("text", ["", "300", "300/3", "0/1h", "5/0h", "1001/1h", "-1/1h", "3 / 1h", "unlimited"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    """The text says what to write."""
    with pytest.raises(ValueError, match=r"write .* or none"):
        limits.read(text)


@pytest.mark.parametrize(
    ("name", "counted_by"),
    [
        ("www.example.com", "example.com"),
        ("*.Example.COM.", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("tenant.azurewebsites.net", "tenant.azurewebsites.net"),
        ("co.uk", "co.uk"),
        ("host.internal", "host.internal"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::9", "2001:db8:1:2::"),
    ],
)
def test_names_count_by_their_registered_domain(name: str, counted_by: str) -> None:
    """One label below a public suffix, private suffixes included; addresses by themselves or their /64."""
    assert domains.registered(name) == counted_by


@given(st.integers(1, 1000))
def test_a_tenth_at_most_is_kept_back(most: int) -> None:
    """There is always something for everybody, and what is kept back is a tenth in whole numbers."""
    limit = Limit(most, HOUR)
    assert 1 <= limit.ordinary <= most
    assert most - limit.ordinary == most // 10
