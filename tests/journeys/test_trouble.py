"""Trouble: a CA that refuses and recovers, and vaults that are throttled, walled off or gone; the others go on."""

from __future__ import annotations

from datetime import timedelta

from localazure.client import await_until
from tests.journeys.running import PATIENCE, Journey, near_expiry

DAY = timedelta(days=1)
DOOR = "certificate_near_expiry"
FIREWALL = (
    '{"error": {"code": "Forbidden", "message": "Client address is not authorized and caller is not a trusted service.",'
    ' "innererror": {"code": "ForbiddenByFirewall"}}}'
)


def test_a_refusal_climbs_the_ladder_and_recovery_is_told(journey: Journey) -> None:
    """The CA refuses twice: each attempt is told with its reason; it recovers, and so does the certificate. Four calls a failed attempt."""
    vault = journey.vault()
    ca = journey.integrated_ca(vault)
    journey.azure.issuer(vault, ca, failure=("RequestRejected", "The CA says no."))
    journey.operator.seed(vault, "shop", left=20 * DAY, issuer=ca, signed_by=journey.ca())
    ladder = {"PERENNIAL_RENEWAL_LADDER": "1s", "PERENNIAL_DUE_SCHEDULE": "* * * * * *"}
    with journey.app({vault: "renew"}, settings=ladder) as app:
        app.subscribe("operators")
        assert app.notify(DOOR, near_expiry(vault, "shop")) in (200, 202)
        await_until(lambda: journey.told(vault, "shop", "RenewalFailed"), PATIENCE)
        failed = journey.told(vault, "shop", "RenewalFailed")[0]["data"]
        assert "The CA says no." in str(failed)
        assert failed["attempts"] == 1
        assert _of(journey, vault, "shop")[:4] == [
            "GET /certificates/shop/",
            "POST /certificates/shop/create",
            "GET /certificates/shop/",
            "GET /certificates/shop/pending",
        ]
        journey.azure.issuer(vault, ca, failure=None)
        await_until(lambda: journey.told(vault, "shop", "RenewalRecovered"), PATIENCE)
        assert app.kinds(vault, "shop").count("failed") == 1
    assert journey.versions(vault, "shop") == 2
    assert len(journey.creates(vault)) == 2


def _of(journey: Journey, vault: str, name: str) -> list[str]:
    return [one for one in journey.asked(vault) if f"/certificates/{name}/" in one]


def test_a_vault_in_trouble_holds_up_no_other(journey: Journey) -> None:
    """One vault answers 429, one has a firewall, one is gone, one is well: each says what it is and what to do, none is left out."""
    well, busy, walled = journey.vault("well"), journey.vault("busy"), journey.vault("walled")
    gone = "kv-never-there"
    journey.operator.seed(well, "www", left=20 * DAY)
    journey.operator.seed(walled, "www", left=20 * DAY)
    ca = journey.integrated_ca(busy, delay=3)
    journey.operator.seed(busy, "www", left=20 * DAY, issuer=ca, signed_by=journey.ca())
    modes = dict.fromkeys((well, busy, walled, gone), "renew")
    with journey.app(modes, hear=[well, busy], settings={"PERENNIAL_DUE_SCHEDULE": "* * * * * *"}) as app:
        app.subscribe("operators")
        journey.azure.fault("keyvault", path=f"{walled}.vault.azure.net/*", status=403, body=FIREWALL)
        app.notify(DOOR, near_expiry(busy, "www"))
        await_until(lambda: app.looks(busy, "www"), PATIENCE)
        journey.azure.fault("keyvault", path=f"{busy}.vault.azure.net/*", status=429, retry_after=1)
        app.notify(DOOR, near_expiry(walled, "www"))
        app.notify(DOOR, near_expiry(well, "www"))
        await_until(lambda: app.announced(well, "www"), PATIENCE)
        await_until(lambda: app.units(event="vault-closed", vault=busy, why="throttled"), PATIENCE)
        await_until(lambda: _told(journey, walled, "firewall") and _told(journey, gone, "exists"), PATIENCE)
        assert app.certificate(walled, "www")["reason"]["code"] == "vault-closed"
        assert app.announced(busy, "www") == 0
        journey.azure.clear_faults()  # now the busy vault has a breath: nothing of it was lost
        await_until(lambda: app.announced(busy, "www"), PATIENCE)
        walks = {walk["vault"]: walk for walk in app.get("sweeps?limit=1")["items"][0]["vaults"]}
        assert (walks[well]["state"], walks[gone]["state"]) == ("whole", "failed")
        assert "exists" in walks[gone]["fix"]
    assert [len(journey.creates(vault)) for vault in (well, busy, walled)] == [1, 1, 0]


def _told(journey: Journey, vault: str, fix: str) -> bool:
    return any(fix in str(one["data"]["fix"]) for one in journey.told(vault, kind="ActionNeeded"))
