"""The proxy lets through what is played, and nothing else."""

from __future__ import annotations

import statistics
import time

import pytest
import urllib3

from localazure.client import LocalAzure
from localazure.environment import topic_endpoint
from localazure.names import service_of, vault_of
from tests.localazure.outside import Outside


def test_a_vault_that_exists_is_reached_under_its_own_name(outside: Outside, vault: str) -> None:
    """The TLS certificate, the Host and the challenge are those of the vault's Azure name."""
    answer = outside.http.request("GET", f"https://{vault}.vault.azure.net/certificates?api-version=7.4")
    assert answer.status == 401
    assert "https://vault.azure.net" in answer.headers["WWW-Authenticate"]


def test_a_vault_that_does_not_exist_fails_as_an_unknown_name_does(outside: Outside) -> None:
    """CONNECT to a vault that nobody created answers 502, so a client sees a failure to connect."""
    with pytest.raises(urllib3.exceptions.ProxyError, match="502"):
        outside.http.request("GET", "https://kv-nobody.vault.azure.net/certificates")


@pytest.mark.parametrize(
    "host", ["example.com", "vault.azure.net", "a.b.vault.azure.net", "kv-a.vault.azure.net.example.com"]
)
def test_every_other_name_is_refused(outside: Outside, azure: LocalAzure, host: str) -> None:
    """A name that is not played answers 403 to CONNECT, and the log says so."""
    with pytest.raises(urllib3.exceptions.ProxyError, match="403"):
        outside.http.request("GET", f"https://{host}/")
    assert azure.log is not None
    assert f"{host} is not played here" in azure.log.read_text()


def test_only_port_443_is_played(outside: Outside, vault: str) -> None:
    """Another port of a played name is refused."""
    with pytest.raises(urllib3.exceptions.ProxyError, match="403"):
        outside.http.request("GET", f"https://{vault}.vault.azure.net:8443/")


def test_plain_http_through_the_proxy_is_refused(outside: Outside) -> None:
    """The proxy takes CONNECT and no absolute URL, so nothing goes out unencrypted either."""
    assert outside.http.request("GET", "http://example.com/").status == 405


def test_a_name_without_a_stand_in_behind_it_says_what_is_not_played(outside: Outside) -> None:
    """Entra's sign-in answers, but with a 404 that names the request."""
    answer = outside.http.request("GET", "https://login.microsoftonline.com/organizations/v2.0")
    assert answer.status == 404
    assert "does not play GET https://login.microsoftonline.com/organizations" in answer.json()["error"]["message"]


@pytest.mark.parametrize("suffix", ["vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net"])
def test_vaults_have_their_name_in_every_cloud(suffix: str) -> None:
    """The host suffixes of the three clouds lead to Key Vault."""
    assert service_of(f"kv-a.{suffix}") == "keyvault"
    assert vault_of(f"kv-a.{suffix}") == "kv-a"
    assert vault_of(suffix) is None


def test_a_body_does_not_wait_for_a_delayed_acknowledgement(outside: Outside) -> None:
    """Requests with a body, which urllib3 sends in two pieces, do not take the 40 ms of a delayed acknowledgement."""
    headers = {"Authorization": outside.token("https://eventgrid.azure.net"), "Content-Type": "application/json"}
    times = []
    for _ in range(30):
        began = time.perf_counter()
        outside.http.request("POST", topic_endpoint("topic-times"), headers=headers, body=b"x" * 2000)
        times.append(time.perf_counter() - began)
    assert statistics.median(times[10:]) < 0.03


@pytest.mark.parametrize(("host", "status"), [("{vault}.vault.azure.net", 401), ("example.com", 404)])
def test_tls_straight_to_the_proxys_port_is_taken(azure: LocalAzure, vault: str, host: str, status: int) -> None:
    """A client that knows no proxies names a vault in TLS and in `Host`; a name that is not played leads nowhere there either."""
    name = host.format(vault=vault)
    port = azure.ready.proxy
    with urllib3.HTTPSConnectionPool("127.0.0.1", port, ca_certs=azure.ready.ca, server_hostname=name) as pool:
        answer = pool.request("GET", "/certificates?api-version=7.4", headers={"Host": name}, retries=False)
    assert answer.status == status
