"""How the model's values look in answers; openapi.yaml has a schema for each."""

from __future__ import annotations

from perennial.model.authority import Obstacle
from perennial.model.certificate import IssuancePolicy, Version
from perennial.model.history import Record
from perennial.model.reasons import Reason
from perennial.model.renewal import Asked, Renewal
from perennial.workflows.api.rows import instant


def reason(value: Reason | None) -> dict[str, object] | None:
    """Show why."""
    return None if value is None else {"code": value.code, "sentence": value.sentence}


def version(value: Version | None) -> dict[str, object] | None:
    """Show a version with what its certificate says."""
    if value is None:
        return None
    leaf = value.leaf
    return {
        "id": value.id,
        "created": instant(value.created),
        "not_before": instant(value.not_before),
        "not_after": instant(value.not_after),
        "enabled": value.enabled,
        "subject": leaf.subject if leaf else None,
        "issuer": leaf.issuer if leaf else None,
        "issuer_class": leaf.issuer_class if leaf else None,
        "names": list(leaf.names) if leaf else [],
        "serial": leaf.serial if leaf else None,
        "sha256": leaf.sha256 if leaf else None,
        "sha1": leaf.sha1 if leaf else None,
        "key_type": leaf.key_type if leaf else None,
        "key_size": leaf.key_size if leaf else None,
        "signature_hash": leaf.signature_hash if leaf else None,
        "made_by": value.made_by or None,
    }


def policy(value: IssuancePolicy) -> dict[str, object]:
    """Show the issuance policy of a name."""
    return {
        "issuer": value.issuer,
        "subject": value.subject,
        "names": list(value.names),
        "action": value.action or None,
        "trigger_percentage": value.trigger_percentage,
        "trigger_days": value.trigger_days,
        "validity_months": value.validity_months,
        "key_type": value.key_type,
        "key_size": value.key_size,
        "exportable": value.exportable,
        "reuse_key": value.reuse_key,
    }


def asked(value: Asked | None) -> dict[str, object] | None:
    """Show a person's open request."""
    if value is None:
        return None
    return {
        "reason": value.reason,
        "actor": value.actor,
        "at": instant(value.at),
        "version": value.version,
        "force": value.force,
        "accept_policy": value.accept_policy,
    }


def obstacle(value: Obstacle) -> dict[str, object]:
    """Show what would make a renewal fail."""
    return {"code": value.code, "what": value.what, "fix": value.fix}


def renewal(value: Renewal) -> dict[str, object]:
    """Show a claim and how far it is; not its memory, which is its issuer's own."""
    return {
        "replacing": value.replacing,
        "issuer": value.issuer,
        "trigger": value.trigger,
        "automatic": value.automatic,
        "actor": value.actor or None,
        "outcome": value.outcome,
        "step": value.checkpoint.step,
        "opened": instant(value.opened),
        "held_until": instant(value.held_until),
        "next_step": instant(value.next_step) if value.is_open else None,
        "waiting": reason(value.waiting),
        "failures": value.failures,
        "refused": list(value.refused),
        "drift": value.drift or None,
        "error": value.error or None,
        "fix": value.fix or None,
        "closed": instant(value.closed),
        "new_version": value.new_version or None,
    }


def record(value: Record) -> dict[str, object]:
    """Show a row of the history."""
    return {
        "id": value.id,
        "at": instant(value.at),
        "kind": value.kind,
        "trigger": value.trigger or None,
        "actor": value.actor or None,
        "version": value.version or None,
        "new_version": value.new_version or None,
        "thumbprint": value.thumbprint or None,
        "reason": value.reason or None,
        "error": value.error or None,
        "seconds": value.seconds,
        "received": instant(value.received),
        "facts": dict(value.facts),
    }
