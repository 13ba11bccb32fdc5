"""The SDK's own clients of keys, as anybody would use them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import SignatureAlgorithm

from localazure.keyvault.rights import OWN_KEYS
from tests.localazure.keyvault.house import Room
from tests.localazure.keyvault.sdk.entrance import Credential, Entrance

DIGEST = hashlib.sha256(b"an ACME request").digest()


def open_client(entrance: Entrance, room: Room, identity: str) -> KeyClient:
    """Return a client of a room."""
    return KeyClient(room.root, Credential(entrance.house, identity), **entrance.options())


@pytest.fixture
def client(entrance: Entrance, room: Room) -> Iterator[KeyClient]:
    """Open a client of a vault of the app's own, as the app."""
    entrance.house.vaults.grant("perennial", frozenset(OWN_KEYS), room.vault.name)
    with open_client(entrance, room, "perennial") as opened:
        yield opened


def test_a_key_is_made_read_and_listed(client: KeyClient) -> None:
    """The SDK reads its own type, curve, version and dates out of every answer."""
    made = client.create_ec_key("account", curve="P-256", tags={"for": "ca-one"})
    read = client.get_key("account")
    assert read.id == made.id
    assert read.properties.tags == {"for": "ca-one"}
    assert read.properties.exportable is False
    assert [one.name for one in client.list_properties_of_keys()] == ["account"]
    assert [one.version for one in client.list_properties_of_key_versions("account")] == [made.properties.version]


def test_the_crypto_client_signs_in_the_vault(client: KeyClient) -> None:
    """Its signature has r and s side by side, and its own verification, done with the public half, agrees."""
    client.create_ec_key("account", curve="P-256")
    crypto = client.get_cryptography_client("account")
    signature = crypto.sign(SignatureAlgorithm.es256, DIGEST).signature
    assert len(signature) == 64
    assert crypto.verify(SignatureAlgorithm.es256, DIGEST, signature).is_valid
    other = hashlib.sha256(b"another").digest()
    assert not crypto.verify(SignatureAlgorithm.es256, other, signature).is_valid


def test_the_sdk_names_what_is_not_there(client: KeyClient) -> None:
    """A key that nobody made is ResourceNotFoundError with Key Vault's code."""
    with pytest.raises(ResourceNotFoundError, match="KeyNotFound"):
        client.get_key("nobody")


def test_the_sdk_cannot_take_a_key_out(client: KeyClient) -> None:
    """Backup and release are 403 for the app."""
    client.create_ec_key("account", curve="P-256")
    for take in (client.backup_key, lambda name: client.release_key(name, "token")):
        with pytest.raises(HttpResponseError) as refused:
            take("account")
        assert refused.value.status_code == 403
