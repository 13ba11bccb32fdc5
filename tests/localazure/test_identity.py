"""The managed identity endpoint answers as App Service's does."""

from __future__ import annotations

import jwt
import pytest

from localazure.client import LocalAzure
from localazure.tokens import Tokens
from tests.localazure.outside import Outside

VAULT = "https://vault.azure.net"


def ask(outside: Outside, azure: LocalAzure, query: str, header: str | None = None) -> tuple[int, dict[str, str]]:
    """Return status and body of one question to the endpoint."""
    url = f"http://127.0.0.1:{azure.ready.identity}/msi/token?{query}"
    secret = azure.ready.identity_header if header is None else header
    answer = outside.direct.request("GET", url, headers={"X-IDENTITY-HEADER": secret})
    return answer.status, answer.json()


@pytest.mark.parametrize("name", ["perennial", "operator"])
def test_the_client_id_picks_the_identity(outside: Outside, azure: LocalAzure, name: str) -> None:
    """A token speaks for the identity whose client id was asked for, and is for the resource asked for."""
    client_id = Tokens().identity(name).client_id
    status, body = ask(outside, azure, f"api-version=2019-08-01&resource={VAULT}/&client_id={client_id}")
    assert status == 200
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert (claims["aud"], claims["appid"], claims["name"]) == (VAULT, client_id, name)
    assert int(body["expires_on"]) == claims["exp"]


def test_a_new_identity_is_made_by_granting_it_something(outside: Outside, azure: LocalAzure) -> None:
    """An identity is unknown until the management port has heard of it."""
    query = f"api-version=2019-08-01&resource={VAULT}&client_id="
    assert ask(outside, azure, query + Tokens().identity("auditor").client_id)[0] == 400
    granted = azure.grant("auditor", ["Microsoft.KeyVault/vaults/certificates/read"])
    assert ask(outside, azure, query + granted["client_id"])[0] == 200


@pytest.mark.parametrize(
    ("query", "header", "status"),
    [
        (f"api-version=2019-08-01&resource={VAULT}&client_id=operator", "wrong", 403),
        (f"api-version=2019-08-01&resource={VAULT}&client_id=nobody", None, 400),
        (f"api-version=2019-08-01&resource={VAULT}", None, 400),
        (f"api-version=2017-09-01&resource={VAULT}&client_id=operator", None, 400),
        ("api-version=2019-08-01&client_id=operator", None, 400),
    ],
)
def test_what_is_not_as_documented_is_refused(
    outside: Outside, azure: LocalAzure, query: str, header: str | None, status: int
) -> None:
    """A wrong secret, an unknown or no client, another version, or no resource gets no token."""
    found, body = ask(outside, azure, query, header)
    assert found == status
    assert "access_token" not in body
