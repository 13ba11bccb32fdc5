"""A CA revokes all that it issued: a few dozen certificates are renewed at once, worst first, within its limits."""

from __future__ import annotations

from localazure.client import await_until
from tests.journeys import signing
from tests.journeys.running import PATIENCE, App, Journey
from tests.journeys.signing import Signing

TOTAL = 24
NAME = "web"
#: Let's Encrypt's, as the CA itself counts: 24 orders twice are two short of the 50 that one domain may have.
LIMITS = {
    "orders": {"count": 300, "seconds": 10800},
    "domain": {"count": 50, "seconds": 604800},
    "set": {"count": 5, "seconds": 604800},
}


def renewed(app: App, vaults: list[str]) -> None:
    """Wait until a host has announced a version of each vault's certificate, without a failure, and has asked when to renew it."""
    await_until(lambda: all(app.announced(vault, NAME) for vault in vaults), 4 * PATIENCE)
    await_until(lambda: all(app.certificate(vault, NAME)["suggested_at"] for vault in vaults), PATIENCE)
    assert [one for one in app.units(event="look") if any("failed" in did for did in one["did"])] == []


def test_a_mass_revocation_is_answered_within_the_limits(journey: Journey, signer: Signing) -> None:
    """Each is renewed once more, by an order that says what it replaces; the brake does not hold, and the CA refuses none."""
    ca, vaults = signer.ca("revoking", limits=LIMITS), [journey.vault() for _ in range(TOTAL)]
    signer.delegate(*vaults)
    for vault in vaults:
        signer.plant(vault, NAME, "le", f"{vault}.{signer.domain}")
    settings = signer.settings({"le": ca.directory}) | {"PERENNIAL_MAX_RENEWALS_PER_DAY": str(TOTAL)}
    with journey.app(dict.fromkeys(vaults, "renew"), settings=settings) as app:
        assert app.ask("POST", "sweeps")[0] == 202
        renewed(app, vaults)
    ids = {one["ari_id"] for one in ca.certificates()}
    ca.revoke()
    with journey.app(dict.fromkeys(vaults, "renew"), settings=settings) as app:  # it has not asked within a minute
        for vault in vaults:
            signing.ask_again(journey, vault, NAME)
        app.tick()
        renewed(app, vaults)
        assert {order["replaces"] for order in ca.orders()[TOTAL:]} == ids
        assert (len(ca.orders()), set(ca.issued().values())) == (2 * TOTAL, {2})
        claimed = [one["trigger"] for vault in vaults for one in signing.history(app, vault, NAME, "claimed")]
        assert sorted(claimed) == ["due"] * TOTAL + ["revoked-by-ca"] * TOTAL
