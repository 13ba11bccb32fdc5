"""The session of Azure's clients sends what Requests itself would send, and reads no more than it needs for that."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from perennial.adapters.session import AzureSession

HOST = "https://account.table.core.windows.net"
TOKEN = {"Authorization": "Bearer of-ours", "User-Agent": "azsdk-python", "x-ms-version": "2019-02-02"}


class Wire(BaseAdapter):
    """Takes down what would go over the wire."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **asked: Any) -> requests.Response:
        """Answer 200."""
        names = ("stream", "timeout", "verify", "cert", "proxies")
        around = dict(zip(names, args, strict=False)) | asked
        proxies = {scheme: str(url) for scheme, url in (around["proxies"] or {}).items()}
        self.sent.append(
            {
                "method": request.method,
                "url": request.url,
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "body": request.body.encode() if isinstance(request.body, str) else request.body,
                "timeout": around["timeout"],
                "verify": around["verify"],
                "cert": around["cert"],
                "proxies": proxies,
            }
        )
        response = requests.Response()
        response.status_code, response.url, response.request = 200, str(request.url), request
        response.headers, response.raw = CaseInsensitiveDict(), io.BytesIO(b"{}")
        return response

    def close(self) -> None:
        """Nothing is open."""


def sent_by(session: requests.Session, method: str, url: str, **asked: Any) -> dict[str, Any]:
    """Return what a session would send."""
    wire = Wire()
    session.mount("https://", wire)
    answer = session.request(method, url, headers=dict(TOKEN), timeout=(5, 20), allow_redirects=False, **asked)
    assert (answer.status_code, answer.content) == (200, b"{}")
    (one,) = wire.sent
    return one


def as_signed(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request as it is."""
    return request


REQUESTS = [
    ("GET", f"{HOST}/history(PartitionKey='kv-orders%3Awww',RowKey='0001')", {}),
    ("GET", f"{HOST}/inventory?$filter=PartitionKey%20eq%20%27kv%27&$top=25", {"verify": True}),
    ("GET", f"{HOST}/inventory?$filter=a blank and an ü", {}),
    ("GET", f"{HOST}/inventory?$filter=<half%20quoted>&more=100%", {}),
    ("GET", "https://ACCOUNT.table.core.windows.net/Tables", {}),
    ("PUT", f"{HOST}/inventory(PartitionKey='a',RowKey='b')", {"data": b'{"a": 1}'}),
    ("POST", f"{HOST}/inventory", {"data": '{"owner": "Zoë"}', "verify": "/etc/ca.pem"}),
    ("POST", f"{HOST}/inventory", {"data": {"a": "form"}}),
    ("POST", f"{HOST}/$batch", {"data": io.BytesIO(b"a stream")}),
    ("POST", f"{HOST}/messages", {"data": b""}),
    ("DELETE", f"{HOST}/inventory(PartitionKey='a',RowKey='b')", {}),
    ("DELETE", f"{HOST}/inventory(PartitionKey='a',RowKey='b')", {"data": None, "files": None, "cert": None}),
    ("HEAD", HOST, {}),
    ("GET", f"{HOST}/a", {"proxies": {"https": "http://chosen.example:3128"}}),
]
SURROUNDINGS: list[dict[str, str]] = [
    {},
    {"HTTPS_PROXY": "http://127.0.0.1:7080", "REQUESTS_CA_BUNDLE": "/etc/other.pem"},
    {"HTTPS_PROXY": "http://127.0.0.1:7080", "NO_PROXY": "account.table.core.windows.net"},
]


@pytest.mark.parametrize("surroundings", SURROUNDINGS, ids=["bare", "proxy", "past the proxy"])
@pytest.mark.parametrize(("method", "url", "asked"), REQUESTS)
def test_what_goes_out_is_what_requests_would_send(
    method: str,
    url: str,
    asked: dict[str, Any],
    surroundings: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Method, address, headers, body, proxies, and whom to trust: the same, for each kind of request that an SDK makes."""
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, text in surroundings.items():
        monkeypatch.setenv(name, text)
    plain = requests.Session()
    plain.auth = as_signed
    expected = sent_by(plain, method, url, **asked)
    for body in (asked.get("data"), expected["body"]):
        if isinstance(body, io.BytesIO):
            body.seek(0)
    ours = sent_by(AzureSession(1, 1), method, url, **asked)
    assert ours == expected


def test_nothing_of_a_netrc_is_put_in_place_of_the_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Requests would; for a request that is made as ever too."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine account.table.core.windows.net login somebody password theirs\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    assert sent_by(requests.Session(), "GET", HOST)["headers"]["authorization"].startswith("Basic ")
    for asked in ({}, {"data": {"a": "form"}}):
        assert sent_by(AzureSession(1, 1), "POST", HOST, **asked)["headers"]["authorization"] == "Bearer of-ours"


def test_each_host_has_surroundings_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """One past the proxy, another through it; they hold for as long as the session does."""
    for name in ("https_proxy", "no_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:7080")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    session = AzureSession(2, 1)
    for _ in range(2):
        assert "https" not in sent_by(session, "GET", "https://127.0.0.1:10002/account/table")["proxies"]
        assert sent_by(session, "GET", f"{HOST}/table")["proxies"]["https"] == "http://127.0.0.1:7080"
