"""A CA that is down while a certificate nears its end: the next of its list takes over, and the one after that renewal is the first again."""

from __future__ import annotations

from localazure.client import await_until
from tests.journeys import signing
from tests.journeys.running import PATIENCE, Journey
from tests.journeys.signing import DAY, Signing


def test_a_second_ca_takes_over_and_gives_back(journey: Journey, signer: Signing) -> None:
    """Under the emergency floor one failure is enough: one order at the second CA, none at both, told; the next renewal is the first CA's."""
    vault, first, second = journey.vault(), signer.ca("first"), signer.ca("second")
    signer.plant(vault, "web", "first second", left=5 * DAY)
    first.behave(down="503")
    settings = signer.settings({"first": first.directory, "second": second.directory})
    with journey.app({vault: "renew"}, settings=settings) as app:
        app.subscribe()
        app.sweep()
        await_until(lambda: app.announced(vault, "web"), 2 * PATIENCE)
        assert journey.versions(vault, "web") == 2
        assert (len(first.orders()), len(second.orders())) == (0, 1)
        (handed,) = signing.history(app, vault, "web", "failed-over")
        assert handed["reason"] == "second takes over from first"
        assert str(handed["error"]).startswith("ca-down")
        await_until(lambda: journey.told(vault, "web", "RenewalFailed"), PATIENCE)
        told = journey.told(vault, "web", "RenewalFailed")[0]["data"]
        assert (told["issuer"], told["taken_over_by"]) == ("first", "second")
        first.behave(down="")
        app.renew(vault, "web", "the first is back")
        await_until(lambda: app.announced(vault, "web") == 2, 2 * PATIENCE)
        assert (len(first.orders()), len(second.orders())) == (1, 1)
        assert first.orders()[0]["replaces"] == ""  # another CA's certificate
        assert app.certificate(vault, "web")["issued_through"] == "first"
        assert signing.writes(journey, vault) == ["create", "merge"] * 2


def test_far_from_its_end_a_failure_is_no_reason_to_change(journey: Journey, signer: Signing) -> None:
    """With twenty days left the first CA is given its time: a rung of the ladder, no order at the second."""
    vault, first, second = journey.vault(), signer.ca("first"), signer.ca("second")
    signer.plant(vault, "web", "first second")
    first.behave(down="503")
    settings = signer.settings({"first": first.directory, "second": second.directory})
    with journey.app({vault: "renew"}, settings=settings) as app:
        app.sweep()
        await_until(lambda: signing.history(app, vault, "web", "failed"), 2 * PATIENCE)
        known = app.certificate(vault, "web")
        assert (known["renewal"]["issuer"], known["renewal"]["outcome"]) == ("first", "open")
        assert signing.history(app, vault, "web", "failed-over") == []
        assert second.requests() == {}
