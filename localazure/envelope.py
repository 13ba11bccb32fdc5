"""Key Vault events in the two envelopes that Event Grid delivers (Event Grid: "Azure Key Vault as Event Grid source")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from localazure.keyvault.events import VaultEvent

type Schema = Literal["cloudevents", "eventgrid"]
type Json = dict[str, object]

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
RESOURCE_GROUP = "RG-LOCALAZURE"


def vault_resource(vault: str) -> str:
    """Return the ARM id of a vault, which is the topic or source of its events."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}"
    return f"{group}/providers/Microsoft.KeyVault/vaults/{vault}"


def envelope(event: VaultEvent, event_id: str, time: datetime, schema: Schema) -> Json:
    """Return the event as Event Grid delivers it in this schema."""
    if schema == "cloudevents":
        return {
            "specversion": "1.0",
            "id": event_id,
            "source": vault_resource(event.vault),
            "type": event.type,
            "subject": event.name,  # the bare object name, as captured deliveries show
            "time": f"{time:%Y-%m-%dT%H:%M:%S.%f}Z",
            "data": _data(event),
        }
    return {
        "id": event_id,
        "topic": vault_resource(event.vault),
        "subject": event.name,
        "eventType": event.type,
        "eventTime": _stamp(time),
        "data": _data(event),
        "dataVersion": "1",
        "metadataVersion": "1",
    }


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """How the attempts to deliver an event ended: how many, the outcome of the last, and when it was made (None: never)."""

    count: int
    outcome: str
    tried: datetime | None


def dead_letter(body: Json, schema: Schema, reason: str, last: LastAttempt, published: datetime) -> Json:
    """Return the record of an event that was given up: the event, and why (Event Grid: "dead letter")."""
    facts: Json = {
        "deadLetterReason": reason,
        "deliveryAttempts": last.count,
        "lastDeliveryOutcome": last.outcome,
        "publishTime": _stamp(published),
    }
    if last.tried is not None:
        facts["lastDeliveryAttemptTime"] = _stamp(last.tried)
    return body | (facts if schema == "eventgrid" else {name.lower(): value for name, value in facts.items()})


def _stamp(time: datetime) -> str:
    """Return an instant as Event Grid writes it: seven digits after the second."""
    return f"{time:%Y-%m-%dT%H:%M:%S.%f}0Z"


def _data(event: VaultEvent) -> Json:
    """Return the `data` member; the vault's name keeps its casing, the host in the id does not."""
    return {
        "Id": event.id,
        "VaultName": event.vault,
        "ObjectType": event.object_type,
        "ObjectName": event.name,
        "Version": event.version,
        "NBF": event.not_before,  # integers, as captured; the documentation's samples quote them
        "EXP": event.expires,
    }
