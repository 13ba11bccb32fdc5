"""Situations of certificates that an authority signs, as rows of the table of the precedence: lists of issuers, drift, windows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from perennial.model.decision import AskHuman, Decision, LeaveAlone, Renew, RenewalPolicy, Snapshot, WaitUntil
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Outcome
from tests.decisions.cases import CURRENT, DAY, NOW, OBSERVE, OLDER, RENEW, UNKNOWN, claim, snapshot

DUE = timedelta(days=20)
YOUNG = timedelta(days=80)
LISTED = replace(RENEW, authorities=frozenset({"corp", "backup"}), issuers=("corp", "backup"))
WIDER = replace(
    UNKNOWN, names=("api.example", "www.example")
)  # the policy asks for a name more than the certificate has
LACKS = "it does not name api.example"

SIGNED: list[tuple[str, Snapshot, RenewalPolicy, type[Decision], ReasonCode]] = [
    ("a drift is a reason to renew", snapshot(YOUNG, policy=WIDER), LISTED, Renew, ReasonCode.DRIFTED),
    ("a drift before the lifetime rule", snapshot(DUE, policy=WIDER), LISTED, Renew, ReasonCode.DRIFTED),
    (
        "a CA's window before a drift",
        snapshot(YOUNG, policy=WIDER, suggested_at=NOW),
        LISTED,
        Renew,
        ReasonCode.SUGGESTED,
    ),
    (
        "a drift that a renewal has left is none",
        snapshot(
            YOUNG,
            policy=WIDER,
            renewal=claim(replacing=OLDER, outcome=Outcome.ISSUED, new_version=CURRENT, drift=LACKS),
        ),
        LISTED,
        WaitUntil,
        ReasonCode.NOT_DUE,
    ),
    (
        "another drift is one",
        snapshot(
            YOUNG,
            policy=WIDER,
            renewal=claim(replacing=OLDER, outcome=Outcome.ISSUED, new_version=CURRENT, drift="its key is RSA 2048"),
        ),
        LISTED,
        Renew,
        ReasonCode.DRIFTED,
    ),
    (
        "the loop guard before a drift",
        snapshot(YOUNG, policy=WIDER, last_issued=NOW - DAY, last_lifetime=90 * DAY),
        LISTED,
        WaitUntil,
        ReasonCode.LOOP_GUARD,
    ),
    (
        "the brake before a drift",
        snapshot(YOUNG, policy=WIDER),
        replace(LISTED, renewals_today=20),
        WaitUntil,
        ReasonCode.BRAKE,
    ),
    (
        "a pause before a drift",
        snapshot(YOUNG, policy=WIDER, paused_until=NOW + DAY),
        LISTED,
        WaitUntil,
        ReasonCode.PAUSED,
    ),
    (
        "a drift is only observed",
        snapshot(YOUNG, policy=WIDER),
        replace(LISTED, mode=OBSERVE.mode),
        LeaveAlone,
        ReasonCode.OBSERVED,
    ),
    (
        "a name that would be lost before one that is missing",
        snapshot(YOUNG, policy=replace(WIDER, subject="CN=api.example", names=("api.example",))),
        LISTED,
        AskHuman,
        ReasonCode.POLICY_DOES_NOT_MATCH,
    ),
    (
        "no drift where no authority signs",
        snapshot(YOUNG, policy=replace(WIDER, issuer="Self")),
        LISTED,
        WaitUntil,
        ReasonCode.NOT_DUE,
    ),
    ("the fleet's list where no tag names a CA", snapshot(DUE, policy=UNKNOWN), LISTED, Renew, ReasonCode.DUE),
    (
        "a tag whose CA is not set up is not served by the fleet's list",
        snapshot(DUE, policy=UNKNOWN, tags={"perennial-issuer": "other"}),
        LISTED,
        AskHuman,
        ReasonCode.NO_ISSUER,
    ),
    (
        "the known ones of a list are used",
        snapshot(DUE, policy=UNKNOWN, tags={"perennial-issuer": "other, corp"}),
        LISTED,
        Renew,
        ReasonCode.DUE,
    ),
]
