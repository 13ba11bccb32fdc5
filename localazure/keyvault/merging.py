"""Merging a chain into a pending certificate: nothing but the key is checked (recorded)."""

from __future__ import annotations

import asyncio
import base64
import binascii

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7

from localazure.keyvault import errors, issuance, shapes
from localazure.keyvault.ask import Answer, Ask
from localazure.keyvault.operations import enabled_of, pending_of, tags_of
from localazure.keyvault.store import CANCELLED, IN_PROGRESS, Operation

DER = serialization.Encoding.DER
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


async def merge(ask: Ask) -> Answer:
    """POST /certificates/{name}/pending/merge: 201 with the finished certificate and its address (recorded)."""
    certificate, operation = pending_of(ask)
    check_open(ask, operation)
    entries, tags = ask.body.get("x5c"), tags_of(ask.body)
    if not isinstance(entries, list) or not entries:
        raise errors.bad_parameter("Property x5c has invalid value X5C must has at least one valid item")
    chain = await asyncio.to_thread(read_chain, entries)
    leaf = leaf_of(chain, operation)
    if not issuance.open_still(ask.vault, certificate, operation):
        raise errors.no_pending(ask.name)
    if not operation.draft.preserve_order:
        chain.sort(key=lambda one: one is not leaf)  # the leaf first, the rest as received
    if "tags" in ask.body:
        operation.draft.tags = tags
    operation.enabled = enabled_of(ask.body, operation.enabled)
    period = int(leaf.not_valid_before_utc.timestamp()), int(leaf.not_valid_after_utc.timestamp())
    octets = tuple(one.public_bytes(DER) for one in chain)
    der = leaf.public_bytes(DER)
    issued = issuance.Issued(der, octets, period)
    version = issuance.complete(ask.world, ask.vault, certificate, operation, issued)
    location = f"{ask.root}/certificates/{certificate.name}?api-version={ask.api}"
    return Answer(shapes.bundle(ask, certificate, version), 201, {"Location": location})


def check_open(ask: Ask, operation: Operation) -> None:
    """Refuse to merge into an operation that has ended or that another issuer will end."""
    if operation.status == CANCELLED:
        raise errors.no_pending(ask.name)
    if operation.status != IN_PROGRESS:
        raise errors.not_in_progress()
    if operation.issuer.lower() != "unknown":
        text = "Merge is not allowed: the pending certificate is completed by its issuer."
        raise errors.Refused(403, "Forbidden", text)


def read_chain(entries: list[object]) -> list[x509.Certificate]:
    """Read `x5c`: DER in base64, and also base64 of that text, as some clients send (both recorded); PEM and PKCS #7 too."""
    chain: list[x509.Certificate] = []
    for entry in entries:
        try:
            chain += read_entry(base64.b64decode(str(entry)))
        except (binascii.Error, ValueError) as refused:
            raise errors.bad_parameter("Property x5c has invalid value ASN1 bad tag value met.\r\n") from refused
    return chain


def read_entry(octets: bytes) -> list[x509.Certificate]:
    """Read one entry, unwrapped."""
    if octets.lstrip().startswith(b"-----BEGIN"):
        return x509.load_pem_x509_certificates(octets)
    if octets[:1] != b"\x30":  # not a DER sequence: base64 once more
        octets = base64.b64decode(octets, validate=False)
    try:
        return [x509.load_der_x509_certificate(octets)]
    except ValueError:
        return list(pkcs7.load_der_pkcs7_certificates(octets))


def leaf_of(chain: list[x509.Certificate], operation: Operation) -> x509.Certificate:
    """Return the certificate over the operation's key; recorded text if there is none."""
    own = operation.key.public_key().public_bytes(DER, SPKI)
    for one in chain:
        if one.public_key().public_bytes(DER, SPKI) == own:
            return one
    raise errors.bad_parameter("Unable to parse X5c certificate chain and locate leaf certificate")
