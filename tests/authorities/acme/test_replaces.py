"""What an order says that it replaces (RFC 9773 §5), and what is done when the CA does not accept it: one test a row of the table."""

from __future__ import annotations

import base64
import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from localazure.acme.conduct import Conduct, Trouble
from perennial.errors import IssuerError
from perennial.issuers.through_csr import ThroughCsr
from perennial.model.decision import Snapshot
from perennial.model.renewal import Checkpoint, InVault, Issued, Renewal, Step, Waiting
from tests.authorities.acme.ordered import NAMES, Bench, at, bench, claim, next_attempt
from tests.memory import minting
from tests.memory.vault import MemoryVaults


def succeeding(one: Bench, names: tuple[str, ...] = NAMES, **changes: Any) -> Renewal:
    """Issue a certificate and return the claim on replacing it."""
    issued = one.issue(names)
    certificate = list(one.ca.books.certificates.values())[-1]
    return claim(**{"ari_id": certificate.ari_id, "issued_by": issued.by, "replacing": "v2", **changes})


def said(one: Bench) -> list[str]:
    """Return what each order said that it replaces."""
    return [order.replaces for order in one.ca.books.orders.values()]


def refuse(one: Bench, kind: str, status: int, **more: Any) -> None:
    """Let the next newOrder be answered so."""
    one.ca.troubles.append(Trouble(on="new-order", type=kind, status=status, **more))


def ordered(one: Bench) -> int:
    """Count newOrder requests."""
    return one.asked("new-order")


def test_an_order_names_the_certificate_that_it_replaces() -> None:
    """The same account had it from the same CA, which has renewal information."""
    with bench() as one:
        renewal = succeeding(one)
        one.issue(NAMES, renewal)
        assert said(one) == ["", renewal.ari_id]


@pytest.mark.parametrize(
    ("issued_by", "why"),
    [
        ("", "nobody remembers who issued it"),
        ("https://other.example/directory|https://other.example/acct/1", "another CA"),
        ("{directory}|{directory}/acct/999", "another account"),
    ],
)
def test_only_our_own_certificate_is_named(issued_by: str, why: str) -> None:
    """What another account or CA issued is not named, since the CA would refuse it."""
    with bench() as one:
        renewal = succeeding(one, issued_by=issued_by.format(directory=one.directory))
        one.issue(NAMES, renewal)
        assert said(one) == ["", ""], why


def test_a_ca_without_renewal_information_is_told_nothing() -> None:
    """It would not know the member (RFC 9773 §5)."""
    with bench(Conduct(ari=False)) as one:
        one.issue(NAMES, succeeding(one))
        assert said(one) == ["", ""]


def test_already_replaced_is_tried_once_without() -> None:
    """409 alreadyReplaced: another order of ours, or of somebody with our account, was quicker."""
    with bench(Conduct(order_reuse=False)) as one:
        renewal = succeeding(one)
        one.issue(NAMES, renewal)
        before = ordered(one)
        one.issue(NAMES, renewal)
        assert ordered(one) == before + 2
        assert said(one)[-1] == ""


@pytest.mark.parametrize(
    ("kind", "status", "detail"),
    [
        ("malformed", 404, "could not find the certificate to be replaced"),
        ("malformed", 400, "path contained an Authority Key Identifier that did not match a known issuer"),
        ("malformed", 400, "certificate being replaced shares no identifiers with this order"),
        ("alreadyReplaced", 409, "already has a replacement order"),
        ("conflict", 409, "already has a replacement order"),
    ],
)
def test_a_replaces_that_is_not_accepted_is_left_out(kind: str, status: int, detail: str) -> None:
    """Not found, another issuer, no shared name: once more without, in the same look."""
    with bench() as one:
        renewal = succeeding(one)
        before = ordered(one)
        refuse(one, kind, status, detail=detail)
        one.waits.clear()
        one.issue(NAMES, renewal)
        assert ordered(one) == before + 2
        assert said(one) == ["", ""]


def test_names_that_changed_are_ordered_without() -> None:
    """A CA refuses a `replaces` whose certificate shares no name with the order."""
    with bench() as one:
        renewal = succeeding(one)
        one.issue(("other.example.com",), renewal)
        assert said(one) == ["", ""]


def test_a_certificate_of_another_account_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """Unauthorized: once without, and the log says that the account changed."""
    with bench() as one, caplog.at_level(logging.WARNING, "perennial"):
        renewal = succeeding(one)
        refuse(one, "unauthorized", 403, detail="requester account did not request the certificate being replaced")
        one.issue(NAMES, renewal)
        assert said(one) == ["", ""]
    assert [json.loads(line)["event"] for line in caplog.messages] == ["account-changed"]


def test_a_rate_limit_keeps_replaces() -> None:
    """The wait is the CA's own, to the second, and the next attempt still says what it replaces."""
    with bench() as one:
        renewal = succeeding(one)
        refuse(one, "rateLimited", 429, detail="too many new orders", retry_after=4321)
        with pytest.raises(IssuerError) as raised:
            one.run(NAMES, renewal)
        assert raised.value.code == "rate-limited"
        assert raised.value.retry_after == timedelta(seconds=4321)
        assert not raised.value.permanent
        one.clock[0] += timedelta(seconds=4321)
        one.issue(NAMES, next_attempt(renewal, raised.value.back_to))
        assert said(one) == ["", renewal.ari_id]


@pytest.mark.parametrize("after_effect", [False, True])
def test_an_unclear_answer_keeps_replaces(after_effect: bool) -> None:
    """5xx: the same step is taken again, with `replaces`. Where the order had been placed, one certificate comes of it all the same."""
    with bench() as one:
        renewal = succeeding(one)
        refuse(one, "serverInternal", 500, after_effect=after_effect)
        with pytest.raises(IssuerError) as raised:
            one.run(NAMES, renewal)
        assert raised.value.code == "ca-down"
        assert raised.value.back_to.memory["state"] == "ordering"
        one.run(NAMES, next_attempt(renewal, raised.value.back_to), fresh=False)
        assert said(one)[-1] == renewal.ari_id
        assert len(one.ca.books.certificates) == 2


def test_no_answer_keeps_replaces() -> None:
    """A connection that breaks is as unclear as a 5xx."""
    with bench() as one:
        renewal = succeeding(one)
        stopped = one.stop(NAMES, at("ordering"), renewal)
        assert isinstance(stopped, Renewal)
        one.ca.conduct = Conduct(down="drop")
        with pytest.raises(IssuerError) as raised:
            one.step(stopped, minting.csr("", NAMES, 1))
        assert raised.value.code == "ca-down"
        one.ca.conduct = Conduct()
        one.run(NAMES, next_attempt(stopped, raised.value.back_to), fresh=False)
        assert said(one) == ["", renewal.ari_id]


def test_a_second_attempt_is_made_without() -> None:
    """Whatever the first failed of: a `replaces` that a CA is wrong about must not keep a certificate from being renewed."""
    with bench() as one:
        renewal = succeeding(one, ("www.example.com",))
        one.ca.troubles.append(Trouble(on="issuance", type="badCSR", status=400))
        with pytest.raises(IssuerError) as raised:
            one.run(("www.example.com",), renewal)
        assert raised.value.back_to.memory == {"tried": "1"}
        one.issue(("www.example.com",), next_attempt(renewal, raised.value.back_to))
        assert said(one)[-2:] == [renewal.ari_id, ""]


def merging(one: Bench, renewal: Renewal) -> Renewal:
    """Take steps, through the issuer that checks chains, until there is one to merge."""
    issuer = ThroughCsr(MemoryVaults(lambda: one.now), one.authority, "perennial")
    while renewal.checkpoint.step is Step.SIGNING:
        answer = issuer.step(renewal, cast("Snapshot", None), fresh=True, now=one.now)  # nothing was read of the vault
        assert not isinstance(answer, InVault)
        one.clock[0] = max(one.now, answer.until)
        renewal = replace(renewal, checkpoint=answer.checkpoint)
    return renewal


def test_a_chain_that_is_no_good_was_an_attempt() -> None:
    """The order that brought it replaces the certificate already: the next one does not say so again, which the CA would refuse (RFC 9773 §5)."""
    with bench(Conduct(order_reuse=False)) as one:
        csr = base64.b64encode(minting.csr("", NAMES, 1)).decode()
        renewal = succeeding(one, checkpoint=Checkpoint(Step.SIGNING, {"csr": csr}))
        one.ca.conduct = Conduct(order_reuse=False, chain="expired")
        with pytest.raises(IssuerError) as raised:
            merging(one, renewal)
        assert raised.value.code == "bad-chain"
        assert raised.value.back_to == Checkpoint(Step.SIGNING, {"csr": csr, "ca.tried": "1"})
        one.ca.conduct = Conduct(order_reuse=False)
        before = ordered(one)
        merging(one, next_attempt(renewal, raised.value.back_to))
        assert said(one)[-2:] == [renewal.ari_id, ""]
        assert ordered(one) == before + 1


def test_what_stands_in_the_dns_is_no_attempt() -> None:
    """An obstacle that was seen before an order was placed leaves `replaces` to the order that comes."""
    with bench() as one:
        renewal = succeeding(one)
        one.dns.ours = set()
        with pytest.raises(IssuerError) as raised:
            one.run(NAMES, renewal)
        assert raised.value.code == "dns-not-ours"
        one.dns.ours = {"example.com"}
        one.issue(NAMES, next_attempt(renewal, raised.value.back_to))
        assert said(one) == ["", renewal.ari_id]


def test_without_a_replacement_issued_is_issued() -> None:
    """The negative of all: where nothing is wrong, no order is placed twice."""
    with bench() as one:
        assert isinstance(one.run(NAMES), Issued)
        assert ordered(one) == 1


@pytest.mark.parametrize(("kind", "status", "doubted"), [("alreadyReplaced", 409, True), ("malformed", 404, False)])
def test_already_replaced_is_a_doubt(kind: str, status: int, doubted: bool) -> None:
    """The vault may hold another version by now, and is read before the order without; a `replaces` that is merely wrong says nothing of it."""
    with bench() as one:
        stopped = one.stop(NAMES, at("ordering"), succeeding(one))
        refuse(one, kind, status)
        answer = one.step(stopped, minting.csr("", NAMES, 1))
        assert isinstance(answer, Waiting)
        assert answer.in_doubt is doubted
