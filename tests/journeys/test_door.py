"""Bad input at the door: one line in the log, acknowledged, no look; what is only odd is understood."""

from __future__ import annotations

import json
from datetime import timedelta

from localazure.client import await_until
from tests.journeys.running import PATIENCE, App, Journey, Json, near_expiry

DAY = timedelta(days=1)
DOOR = "certificate_near_expiry"


def _bad(vault: str) -> dict[str, tuple[Json | str, str]]:
    """Return events that ask for nothing, with the line that each is worth."""
    good = near_expiry(vault, "www")
    key = {**good, "type": "Microsoft.KeyVault.KeyNearExpiry", "data": {**good["data"], "ObjectType": "Key"}}
    return {
        "another vault": (near_expiry("kv-of-others", "www"), "event-not-ours"),
        "a key": (key, "event-not-ours"),
        "a certificate's event about a key": (
            {**good, "data": {**good["data"], "ObjectType": "Key"}},
            "event-not-ours",
        ),
        "a name that is none": (near_expiry(vault, "w/../x"), "event-not-ours"),
        "no data": ({**good, "data": None, "subject": ""}, "event-not-understood"),
        "data that is text": ({**good, "data": "VaultName", "subject": ""}, "event-not-understood"),
    }


def _odd(vault: str) -> dict[str, Json]:
    """Return events in forms that were seen or are documented, each about a certificate of its own."""
    plain = near_expiry(vault, "cloud")
    schema: Json = {
        "id": "eg-1",
        "topic": plain["source"],
        "subject": "grid",
        "eventType": "Microsoft.KeyVault.CertificateNearExpiry",
        "eventTime": "2026-01-01T00:00:00.1234567Z",
        "data": {"VaultName": vault, "ObjectType": "Certificate", "ObjectName": "grid", "NBF": "1", "EXP": 2},
        "dataVersion": "1",
        "metadataVersion": "1",
    }
    loud = near_expiry(vault, "loud")
    loud |= {
        "type": "MICROSOFT.KEYVAULT.CERTIFICATENEAREXPIRY",
        "time": "yesterday",
        "traceparent": "00-1",
        "weather": "rain",
    }
    loud["data"] = {
        "vaultname": vault.upper(),
        "objecttype": "certificate",
        "objectname": "LOUD",
        "news": {"deep": [1]},
    }
    return {"cloud": plain, "grid": schema, "loud": loud}


def _lines(app: App) -> int:
    return len(app.units(event="event-not-ours")) + len(app.units(event="event-not-understood"))


def test_bad_events_are_acknowledged_and_do_nothing(journey: Journey) -> None:
    """Each is one line and no look; and then odd ones are looked at, in one array too, so the door is not simply shut."""
    vault = journey.vault()
    with journey.app({vault: "renew"}, hear=[]) as app:
        for number, (what, (event, line)) in enumerate(_bad(vault).items(), 1):
            before = len(app.units(event=line))
            assert app.notify(DOOR, event) in (200, 202), what
            assert len(app.wait_for(before + 1, event=line)) == before + 1, what
            assert _lines(app) == number, what
        assert app.units(event="event-received") == []
        assert journey.waiting("looks") == 0
        assert journey.asked(vault) == []
        for name in _odd(vault):
            journey.operator.seed(vault, name, left=80 * DAY)
        odd = _odd(vault)
        assert app.notify(DOOR, json.dumps([odd["cloud"], odd["loud"]])) in (200, 202)
        assert app.notify(DOOR, [odd["grid"]]) in (200, 202)
        await_until(lambda: all(app.looks(vault, name) for name in odd), PATIENCE)
        assert _lines(app) == len(_bad(vault))
    assert sorted(journey.asked(vault)) == [f"GET /certificates/{name}/" for name in sorted(odd)]
