"""Typed failures: who must act, what helps, when it is tried again."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from localazure.acme.conduct import Conduct, Trouble
from perennial.authorities.acme import problems
from perennial.authorities.acme.answers import Identifier, Problem
from perennial.authorities.acme.network import Refusal
from perennial.errors import DnsError, IssuerError
from tests.architecture.source import ROOT
from tests.authorities.acme.ordered import NAMES, NOW, Bench, at, bench, claim, next_attempt

WWW = ("www.example.com",)


def failure(one: Bench, names: tuple[str, ...] = WWW) -> IssuerError:
    """Let an order fail."""
    with pytest.raises(IssuerError) as raised:
        one.run(names)
    return raised.value


def trouble(one: Bench, on: Any, kind: str, **more: Any) -> None:
    """Let requests of a kind end in a problem."""
    one.ca.troubles.append(Trouble(on=on, type=kind, **more))


@pytest.mark.parametrize(
    ("on", "kind", "code", "permanent"),
    [
        ("new-order", "rejectedIdentifier", "name-refused", True),
        ("new-order", "unsupportedIdentifier", "name-refused", True),
        ("new-order", "invalidProfile", "profile-unknown", False),
        ("new-order", "userActionRequired", "terms-changed", False),
        ("new-order", "caa", "caa-forbids", False),
        ("new-order", "externalAccountRequired", "eab-missing", False),
        ("new-order", "unauthorized", "refused", False),
        ("new-order", "somethingNew", "refused", False),
        ("new-account", "invalidContact", "account-refused", False),
        ("new-account", "unsupportedContact", "account-refused", False),
        ("new-account", "badPublicKey", "bad-public-key", True),
        ("new-account", "badSignatureAlgorithm", "account-key", False),
        ("finalize", "badCSR", "bad-csr", True),
        ("finalize", "badPublicKey", "bad-public-key", True),
        ("issuance", "caa", "caa-forbids", False),
        ("validation", "dns", "validation-failed", False),
        ("validation", "unauthorized", "validation-failed", False),
        ("validation", "incorrectResponse", "validation-failed", False),
        ("validation", "connection", "validation-failed", False),
        ("validation", "tls", "validation-failed", False),
        ("validation", "dnssec", "dnssec-broken", False),
        ("validation", "caa", "caa-forbids", False),
    ],
)
def test_a_problem_is_a_typed_failure(on: str, kind: str, code: str, permanent: bool) -> None:
    """Each problem type of the CA, wherever it comes, has one code, a fix, and is final only where a policy must change."""
    with bench() as one:
        trouble(one, on, kind, status=400, detail="said the CA")
        found = failure(one)
        assert (found.code, found.permanent) == (code, permanent)
        assert "said the CA" in found.what
        assert found.fix
        assert not one.dns.values["_acme-challenge.www.example.com"]


def test_a_failed_validation_names_the_name_and_counts() -> None:
    """Of several names the one that failed is told with what the CA saw, and its failure is counted in the CA's limit."""
    with bench() as one:
        trouble(one, "validation", "unauthorized", detail='Incorrect TXT record "x" found')
        found = failure(one, ("a.example.com", "b.example.com"))
        assert "a.example.com: " in found.what
        assert 'Incorrect TXT record "x"' in found.what
        row = one.tables.usages.get("le", "limit:failed:a.example.com")
        assert row is not None
        assert len(row.value.spent) == 1


def test_a_failure_is_told_after_the_txt_values_are_gone() -> None:
    """The next attempt begins with a new order, which says nothing of the old one."""
    with bench() as one:
        trouble(one, "validation", "dns")
        found = failure(one, NAMES)
        assert one.dns.calls.count(("clean", "_acme-challenge.example.com")) == 2
        assert found.back_to.memory == {"tried": "1"}
        assert one.run(NAMES, next_attempt(claim(), found.back_to))


def test_values_that_cannot_be_removed_keep_no_failure_back(caplog: pytest.LogCaptureFixture) -> None:
    """A provider that refuses is logged; the renewal's own failure is told."""
    with bench() as one:
        trouble(one, "validation", "dns")
        stopped = one.stop(WWW, at("cleaning"))
        one.dns.refuses = DnsError("dns-refused", "403")
        with pytest.raises(IssuerError) as raised, caplog.at_level(logging.WARNING, "perennial"):
            one.run(WWW, stopped)
        assert raised.value.code == "validation-failed"
        said = {"event": "txt-left", "authority": "le", "record": "_acme-challenge.www.example.com"}
        assert [json.loads(line) for line in caplog.messages] == [said | {"code": "dns-refused", "what": "403"}]


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({"retry_after": 321}, 321),
        (
            {"detail": "too many; retry after 2026-11-24 12:34:56 UTC: see https://letsencrypt.org/docs/rate-limits/"},
            2096,
        ),
        ({"retry_after": "Tue, 24 Nov 2026 13:00:00 GMT"}, None),
    ],
)
def test_a_rate_limit_is_obeyed_to_the_second(more: dict[str, object], seconds: int | None) -> None:
    """From the header, in seconds or as a date, or from the text."""
    with bench() as one:
        trouble(one, "new-order", "rateLimited", status=429, **more)
        found = failure(one)
        assert (found.code, found.permanent) == ("rate-limited", False)
        assert found.retry_after is not None
        if seconds is not None:
            assert found.retry_after == timedelta(seconds=seconds)


def test_a_rate_limit_without_a_wait_is_obeyed_for_an_hour() -> None:
    """A CA that says neither how long nor until when."""
    with bench() as one:
        trouble(one, "new-order", "rateLimited", status=429, detail="slow down")
        assert failure(one).retry_after == timedelta(hours=1)


def test_a_rate_limit_of_the_account_holds_for_other_certificates() -> None:
    """They wait by themselves, without asking the CA."""
    with bench() as one:
        trouble(
            one,
            "new-order",
            "rateLimited",
            status=429,
            detail="too many new orders (300) from this account",
            retry_after=600,
        )
        failure(one)
        before = one.asked("new-order")
        waiting = one.stop(("other.example.com",), lambda _: len(one.waits) > 0)
        assert one.asked("new-order") == before
        assert one.now >= NOW + timedelta(seconds=600)
        assert one.run(("other.example.com",), waiting)


@pytest.mark.parametrize("on", ["new-order", "authorization", "challenge", "order", "finalize", "certificate"])
def test_a_ca_that_is_down_is_asked_the_same_again(on: str) -> None:
    """A 503 with Retry-After anywhere: the order stands, its TXT values too, and the wait is the CA's."""
    with bench() as one:
        trouble(one, on, "serverInternal", status=503, retry_after=77)
        found = failure(one)
        assert (found.code, found.permanent, found.retry_after) == ("ca-down", False, timedelta(seconds=77))
        one.run(WWW, next_attempt(claim(), found.back_to), fresh=False)
        assert len(one.ca.books.certificates) == 1


@pytest.mark.parametrize("down", ["503", "drop"])
def test_a_ca_out_of_order_is_down(down: Any) -> None:
    """A page of HTML, or a broken connection, is no answer of a CA."""
    with bench() as one:
        one.ca.conduct = Conduct(down=down)
        assert failure(one).code == "ca-down"
        assert one.ca.books.accounts == {}


def test_an_order_that_the_ca_forgot_is_placed_again() -> None:
    """404 under way: the values are removed, and the next attempt orders anew."""
    with bench() as one:
        stopped = one.stop(WWW, at("validating"))
        one.ca.books.orders.clear()
        with pytest.raises(IssuerError) as raised:
            one.run(WWW, stopped)
        assert raised.value.code == "order-expired"
        assert one.run(WWW, next_attempt(claim(), raised.value.back_to))


def test_an_order_that_expires_while_the_ca_validates_is_given_up() -> None:
    """A CA that never looks is slow after an hour, whatever the next looks find; the end is the order's own."""
    with bench(Conduct(validation_delay=30 * 86400)) as one:
        found = failure(one)
        assert (found.code, found.permanent) == ("ca-slow", False)
        assert timedelta(hours=1) < one.now - NOW < timedelta(hours=2)
        polls = one.asked("order")
        assert polls < 80
        one.clock[0] += timedelta(days=8)
        with pytest.raises(IssuerError) as raised:
            one.run(WWW, next_attempt(claim(), found.back_to))
        assert raised.value.code == "order-expired"
        assert not one.dns.values["_acme-challenge.www.example.com"]


def test_a_slow_ca_that_comes_round_issues() -> None:
    """What was slow goes on from where it was: one order, one certificate."""
    with bench(Conduct(finalize_delay=2 * 3600)) as one:
        found = failure(one)
        assert found.code == "ca-slow"
        one.clock[0] += timedelta(hours=3)
        one.run(WWW, next_attempt(claim(), found.back_to), fresh=False)
        assert (len(one.ca.books.certificates), one.asked("new-order")) == (1, 1)


def test_a_name_that_the_ca_will_not_have_is_final() -> None:
    """Only another policy helps; the CA's own words are in the failure."""
    with bench(Conduct(rejected=["*.bank.example.com"])) as one:
        found = failure(one, ("www.bank.example.com",))
        assert (found.code, found.permanent) == ("name-refused", True)


def test_of_several_problems_the_first_is_the_code() -> None:
    """A CA that sums up names each name's own problem (RFC 8555 §6.7.1)."""
    about = Identifier("dns", "a.example.com")
    summed = Problem(
        "urn:ietf:params:acme:error:compound",
        detail="two problems",
        subproblems=(
            Problem("urn:ietf:params:acme:error:caa", detail="CAA says no", identifier=about),
            Problem("urn:ietf:params:acme:error:dns", detail="NXDOMAIN"),
        ),
    )
    found = problems.of_refusal(Refusal(403, summed, None), NOW)
    assert found.code == "caa-forbids"
    assert found.what == "two problems; a.example.com: CAA says no; NXDOMAIN"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("retry after 2026-11-24 12:00:30 UTC", 30),
        ("Retry after 2026-11-24T12:00:30Z", 30),
        ("retry after 2026-11-24 11:00:00 UTC", 0),
        ("retry after 2026-13-44 11:00:00 UTC", None),
        ("try again later", None),
    ],
)
def test_a_wait_is_read_from_text(text: str, seconds: int | None) -> None:
    """To the second; one that is over is none, and one that is no date is not there."""
    assert problems.said_wait(text, NOW) == (None if seconds is None else timedelta(seconds=seconds))


def test_an_address_without_a_directory_is_told() -> None:
    """A person mistyped it: that is no CA that is down."""
    with bench() as one:
        one.restart(directory=one.directory + "-of-nothing")
        assert failure(one).code == "no-directory"


def test_the_fix_says_who_must_act() -> None:
    """In the words of a notice; where nobody need act it says so by what happens."""
    assert problems.failure("account-gone", "lost").fix.startswith("an administrator: see at the CA")
    assert problems.failure("order-expired", "late").fix == "Perennial places another order"


def test_every_failure_is_explained() -> None:
    """Each code is a row of the page's table."""
    page = (ROOT / "docs/acme.md").read_text()
    assert [code for code in problems.FAILURES if f"`{code}`" not in page] == []


def test_every_failure_says_who_must_act() -> None:
    """And what that is; every problem type leads to one."""
    assert all(one.who and one.fix for one in problems.FAILURES.values())
    assert set(problems.OF_PROBLEM.values()) <= set(problems.FAILURES)
    assert set(problems.OF_DNS.values()) <= set(problems.FAILURES)


def test_an_address_outside_the_directorys_scheme_is_not_asked() -> None:
    """A CA reached by TLS that names an address without it is not followed; nor one that is no address."""
    with bench() as one:
        stopped = one.stop(WWW, at("authorizing"))
        memory = dict(stopped.checkpoint.memory)
        memory["authorizations"] = " file:///etc/passwd"
        from dataclasses import replace

        from perennial.model.renewal import Checkpoint, Step

        with pytest.raises(IssuerError, match="not asked"):
            one.run(WWW, replace(claim(), checkpoint=Checkpoint(Step.SIGNING, memory)))
