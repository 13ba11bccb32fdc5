"""Vault events look as captured deliveries do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from localazure.envelope import LastAttempt, Schema, dead_letter, envelope
from tests.localazure.test_retry import EVENT

TIME = datetime(2026, 11, 24, 6, 10, 27, 934701, UTC)


def test_a_cloud_event_carries_the_vault_as_its_source() -> None:
    """CloudEvents 1.0 members; the subject is the bare name; the vault keeps its casing, the host in the id does not."""
    body = envelope(EVENT, "id-1", TIME, "cloudevents")
    assert body["specversion"] == "1.0"
    assert body["type"] == "Microsoft.KeyVault.CertificateNearExpiry"
    assert str(body["source"]).endswith("/providers/Microsoft.KeyVault/vaults/KV-Orders")
    assert body["subject"] == "www"
    assert body["time"] == "2026-11-24T06:10:27.934701Z"
    data = body["data"]
    assert isinstance(data, dict)
    assert list(data) == ["Id", "VaultName", "ObjectType", "ObjectName", "Version", "NBF", "EXP"]
    assert data["VaultName"] == "KV-Orders"
    assert data["Id"].startswith("https://kv-orders.vault.azure.net/certificates/www/")
    assert (data["NBF"], data["EXP"]) == (1_700_000_000, 1_800_000_000)


def test_the_event_grid_schema_has_other_names_for_the_same() -> None:
    """topic, eventType, eventTime with seven digits, and the two version members; no CloudEvents member."""
    body = envelope(EVENT, "id-1", TIME, "eventgrid")
    assert body["topic"] == envelope(EVENT, "id-1", TIME, "cloudevents")["source"]
    assert body["eventType"] == EVENT.type
    assert body["eventTime"] == "2026-11-24T06:10:27.9347010Z"
    assert (body["dataVersion"], body["metadataVersion"]) == ("1", "1")
    assert "specversion" not in body


@pytest.mark.parametrize("schema", ["eventgrid", "cloudevents"])
def test_a_dead_letter_is_the_event_and_why(schema: Schema) -> None:
    """Five members are added to the event: in camel case in the Event Grid schema, in lower case in CloudEvents."""
    body = envelope(EVENT, "id-1", TIME, schema)
    last = LastAttempt(count=4, outcome="Busy", tried=TIME + timedelta(seconds=1))
    letter = dead_letter(body, schema, "TimeToLiveExceeded", last, TIME)
    added = {
        "deadLetterReason": "TimeToLiveExceeded",
        "deliveryAttempts": 4,
        "lastDeliveryOutcome": "Busy",
        "publishTime": "2026-11-24T06:10:27.9347010Z",
        "lastDeliveryAttemptTime": "2026-11-24T06:10:28.9347010Z",
    }
    assert letter == body | {name if schema == "eventgrid" else name.lower(): value for name, value in added.items()}


def test_a_dead_letter_that_was_never_tried_has_no_time_of_an_attempt() -> None:
    """The member is left out."""
    body = envelope(EVENT, "id-1", TIME, "eventgrid")
    letter = dead_letter(body, "eventgrid", "TimeToLiveExceeded", LastAttempt(0, "Probation", None), TIME)
    assert "lastDeliveryAttemptTime" not in letter
