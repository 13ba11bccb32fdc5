"""What the app may do for an ACME certificate: sign with its account's key, write TXT values; without either it says so, more is refused."""

from __future__ import annotations

import json

import pytest
import urllib3

from localazure.client import LocalAzure, await_until
from localazure.identity import PATH
from localazure.keyvault.rights import KEY_CREATE, KEY_READ, OWN_KEYS
from localazure.tokens import Tokens
from tests.journeys import signing
from tests.journeys.running import PATIENCE, App, Journey
from tests.journeys.signing import Signing

EC = {"kty": "EC", "crv": "P-256"}


def failure(app: App, vault: str) -> str:
    """Wait for the first failure of the certificate `web`; return what the history says of it."""
    app.sweep()
    await_until(lambda: signing.history(app, vault, "web", "failed"), 2 * PATIENCE)
    return str(signing.history(app, vault, "web", "failed")[0]["error"])


def test_without_the_right_to_sign_there_is_no_account(journey: Journey, signer: Signing) -> None:
    """The failure names the account's key, the CA never hears of us; with the right a person's word renews it."""
    vault, ca = journey.vault(), signer.ca("strict")
    journey.azure.grant("perennial", [KEY_READ, KEY_CREATE], signer.keys)
    signer.plant(vault, "web", "le")
    with journey.app({vault: "renew"}, settings=signer.settings({"le": ca.directory})) as app:
        assert failure(app, vault).startswith("account-key")
        assert ca.report()["accounts"] == []
        journey.azure.grant("perennial", OWN_KEYS, signer.keys)
        app.renew(vault, "web", "the role is there")
        await_until(lambda: journey.versions(vault, "web") == 2, PATIENCE)


def test_without_the_right_to_write_nothing_is_proved(journey: Journey, signer: Signing) -> None:
    """A role on the zone that reads alone: told as such, and the CA is never asked to look."""
    vault, ca = journey.vault(), signer.ca("strict")
    journey.azure.dns.rights("perennial", ["read"], signer.proofs)
    signer.plant(vault, "web", "le")
    with journey.app({vault: "renew"}, settings=signer.settings({"le": ca.directory})) as app:
        assert failure(app, vault).startswith("dns-refused")
        assert ca.requests().get("challenge", 0) == 0
        assert journey.versions(vault, "web") == 1


@pytest.mark.parametrize(
    ("keeps_keys", "method", "path", "body"),
    [
        (True, "GET", "/secrets/acme-le", None),
        (True, "POST", "/keys/acme-le/backup", {}),
        (True, "DELETE", "/keys/acme-le", None),
        (True, "POST", "/certificates/web/create", {}),
        (True, "GET", "/certificates", None),
        (False, "GET", "/keys/web", None),
        (False, "POST", "/keys/web/create", EC),
        (False, "GET", "/secrets/web", None),
    ],
)
def test_the_two_roles_carry_nothing_more(
    azure: LocalAzure, vault: str, *, keeps_keys: bool, method: str, path: str, body: dict[str, object] | None
) -> None:
    """With the app's own token: no backup or delete of a key, no certificate beside keys, and in a vault of the fleet no key; nowhere a secret."""
    azure.create_vault(vault, keys_of="perennial" if keeps_keys else None)
    assert asked_as_the_app(azure, vault, method, path, body) == 403


def test_what_is_asked_beyond_would_be_seen(journey: Journey, signer: Signing) -> None:
    """The check at the end of each journey can fail: a list of keys is no key."""
    asked_as_the_app(journey.azure, signer.keys, "GET", "/keys", None)
    assert signer.asked_too_much() == ["GET /keys"]
    journey.azure.clear_requests("keyvault")


def asked_as_the_app(azure: LocalAzure, vault: str, method: str, path: str, body: dict[str, object] | None) -> int:
    """Ask a vault with the token of the app's identity; return the status."""
    ready, client_id = azure.ready, Tokens().identity("perennial").client_id
    wanted = {"resource": "https://vault.azure.net", "api-version": "2019-08-01", "client_id": client_id}
    http = urllib3.PoolManager()
    answer = http.request(
        "GET",
        f"http://127.0.0.1:{ready.identity}{PATH}",
        fields=wanted,
        headers={"X-IDENTITY-HEADER": ready.identity_header},
    )
    http.clear()
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}", "Content-Type": "application/json"}
    text = None if body is None else json.dumps(body)
    proxy = urllib3.ProxyManager(f"http://127.0.0.1:{ready.proxy}", ca_certs=ready.ca, retries=False)
    url = f"https://{vault}.vault.azure.net{path}?api-version=7.4"
    status = proxy.request(method, url, body=text, headers=headers).status
    proxy.clear()
    return status
