"""How the model's values look in answers, member by member: all that is known, and null for what is not."""

from __future__ import annotations

from dataclasses import replace

from perennial.model.authority import Obstacle
from perennial.model.certificate import IssuancePolicy, LifetimeAction
from perennial.model.history import HistoryKind, Record
from perennial.model.renewal import Checkpoint, Outcome, Renewal, Step
from perennial.workflows.api import facts
from tests.api.showing import AT, BARE, LATER, NEXT, REASON, SHOWN_REASON, VERSION
from tests.api.stocking import NOW, WEB


def test_a_version() -> None:
    """With what its certificate says; of an unfinished one, what there is; of none, nothing."""
    assert facts.version(VERSION) == {
        "id": "v1",
        "created": AT,
        "not_before": AT,
        "not_after": NEXT,
        "enabled": False,
        "subject": "CN=web",
        "issuer": "CN=ca",
        "issuer_class": "private",
        "names": ["web.example"],
        "serial": "4f",
        "sha256": "aa",
        "sha1": "bb",
        "key_type": "EC",
        "key_size": 256,
        "signature_hash": "sha256",
        "made_by": "ada",
    }
    unknown = ("subject", "issuer", "issuer_class", "serial", "sha256", "sha1")
    of_key = ("key_type", "key_size", "signature_hash", "made_by")
    known = {"id": "v1", "created": AT, "not_before": AT, "not_after": NEXT, "enabled": True, "names": []}
    assert facts.version(BARE) == known | dict.fromkeys(unknown + of_key)
    assert facts.version(None) is None


def test_a_policy() -> None:
    """As the vault has it; no action is null."""
    policy = IssuancePolicy(
        issuer="Self",
        subject="CN=web",
        names=("web.example",),
        action=LifetimeAction.AUTO_RENEW,
        trigger_percentage=80,
        trigger_days=None,
        validity_months=3,
        key_type="EC",
        key_size=256,
        exportable=False,
        reuse_key=True,
    )
    assert facts.policy(policy) == {
        "issuer": "Self",
        "subject": "CN=web",
        "names": ["web.example"],
        "action": LifetimeAction.AUTO_RENEW,
        "trigger_percentage": 80,
        "trigger_days": None,
        "validity_months": 3,
        "key_type": "EC",
        "key_size": 256,
        "exportable": False,
        "reuse_key": True,
    }
    assert facts.policy(replace(policy, action=LifetimeAction.NONE))["action"] is None


CLAIM = Renewal(certificate=WEB, replacing="v1", issuer="corp", opened=NOW, next_step=LATER, earliest=NOW)


def test_a_renewal() -> None:
    """How far it is, by whom, and what it waits for; the next step only while there is one."""
    rich = replace(
        CLAIM,
        automatic=False,
        actor="ada",
        checkpoint=Checkpoint(Step.SIGNING, {"secret": "of the issuer"}),
        held_until=LATER,
        waiting=REASON,
        failures=2,
        refused=("first",),
        drift="it does not name api.example",
        error="no",
        fix="ask the CA",
        new_version="v2",
    )
    assert facts.renewal(rich) == {
        "replacing": "v1",
        "issuer": "corp",
        "trigger": "due",
        "automatic": False,
        "actor": "ada",
        "outcome": "open",
        "step": "signing",
        "opened": AT,
        "held_until": NEXT,
        "next_step": NEXT,
        "waiting": SHOWN_REASON,
        "failures": 2,
        "refused": ["first"],
        "drift": "it does not name api.example",
        "error": "no",
        "fix": "ask the CA",
        "closed": None,
        "new_version": "v2",
    }
    poor = facts.renewal(replace(CLAIM, outcome=Outcome.GIVEN_UP, closed=NOW))
    nothing = ("actor", "held_until", "next_step", "waiting", "drift", "error", "fix", "new_version")
    assert {name: poor[name] for name in nothing} == dict.fromkeys(nothing)
    assert (poor["outcome"], poor["closed"], poor["automatic"]) == ("given-up", AT, True)


def test_a_row_of_the_history() -> None:
    """What happened, why, through whom, to which version."""
    row = Record(
        certificate=WEB,
        id="r1",
        at=NOW,
        kind=HistoryKind.ISSUED,
        trigger="due",
        actor="ada",
        version="v1",
        new_version="v2",
        thumbprint="aa",
        reason="why",
        error="none",
        seconds=7,
        received=LATER,
        facts={"a": "b"},
    )
    assert facts.record(row) == {
        "id": "r1",
        "at": AT,
        "kind": "issued",
        "trigger": "due",
        "actor": "ada",
        "version": "v1",
        "new_version": "v2",
        "thumbprint": "aa",
        "reason": "why",
        "error": "none",
        "seconds": 7,
        "received": NEXT,
        "facts": {"a": "b"},
    }
    nothing = ("trigger", "actor", "version", "new_version", "thumbprint", "reason", "error", "received")
    bare = facts.record(Record(certificate=WEB, id="r1", at=NOW, kind=HistoryKind.GONE))
    assert bare == dict.fromkeys(nothing) | {"id": "r1", "at": AT, "kind": "gone", "seconds": 0, "facts": {}}


def test_what_stands_in_a_renewals_way() -> None:
    """Its code, what it is, and how it goes away."""
    shown = facts.obstacle(Obstacle(code="caa", what="CAA forbids it", fix="allow the CA"))
    assert shown == {"code": "caa", "what": "CAA forbids it", "fix": "allow the CA"}
