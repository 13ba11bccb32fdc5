"""The management port says what it can do, and what is wrong with an order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from localazure.client import LocalAzure, LocalAzureError
from tests.localazure.outside import Outside


def test_the_root_lists_every_operation(azure: LocalAzure, outside: Outside) -> None:
    """GET / names the operations with a sentence each, and where everything listens."""
    found = outside.direct.request("GET", f"http://127.0.0.1:{azure.ready.management}/").json()
    assert found["ports"]["proxy"] == azure.ready.proxy
    assert {"GET /requests", "POST /faults", "PUT /delivery", "POST /events/{id}/redeliver", "GET /topic"} <= set(
        found["operations"]
    )
    assert all(found["operations"].values())


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/faults", b'{"service": "keyvault", "status": "x"}', "status"),
        ("POST", "/faults", b'{"service": "nothing", "status": 500}', "service"),
        ("POST", "/faults", b'{"service": "keyvault"}', "status"),
        ("POST", "/faults", b'{"service": "keyvault", "delay": 1, "retry_after": 1}', "status"),
        ("POST", "/faults", b'{"service": "keyvault", "status": 500, "sometimes": 1}', "sometimes"),
        ("POST", "/faults", b'{"status": 500}', "service"),
        ("POST", "/faults", b"{", ""),
        ("POST", "/vaults", b'{"name": "a_b"}', "name"),
        ("POST", "/vaults", b'{"name": "kv-a", "deliver_to": "host"}', "deliver_to"),
        ("POST", "/vaults", b'{"name": "kv-a", "schema": "custom"}', "schema"),
        ("POST", "/vaults/kv-nobody/certificates", b'{"count": 1, "not_after": "2030-01-01T00:00:00Z"}', "vault"),
        ("PUT", "/delivery", b'{"duplicate": -1}', "duplicate"),
        ("POST", "/events/nothing/redeliver", b"", "id"),
        ("GET", "/nothing", b"", "path"),
    ],
)
def test_a_bad_order_is_refused_by_field(
    azure: LocalAzure, outside: Outside, *, method: str, path: str, body: bytes, field: str
) -> None:
    """The error names the field that is wrong and says how."""
    answer = outside.direct.request(method, f"http://127.0.0.1:{azure.ready.management}{path}", body=body)
    assert 400 <= answer.status < 500
    error = answer.json()["error"]
    assert error["field"] == field
    assert error["message"]


def test_not_after_must_say_its_offset(azure: LocalAzure, vault: str) -> None:
    """A time without an offset is refused rather than guessed."""
    naive = datetime(2030, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(LocalAzureError, match="not_after"):
        azure.fill(vault, 1, naive)


def test_a_vault_is_filled_for_benches(azure: LocalAzure, outside: Outside, vault: str) -> None:
    """As many certificates as asked for are listed by the vault."""
    names = azure.fill(vault, 30, datetime.now(UTC) + timedelta(days=90), prefix="bench")
    assert len(names) == 30
    page = outside.vault("GET", f"{vault}.vault.azure.net", "/certificates").json()
    assert {item["id"].rpartition("/")[2] for item in page["value"]} <= set(names)
