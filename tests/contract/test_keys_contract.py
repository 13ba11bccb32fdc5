"""The contract of Keys, clause by clause: the fake, the local Azure, and live Azure where a vault is named.

Live: PERENNIAL_LIVE_KEYS is the address of a vault in which the login may read, create and sign with keys.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from azure.core.rest import HttpRequest

from localazure.client import LocalAzure
from perennial.adapters import clients
from perennial.adapters.keys import KeyVaultKeys
from perennial.errors import Forbidden, Refused, Throttled, Unclear, Unreachable, VaultError
from perennial.ports.keys import Keys
from tests.contract import local
from tests.memory.keys import MemoryKeys, holds

DIGEST = hashlib.sha256(b"a request to a CA").digest()
LIVE = os.environ.get("PERENNIAL_LIVE_KEYS", "")
SERIAL = itertools.count(1)


@dataclass
class KeysStage:
    """A vault of keys, and what may happen to it."""

    keys: Keys
    memory: MemoryKeys | None = None
    azure: LocalAzure | None = None
    vault: str = ""

    def name(self) -> str:
        """Return a name that was never used."""
        return f"acme-{next(SERIAL)}-{time.time_ns() % 10**9}"

    def break_by(self, error: VaultError, **fault: object) -> None:
        """Let the next calls end so."""
        if self.memory is not None:
            self.memory.refuses = error
        elif self.azure is not None:
            self.azure.fault("keyvault", path=f"{self.vault}.vault.azure.net/*", **fault)

    def forbid(self) -> None:
        """Take all rights away."""
        if self.memory is not None:
            self.memory.refuses = Forbidden(self.memory.vault, "403", code="ForbiddenByRbac")
        elif self.azure is not None:
            self.azure.grant("perennial", [], self.vault)


def _local(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> KeysStage:
    azure: LocalAzure = request.getfixturevalue("azure")
    vault = f"kv-keys-{next(SERIAL)}"
    azure.create_vault(vault, keys_of="perennial")
    identity = local.app_identity(local.point_at(azure, monkeypatch))
    address = f"https://{vault}.vault.azure.net"
    return KeysStage(KeyVaultKeys(lambda: clients.key_client(address, identity)), azure=azure, vault=vault)


@pytest.fixture(params=["memory", "local"])
def breakable(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeysStage]:
    """A vault whose service can be broken."""
    if request.param == "memory":
        memory = MemoryKeys()
        yield KeysStage(memory, memory=memory)
        return
    stage = _local(request, monkeypatch)
    yield stage
    assert stage.azure is not None
    stage.azure.clear_faults()


@pytest.fixture(params=["memory", "local", *(["live"] if LIVE else [])])
def stage(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> KeysStage:
    """A vault of accounts' keys."""
    if request.param == "memory":
        return KeysStage(MemoryKeys())
    if request.param == "live":
        identity = local.live_identity()
        return KeysStage(KeyVaultKeys(lambda: clients.key_client(LIVE, identity)))
    return _local(request, monkeypatch)


def test_get_returns_the_newest_version(stage: KeysStage) -> None:
    """A key made again is another version under the same name."""
    name = stage.name()
    first = stage.keys.create(name)
    assert stage.keys.get(name) == first
    second = stage.keys.create(name)
    assert stage.keys.get(name) == second
    assert (second.id, second.x) != (first.id, first.x)


def test_get_of_an_unknown_name_is_none(stage: KeysStage) -> None:
    """Where there is no key there is no error."""
    assert stage.keys.get(stage.name()) is None


def test_read_returns_an_older_version(stage: KeysStage) -> None:
    """A version is found by its address, whatever came after it."""
    name = stage.name()
    first = stage.keys.create(name)
    stage.keys.create(name)
    assert stage.keys.read(first.id) == first


def test_read_of_an_unknown_version_is_none(stage: KeysStage) -> None:
    """An address that leads nowhere is no error."""
    known = stage.keys.create(stage.name())
    assert stage.keys.read(known.id.rpartition("/")[0] + "/" + "0" * 32) is None


def test_sign_returns_r_and_s(stage: KeysStage) -> None:
    """64 bytes that are the key's signature over the digest, and over no other."""
    key = stage.keys.create(stage.name())
    signatures = [stage.keys.sign(key.id, DIGEST) for _ in range(4)]
    assert all(holds(key, DIGEST, one) for one in signatures)
    assert not holds(key, hashlib.sha256(b"another").digest(), signatures[0])


def test_an_older_version_still_signs(stage: KeysStage) -> None:
    """A rollover needs both."""
    name = stage.name()
    first = stage.keys.create(name)
    second = stage.keys.create(name)
    assert holds(first, DIGEST, stage.keys.sign(first.id, DIGEST))
    assert not holds(second, DIGEST, stage.keys.sign(first.id, DIGEST))


def test_sign_with_an_unknown_key_is_refused(stage: KeysStage) -> None:
    """Nothing is signed by a key that is no more."""
    known = stage.keys.create(stage.name())
    with pytest.raises(Refused):
        stage.keys.sign(known.id.rpartition("/")[0] + "/" + "0" * 32, DIGEST)


def test_a_digest_of_another_length_is_refused(stage: KeysStage) -> None:
    """ES256 signs 32 bytes."""
    key = stage.keys.create(stage.name())
    with pytest.raises(Refused):
        stage.keys.sign(key.id, DIGEST[:-1])


def test_a_coordinate_has_32_bytes(stage: KeysStage) -> None:
    """A number that begins with zeros is not shortened."""
    key = stage.keys.create(stage.name())
    assert (len(key.x), len(key.y)) == (32, 32)


def test_throttled(breakable: KeysStage) -> None:
    """429 is told with its Retry-After, at once, by each method."""
    key = breakable.keys.create(name := breakable.name())
    error = Throttled("kv", "429", retry_after=timedelta(seconds=7))
    breakable.break_by(error, status=429, retry_after=7)
    for call in (
        lambda: breakable.keys.get(name),
        lambda: breakable.keys.read(key.id),
        lambda: breakable.keys.create(name),
        lambda: breakable.keys.sign(key.id, DIGEST),
    ):
        with pytest.raises(Throttled) as raised:
            call()
        assert raised.value.retry_after == timedelta(seconds=7)


def test_forbidden(breakable: KeysStage) -> None:
    """A lost role is told by each method."""
    key = breakable.keys.create(name := breakable.name())
    breakable.forbid()
    for call in (
        lambda: breakable.keys.get(name),
        lambda: breakable.keys.read(key.id),
        lambda: breakable.keys.create(name),
        lambda: breakable.keys.sign(key.id, DIGEST),
    ):
        with pytest.raises(Forbidden):
            call()


def test_unreachable(breakable: KeysStage) -> None:
    """A look, and a signature, that get a 500 or no answer had no effect."""
    key = breakable.keys.create(name := breakable.name())
    breakable.break_by(Unreachable("kv", "500"), status=500)
    for call in (
        lambda: breakable.keys.get(name),
        lambda: breakable.keys.read(key.id),
        lambda: breakable.keys.sign(key.id, DIGEST),
    ):
        with pytest.raises(Unreachable):
            call()


def test_a_creation_without_answer_is_unclear(breakable: KeysStage) -> None:
    """It may have made a version, and is not sent twice."""
    name = breakable.name()
    breakable.break_by(Unclear("kv", "500"), status=500, after_effect=True)
    with pytest.raises(Unclear):
        breakable.keys.create(name)
    if breakable.azure is not None:
        breakable.azure.clear_faults()
        sent = breakable.azure.requests("keyvault", host=f"{breakable.vault}.vault.azure.net", authenticated=True)
        assert [one["method"] for one in sent] == ["POST"]
        assert breakable.keys.get(name) is not None


def test_the_local_vault_gives_no_key_out(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the app's identity may do with its keys is read, create and sign: no export, no backup, no deletion."""
    vault = f"kv-keys-{next(SERIAL)}"
    azure.create_vault(vault, keys_of="perennial")
    identity = local.app_identity(local.point_at(azure, monkeypatch))
    client = clients.key_client(f"https://{vault}.vault.azure.net", identity)
    KeyVaultKeys(lambda: client).create("acme-le")
    for method, path in (("POST", "backup"), ("POST", "release"), ("POST", "decrypt"), ("DELETE", "")):
        answer = client.send_request(HttpRequest(method, f"/keys/acme-le/{path}".rstrip("/"), json={}))
        assert answer.status_code in (400, 403, 404, 405), (path, answer.status_code)
    shown = client.send_request(HttpRequest("GET", "/keys/acme-le/")).json()["key"]
    assert sorted(set(shown) & {"d", "p", "q", "k", "x", "y"}) == ["x", "y"]


def test_an_answer_that_is_no_p256_key_is_refused(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of another kind under the name, made by a person, is told as what it is."""
    vault = f"kv-keys-{next(SERIAL)}"
    azure.create_vault(vault, keys_of="perennial")
    identity = local.app_identity(local.point_at(azure, monkeypatch))
    client = clients.key_client(f"https://{vault}.vault.azure.net", identity)
    client.send_request(
        HttpRequest("POST", "/keys/acme-rsa/create", json={"kty": "RSA", "key_size": 2048})
    ).raise_for_status()
    with pytest.raises(Refused, match="not EC P-256"):
        KeyVaultKeys(lambda: client).get("acme-rsa")
