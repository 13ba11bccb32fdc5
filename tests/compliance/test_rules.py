"""Each rule, with a certificate that breaks it and one that barely does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.compliance import RULES, VAULT_RULES, evaluate, evaluate_vault
from perennial.compliance.rule import Subject, VaultSubject
from perennial.model import signing
from perennial.model.authority import Obstacle
from perennial.model.certificate import IssuerClass
from perennial.model.findings import Severity
from perennial.model.inventory import VaultRow
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Outcome, Step
from tests.compliance.minted import (
    DAY,
    LIFE,
    MD5_RSA,
    NOW,
    SECOND,
    because,
    claim,
    dsa_key,
    ec_key,
    fresh,
    judged,
    mint,
    over_broken_hash,
    rsa_key,
    unsigned,
)
from tests.compliance.pairs import PAIRS, blocked, ca_signed


def broken(subject: Subject) -> set[str]:
    """Return the ids of the rules that a certificate breaks."""
    return {found.rule for found in evaluate(subject)}


@pytest.mark.parametrize("rule", PAIRS)
def test_a_rule_finds_what_breaks_it(rule: str) -> None:
    """The certificate that breaks a rule is found by it, with evidence and a fix."""
    found = {one.rule: one for one in evaluate(PAIRS[rule][0])}
    assert rule in found
    assert found[rule].evidence
    assert found[rule].fix


@pytest.mark.parametrize("rule", PAIRS)
def test_a_rule_leaves_what_barely_keeps_it(rule: str) -> None:
    """The certificate that barely keeps a rule is not found by it."""
    assert rule not in broken(PAIRS[rule][1])


def test_every_rule_has_its_pair() -> None:
    """No rule is without a certificate that breaks it and one that does not, and ids are unique."""
    ids = [rule.id for rule in RULES] + [rule.id for rule in VAULT_RULES]
    assert len(set(ids)) == len(ids)
    assert set(PAIRS) == {rule.id for rule in RULES}


def test_a_well_kept_certificate_breaks_nothing() -> None:
    """A managed certificate with an owner and most of its life left has no finding."""
    assert broken(fresh()) == set()


def test_all_findings_are_returned_not_the_first() -> None:
    """One certificate may break many rules at once."""
    subject = replace(fresh(-SECOND, names=(), key=rsa_key(2040)), managed=False, tag_faults=("x",))
    assert broken(subject) >= {"expired-but-enabled", "no-san", "weak-key", "bad-tag-value"}


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        (fresh(2 * DAY - SECOND, 6 * DAY), True),
        (fresh(2 * DAY, 6 * DAY), False),
        (replace(fresh(DAY), renewal=claim(Step.WAITING, NOW)), False),
        (replace(fresh(DAY), renewal=replace(claim(Step.WAITING, NOW), outcome=Outcome.GIVEN_UP)), True),
        (replace(fresh(DAY), never=True), False),
        (because(ReasonCode.SUPERVISED, fresh(20 * DAY)), False),
        (judged(mint(NOW - LIFE, NOW + DAY), enabled=False), False),
    ],
    ids=["short", "short enough", "in progress", "given up", "never", "supervised", "disabled"],
)
def test_expiring_is_relative_and_knows_who_looks_after_it(subject: Subject, found: bool) -> None:
    """Short lives have a longer last stretch; what somebody looks after, or nobody wants, is not expiring unnoticed."""
    assert ("expiring-with-nothing-in-progress" in broken(subject)) is found


@pytest.mark.parametrize(
    ("left", "severity"),
    [
        (0.24, Severity.MEDIUM),
        (0.2, Severity.MEDIUM),
        (0.199, Severity.HIGH),
        (0.1, Severity.HIGH),
        (0.09, Severity.CRITICAL),
    ],
)
def test_severity_rises_as_life_runs_out(left: float, severity: Severity) -> None:
    """Below a fifth of the life it is high, below a tenth critical, whatever the lifetime is."""
    for life in (LIFE, 6 * DAY, 365 * DAY):
        found = {
            one.rule: one.severity for one in evaluate(fresh(timedelta(seconds=int(life.total_seconds() * left)), life))
        }
        assert found["expiring-with-nothing-in-progress"] is severity


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        (because(ReasonCode.NO_ISSUER, why="x"), True),
        (replace(because(ReasonCode.FOREIGN_MANAGER), managed=False), False),
        (replace(fresh(), managed=False, trigger_at=NOW + DAY), False),
        (replace(fresh(), managed=False, never=True), False),
        (replace(fresh(-SECOND), managed=False), False),
    ],
    ids=["no issuer", "foreign manager", "Key Vault", "never", "expired"],
)
def test_nothing_will_renew_it_knows_the_others(subject: Subject, found: bool) -> None:
    """Managed without an issuer counts; another manager, Key Vault's autorotation and a wish to die do not."""
    assert ("nothing-will-renew-it" in broken(subject)) is found


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        (replace(fresh(), managed=False), False),
        (because(ReasonCode.PAUSED), False),
        (because(ReasonCode.BACK_OFF), True),
        (judged(ca_signed(), enabled=False), False),
        (because(ReasonCode.EXPIRED_WHEN_FIRST_SEEN), False),
    ],
    ids=["observed", "paused", "failing", "disabled", "dead when first seen"],
)
def test_only_a_managed_renewal_can_be_overdue(subject: Subject, found: bool) -> None:
    """What is observed, paused or disabled is not overdue, nor what was dead before we came; what fails is."""
    assert ("renewal-overdue" in broken(replace(subject, due_at=NOW - 10 * DAY))) is found


@pytest.mark.parametrize(
    ("until_due", "step", "severity"),
    [
        (LIFE / 6 + SECOND, None, Severity.MEDIUM),
        (LIFE / 6, None, Severity.HIGH),
        (LIFE / 2, Step.SIGNING, Severity.HIGH),
    ],
)
def test_what_blocks_a_renewal_is_worse_when_it_is_near(
    until_due: timedelta, step: Step | None, severity: Severity
) -> None:
    """Within a sixth of the life before the due date, or under way."""
    subject = replace(blocked(Obstacle(code="a", what="b", fix="c")), due_at=NOW + until_due)
    subject = replace(subject, renewal=claim(step, NOW)) if step else subject
    (found,) = [one for one in evaluate(subject) if one.rule == "issuance-blocked"]
    assert found.severity is severity
    assert found.evidence == {"code": "a", "what": "b", "fix": "c"}


def test_a_csr_that_waits_for_a_person_is_one_finding() -> None:
    """Neither an old operation nor an overdue renewal is found beside it; once it is signed and not merged, the old operation is."""
    late = replace(because(ReasonCode.SIGNATURE_NEEDED, issuer="corp", since="x"), due_at=NOW - 10 * DAY)
    waiting = replace(late, renewal=unsigned(NOW - 10 * DAY))
    assert broken(waiting) & {"pending-operation-too-old", "renewal-overdue", "waiting-for-signature"} == {
        "waiting-for-signature"
    }
    signed = replace(late, renewal=signing.answered(unsigned(NOW - 10 * DAY), (b"leaf",), NOW))
    assert broken(signed) & {"pending-operation-too-old", "waiting-for-signature"} == {"pending-operation-too-old"}


def test_an_overdue_renewal_says_why() -> None:
    """The evidence holds the last error."""
    late = replace(fresh(), due_at=NOW - 10 * DAY, renewal=claim(Step.CLAIMED, NOW - 9 * DAY, "CA says no"))
    assert {one.rule: one.evidence for one in evaluate(late)}["renewal-overdue"]["error"] == "CA says no"


def test_two_managers_is_over_after_half_a_life() -> None:
    """Once half a life has passed without another foreign version, the finding ends."""
    for age, found in ((45 * DAY, True), (45 * DAY + SECOND, False)):
        subject = fresh()
        made = (NOW - age - DAY, NOW - age)
        assert (
            "two-managers" in broken(replace(subject, entry=replace(subject.entry, foreign_versions=made)))
        ) is found


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        (fresh(key=ec_key("P-256K")), False),
        (fresh(key=ec_key("P-256K"), issuer_class=IssuerClass.PUBLIC), True),
        (fresh(key=rsa_key(2052)), False),
        (fresh(key=rsa_key(2052), issuer_class=IssuerClass.PUBLIC), True),
        (fresh(key=ec_key("P-224")), True),
        (fresh(key=dsa_key()), True),
        (fresh(key=ec_key("P-256"), issuer_class=IssuerClass.PUBLIC), False),
    ],
    ids=["P-256K", "P-256K public", "RSA 2052", "RSA 2052 public", "P-224", "DSA", "P-256 public"],
)
def test_weak_keys_by_type_and_trust(subject: Subject, found: bool) -> None:
    """Public TLS knows three curves and moduli of whole bytes; elsewhere only size counts."""
    assert ("weak-key" in broken(subject)) is found


def test_a_self_signature_is_relied_upon_by_nobody() -> None:
    """A broken hash is high by a CA and low where the certificate signed itself."""
    by_ca = {one.rule: one.severity for one in evaluate(judged(over_broken_hash(ca_signed(), MD5_RSA)))}
    own = fresh(issuer_class=IssuerClass.SELF_SIGNED)
    weak = replace(own, leaf=replace(own.leaf, signature_hash="sha1"))
    assert by_ca["weak-signature"] is Severity.HIGH
    assert {one.rule: one.severity for one in evaluate(weak)}["weak-signature"] is Severity.LOW


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        (fresh(common_name="Orders signing key"), False),
        (fresh(common_name="www.b.example"), True),
        (fresh(common_name="Orders", issuer_class=IssuerClass.PUBLIC), True),
        (fresh(common_name=""), False),
        (fresh(common_name="www.b.example", client_only=True), False),
    ],
    ids=["a title", "a host", "public title", "none", "client"],
)
def test_a_private_common_name_may_be_a_title(subject: Subject, found: bool) -> None:
    """Outside public TLS only a common name that looks like a host must be among the names."""
    assert ("common-name-not-in-san" in broken(subject)) is found


def test_clients_need_no_host_name() -> None:
    """A certificate for clients alone may have no subjectAltName."""
    assert "no-san" not in broken(fresh(names=(), client_only=True))


@pytest.mark.parametrize(("ago", "found"), [(timedelta(hours=36) + SECOND, True), (timedelta(hours=36), False)])
@pytest.mark.parametrize("walked", [True, False])
def test_a_vault_must_be_walked_whole(ago: timedelta, found: bool, walked: bool) -> None:
    """Thirty-six hours after the last whole walk, or first sight, a vault is a finding of its own."""
    seen = NOW - 90 * DAY if walked else NOW - ago
    row = VaultRow(vault="kv-orders", first_seen=seen, next_check=NOW, whole_walk=NOW - ago if walked else None)
    assert [one.rule for one in evaluate_vault(VaultSubject(row=row, now=NOW))] == ["vault-not-walked"] * found
