"""Events that come by the storage queue, where Event Grid may not push: the door `vault_event`, and its poison queue."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta

from localazure.client import await_until
from tests.journeys.running import PATIENCE, Journey, Json, near_expiry

DAY = timedelta(days=1)
EVENTS = "vault-events"
POISON = f"{EVENTS}-poison"
IMPATIENT = {  # Azure: five tries half a minute apart
    "AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "2",
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:00",
}
LEASE = ("--message-lease", "2")  # seconds until a message that its poison function failed comes back; Azure has 600


def _put(journey: Journey, *events: Json | str) -> None:
    """Leave events in the queue as Event Grid does."""
    with journey.queue(EVENTS) as queue:
        for event in events:
            text = event if isinstance(event, str) else json.dumps(event)
            queue.send_message(base64.b64encode(text.encode()).decode())


def test_an_event_in_the_queue_is_a_renewal_and_a_notice(journey: Journey) -> None:
    """Ten copies of it change nothing: one create, three calls, one notice; the new version's own event, by the same way, costs none."""
    vault = journey.vault()
    journey.operator.seed(vault, "www", left=20 * DAY)
    await_until(lambda: journey.azure.events(vault=vault, type="CertificateNearExpiry"), PATIENCE)
    near = str(journey.azure.events(vault=vault, type="CertificateNearExpiry")[-1]["id"])
    with journey.app({vault: "renew"}, by_queue=True) as app:
        app.subscribe()
        journey.azure.delivery(
            vault=vault, delay=2
        )  # a look that reads its rows before another's claim is done reads again
        journey.azure.redeliver(near)
        await_until(lambda: app.announced(vault, "www"), PATIENCE)
        journey.azure.redeliver(near, 10)
        app.wait_for(
            12, event="event-received", certificate=f"{vault}/www"
        )  # ours, its copies, and that of the new version
        await_until(lambda: len(app.looks(vault, "www")) >= 12 and not journey.waiting(EVENTS), PATIENCE)
        assert journey.asked(vault) == [
            "GET /certificates/www/",
            "POST /certificates/www/create",
            "GET /certificates/www/",
        ]
        await_until(lambda: journey.told(vault, "www"), PATIENCE)
        assert [str(one["type"]) for one in journey.told(vault, "www")] == ["Perennial.Certificate.NewVersion"]
        assert app.kinds(vault, "www").count("issued") == 1
        app.log.read()
        assert re.findall(r"^\[host\] (certificate_\w+) ", app.log.text, re.MULTILINE) == []  # nothing was pushed
    assert journey.versions(vault, "www") == 2


def test_what_is_no_event_of_ours_is_taken_off_the_queue(journey: Journey) -> None:
    """Each is one line and no look, and none comes back; then a good one is looked at, so the door is not simply shut."""
    vault = journey.vault()
    good = near_expiry(vault, "www")
    key = {**good, "data": {**good["data"], "ObjectType": "Key"}}
    bad: list[Json | str] = ["{", "[7]", "", {**good, "data": None, "subject": ""}]
    foreign: list[Json | str] = [key, near_expiry("kv-of-others", "www"), near_expiry(vault, "w/../x")]
    journey.operator.seed(vault, "www", left=80 * DAY)
    with journey.app({vault: "renew"}, by_queue=True, hear=[]) as app:
        journey.event_queue()
        _put(journey, *bad, *foreign)
        app.wait_for(len(bad), event="event-not-understood")
        app.wait_for(len(foreign), event="event-not-ours")
        await_until(lambda: journey.waiting(EVENTS) == 0, PATIENCE)
        assert app.units(event="event-received") == []
        assert journey.waiting(POISON) == 0
        _put(journey, json.dumps([good]))
        await_until(lambda: app.looks(vault, "www"), PATIENCE)
        assert len(app.units(event="event-not-understood")) == len(bad)
        assert len(app.units(event="event-not-ours")) == len(foreign)
    assert journey.asked(vault) == ["GET /certificates/www/"]


def test_an_event_that_could_not_be_stored_is_stored_from_the_poison_queue(journey: Journey) -> None:
    """The settings are wrong for longer than a message has tries; once they are right the event is a renewal all the same."""
    vault = journey.vault()
    journey.operator.seed(vault, "www", left=20 * DAY)
    journey.event_queue()
    wrong = {**IMPATIENT, "PERENNIAL_KEEP_HISTORY": "a while"}
    with journey.app({vault: "renew"}, hear=[], settings=wrong, options=LEASE) as app:
        _put(journey, near_expiry(vault, "www"))
        await_until(lambda: journey.waiting(POISON) == 1, PATIENCE)
        await_until(lambda: _failed(app.log.path.read_text()), PATIENCE)
        assert app.units(event="event-received") == []
        assert journey.waiting("looks") == 0
    with journey.app({vault: "renew"}, by_queue=True) as app:
        await_until(lambda: app.announced(vault, "www"), PATIENCE)
        await_until(lambda: journey.waiting(POISON) == 0, PATIENCE)
        assert len(app.units(event="event-received", kind="near-expiry")) == 1
    assert len(journey.creates(vault)) == 1
    assert journey.versions(vault, "www") == 2


def _failed(log: str) -> bool:
    """Tell whether the poison queue's function failed too; its message comes back when its lease has ended."""
    return any("abandon_event" in line and "failed" in line for line in log.splitlines())


def test_an_event_in_another_encoding_is_lost_and_the_sweep_finds_it(journey: Journey) -> None:
    """Functions read this queue as base64; plain text goes to the poison queue and wakes nobody, but nothing expires for that."""
    vault = journey.vault()
    journey.operator.seed(vault, "www", left=20 * DAY)
    journey.event_queue()
    with journey.app({vault: "renew"}, hear=[]) as app:
        with journey.queue(EVENTS) as queue:
            queue.send_message(json.dumps(near_expiry(vault, "www")))
        await_until(lambda: journey.waiting(POISON) == 1, PATIENCE)
        assert app.units(event="event-received") == []
        assert journey.versions(vault, "www") == 1
        app.sweep()
        await_until(lambda: journey.versions(vault, "www") == 2, PATIENCE)
    assert len(journey.creates(vault)) == 1
