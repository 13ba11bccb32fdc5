"""From rows to findings: every fact that a rule asks for is gathered."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.compliance.rule import Subject
from perennial.model.certificate import IssuancePolicy, LifetimeAction
from perennial.model.decision import RenewalPolicy, Snapshot
from perennial.model.inventory import Entry
from perennial.model.mode import Mode
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Asked, Checkpoint, Outcome, Renewal, Step
from perennial.workflows.inspection import inspect, snapshot_of, subject_of
from tests.memory.world import SETTINGS, make_world
from tests.workflows.telling import DAY, START, make_entry, make_version

RENEW = RenewalPolicy(mode=Mode.RENEW)
SELF = IssuancePolicy(issuer="Self", subject="CN=web.example", names=("web.example",), exportable=True)
ROTATED = replace(SELF, action=LifetimeAction.AUTO_RENEW, trigger_percentage=80)


def entry(**columns: Any) -> Entry:
    """Return a well-kept certificate of 90 days, issued at the start."""
    kept = replace(make_entry(make_version(1)), policy=SELF, owner="team-a")
    return replace(kept, **columns)


def rules(row: Entry, *, after: timedelta = DAY, renewal: Renewal | None = None, **settings: Any) -> set[str]:
    """Return the rules that a row breaks so long after the certificate was issued."""
    world = make_world(START + after, settings=replace(SETTINGS, **settings))
    return {found.rule for found in inspect(world, row, renewal, RENEW)}


def test_a_well_kept_certificate_has_no_finding() -> None:
    """Managed, owned, young, with a policy that matches."""
    assert rules(entry()) == set()


@pytest.mark.parametrize(
    "row", [entry(gone=START), entry(version=None), entry(version=replace(make_version(1), leaf=None))]
)
def test_what_is_gone_or_unfinished_is_not_judged(row: Entry) -> None:
    """There is nothing to judge, so that all of its findings are resolved."""
    world = make_world(START + DAY)
    assert subject_of(world, row, None, RENEW) is None
    assert inspect(world, row, None, RENEW) == ()


@pytest.mark.parametrize(
    ("row", "after", "rule"),
    [
        (entry(owner=""), DAY, "no-owner"),
        (entry(tags={"perennial-renew": "perhaps"}), DAY, "bad-tag-value"),
        (entry(policy=replace(SELF, names=(), subject="CN=other")), DAY, "policy-does-not-match-certificate"),
        (entry(), 70 * DAY, "renewal-overdue"),
        (entry(policy=ROTATED), 75 * DAY, "supervised-autorotation-overdue"),
        (entry(tags={"perennial-renew": "never"}), 91 * DAY, "expired-but-enabled"),
    ],
)
def test_each_fact_reaches_its_rule(row: Entry, after: timedelta, rule: str) -> None:
    """Tags, policy, due date, trigger and time are gathered as the decision sees them."""
    assert rule in rules(row, after=after)


def test_key_vault_has_its_grace() -> None:
    """The trigger of 80 percent is day 72; within two days of grace nothing is overdue."""
    row = entry(policy=ROTATED, reason=Reason(ReasonCode.SUPERVISED))
    assert rules(row, after=73 * DAY) == set()
    assert "supervised-autorotation-overdue" in rules(row, after=75 * DAY)


def test_a_setting_forbids_exportable_keys() -> None:
    """Only where the setting says so."""
    assert rules(entry(), forbid_exportable_keys=True) == {"exportable-key"}
    assert rules(entry(), forbid_exportable_keys=False) == set()


def test_an_old_claim_is_found() -> None:
    """The newest claim goes along."""
    row = entry()
    assert row.version is not None
    claim = Renewal(
        certificate=row.ref,
        replacing=row.version.id,
        issuer="vault",
        opened=START + 58 * DAY,
        checkpoint=Checkpoint(Step.WAITING),
        next_step=START,
        earliest=START,
    )
    assert "pending-operation-too-old" in rules(row, after=60 * DAY, renewal=claim)
    assert "pending-operation-too-old" not in rules(row, after=60 * DAY)


def test_a_gone_certificate_has_no_current_version() -> None:
    """A decision about it sees that it is gone, whatever the row remembers."""
    assert snapshot_of(entry(gone=START), None).current is None
    assert snapshot_of(entry(), None).current is not None


CORP = replace(RENEW, authorities=frozenset({"corp"}))


def seen(row: Entry, policy: RenewalPolicy = CORP, renewal: Renewal | None = None) -> Subject:
    """Return what the rules may know of a row."""
    subject = subject_of(make_world(START + DAY), row, renewal, policy)
    assert subject is not None
    return subject


def test_a_tag_says_who_may_renew_it() -> None:
    """Who of them is not set up stands by itself."""
    subject = seen(entry(tags={"perennial-issuer": "other, corp"}))
    assert (subject.issuers, subject.unknown_issuers) == (("corp",), ("other",))
    assert (seen(entry()).issuers, seen(entry()).unknown_issuers) == (("vault",), ())


@pytest.mark.parametrize(("renew", "never"), [("never", True), ("on", False), (None, False)])
def test_only_a_tag_leaves_it_to_die(renew: str | None, never: bool) -> None:
    """One that is not managed, but by its vault's mode, does not die on purpose."""
    row = entry(tags={} if renew is None else {"perennial-renew": renew})
    assert seen(row, RenewalPolicy(mode=Mode.OBSERVE)).never is never


def test_key_vaults_own_dates_are_those_of_what_it_renews() -> None:
    """Its trigger, and when we step in a grace later; without autorotation there is neither."""
    rotated = seen(entry(policy=ROTATED))
    assert rotated.trigger_at == START + 72 * DAY
    assert rotated.steps_in_at == START + 72 * DAY + CORP.supervision_grace
    by_hand = seen(entry())
    assert (by_hand.trigger_at, by_hand.steps_in_at) == (None, None)


def test_a_policy_is_compared_where_somebody_would_issue_by_it() -> None:
    """Another name in it would be issued; where nobody renews it, nothing would."""
    other = replace(SELF, names=(), subject="CN=other")
    assert seen(entry(policy=other)).mismatch
    orphan = entry(policy=replace(other, issuer="Unknown"))
    assert (seen(orphan).issuers, seen(orphan).mismatch) == ((), "")


def test_a_difference_that_a_renewal_has_left_is_found() -> None:
    """One that a renewal may still mend is not: that is a reason to renew."""
    wider = replace(SELF, issuer="Unknown", names=("web.example", "api.example"))
    row = entry(policy=wider, tags={"perennial-issuer": "corp"})
    assert row.version is not None
    left = "it does not name api.example"
    last = Renewal(
        certificate=row.ref,
        replacing="0" * 32,
        issuer="corp",
        opened=START,
        next_step=START,
        earliest=START,
        outcome=Outcome.ISSUED,
        new_version=row.version.id,
        drift=left,
    )
    assert seen(row, renewal=last).drift_remains == left
    assert seen(row, renewal=replace(last, drift="")).drift_remains == ""
    assert seen(row).drift_remains == ""


def test_a_decision_knows_what_the_row_remembers() -> None:
    """Column by column."""
    asked = Asked(reason="a person's", actor="ada", at=START, version="v")
    row = entry(
        tags={"a": "b"},
        request=asked,
        paused_until=START + DAY,
        last_issued=START - DAY,
        last_lifetime_seconds=3600,
        suggested_at=START + 2 * DAY,
        revoked_at=START + 3 * DAY,
        issued_through="corp",
        drifted_at=START + 4 * DAY,
    )
    claim = Renewal(certificate=row.ref, replacing="v", issuer="vault", opened=START, next_step=START, earliest=START)
    assert snapshot_of(row, claim) == Snapshot(
        certificate=row.ref,
        current=row.version,
        policy=SELF,
        tags={"a": "b"},
        renewal=claim,
        request=asked,
        paused_until=START + DAY,
        first_seen=row.first_seen,
        last_issued=START - DAY,
        last_lifetime=timedelta(hours=1),
        suggested_at=START + 2 * DAY,
        window_passed=True,
        issued_through="corp",
        drifted_at=START + 4 * DAY,
    )
    assert not snapshot_of(entry(), None).window_passed
