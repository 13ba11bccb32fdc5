"""An old certificate, Key Vault's own event, one new version; and what that costs at the vault."""

from __future__ import annotations

from datetime import timedelta

from localazure.client import await_until
from tests.journeys.running import PATIENCE, Journey

DAY = timedelta(days=1)


def _event(journey: Journey, vault: str, kind: str) -> str:
    """Return the id of the newest event of a kind."""
    return str(journey.azure.events(vault=vault, type=kind)[-1]["id"])


def test_an_old_certificate_is_renewed_once_however_often_its_event_comes(journey: Journey) -> None:
    """One event and ten more copies of it: one create, three calls; the new version's own event costs none."""
    vault = journey.vault()
    journey.operator.seed(vault, "www", left=20 * DAY)
    await_until(lambda: journey.azure.events(vault=vault, type="CertificateNearExpiry"), PATIENCE)
    with journey.app({vault: "renew"}) as app:
        app.subscribe()
        near = _event(journey, vault, "CertificateNearExpiry")
        journey.azure.delivery(
            vault=vault, delay=2
        )  # a look that reads its rows before another's claim is done reads once more
        journey.azure.redeliver(near)
        await_until(lambda: app.announced(vault, "www"), PATIENCE)
        assert journey.asked(vault) == [
            "GET /certificates/www/",
            "POST /certificates/www/create",
            "GET /certificates/www/",
        ]
        before = len(app.looks(vault, "www"))
        journey.azure.redeliver(_event(journey, vault, "CertificateNewVersionCreated"), 2)
        journey.azure.redeliver(near, 10)
        await_until(lambda: len(app.looks(vault, "www")) >= before + 12, PATIENCE)
        assert len(journey.asked(vault)) == 3
        assert journey.versions(vault, "www") == 2
        await_until(lambda: journey.told(vault, "www"), PATIENCE)
        assert [str(one["type"]) for one in journey.told(vault, "www")] == ["Perennial.Certificate.NewVersion"]
        assert app.kinds(vault, "www").count("issued") == 1
