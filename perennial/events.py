"""Key Vault's events as Event Grid delivers them: either schema, any casing, doubtful dates.

Event Grid schema: `eventType`, `topic`, `eventTime`; CloudEvents 1.0: `specversion`, `type`, `source`, `time`. The data's members are documented as
PascalCase, were camelCase in older revisions, and real payloads differ from the samples in types, so names are compared without case and blanks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from perennial.errors import BadInput
from perennial.model.ids import digest

KINDS = {
    "microsoft.keyvault.certificatenearexpiry": "near-expiry",
    "microsoft.keyvault.certificatenewversioncreated": "new-version",
    "microsoft.keyvault.certificateexpired": "expired",
}

# Key Vault's versions are 32 hex digits; anything else hints at none.
VERSION = re.compile(r"[0-9A-Fa-f]{32}")
# Event Grid's ids are UUIDs. What Table Storage refuses in a key is left out here, so that no event can make its look fail for ever.
ID = re.compile(r"[0-9A-Za-z:._ -]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateEvent:
    """What an event says: a hint, no more. The time is None where it could not be read."""

    id: str
    kind: str
    vault: str
    name: str
    version: str
    time: datetime | None


@dataclass(frozen=True, slots=True)
class NotOurs:
    """An event that is understood and is none of our business; says why."""

    why: str


def parse(text: str) -> list[CertificateEvent | NotOurs]:
    """Read one event, or an array of them. Raises BadInput where the text is no JSON or no event."""
    try:
        body = msgspec.json.decode(text)
    except msgspec.DecodeError as garbled:
        raise BadInput("event", f"is not JSON: {garbled}") from garbled
    return [_one(item) for item in (body if isinstance(body, list) else [body])]


def _one(item: Any) -> CertificateEvent | NotOurs:
    if not isinstance(item, dict):
        raise BadInput("event", "is not a JSON object")
    event = _folded(item)
    kind = str(event.get("eventtype") or event.get("type") or "")
    if kind.lower() not in KINDS:
        return NotOurs(f"type {kind[:100] or 'missing'}")
    data = event.get("data")
    facts = _folded(data) if isinstance(data, dict) else {}
    if str(facts.get("objecttype") or "certificate").lower() != "certificate":
        return NotOurs(f"object type {str(facts['objecttype'])[:50]}")
    vault, name, version = _named(facts, event)
    return CertificateEvent(
        id=_id(_text(event.get("id")) or f"{vault}:{name}:{version}:{kind}"),
        kind=KINDS[kind.lower()],
        vault=vault,
        name=name,
        version=version,
        time=instant(event.get("eventtime") or event.get("time")),
    )


def _named(facts: Mapping[str, Any], event: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return vault, name and version: from the id, whose host is lower-case, else from the members beside it."""
    parts = _text(facts.get("id")).split("/")
    from_id = parts[2:3] + parts[4:6] if len(parts) >= 5 and parts[3].lower() == "certificates" else []
    vault = _text(facts.get("vaultname")) or (from_id[0].split(".")[0] if from_id else "")
    name = _text(facts.get("objectname")) or (from_id[1] if len(from_id) > 1 else _text(event.get("subject")))
    version = _text(facts.get("version")) or (from_id[2] if len(from_id) > 2 else "")
    if not vault or not name:
        raise BadInput("data", "names no vault and no certificate (VaultName, ObjectName or Id)")
    return vault.lower(), name.lower(), version.lower() if VERSION.fullmatch(version) else ""


def _id(said: str) -> str:
    """Return an event's id as it may be part of a row's key; one that a sender made up otherwise is known by its hash."""
    return said if ID.fullmatch(said) else digest(said)


def _folded(item: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name).strip().lower(): value for name, value in item.items()}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def instant(value: Any) -> datetime | None:
    """Read a time stamp with six or seven fractional digits; None where it can't be read."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    head, dot, tail = text.partition(".")
    digits = "".join(c for c in tail if c.isdigit()) if dot else ""
    zone = tail.lstrip("0123456789") if dot else ""
    try:
        read = datetime.fromisoformat(f"{head}.{digits[:6]}{zone}" if digits else text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
