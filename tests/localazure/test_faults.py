"""Faults strike what they name, before or after the effect, and no more often than asked; every request is logged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import urllib3

from localazure.client import LocalAzure
from tests.localazure.outside import Outside

STORAGE = "https://storage.azure.com"
POLICY = {"policy": {"issuer": {"name": "Self"}, "x509_props": {"subject": "CN=www.example"}}}


@pytest.fixture(autouse=True)
def no_faults_left(azure: LocalAzure) -> Iterator[None]:
    """Each test begins and ends without faults."""
    azure.clear_faults()
    yield
    azure.clear_faults()


def table(outside: Outside, azure: LocalAzure, account: str, name: str) -> urllib3.BaseHTTPResponse:
    """Create a table by a bare request, as no client's retries should be in the way."""
    return outside.direct.request(
        "POST",
        f"https://127.0.0.1:{azure.ready.table}/{account}/Tables",
        headers={
            "Authorization": outside.token(STORAGE),
            "x-ms-version": "2019-02-02",
            "Accept": "application/json;odata=minimalmetadata",
        },
        json={"TableName": name},
    )


def test_a_fault_strikes_as_often_as_asked(azure: LocalAzure, outside: Outside, vault: str) -> None:
    """429 with Retry-After twice, then the vault's own answer."""
    azure.fault("keyvault", status=429, retry_after=7, path=f"{vault}.*", times=2)
    host = f"{vault}.vault.azure.net"
    answers = [outside.vault("GET", host, "/certificates") for _ in range(3)]
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["error"]["code"] == "Throttled"
    seen = azure.requests("keyvault", host=host)
    assert [one["fault"] is not None for one in seen] == [True, True, False]


def test_a_faults_answer_carries_the_headers_given(azure: LocalAzure, outside: Outside, vault: str) -> None:
    """401 with a challenge, as the real service answers a token that has expired."""
    azure.fault("keyvault", status=401, path=f"{vault}.*", headers={"WWW-Authenticate": "Bearer"}, times=1)
    answer = outside.vault("GET", f"{vault}.vault.azure.net", "/certificates")
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_fault_strikes_only_what_it_names(azure: LocalAzure, outside: Outside, vault: str) -> None:
    """Another host, path, method or service is left alone."""
    host = f"{vault}.vault.azure.net"
    azure.fault("keyvault", status=500, path="kv-other.vault.azure.net/*")
    azure.fault("keyvault", status=500, path="/keys*")
    azure.fault("keyvault", status=500, path="/certificates", method="post")
    azure.fault("storage", status=500)
    assert outside.vault("GET", host, "/certificates").status == 200
    azure.fault("keyvault", status=500, path="/certificates", method="get")
    assert outside.vault("GET", host, "/certificates").status == 500


def test_the_challenge_handshake_is_never_struck(azure: LocalAzure, outside: Outside, vault: str) -> None:
    """A request without a token still meets the challenge, so that `times` counts real requests."""
    azure.fault("keyvault", status=503)
    assert outside.http.request("GET", f"https://{vault}.vault.azure.net/certificates").status == 401


def test_before_the_effect_nothing_happens(azure: LocalAzure, outside: Outside, account: str) -> None:
    """A table whose creation was struck before its effect can be created afterwards."""
    azure.fault("storage-table", status=500, path=f"/{account}/*", times=1)
    assert [table(outside, azure, account, "things").status for _ in range(2)] == [500, 201]


def test_after_the_effect_it_has_happened(azure: LocalAzure, outside: Outside, account: str) -> None:
    """A table whose creation was struck after its effect exists: the second try meets a conflict."""
    azure.fault("storage-table", status=500, path=f"/{account}/*", times=1, after_effect=True)
    assert [table(outside, azure, account, "things").status for _ in range(2)] == [500, 409]


@pytest.mark.parametrize(("after_effect", "second"), [(False, 201), (True, 409)])
def test_a_connection_can_be_dropped(
    azure: LocalAzure, outside: Outside, account: str, after_effect: bool, second: int
) -> None:
    """The client sees a cut connection, before or after the effect; the log has status 0."""
    azure.fault("storage", drop=True, path=f"/{account}/*", times=1, after_effect=after_effect)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        table(outside, azure, account, "things")
    assert table(outside, azure, account, "things").status == second
    asked = [one["status"] for one in azure.requests("storage") if f"/{account}/" in one["path"]]
    assert asked == [0, second]


def test_a_delay_alone_passes_the_request_on(azure: LocalAzure, outside: Outside, account: str) -> None:
    """The answer is the service's, later."""
    azure.clear_requests("storage")
    azure.fault("storage-table", delay=0.3, path=f"/{account}/*", times=1)
    assert table(outside, azure, account, "things").status == 201
    asked = [one for one in azure.requests("storage") if f"/{account}/" in one["path"]]
    assert asked[-1]["seconds"] >= 0.3


def test_a_body_can_be_anything(azure: LocalAzure, outside: Outside, vault: str) -> None:
    """A 200 whose JSON is broken reaches the client as it was given."""
    azure.fault("keyvault", status=200, body='{"value": [', path=f"{vault}.*")
    assert outside.vault("GET", f"{vault}.vault.azure.net", "/certificates").data == b'{"value": ['


@pytest.mark.parametrize(
    ("service", "port", "words"),
    [("storage-queue", "queue", b"<Code>ServerBusy</Code>"), ("storage-table", "table", b'"code": "ServerBusy"')],
)
def test_storage_speaks_its_own_language(
    azure: LocalAzure, outside: Outside, service: str, port: str, words: bytes
) -> None:
    """A 503 of a queue is XML, of a table JSON, each with the documented code."""
    azure.fault(service, status=503, path="/st-fault/*")
    answer = outside.direct.request("GET", f"https://127.0.0.1:{getattr(azure.ready, port)}/st-fault/x")
    assert answer.status == 503
    assert words in answer.data
    assert answer.headers["x-ms-error-code"] == "ServerBusy"


def test_the_identity_endpoint_can_fail_too(azure: LocalAzure, outside: Outside) -> None:
    """A fault of the service `identity` refuses tokens until it is cleared."""
    azure.fault("identity", status=500)
    url = f"http://127.0.0.1:{azure.ready.identity}/msi/token"
    assert outside.direct.request("GET", url).status == 500
    azure.clear_faults()
    assert outside.direct.request("GET", url).status == 403


def test_the_log_tells_who_asked_what(azure: LocalAzure, outside: Outside, vault: str) -> None:
    """Service, method, host, path, query, status, identity; requests without a token are told apart."""
    host = f"{vault}.vault.azure.net"
    outside.http.request("GET", f"https://{host}/certificates?api-version=7.4")
    outside.vault("GET", host, "/certificates")
    anonymous, known = azure.requests("keyvault", host=host)
    assert (anonymous["authenticated"], anonymous["status"], anonymous["identity"]) == (False, 401, None)
    assert (known["authenticated"], known["status"], known["identity"]) == (True, 200, "operator")
    assert (known["method"], known["path"], known["query"]) == ("GET", "/certificates", "api-version=7.4")
    azure.clear_requests("storage")
    assert len(azure.requests("keyvault", host=host)) == 2
    azure.clear_requests("keyvault")
    assert azure.requests("keyvault", host=host) == []


def test_a_token_is_never_in_the_log(azure: LocalAzure, outside: Outside, vault: str) -> None:
    """Neither the log of requests nor the process's own output holds a token."""
    outside.vault("POST", f"{vault}.vault.azure.net", "/certificates/www/create", POLICY)
    assert "eyJ" not in str(azure.requests())
    assert azure.log is not None
    assert "eyJ" not in azure.log.read_text()
