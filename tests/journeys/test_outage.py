"""Table Storage is away for as long as a message has tries: each certificate keeps, or gets, its next check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from localazure.client import await_until
from tests.journeys.outcome import still_amiss
from tests.journeys.running import PATIENCE, App, Journey, near_expiry
from tests.journeys.waits import rows_of

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
IMPATIENT = {  # Azure: five tries half a minute apart
    "AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "2",
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
}
LEASE = ("--message-lease", "4")  # seconds until a message that its poison function failed comes back; Azure has 600


def test_an_outage_of_the_tables_as_long_as_a_message_has_tries(journey: Journey) -> None:
    """One certificate was known before, one is first heard of in the outage: their messages are lost, the certificates are not."""
    known, unheard = journey.vault("known"), journey.vault("unheard")
    journey.operator.seed(known, "www", left=80 * DAY)
    modes = {known: "renew", unheard: "renew"}
    with journey.app(modes, hear=[], settings=IMPATIENT, options=LEASE) as app:
        app.subscribe()
        app.notify("certificate_near_expiry", near_expiry(known, "www"))
        await_until(lambda: app.looks(known, "www"), PATIENCE)
        journey.operator.seed(known, "www", left=20 * DAY)
        journey.operator.seed(unheard, "www", left=20 * DAY)
        journey.azure.fault("storage-table", status=503)
        for vault in modes:
            app.notify("certificate_near_expiry", near_expiry(vault, "www"))
        await_until(lambda: _lost(app) >= len(modes), PATIENCE)
        assert len(app.looks(known, "www")) == 1
        assert app.looks(unheard, "www") == []
        journey.azure.clear_faults()
        await_until(lambda: _told(app) >= len(modes), PATIENCE)
        rows = {row["PartitionKey"]: row["next_check"] for row in rows_of(journey, "inventory")}
        assert rows.keys() == modes.keys()
        assert max(rows.values()) <= datetime.now(UTC) + HOUR
        assert "message-lost" in app.kinds(unheard, "www")
        assert still_amiss(journey, app, {unheard: "www"}, lambda vault: journey.told(vault, "www")) == {}


def _lost(app: App) -> int:
    """Return how many messages reached their poison function, which failed too."""
    app.log.read()
    return sum("abandon_look" in line and "failed" in line for line in app.log.text.splitlines())


def _told(app: App) -> int:
    """Return how many of them it has dealt with since."""
    app.log.read()
    return sum("abandon_look" in line and line.endswith(" ok") for line in app.log.text.splitlines())
