"""The small parts of deciding: tags, lifetimes, matching, ladders."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.decisions import backoff, lifetimes
from perennial.decisions.backoff import Closure, Refusal
from perennial.decisions.matching import common_name, difference, losses
from perennial.decisions.tags import Wishes, wishes
from perennial.model.certificate import IssuerClass, Leaf, Version
from tests.decisions.cases import AUTO, DAY, NOW, REF, SELF, UNKNOWN, version


def leaf_of(one: Version, **changes: Any) -> Leaf:
    """Return the leaf of a version, changed."""
    assert one.leaf is not None
    return replace(one.leaf, **changes)


@pytest.mark.parametrize(
    ("tag", "text", "field", "value"),
    [
        ("perennial-renew", "Always", "renew", True),
        ("PERENNIAL-RENEW", "never", "renew", False),
        ("perennial-renew-at", "30d", "renew_before", timedelta(days=30)),
        ("perennial-renew-at", "33%", "renew_share", 0.33),
        ("perennial-owner", "team pki", "owner", "team pki"),
        ("perennial-issuer", "Corp-CA", "issuers", ("corp-ca",)),
        ("perennial-issuer", "corp-ca, Backup other,corp-ca", "issuers", ("corp-ca", "backup", "other")),
        ("perennial-issuer", "vault", "issuers", ("vault",)),
        ("perennial-pause-until", "2027-01-31", "pause_until", datetime(2027, 1, 31, tzinfo=UTC)),
        ("perennial-pause-until", "2027-01-31T10:00:00+02:00", "pause_until", datetime(2027, 1, 31, 8, tzinfo=UTC)),
    ],
)
def test_a_tag_is_read(tag: str, text: str, field: str, value: object) -> None:
    """Each tag's value is read as its kind, names without case."""
    read = wishes({tag: text})
    assert getattr(read, field) == value
    assert read.faults == ()


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("perennial-renew", "sometimes"),
        ("perennial-renew-at", "0d"),
        ("perennial-renew-at", "120%"),
        ("perennial-renew-at", "soon"),
        ("perennial-pause-until", "Christmas"),
        ("perennial-issuer", "corp-ca, vault"),
        ("perennial-pause-untill", "2027-01-31"),
    ],
)
def test_a_bad_tag_is_a_fault_and_the_default_applies(tag: str, text: str) -> None:
    """What can't be read is named with its tag, and nothing is guessed."""
    read = wishes({tag: text})
    assert replace(read, faults=()) == Wishes()
    assert len(read.faults) == 1
    assert tag in read.faults[0]


def test_tags_of_others_are_not_ours() -> None:
    """Only the prefix perennial- is read."""
    assert wishes({"renew": "never", "owner": "x"}) == Wishes()


@pytest.mark.parametrize(
    ("lifetime", "left"),
    [
        (90 * DAY, 30 * DAY),
        (365 * DAY, 365 * DAY / 3),
        (timedelta(hours=160), timedelta(hours=80)),
        (10 * DAY, 10 * DAY / 3),
    ],
)
def test_latest_due_is_a_third_and_a_half_below_ten_days(lifetime: timedelta, left: timedelta) -> None:
    """The lifetime rule is a share of the life, whatever its length."""
    one = version(timedelta(0), lifetime)
    assert abs(one.not_after - lifetimes.latest_due(one) - left) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("lifetime", "left"),
    [(90 * DAY, 9 * DAY), (timedelta(hours=8), timedelta(minutes=75)), (timedelta(hours=4), timedelta(hours=1))],
)
def test_floor_is_a_tenth_at_least_75_minutes_at_most_a_quarter(lifetime: timedelta, left: timedelta) -> None:
    """The emergency floor fits short and long lives."""
    one = version(timedelta(0), lifetime)
    assert one.not_after - lifetimes.floor(one) == left


def test_perennial_steps_in_after_the_grace_and_before_the_end() -> None:
    """Key Vault gets its grace, but never more than half of what is left after its trigger."""
    one = version(18 * DAY)
    assert lifetimes.trigger(AUTO, one) == NOW
    assert lifetimes.steps_in(AUTO, one, 2 * DAY) == NOW + 2 * DAY
    late = replace(AUTO, trigger_percentage=None, trigger_days=2)
    assert lifetimes.steps_in(late, one, 5 * DAY) == one.not_after - DAY


def test_rungs_come_once_each_and_end_with_expiry() -> None:
    """The ladder `expiring` counts up as the life runs out."""
    shares = [0.5, 0.15, 0.09, 0.04, 0.01, -0.1]
    assert [lifetimes.rung_reached(version(90 * DAY * share), NOW) for share in shares] == [0, 1, 2, 3, 4, 5]
    assert lifetimes.next_rung(version(-DAY), NOW) is None


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("CN=www.example", "www.example"),
        ("O=Acme, cn = WWW.Example ,C=NZ", "www.example"),
        ('CN="Acme, Inc", O=Acme', "acme, inc"),
        ("O=ACN=1", ""),
        ("", ""),
    ],
)
def test_common_name_is_found_in_a_policy_subject(subject: str, name: str) -> None:
    """A policy's subject is read as it is written, in any order and casing."""
    assert common_name(subject) == name


def test_a_policy_that_matches_has_no_difference() -> None:
    """A self-signed certificate under its own Self policy matches."""
    assert difference(SELF, version(DAY)) == ""


def test_a_public_certificate_must_not_become_self_signed() -> None:
    """Imported over a Self policy it would be replaced by a self-signed one: that is a difference."""
    one = version(DAY)
    public = replace(one, leaf=leaf_of(one, issuer_class=IssuerClass.PUBLIC, issuer="CN=R11"))
    assert "issuer is Self" in difference(SELF, public)


def test_a_self_signed_certificate_must_not_go_to_an_integrated_ca() -> None:
    """The other way round is a difference too."""
    assert "self-signed" in difference(replace(SELF, issuer="DigiCert"), version(DAY))


def test_a_name_that_the_policy_does_not_ask_for_would_be_lost() -> None:
    """Every name of the certificate must be asked for; more may be."""
    one = version(DAY)
    two_names = replace(one, leaf=leaf_of(one, names=("api.example", "www.example")))
    assert "api.example" in difference(SELF, two_names)
    assert difference(replace(SELF, names=("api.example", "more.example", "www.example")), two_names) == ""


def test_losses_of_a_new_version_are_named() -> None:
    """A lost name and a changed class of issuer are told; a gained name is not."""
    one = version(DAY)
    other = replace(one, leaf=leaf_of(one, names=("other.example",)))
    public = replace(one, leaf=leaf_of(one, issuer_class=IssuerClass.PUBLIC))
    assert "www.example" in losses(one, other)
    assert "public" in losses(one, public)
    assert losses(one, one) == ""


@given(st.integers(1, 50))
def test_the_notice_ladder_never_shortens(failures: int) -> None:
    """Waits grow to the last rung and stay there."""
    assert backoff.notice_delay(failures) <= backoff.notice_delay(failures + 1) <= timedelta(hours=6)


@given(st.integers(1, 50), st.none() | st.integers(0, 10**6).map(lambda n: timedelta(seconds=n)))
def test_retry_after_is_obeyed_when_longer(failures: int, asked: timedelta | None) -> None:
    """The ladder never undercuts what a CA asked for, and under the floor it lasts an hour at most otherwise."""
    ladder = (timedelta(minutes=1), timedelta(hours=1), DAY)
    wait = backoff.renewal_wait(ladder, failures, asked)
    assert wait.ladder >= (asked or timedelta(0))
    assert wait.under_floor <= max(timedelta(hours=1), asked or timedelta(0))
    assert wait.under_floor <= wait.ladder


def test_closing_doubles_for_throttling() -> None:
    """429s in a row: 10, 20, 40 seconds up to 5 minutes."""
    closure, waits = Closure(), list[float]()
    for number in range(7):
        at = NOW + timedelta(hours=number)
        closure = backoff.refused(closure, Refusal.THROTTLED, at, at)
        assert closure.until is not None
        waits.append((closure.until - at).total_seconds())
    assert waits == [10, 20, 40, 80, 160, 300, 300]


def test_a_refusal_of_an_older_request_changes_nothing() -> None:
    """Sixteen calls refused at once close a vault once."""
    first = backoff.refused(Closure(), Refusal.THROTTLED, NOW, NOW + timedelta(seconds=1))
    assert backoff.refused(first, Refusal.THROTTLED, NOW, NOW + timedelta(seconds=2)) == first


def test_retry_after_sets_the_closure() -> None:
    """A vault that says how long is left alone for just that."""
    closed = backoff.refused(Closure(), Refusal.THROTTLED, NOW, NOW, timedelta(seconds=90))
    assert closed == Closure(NOW + timedelta(seconds=90), NOW, 1)


def test_due_dates_of_a_fleet_are_spread() -> None:
    """A hundred certificates of one birthday are not due at one instant."""
    one = version(45 * DAY)
    refs = [replace(REF, name=f"cert-{number}") for number in range(100)]
    dates = {lifetimes.due(ref, one, Wishes()) for ref in refs}
    assert len(dates) > 90
    assert max(dates) - min(dates) <= one.lifetime / 20


def test_names_and_issuers_that_match_have_no_difference() -> None:
    """A policy that asks no issuer, an integrated CA over a CA's certificate, and a leaf without a common name."""
    ours = version(DAY)
    theirs = replace(ours, leaf=leaf_of(ours, issuer_class=IssuerClass.PUBLIC))
    assert difference(UNKNOWN, ours) == difference(UNKNOWN, theirs) == ""
    assert difference(replace(SELF, issuer="DigiCert"), theirs) == ""
    assert difference(SELF, replace(ours, leaf=leaf_of(ours, common_name=""))) == ""
    assert "old.example" in difference(SELF, replace(ours, leaf=leaf_of(ours, common_name="Old.example")))
    assert common_name('CN=""') == ""


def test_an_unfinished_version_has_lost_nothing() -> None:
    """Before or after: nothing is known of it."""
    one, unfinished = version(DAY), version(DAY, leaf=None)
    assert losses(one, unfinished) == losses(unfinished, one) == ""


def test_tags_at_their_edges() -> None:
    """99 % is the longest share; an instant without a zone is UTC; our own marks are known, and not offered."""
    assert wishes({"perennial-renew-at": "99%"}).renew_share == 0.99
    assert wishes({"perennial-renew-at": "100%"}).faults
    assert wishes({"perennial-pause-until": "2027-01-31T08:00"}).pause_until == datetime(2027, 1, 31, 8, tzinfo=UTC)
    assert wishes({"perennial-by": "perennial", "perennial-renewal": "x"}).faults == ()
    (fault,) = wishes({"perennial-pause": "x"}).faults
    assert fault.endswith(
        "known are perennial-issuer, perennial-owner, perennial-pause-until, perennial-renew, perennial-renew-at"
    )
