"""Backup and restore: the same version ids and times come back, without the operation."""

from __future__ import annotations

import base64
import json
from typing import cast

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import serialization

from localazure.keyvault import errors, shapes
from localazure.keyvault.ask import Answer, Ask, Json
from localazure.keyvault.keys import PrivateKey, private_bytes
from localazure.keyvault.store import Certificate, Version

MAGIC = b"&AzureKeyVaultKeyBackupV1.microsoft.com"  # recorded
PLAIN = ("id", "created", "updated", "nbf", "exp", "enabled", "tags", "preserve_order", "content_type", "exportable")


async def back_up(ask: Ask) -> Answer:
    """POST /certificates/{name}/backup: an opaque text that holds the key, encrypted."""
    certificate = ask.certificate()
    content = {
        "name": certificate.name,
        "policy": certificate.policy,
        "current": certificate.current.id if certificate.current else None,
        "versions": [packed(version) for version in certificate.versions.values()],
    }
    sealed = Fernet(ask.world.backup_key).encrypt(json.dumps(content).encode())
    return Answer({"value": base64.urlsafe_b64encode(MAGIC + sealed).rstrip(b"=").decode()})


def packed(version: Version) -> Json:
    """Return a version as JSON."""
    body: Json = {name: getattr(version, name) for name in PLAIN}
    body["chain"] = [base64.b64encode(one).decode() for one in version.chain]
    body["der"] = base64.b64encode(version.der).decode()
    body["key"] = base64.b64encode(private_bytes(version.key)).decode() if version.key else None
    return body


def unpacked(body: Json) -> Version:
    """Return a version from its JSON."""
    key = serialization.load_der_private_key(base64.b64decode(body["key"]), None) if body["key"] else None
    chain = tuple(base64.b64decode(one) for one in body["chain"])
    plain = {name: body[name] for name in PLAIN}
    return Version(**plain, key=cast("PrivateKey | None", key), der=base64.b64decode(body["der"]), chain=chain)


def opened(ask: Ask) -> Json:
    """Return the content of a backup. Raises Refused."""
    value = ask.body.get("value")
    try:
        octets = base64.urlsafe_b64decode(str(value) + "=" * (-len(str(value)) % 4))
        if not octets.startswith(MAGIC):
            raise errors.bad_backup()
        content: Json = json.loads(Fernet(ask.world.backup_key).decrypt(octets.removeprefix(MAGIC)))
    except (ValueError, InvalidToken) as refused:
        raise errors.bad_backup() from refused
    return content


async def restore(ask: Ask) -> Answer:
    """POST /certificates/restore: 409 while the name is in use, deleted or not yet purged (recorded)."""
    content, vault = opened(ask), ask.vault
    name = str(content["name"])
    if name.lower() in vault.live or name.lower() in vault.deleted:
        raise errors.restore_conflict(f"{ask.root}/certificates/{name}/{content['current']}")
    certificate = Certificate(name, content["policy"])
    for body in content["versions"]:
        version = unpacked(body)
        certificate.versions[version.id] = version
    certificate.current = certificate.versions.get(content["current"])
    vault.add(certificate)
    return Answer(shapes.bundle(ask, certificate, certificate.current) if certificate.current else {})
