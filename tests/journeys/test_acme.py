"""A certificate of an ACME CA from due to announced: apex and wildcard proved behind a CNAME, then replaced when its CA suggests it."""

from __future__ import annotations

import pytest

from localazure.client import await_until
from localazure.pebble import Manner, Trust, pebble
from tests.journeys import signing
from tests.journeys.running import PATIENCE, App, Journey
from tests.journeys.signing import Signing

THREE = ["GET /certificates/web/", "POST /certificates/web/create", "POST /certificates/web/pending/merge"]
#: What one order for two names costs besides polls of the order and a nonce: 3 + 2 for each name.
CALLS = {"new-order": 1, "authorization": 2, "challenge": 2, "finalize": 1, "certificate": 1}
#: What is no order's: the account's own calls, the directory that the process keeps, when to renew.
BESIDE = {"directory", "new-account", "account", "renewal-info"}


def issued(app: App, journey: Journey, vault: str, versions: int) -> None:
    """Wait until a host has announced a version of a vault's certificate `web`, which then has so many, and has asked when to renew it."""
    await_until(lambda: app.announced(vault, "web"), 2 * PATIENCE)
    assert journey.versions(vault, "web") == versions
    await_until(lambda: app.certificate(vault, "web")["suggested_at"], PATIENCE)


def renewed_in_its_window(journey: Journey, app: App, vault: str) -> list[str]:
    """Let the hours pass until the CA, whose window is open now, is asked again; return what the renewal asked of the vault.

    The host is another than the one that has just asked: a process keeps a CA's word for a minute.
    """
    before = len(journey.asked(vault))
    signing.ask_again(journey, vault, "web")
    app.tick()
    issued(app, journey, vault, 3)
    claimed = signing.history(app, vault, "web", "claimed")[-1]
    assert claimed["trigger"] == "suggested-by-ca", claimed
    return journey.asked(vault)[before:]


def late_events(journey: Journey, vault: str) -> None:
    """Let a vault's events come late: a look that reads its rows before another's claim is done reads the vault once more."""
    journey.azure.delivery(vault=vault, delay=2)


def test_apex_and_wildcard_through_a_delegation(journey: Journey, signer: Signing) -> None:
    """Proved, signed, merged, announced; replaced when suggested, by an order that names what it replaces; each with three calls to the vault."""
    vault, ca = journey.vault(), signer.ca("one")
    late_events(journey, vault)
    signer.plant(vault, "web", "le", signer.domain, f"*.{signer.domain}")
    settings = signer.settings({"le": ca.directory})
    with journey.app({vault: "renew"}, settings=settings) as app:
        app.subscribe()
        app.sweep()
        issued(app, journey, vault, 2)
        assert [one for one in journey.asked(vault) if one != "GET /certificates"] == THREE
        assert signing.names_of(signing.current(journey, vault, "web")) == {signer.domain, f"*.{signer.domain}"}
        assert signer.proofs_left() == {}
        _costs(ca.requests(), nonces=2)  # one for finding the account, one for the order
    (first,) = ca.certificates()
    ca.clear_requests()
    ca.window(*signing.now_open())
    with journey.app({vault: "renew"}, settings=settings) as app:
        assert renewed_in_its_window(journey, app, vault) == THREE
        _costs(ca.requests() | {"challenge": 2}, nonces=1)  # the CA holds the names for proved
        order = ca.orders()[-1]
        assert (order["replaces"], order["exempt"], len(ca.orders())) == (first["ari_id"], True, 2)
        await_until(lambda: len(journey.told(vault, "web", "NewVersion")) == 2, PATIENCE)
        (account,) = app.get("authorities")["items"]
        assert account["account"]["state"] == "ready", account


def _costs(requests: dict[str, int], *, nonces: int) -> None:
    """Hold an order's requests against what one for two names may cost."""
    calls = {kind: count for kind, count in requests.items() if kind not in BESIDE | {"order", "new-nonce"}}
    assert calls == CALLS
    assert requests.get("new-nonce", 0) <= nonces
    assert requests.get("order", 0) <= 5


@pytest.mark.parametrize("more", [{"new-order": 2}, {"new-nonce": 2}, {"order": 6}, {"revoke": 1}])
def test_a_call_too_many_would_be_seen(more: dict[str, int]) -> None:
    """The measure can fail: a second order, a second nonce, too many polls, a kind of request that no order needs."""
    _costs(CALLS | {"directory": 1, "order": 2, "new-nonce": 1}, nonces=1)
    with pytest.raises(AssertionError):
        _costs(CALLS | {"order": 2} | more, nonces=1)


def test_the_same_on_pebble(journey: Journey, signer: Signing) -> None:
    """Let's Encrypt's test CA, which refuses good nonces, takes its time to look at the DNS, and reuses authorizations."""
    vault, azure = journey.vault(), journey.azure
    late_events(journey, vault)
    manner = Manner(nonce_refusal=20, validation_seconds=2, authorization_reuse=100)
    signer.plant(vault, "web", "pebble", signer.domain, f"*.{signer.domain}")
    with pebble(manner, dns=azure.dns_server, trust=Trust.of(azure.ready)) as ca:
        settings = signer.settings({"pebble": ca.directory})
        with journey.app({vault: "renew"}, settings=settings) as app:
            app.sweep()
            issued(app, journey, vault, 2)
        first = signing.current(journey, vault, "web")
        assert signing.names_of(first) == {signer.domain, f"*.{signer.domain}"}
        assert "Pebble" in first.issuer.rfc4514_string()
        ca.clear_requests()
        ca.set_window(*signing.now_open())
        with journey.app({vault: "renew"}, settings=settings) as app:
            assert renewed_in_its_window(journey, app, vault) == THREE
        assert ca.requests().get("challenge", 0) == 0  # proved already
        assert ca.replaced() == [signing.id_of(first)]
        assert signer.proofs_left() == {}
