"""In what a certificate differs from what its policy and tags ask for, and what is no difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from perennial.decisions.case import Case
from perennial.decisions.drift import drift
from perennial.decisions.renewal import decide
from perennial.model.certificate import IssuancePolicy, Leaf
from perennial.model.decision import WaitUntil
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Outcome
from tests.decisions.cases import CURRENT, DAY, NOW, OLDER, RENEW, UNKNOWN, claim, snapshot, version

LIST = ("corp", "backup")
YOUNG = 80 * DAY


def leaf(**changes: Any) -> Leaf:
    """Return the usual leaf, changed."""
    one = version(YOUNG).leaf
    assert one is not None
    return replace(one, **changes)


def asks(**changes: Any) -> IssuancePolicy:
    """Return the policy that the usual certificate keeps to, changed."""
    return replace(UNKNOWN, **changes)


@pytest.mark.parametrize(
    ("policy", "one", "through", "said"),
    [
        (
            asks(names=("WWW.example", "b.example", "a.example")),
            leaf(),
            "corp",
            "it does not name a.example, b.example",
        ),
        (asks(subject="CN=api.example"), leaf(), "corp", "it does not name api.example"),
        (asks(key_size=3072), leaf(), "corp", "its key is RSA 2048, asked for is RSA 3072"),
        (asks(key_type="EC", curve="P-384"), leaf(), "corp", "its key is RSA 2048, asked for is EC P-384"),
        (
            asks(key_type="EC", curve="P-384"),
            leaf(key_type="EC", key_size=256, curve="P-256"),
            "corp",
            "its key is EC P-256, asked for is EC P-384",
        ),
        (asks(), leaf(), "old-ca", "old-ca signed it, asked for is corp or backup"),
        (
            asks(names=("b.example",), key_size=4096),
            leaf(),
            "old-ca",
            "it does not name b.example; its key is RSA 2048, asked for is RSA 4096; old-ca signed it, asked for is corp or backup",
        ),
    ],
)
def test_each_difference_is_named(policy: IssuancePolicy, one: Leaf, through: str, said: str) -> None:
    """A name that it lacks, another key, another CA; all of them, in the same words each time."""
    assert drift(policy, one, through, LIST) == said


@pytest.mark.parametrize(
    ("policy", "one", "through"),
    [
        (asks(), leaf(), "corp"),
        (asks(), leaf(), "backup"),
        (asks(), leaf(), ""),  # nobody knows who signed it
        (asks(), leaf(names=("WWW.EXAMPLE",), common_name=""), "corp"),
        (asks(names=()), leaf(names=("extra.example", "www.example")), "corp"),  # a person is asked about that
        (asks(subject="CN=The Shop"), leaf(), "corp"),
        (asks(subject="CN=shop"), leaf(), "corp"),
        (asks(key_type="RSA-HSM"), leaf(), "corp"),
        (asks(key_type="EC-HSM", curve="P-256"), leaf(key_type="EC", key_size=256, curve="P-256"), "corp"),
        (asks(key_type="EC", key_size=256), leaf(key_type="EC", key_size=256, curve="P-256"), "corp"),
        (asks(key_size=4096, reuse_key=True), leaf(), "corp"),
        (asks(), leaf(key_type="unreadable", key_size=0), "corp"),
    ],
)
def test_what_is_no_drift(policy: IssuancePolicy, one: Leaf, through: str) -> None:
    """Case, hardware, titles, a reused key, names that would be lost, what is not known."""
    assert drift(policy, one, through, LIST) == ""


POLICY = replace(RENEW, authorities=frozenset(LIST), issuers=LIST)
WIDER = asks(names=("b.example", "www.example"))


def test_a_drift_is_due_since_it_was_seen() -> None:
    """At once before a row says when; and no later than the lifetime rule would have it."""
    seen = snapshot(YOUNG, policy=WIDER)
    fresh, known = (Case(one, version(YOUNG), POLICY, NOW) for one in (seen, replace(seen, drifted_at=NOW - DAY)))
    assert fresh.due
    assert known.due_at == NOW - DAY
    assert Case(replace(seen, drifted_at=NOW + 70 * DAY), version(YOUNG), POLICY, NOW).due_at < NOW + 70 * DAY


def test_a_drift_that_is_over_is_due_no_more() -> None:
    """The instant counts only while there is a difference."""
    over = Case(snapshot(YOUNG, policy=UNKNOWN, drifted_at=NOW - DAY), version(YOUNG), POLICY, NOW)
    assert not over.due


def test_a_renewal_that_left_it_is_not_repeated_but_another_difference_is_mended() -> None:
    """Whatever began it: the claim remembers in what the version before differed."""
    left = claim(replacing=OLDER, outcome=Outcome.ISSUED, new_version=CURRENT, drift="it does not name b.example")
    stuck = snapshot(YOUNG, policy=WIDER, renewal=left)
    assert isinstance(decide(stuck, POLICY, NOW), WaitUntil)
    assert Case(stuck, version(YOUNG), POLICY, NOW).drift_remains
    wider = replace(stuck, policy=replace(WIDER, names=("b.example", "c.example", "www.example")))
    assert decide(wider, POLICY, NOW).reason.code is ReasonCode.DRIFTED
    older = replace(stuck, renewal=replace(left, new_version=OLDER))
    assert decide(older, POLICY, NOW).reason.code is ReasonCode.DRIFTED


def test_only_what_an_authority_signs_can_drift() -> None:
    """A policy that lets the vault ask, or a certificate that nobody can renew, is no case for it."""
    for policy, settings in ((replace(WIDER, issuer="Self"), POLICY), (WIDER, RENEW)):
        assert Case(snapshot(YOUNG, policy=policy), version(YOUNG), settings, NOW).differs == ""
