"""The app's three data actions: without any one of them it says which is missing, and it never asks for a fourth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from localazure.client import LocalAzure, await_until
from localazure.keyvault.rights import CREATE, READ, UPDATE
from tests.journeys.rights import asked_too_much
from tests.journeys.running import PATIENCE, Journey, near_expiry

DAY = timedelta(days=1)
DOOR = "certificate_near_expiry"
ALL = (READ, CREATE, UPDATE)


@pytest.fixture
def lacking(azure: LocalAzure) -> Iterator[dict[str, str]]:
    """Vaults by the data action that the app lacks there; given back afterwards."""
    vaults: dict[str, str] = {}
    yield vaults
    for vault in vaults.values():
        azure.grant("perennial", ALL, vault)


def test_each_missing_right_is_named_with_its_role(journey: Journey, lacking: dict[str, str]) -> None:
    """Without read nothing is known, without create nothing renewed, without update nothing discarded: each says so, and how to mend it."""
    for action, label in ((READ, "blind"), (CREATE, "mute"), (UPDATE, "tied")):
        lacking[action] = vault = journey.vault(label)
        journey.operator.seed(vault, "www", left=20 * DAY, issuer="Unknown" if action == UPDATE else "Self")
        journey.azure.grant("perennial", [one for one in ALL if one != action], vault)
    journey.vaults.clear()  # the refusals that follow are what this journey is about
    blind, mute, tied = (lacking[action] for action in ALL)
    journey.pend(tied, "www")
    with journey.app(dict.fromkeys((blind, mute, tied), "renew"), hear=[]) as app:
        app.subscribe("operators")
        for vault in (blind, mute, tied):
            app.notify(DOOR, near_expiry(vault, "www"))
        await_until(lambda: journey.told(blind, kind="ActionNeeded"), PATIENCE)
        assert "assign Perennial's role" in journey.told(blind, kind="ActionNeeded")[0]["data"]["fix"]
        assert READ in str(app.wait_for(event="vault-closed", vault=blind)[0]["error"])
        await_until(lambda: journey.told(mute, "www", "RenewalFailed"), PATIENCE)
        assert CREATE in str(journey.told(mute, "www", "RenewalFailed")[0]["data"]["fix"])
        await_until(lambda: app.certificate(tied, "www"), PATIENCE)
        status, problem = app.ask(
            "POST", f"certificates/{tied}/www/pending/discard", {"reason": "it blocks the import"}
        )
        assert status >= 400
        assert "its role in the vault" in problem["fix"]
        assert UPDATE in str(problem)
    refused = asked_too_much(journey.azure.requests("keyvault"), [blind, mute, tied])
    assert {one.split()[0] for one in refused} == {"GET", "POST", "DELETE"}  # all of them operations of the three


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /secrets/www/",
        "GET /keys/www",
        "POST /certificates/www/import",
        "DELETE /certificates/www",
        "GET /deletedcertificates",
    ],
)
def test_more_than_the_three_would_be_seen(request_line: str) -> None:
    """The check at the end of every journey can fail: a secret, a key, an import, a delete, a deleted certificate."""
    method, path = request_line.split()
    seen = {
        "host": "kv-x.vault.azure.net",
        "identity": "perennial",
        "method": method,
        "path": path,
        "status": 200,
        "fault": None,
    }
    assert asked_too_much([seen], ["kv-x"]) == [f"{request_line} 200"]
    assert asked_too_much([seen], ["kv-y"]) == []


def test_a_refusal_without_a_reason_would_be_seen() -> None:
    """An allowed operation that was answered 403 is seen, unless a fault was asked for."""
    seen = {
        "host": "kv-x.vault.azure.net",
        "identity": "perennial",
        "method": "GET",
        "path": "/certificates",
        "status": 403,
        "fault": None,
    }
    assert asked_too_much([seen], ["kv-x"]) == ["GET /certificates 403"]
    assert asked_too_much([seen | {"fault": 1}], ["kv-x"]) == []
