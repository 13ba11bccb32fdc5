"""A notice as a CloudEvent 1.0: the same members on every attempt and on every channel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC

from perennial.model.notices import Delivery, NoticeKind

TYPES: Mapping[NoticeKind, str] = {
    NoticeKind.NEW_VERSION: "Perennial.Certificate.NewVersion",
    NoticeKind.RENEWAL_FAILED: "Perennial.Certificate.RenewalFailed",
    NoticeKind.RENEWAL_RECOVERED: "Perennial.Certificate.RenewalRecovered",
    NoticeKind.EXPIRING: "Perennial.Certificate.Expiring",
    NoticeKind.EXPIRED: "Perennial.Certificate.Expired",
    NoticeKind.ACTION_NEEDED: "Perennial.Operator.ActionNeeded",
    NoticeKind.ABANDONED: "Perennial.Operator.DeliveryAbandoned",
    NoticeKind.TEST: "Perennial.Operator.Test",
    NoticeKind.FINDING_OPENED: "Perennial.Finding.Opened",
    NoticeKind.FINDING_RESOLVED: "Perennial.Finding.Resolved",
}

SCHEMA_VERSION = 1
"""Raised when a member of any kind's data changes its meaning or goes; a new member does not raise it."""


def schema_of(kind: NoticeKind) -> str:
    """Return the name of the JSON Schema that a kind's data keeps to: its `$id` in docs/notices.md."""
    return f"urn:perennial:notice:{kind}:{SCHEMA_VERSION}"


def cloud_event(delivery: Delivery, instance: str) -> dict[str, object]:
    """Return the members of the CloudEvent. Its id is the notice's, so that a repeat is known by source and id."""
    vault, _, certificate = delivery.subject.partition(":")
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": delivery.notice,
        "source": f"/perennial/{instance}",
        "type": TYPES[delivery.kind],
        "time": delivery.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": schema_of(delivery.kind),
        "data": json.loads(delivery.body),
    }
    if vault:  # CloudEvents 1.0: a subject, if present, is not empty; what concerns the fleet has none
        event["subject"] = f"{vault}/{certificate}" if certificate else vault
    return event
