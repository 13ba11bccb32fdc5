"""Resource Manager's TXT record sets, as any HTTP client sees them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import urllib3

from localazure.client import LocalAzure
from tests.localazure.outside import Outside

GROUP = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-local"
ONE = {"properties": {"TTL": 60, "TXTRecords": [{"value": ["tok-A"]}], "metadata": {"owner": "a test"}}}

type Ask = Callable[..., urllib3.BaseHTTPResponse]


@pytest.fixture
def ask(outside: Outside, zone: str) -> Ask:
    """A function that asks for a TXT set of the zone."""

    def asked(
        method: str,
        body: object = None,
        *,
        path: str = f"{GROUP}/providers/Microsoft.Network/dnsZones/{zone}/TXT/_acme-challenge.www",
        identity: str = "operator",
        resource: str = "https://management.azure.com",
        version: str = "2018-05-01",
        **headers: str,
    ) -> urllib3.BaseHTTPResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["Authorization"] = outside.token(resource, identity)
        url = f"https://management.azure.com{path}?api-version={version}"
        return outside.http.request(method, url, headers=sent, json=body)

    return asked


def test_a_set_is_created_and_read(ask: Ask, zone: str) -> None:
    """201 and then 200, with the members of the real service."""
    made = ask("PUT", ONE)
    assert made.status == 201
    read = ask("GET")
    assert read.status == 200
    found = read.json()
    assert found == made.json()
    assert found["name"] == "_acme-challenge.www"
    assert found["type"] == "Microsoft.Network/dnszones/TXT"
    assert found["id"].endswith(f"/dnszones/{zone}/TXT/_acme-challenge.www")
    assert found["properties"]["fqdn"] == f"_acme-challenge.www.{zone}."
    assert found["properties"]["TXTRecords"] == [{"value": ["tok-A"]}]
    assert found["properties"]["metadata"] == {"owner": "a test"}


def test_a_put_replaces_the_whole_set(ask: Ask) -> None:
    """Values that it does not repeat are gone, and the ETag is another."""
    before = ask("PUT", ONE).json()["etag"]
    other = {"properties": {"TTL": 5, "TXTRecords": [{"value": ["tok-B"]}, {"value": ["tok-", "C"]}]}}
    replaced = ask("PUT", other)
    assert replaced.status == 200
    assert replaced.json()["etag"] != before
    assert replaced.json()["properties"]["TXTRecords"] == other["properties"]["TXTRecords"]
    assert replaced.json()["properties"]["metadata"] == {}


def test_conditions_hold_writers_apart(ask: Ask) -> None:
    """412 where the ETag is old, where there is no set, and where there is one already."""
    assert ask("PUT", ONE, If_Match="none-yet").status == 412
    first = ask("PUT", ONE, If_None_Match="*").json()["etag"]
    assert ask("PUT", ONE, If_None_Match="*").status == 412
    second = ask("PUT", ONE, If_Match=first).json()["etag"]
    assert ask("PUT", ONE, If_Match=first).json()["error"]["code"] == "PreconditionFailed"
    assert ask("DELETE", If_Match=first).status == 412
    assert ask("DELETE", If_Match=second).status == 200


def test_a_set_is_deleted_once(ask: Ask) -> None:
    """200, then 204; reading is 404 NotFound."""
    ask("PUT", ONE)
    assert ask("DELETE").status == 200
    assert ask("DELETE").status == 204
    assert ask("GET").status == 404
    assert ask("GET").json()["error"]["code"] == "NotFound"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"properties": {"TTL": 0, "TXTRecords": [{"value": ["a"]}]}},
        {"properties": {"TTL": 60, "TXTRecords": []}},
        {"properties": {"TTL": 60, "TXTRecords": [{"value": ["a" * 256]}]}},
        {"properties": {"TTL": 60, "TXTRecords": [{"value": ["a"]}] * 401}},
        {"properties": {"TTL": 60, "TXTRecords": [{"value": ["a" * 200]}] * 21}},
        {"properties": {"TTL": 60, "TXTRecords": [{"value": [1]}]}},
    ],
)
def test_what_is_no_record_set_is_refused(ask: Ask, body: object) -> None:
    """400 BadRequest, and nothing is kept."""
    assert ask("PUT", body).status == 400
    assert ask("GET").status == 404


def test_rights_are_by_identity_and_zone(ask: Ask, azure: LocalAzure, zone: str) -> None:
    """403 names the action and the scope; a grant for the zone gives it back."""
    azure.dns.rights("dns-reader", ["read"])
    assert ask("GET", identity="dns-reader").status == 404
    refused = ask("PUT", ONE, identity="dns-reader")
    assert refused.status == 403
    assert refused.json()["error"]["code"] == "AuthorizationFailed"
    assert "TXT/write' over scope" in refused.json()["error"]["message"]
    azure.dns.rights("dns-reader", ["read", "write"], zone)
    assert ask("PUT", ONE, identity="dns-reader").status == 201
    assert ask("DELETE", identity="dns-reader").status == 403


@pytest.mark.parametrize(
    ("lock", "put", "delete"), [("CanNotDelete", 200, 409), ("ReadOnly", 409, 409), ("", 200, 200)]
)
def test_locks_hold(ask: Ask, azure: LocalAzure, zone: str, *, lock: str, put: int, delete: int) -> None:
    """409 ScopeLocked to what the lock forbids."""
    ask("PUT", ONE)
    azure.dns.zone(zone, lock=lock)
    assert ask("PUT", ONE).status == put
    refused = ask("DELETE")
    assert refused.status == delete
    assert delete == 200 or refused.json()["error"]["code"] == "ScopeLocked"


def test_another_services_token_is_refused(ask: Ask) -> None:
    """The audience must be Resource Manager's."""
    assert ask("GET", resource="https://vault.azure.net").status == 401


def test_another_version_is_refused(ask: Ask) -> None:
    """Only 2018-05-01 is played."""
    assert ask("GET", version="2023-07-01-preview").status == 400


def test_a_zone_in_another_group_is_not_there(ask: Ask, zone: str) -> None:
    """404 of the parent, which is not the 404 of a set."""
    path = f"/subscriptions/x/resourceGroups/y/providers/Microsoft.Network/dnsZones/{zone}/TXT/a"
    assert ask("GET", path=path).json()["error"]["code"] == "ParentResourceNotFound"


def test_a_zone_names_its_servers(ask: Ask, zone: str) -> None:
    """As a person reads them to delegate it."""
    found = ask("GET", path=f"{GROUP}/providers/Microsoft.Network/dnszones/{zone}").json()
    assert found["properties"]["nameServers"] == ["ns1-01.azure-dns.com.", "ns2-01.azure-dns.net."]


def test_what_is_not_played_says_so(ask: Ask) -> None:
    """404, in words of our own."""
    refused = ask("GET", path=f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv")
    assert refused.status == 404
    assert "localazure does not play" in refused.json()["error"]["message"]


def test_faults_strike_it(ask: Ask, azure: LocalAzure, zone: str) -> None:
    """As every stand-in."""
    azure.fault("arm", path=f"*/{zone}/*", status=429, retry_after=3, times=1)
    struck = ask("GET")
    assert (struck.status, struck.headers["Retry-After"]) == (429, "3")
    assert ask("GET").status == 404
