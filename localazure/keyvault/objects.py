"""The key and the secret that every certificate version has under its own name and id."""

from __future__ import annotations

import asyncio
import base64

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from localazure.keyvault import errors, shapes
from localazure.keyvault.ask import Answer, Ask, Json
from localazure.keyvault.keys import jwk
from localazure.keyvault.policy import CONTENT_TYPES
from localazure.keyvault.store import Certificate, Version

OPERATIONS = {
    "RSA": ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"],
    "EC": ["sign", "verify"],
}


def chosen(ask: Ask, kind: str) -> tuple[Certificate, Version]:
    """Return the finished version that the path names, if its key and secret may be read. Raises Refused."""
    try:
        certificate, version = ask.chosen()
    except errors.Refused as refused:
        raise missing(ask, kind) from refused
    if not version.der:
        raise missing(ask, kind)
    if not version.enabled:
        raise errors.disabled(kind)
    return certificate, version


def missing(ask: Ask, kind: str) -> errors.Refused:
    """Name a key or secret that is not there."""
    asked = f"{ask.name}/{ask.version}" if ask.version else ask.name
    return errors.Refused(
        404, f"{kind}NotFound", f"A {kind.lower()} with (name/id) {asked} was not found in this key vault."
    )


async def read_secret(ask: Ask) -> Answer:
    """GET /secrets/{name}[/{version}]: the chain and, if exportable, the key; a PFX has an empty password (recorded)."""
    certificate, version = chosen(ask, "Secret")
    path = f"{certificate.name}/{version.id}"
    body: Json = {
        "value": await asyncio.to_thread(content, version),
        "contentType": version.content_type,
        "id": f"{ask.root}/secrets/{path}",
        "managed": True,
        "attributes": shapes.attributes(ask, version) | shapes.recoverable(ask),
    }
    if version.tags:
        body["tags"] = version.tags
    return Answer(body | {"kid": f"{ask.root}/keys/{path}"})


def content(version: Version) -> str:
    """Return the value of a version's secret."""
    chain = [x509.load_der_x509_certificate(der) for der in version.chain]
    key = version.key if version.exportable else None
    if version.content_type == CONTENT_TYPES[0]:
        leaf = next(one for one in chain if one.public_bytes(serialization.Encoding.DER) == version.der)
        others = [one for one in chain if one is not leaf]
        secret = serialization.NoEncryption()
        return base64.b64encode(pkcs12.serialize_key_and_certificates(None, key, leaf, others, secret)).decode()
    parts = [one.public_bytes(serialization.Encoding.PEM) for one in chain]
    if key:
        form = serialization.PrivateFormat.PKCS8
        parts.insert(0, key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return b"".join(parts).decode()


async def read_key(ask: Ask) -> Answer:
    """GET /keys/{name}[/{version}]: the public part."""
    certificate, version = chosen(ask, "Key")
    assert version.key
    kid = f"{ask.root}/keys/{certificate.name}/{version.id}"
    public = jwk(version.key.public_key())
    kind = "EC" if "crv" in public else "RSA"
    body: Json = {
        "key": {"kid": kid, "kty": kind, "key_ops": OPERATIONS[kind]} | public,
        "attributes": shapes.attributes(ask, version) | shapes.recoverable(ask),
    }
    if version.tags:
        body["tags"] = version.tags
    return Answer(body | {"managed": True})
