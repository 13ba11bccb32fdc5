"""Copies of an event, at two hosts at once and over many waits: one create, one new version, one message."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

from localazure.client import await_until
from tests.journeys.running import PATIENCE, App, Journey, near_expiry

DAY = timedelta(days=1)
COPIES = 10
SOON = 3.0  # seconds until the messages of looks that have ended are deleted; a delayed one waits for ten


def _looks(apps: tuple[App, ...], vault: str, name: str) -> int:
    return sum(len(app.looks(vault, name)) for app in apps)


def test_ten_copies_at_two_hosts_make_one_version(journey: Journey) -> None:
    """Each host is told five times at once and the CA takes its time: one create, never more than one message, one version.

    A look that finds it unfinished costs two calls, the one that finds it finished one.
    """
    vault = journey.vault()
    ca = journey.integrated_ca(
        vault, delay=16
    )  # Key Vault says `Retry-After: 10`: between two looks, however late a busy machine is
    journey.operator.seed(vault, "www", left=20 * DAY, issuer=ca, signed_by=journey.ca())
    with journey.app({vault: "renew"}) as one, journey.app({vault: "renew"}, hear=[]) as other:
        with ThreadPoolExecutor(COPIES) as threads:
            hosts = [one, other] * (COPIES // 2)
            copy = near_expiry(vault, "www")
            sent = [threads.submit(host.notify, "certificate_near_expiry", copy) for host in hosts]
        assert {job.result() for job in sent} <= {200, 202}
        await_until(lambda: _looks((one, other), vault, "www") >= COPIES, PATIENCE)
        received = [len(app.units(event="event-received")) for app in (one, other)]
        assert received == [COPIES // 2, COPIES // 2]
        await_until(lambda: journey.waiting("looks") <= 1, SOON)
        begun = len(journey.asked(vault))
        await_until(lambda: one.announced(vault, "www") + other.announced(vault, "www"), PATIENCE)
        assert journey.asked(vault)[begun:] == [
            "GET /certificates/www/",
            "GET /certificates/www/pending",
            "GET /certificates/www/",
        ]
        await_until(lambda: journey.waiting("looks") <= 1, SOON)
        assert one.kinds(vault, "www").count("claimed") == 1
    assert len(journey.creates(vault)) == 1
    assert journey.versions(vault, "www") == 2


def test_a_second_create_would_be_counted(journey: Journey) -> None:
    """The proof can fail: where a person asks for one more renewal, two creates are counted and three versions."""
    vault = journey.vault()
    journey.operator.seed(vault, "www", left=20 * DAY)
    with journey.app({vault: "renew"}) as app:
        app.notify("certificate_near_expiry", near_expiry(vault, "www"))
        await_until(lambda: app.announced(vault, "www") == 1, PATIENCE)
        Event().wait(2)  # a vault's turns for a create are a second apart; a lost one would cost up to a minute
        app.renew(vault, "www", "its key was seen in a ticket")
        await_until(lambda: app.announced(vault, "www") == 2, PATIENCE)
    assert len(journey.creates(vault)) == 2
    assert journey.versions(vault, "www") == 3
