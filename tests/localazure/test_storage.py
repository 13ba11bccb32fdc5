"""The proxy before Azurite changes nothing but what a fault asks for."""

from __future__ import annotations

from localazure.client import LocalAzure
from tests.localazure.outside import Outside

HEADERS = {"x-ms-version": "2021-12-02"}


def test_a_head_tells_the_size_of_what_it_does_not_send(azure: LocalAzure, outside: Outside, account: str) -> None:
    """Content-Length and ETag of a blob come through on HEAD, the bytes on GET, compressed types or not."""
    base = f"https://127.0.0.1:{azure.ready.blob}/{account}"
    headers = HEADERS | {"Authorization": outside.token("https://storage.azure.com")}
    assert outside.direct.request("PUT", f"{base}/box?restype=container", headers=headers).status == 201
    kept = {"x-ms-blob-content-encoding": "gzip", "Content-Encoding": "gzip"}
    put = headers | kept | {"x-ms-blob-type": "BlockBlob"}
    assert outside.direct.request("PUT", f"{base}/box/a%20b%2Bc", headers=put, body=b"\x1f\x8bnot really").status == 201
    head = outside.direct.request("HEAD", f"{base}/box/a%20b%2Bc", headers=headers)
    got = outside.direct.request("GET", f"{base}/box/a%20b%2Bc", headers=headers, decode_content=False)
    assert head.headers["Content-Length"] == "12"
    assert got.data == b"\x1f\x8bnot really"
    assert (got.headers["Content-Encoding"], head.headers["ETag"]) == ("gzip", got.headers["ETag"])


def test_a_token_for_another_service_is_refused(azure: LocalAzure, outside: Outside, account: str) -> None:
    """Azurite checks the audience: a vault's token opens no table; neither does none."""
    url = f"https://127.0.0.1:{azure.ready.table}/{account}/Tables"
    wrong = outside.token("https://vault.azure.net")
    assert outside.direct.request("GET", url, headers=HEADERS | {"Authorization": wrong}).status in {401, 403}
    assert outside.direct.request("GET", url, headers=HEADERS).status in {401, 403}


def test_accounts_know_nothing_of_each_other(azure: LocalAzure, outside: Outside) -> None:
    """A container of one account is not there in the next, and an unknown account is not there at all."""
    headers = HEADERS | {"Authorization": outside.token("https://storage.azure.com")}
    first, second, unknown = (
        f"https://127.0.0.1:{azure.ready.blob}/{name}/mine?restype=container" for name in ("st038", "st039", "st999")
    )
    assert outside.direct.request("PUT", first, headers=headers).status == 201
    assert outside.direct.request("GET", second, headers=headers).status == 404
    assert outside.direct.request("GET", unknown, headers=headers).status in {400, 403, 404}
