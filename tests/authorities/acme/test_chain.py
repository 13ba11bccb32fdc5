"""Chains and profiles that a person prefers."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from localazure.acme.conduct import Conduct
from perennial.authorities.acme import ending
from perennial.authorities.acme.answers import Answer, Problem
from perennial.authorities.acme.client import Session
from perennial.authorities.acme.ending import chain_in
from perennial.authorities.acme.memory import Memory
from perennial.authorities.acme.network import NoAnswer, Refusal
from perennial.authorities.acme.turn import Turn
from perennial.errors import IssuerError
from perennial.model.renewal import Checkpoint, Issued, Renewal
from perennial.ports.tables import Query
from tests.authorities.acme.ordered import NOW, Bench, bench, claim, next_attempt
from tests.memory import minting

WWW = ("www.example.com",)


def root_of(issued: Issued) -> str:
    """Return the name of the root that a chain leads to."""
    return str(
        x509.load_der_x509_certificate(issued.chain[-1])
        .issuer.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0]
        .value
    )


def roots(one: Bench) -> list[str]:
    """Return the names of a CA's roots."""
    subjects = [root.certificate.subject for root in one.ca.hierarchy.roots]
    return [str(one.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value) for one in subjects]


def test_the_cas_own_chain_is_taken_where_nothing_is_preferred() -> None:
    """One request for it, none for others."""
    with bench() as one:
        assert root_of(one.issue(WWW)) == roots(one)[0]
        assert one.asked("certificate") == 1


def test_a_preferred_root_is_taken_where_the_ca_offers_it() -> None:
    """By the name of the root, from the alternate chains."""
    with bench() as one:
        one.restart(chain=roots(one)[1])
        assert root_of(one.issue(WWW)) == roots(one)[1]
        assert one.asked("certificate") == 2


def test_a_root_that_the_ca_does_not_offer_keeps_no_certificate_back() -> None:
    """The CA's own chain is taken."""
    with bench(chain="No Such Root") as one:
        assert root_of(one.issue(WWW)) == roots(one)[0]


class Chains:
    """A session in which only the chain at one address can be had."""

    def __init__(self, good: str, body: bytes) -> None:
        self.good, self.body = good, body
        self.asked: list[str] = []

    def post(self, url: str) -> Answer:
        """Answer, refuse, or answer nonsense."""
        self.asked.append(url)
        if url == self.good:
            return Answer(self.body, {})
        if url.endswith("0"):
            raise Refusal(404, Problem(), None)
        return Answer(b"<html>", {})


@pytest.mark.parametrize(("place", "found"), [(0, 1), (4, 1), (5, 0)])
def test_an_alternate_that_cannot_be_had_keeps_no_certificate_back(place: int, found: int) -> None:
    """Refused or garbled, the next is looked at; of a hundred the first five are."""
    links = ", ".join(f'<https://ca.example/{number}>;rel="alternate"' for number in range(100))
    der = minting.signed(minting.csr("", WWW, 1), NOW, timedelta(days=90))
    pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    session = Chains(f"https://ca.example/{place}", pem)
    with bench() as one:
        turn = Turn(
            desk=one.authority._desk,
            csr=b"",
            names=WWW,
            renewal=claim(),
            memory=Memory(),
            fresh=True,
            now=NOW,
            account=cast("Session", session),
        )
        assert list(ending._others(turn, Answer(b"", {"Link": links}))) == [(der,)] * found
    assert len(session.asked) == 5


def test_what_is_no_chain_is_no_answer() -> None:
    """A page where the chain should be."""
    with pytest.raises(NoAnswer):
        chain_in(Answer(b"<html>", {}))


def test_a_certificate_without_its_intermediate_is_refused() -> None:
    """By the name of who signed it; not a word of it where a person said that this root signs by itself."""
    with bench(Conduct(chain="no-intermediate")) as one:
        with pytest.raises(IssuerError) as raised:
            one.run(WWW)
        signed_by = str(next(iter(one.ca.hierarchy.intermediates[0].certificate.subject)).value)
        assert (raised.value.code, raised.value.permanent) == ("incomplete-chain", False)
        assert raised.value.what.endswith(signed_by)
        one.restart(chain=signed_by)
        assert len(one.issue(WWW).chain) == 1


def refused(one: Bench, renewal: Renewal) -> Checkpoint:
    """Let an order end without its intermediate, and return where the next attempt begins."""
    with pytest.raises(IssuerError) as raised:
        one.run(WWW, renewal)
    assert raised.value.code == "incomplete-chain"
    return raised.value.back_to


def test_a_chain_without_its_intermediate_costs_one_order_a_day() -> None:
    """Until a day is over the next attempts ask for the chain again, whatever the ladder says; then another order is placed, once."""
    with bench(Conduct(chain="no-intermediate")) as one:
        renewal = claim()
        for _ in range(5):
            renewal = next_attempt(renewal, refused(one, renewal))
            one.clock[0] += timedelta(hours=1)
        assert (one.asked("new-order"), one.asked("certificate")) == (1, 5)
        one.clock[0] += timedelta(days=1)
        renewal = next_attempt(renewal, refused(one, renewal))
        assert renewal.checkpoint.memory == {"tried": "1"}
        renewal = next_attempt(renewal, refused(one, renewal))
        assert one.asked("new-order") == 2


def test_a_root_that_is_named_later_needs_no_other_order() -> None:
    """The certificate is at the CA; the setting takes effect with the next start of the app, and what was issued counts once."""
    with bench(Conduct(chain="no-intermediate")) as one:
        renewal, issued = next_attempt(claim(), refused(one, claim())), one.now
        signed_by = str(next(iter(one.ca.hierarchy.intermediates[0].certificate.subject)).value)
        one.restart(chain=signed_by)
        one.clock[0] += timedelta(hours=1)
        assert len(one.issue(WWW, renewal).chain) == 1
        assert one.asked("new-order") == 1
        counted = [stored.value for stored in one.tables.usages.select(Query(prefix="limit:set:")).items]
        assert [(row.spent, row.issued_at) for row in counted] == [((NOW,), issued)]


@pytest.mark.parametrize(("profile", "life"), [("classic", 90), ("tlsserver", 45), ("shortlived", 160 / 24)])
def test_a_profile_is_ordered(profile: str, life: float) -> None:
    """The certificate lives as long as the profile says."""
    with bench(profile=profile) as one:
        leaf = x509.load_der_x509_certificate(one.issue(WWW).chain[0])
        asked = [order.profile for order in one.ca.books.orders.values()]
        assert asked == [profile]
        assert abs(leaf.not_valid_after_utc - leaf.not_valid_before_utc - timedelta(days=life)) < timedelta(minutes=1)


def test_a_profile_that_the_ca_does_not_know_is_told() -> None:
    """By the CA when it is ordered, and before that as an obstacle."""
    with bench(profile="eternal") as one:
        assert [found.code for found in one.authority.obstacles(WWW, one.now)] == ["profile-unknown"]
        with pytest.raises(IssuerError) as raised:
            one.run(WWW)
        assert raised.value.code == "profile-unknown"
