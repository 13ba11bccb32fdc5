"""Situations in which two checks would answer, and the one that must: the precedence as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from perennial.decisions import renewal
from perennial.model.certificate import IssuerClass
from perennial.model.decision import AskHuman, Close, Decision, LeaveAlone, Renew, RenewalPolicy, Snapshot, WaitUntil
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, Outcome, Step
from tests.decisions.cases import (
    AUTO,
    CURRENT,
    DAY,
    NOW,
    OBSERVE,
    OLDER,
    RENEW,
    UNKNOWN,
    asked,
    claim,
    snapshot,
    version,
)

DUE = timedelta(days=20)  # of ninety: past a third, above the floor
FLOOR = timedelta(days=5)
YOUNG = timedelta(days=80)
OFF = replace(RENEW, switched_off="a migration")
BRAKED = replace(RENEW, renewals_today=20)
PUBLIC = version(DUE, issuer_class=IssuerClass.PUBLIC)
PUBLIC_LATE = replace(PUBLIC, not_after=NOW + FLOOR)
DISABLED = version(DUE, enabled=False)
LATER = NOW + timedelta(hours=5)
FOREIGN = Reason(ReasonCode.FOREIGN_PENDING)
UNSIGNED = Reason(ReasonCode.SIGNATURE_NEEDED, {"issuer": "corp", "since": "2026-11-24 12:00Z"})

ROWS: list[tuple[str, Snapshot, RenewalPolicy, type[Decision], ReasonCode]] = [
    ("no certificate", snapshot(DUE, current=None), RENEW, LeaveAlone, ReasonCode.GONE),
    ("unfinished", snapshot(DUE, current=version(DUE, leaf=None)), RENEW, LeaveAlone, ReasonCode.UNFINISHED),
    (
        "a claim on an older version is closed first",
        snapshot(DUE, renewal=claim(replacing=OLDER)),
        OFF,
        Close,
        ReasonCode.SUPERSEDED,
    ),
    (
        "closed as ours by its tag",
        snapshot(DUE, current=version(YOUNG, made_for=OLDER), renewal=claim(replacing=OLDER)),
        RENEW,
        Close,
        ReasonCode.ISSUED,
    ),
    (
        "never before disabled",
        snapshot(DUE, current=DISABLED, tags={"perennial-renew": "never"}),
        RENEW,
        LeaveAlone,
        ReasonCode.NEVER,
    ),
    (
        "never also under the floor",
        snapshot(FLOOR, tags={"perennial-renew": "never"}),
        RENEW,
        LeaveAlone,
        ReasonCode.NEVER,
    ),
    (
        "disabled before foreign manager",
        snapshot(DUE, current=DISABLED, tags={"Acmebot": "x"}),
        RENEW,
        LeaveAlone,
        ReasonCode.DISABLED,
    ),
    (
        "foreign manager before policy mismatch",
        snapshot(DUE, current=PUBLIC, tags={"Acmebot": "x"}),
        replace(RENEW, foreign_tags={"acmebot": "Acmebot"}),
        LeaveAlone,
        ReasonCode.FOREIGN_MANAGER,
    ),
    (
        "foreign manager under the floor asks, and never takes over",
        snapshot(FLOOR, current=version(FLOOR, made_by="other")),
        RENEW,
        AskHuman,
        ReasonCode.FOREIGN_MANAGER,
    ),
    (
        "a replaced version is back, also under the floor",
        snapshot(FLOOR, renewal=claim(outcome=Outcome.ISSUED)),
        RENEW,
        AskHuman,
        ReasonCode.REPLACED_VERSION_IS_BACK,
    ),
    (
        "policy mismatch before observe",
        snapshot(DUE, current=PUBLIC),
        OBSERVE,
        AskHuman,
        ReasonCode.POLICY_DOES_NOT_MATCH,
    ),
    (
        "policy mismatch also under the floor",
        snapshot(FLOOR, current=PUBLIC_LATE),
        RENEW,
        AskHuman,
        ReasonCode.POLICY_DOES_NOT_MATCH,
    ),
    (
        "a person accepts the policy",
        snapshot(DUE, current=PUBLIC, request=asked(accept_policy=True)),
        RENEW,
        Renew,
        ReasonCode.REQUESTED,
    ),
    ("nothing can renew it", snapshot(DUE, policy=UNKNOWN), RENEW, AskHuman, ReasonCode.NO_ISSUER),
    (
        "a person wants it early, and nothing can renew it",
        snapshot(YOUNG, policy=UNKNOWN, request=asked()),
        RENEW,
        AskHuman,
        ReasonCode.NO_ISSUER,
    ),
    ("nothing can renew it, but it is not due", snapshot(YOUNG, policy=UNKNOWN), RENEW, WaitUntil, ReasonCode.NOT_DUE),
    (
        "expired when first seen, before observe: switching its vault on would not renew it",
        snapshot(-DAY, first_seen=NOW),
        OBSERVE,
        AskHuman,
        ReasonCode.EXPIRED_WHEN_FIRST_SEEN,
    ),
    ("observe before the floor", snapshot(FLOOR), OBSERVE, LeaveAlone, ReasonCode.OBSERVED),
    ("observe before a person's force", snapshot(YOUNG, request=asked()), OBSERVE, LeaveAlone, ReasonCode.OBSERVED),
    (
        "a tag chooses in an observed vault",
        snapshot(DUE, tags={"perennial-renew": "always"}),
        OBSERVE,
        Renew,
        ReasonCode.DUE,
    ),
    ("the switch before the floor", snapshot(FLOOR), OFF, LeaveAlone, ReasonCode.KILL_SWITCH),
    ("the switch stops an open claim", snapshot(DUE, renewal=claim()), OFF, LeaveAlone, ReasonCode.KILL_SWITCH),
    (
        "expired when first seen, before the floor",
        snapshot(-DAY, first_seen=NOW),
        RENEW,
        AskHuman,
        ReasonCode.EXPIRED_WHEN_FIRST_SEEN,
    ),
    (
        "the loop guard before the floor",
        snapshot(FLOOR, last_issued=NOW - DAY, last_lifetime=90 * DAY),
        RENEW,
        WaitUntil,
        ReasonCode.LOOP_GUARD,
    ),
    (
        "a revocation passes the loop guard",
        snapshot(YOUNG, last_issued=NOW - DAY, last_lifetime=90 * DAY, window_passed=True, suggested_at=NOW - DAY),
        RENEW,
        Renew,
        ReasonCode.REVOKED,
    ),
    (
        "but not on the heels of another",
        snapshot(
            YOUNG,
            last_issued=NOW - DAY,
            last_lifetime=90 * DAY,
            window_passed=True,
            suggested_at=NOW - DAY,
            renewal=claim(replacing=OLDER, outcome=Outcome.ISSUED, new_version=CURRENT, trigger=ReasonCode.REVOKED),
        ),
        RENEW,
        WaitUntil,
        ReasonCode.LOOP_GUARD,
    ),
    (
        "a person passes the loop guard",
        snapshot(YOUNG, last_issued=NOW - DAY, last_lifetime=90 * DAY, request=asked()),
        RENEW,
        Renew,
        ReasonCode.REQUESTED,
    ),
    (
        "given up before the floor",
        snapshot(
            FLOOR,
            renewal=claim(
                outcome=Outcome.GIVEN_UP, closed=NOW - DAY, refused_for=renewal.refused_for(snapshot(FLOOR), "vault")
            ),
        ),
        RENEW,
        AskHuman,
        ReasonCode.GIVEN_UP,
    ),
    (
        "what was refused has changed",
        snapshot(DUE, renewal=claim(outcome=Outcome.GIVEN_UP, closed=NOW - DAY, refused_for="another policy")),
        RENEW,
        Renew,
        ReasonCode.DUE,
    ),
    ("held before the floor", snapshot(FLOOR, renewal=claim(held_until=LATER)), RENEW, WaitUntil, ReasonCode.HELD),
    ("the floor before the brake", snapshot(FLOOR), BRAKED, Renew, ReasonCode.EMERGENCY),
    ("the floor before a pause", snapshot(FLOOR, paused_until=NOW + DAY), RENEW, Renew, ReasonCode.EMERGENCY),
    (
        "the floor shortens a back-off",
        snapshot(FLOOR, renewal=claim(next_step=NOW + DAY, earliest=NOW)),
        RENEW,
        Renew,
        ReasonCode.EMERGENCY,
    ),
    (
        "but a CA's Retry-After stands",
        snapshot(FLOOR, renewal=claim(next_step=LATER, earliest=LATER)),
        RENEW,
        WaitUntil,
        ReasonCode.BACK_OFF,
    ),
    ("the brake before a pause", snapshot(DUE, paused_until=NOW + DAY), BRAKED, WaitUntil, ReasonCode.BRAKE),
    ("the brake does not stop what is under way", snapshot(DUE, renewal=claim()), BRAKED, Renew, ReasonCode.GOING_ON),
    ("a person passes the brake", snapshot(DUE, request=asked(force=False)), BRAKED, Renew, ReasonCode.REQUESTED),
    (
        "a pause before a back-off",
        snapshot(DUE, paused_until=NOW + DAY, renewal=claim(next_step=LATER)),
        RENEW,
        WaitUntil,
        ReasonCode.PAUSED,
    ),
    (
        "a pause by tag",
        snapshot(DUE, tags={"perennial-pause-until": "2026-11-30"}),
        RENEW,
        WaitUntil,
        ReasonCode.PAUSED,
    ),
    (
        "a back-off",
        snapshot(DUE, renewal=claim(next_step=LATER, earliest=LATER)),
        RENEW,
        WaitUntil,
        ReasonCode.BACK_OFF,
    ),
    (
        "a foreign operation asks",
        snapshot(
            DUE, renewal=claim(next_step=LATER, earliest=LATER, waiting=FOREIGN, checkpoint=Checkpoint(Step.FOREIGN))
        ),
        RENEW,
        AskHuman,
        ReasonCode.FOREIGN_PENDING,
    ),
    (
        "a CSR asks for a signature",
        snapshot(
            DUE, renewal=claim(next_step=LATER, earliest=LATER, waiting=UNSIGNED, checkpoint=Checkpoint(Step.SIGNING))
        ),
        RENEW,
        AskHuman,
        ReasonCode.SIGNATURE_NEEDED,
    ),
    (
        "a person shortens a back-off",
        snapshot(DUE, request=asked(force=False), renewal=claim(next_step=LATER)),
        RENEW,
        Renew,
        ReasonCode.GOING_ON,
    ),
    (
        "supervised until its own trigger is overdue",
        snapshot(timedelta(days=19), policy=AUTO),
        RENEW,
        LeaveAlone,
        ReasonCode.SUPERVISED,
    ),
    ("supervised and overdue", snapshot(timedelta(days=15), policy=AUTO), RENEW, Renew, ReasonCode.TAKEN_OVER),
    ("supervised in its last tenth", snapshot(FLOOR, policy=AUTO), RENEW, Renew, ReasonCode.EMERGENCY),
    ("the CA pulls earlier", snapshot(YOUNG, suggested_at=NOW), RENEW, Renew, ReasonCode.SUGGESTED),
    ("the CA cannot push later", snapshot(DUE, suggested_at=NOW + 15 * DAY), RENEW, Renew, ReasonCode.DUE),
    ("due", snapshot(DUE), RENEW, Renew, ReasonCode.DUE),
    ("not due", snapshot(YOUNG), RENEW, WaitUntil, ReasonCode.NOT_DUE),
    (
        "near expiry at birth is not due",
        snapshot(timedelta(hours=160), timedelta(hours=160)),
        RENEW,
        WaitUntil,
        ReasonCode.NOT_DUE,
    ),
]
