"""What no event told: the sweep finds it. What somebody else renewed: everybody is told, nothing is renewed."""

from __future__ import annotations

from datetime import timedelta

from localazure.client import await_until
from localazure.receiver import Receiver
from tests.journeys.running import PATIENCE, Journey

DAY = timedelta(days=1)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_c2VjcmV0LW9mLWFub3RoZXItcmVjZWl2ZXI="


def _hook(receiver: Receiver, path: str) -> dict[str, str]:
    return {"channel": "webhook", "target": receiver.url(path), "secret": "SHOP"}


def test_a_sweep_finds_what_was_lost_and_everybody_is_told_of_what_others_renewed(journey: Journey) -> None:
    """All events of the vault are dropped; a webhook and a topic still learn of each new version, a repeat with the same id."""
    vault = journey.vault()
    journey.azure.delivery(vault=vault, drop=True)
    journey.operator.seed(vault, "lost", left=20 * DAY)
    journey.operator.seed(vault, "other", left=25 * DAY, tags={"perennial-renew": "never"})
    ready = journey.azure.ready
    settings = {"PERENNIAL_SECRET_SHOP": SECRET, "PERENNIAL_WEBHOOK_RANGES": "127.0.0.0/8 ::1/128"}
    with (
        Receiver({"/shop": SECRET, "/wrong": OTHER}).serving(ready.certificate, ready.key) as receiver,
        journey.app({vault: "renew"}, settings=settings) as app,
    ):
        assert app.ask("PUT", "subscriptions/shop", _hook(receiver, "/shop"))[0] == 201
        app.subscribe()
        app.sweep()
        await_until(lambda: journey.versions(vault, "lost") == 2, PATIENCE)
        journey.operator.import_new(vault, "other")
        app.sweep()
        news = [("NewVersion", f"{vault}/{name}") for name in ("lost", "other")]
        await_until(lambda: all(receiver.received("/shop", *one) for one in news), PATIENCE)
        await_until(lambda: all(journey.told(vault, name, "NewVersion") for name in ("lost", "other")), PATIENCE)
        assert journey.creates(vault) == ["POST /certificates/lost/create"]
        first = receiver.received("/shop", "NewVersion", f"{vault}/other")[0]
        assert first.verified
        assert first.id == journey.told(vault, "other", "NewVersion")[0]["id"]
        assert first.event["data"]["version"] == journey.operator.versions(vault, "other")[-1]
        sent = next(one for one in app.get("deliveries?limit=100")["items"] if one["notice"] == first.id)
        assert app.ask("POST", f"deliveries/{sent['id']}/redeliver")[0] == 202
        await_until(lambda: len(receiver.received("/shop", "NewVersion", f"{vault}/other")) == 2, PATIENCE)
        assert {one.id for one in receiver.received("/shop", "NewVersion", f"{vault}/other")} == {first.id}
        app.ask("PUT", "subscriptions/wrong", {**_hook(receiver, "/wrong"), "send": "test"})
        await_until(lambda: receiver.received("/wrong"), PATIENCE)
        assert not receiver.received("/wrong")[0].verified  # the check can fail: another secret signs otherwise
