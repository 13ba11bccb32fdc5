"""Importing a certificate with its key, from a PFX or a PEM text."""

from __future__ import annotations

import asyncio
import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from localazure.keyvault import errors, issuance, names, policy, shapes, versions
from localazure.keyvault import x509 as made
from localazure.keyvault.ask import Answer, Ask, Json
from localazure.keyvault.keys import KEY_TYPES, PrivateKey, describe
from localazure.keyvault.operations import enabled_of, tags_of
from localazure.keyvault.store import Certificate, Version, new_id

PFX, PEM = policy.CONTENT_TYPES
UNREADABLE = {
    PFX: "The specified PKCS#12 X.509 certificate content can not be read. Please check if certificate is in valid "
    "PKCS#12 format.",
    PEM: "The specified PEM X.509 certificate content is in an unexpected format. Please check if certificate is in "
    "valid PEM format.",
}
WORDS = "digitalSignature nonRepudiation keyEncipherment dataEncipherment keyAgreement keyCertSign cRLSign"
SPELLED = {word.lower(): word for word in (*WORDS.split(), "encipherOnly", "decipherOnly")}


@dataclass(frozen=True, slots=True)
class Imported:
    """What was read: the key, the leaf and the whole chain as received."""

    key: PrivateKey
    leaf: x509.Certificate
    chain: list[x509.Certificate]
    content_type: str


async def import_certificate(ask: Ask) -> Answer:
    """POST /certificates/{name}/import: 200 with the whole certificate, without `Location` (recorded)."""
    issuance.check_name_is_free(ask.vault, ask.name)
    tags = tags_of(ask.body)
    read = await asyncio.to_thread(read_import, ask.body)
    rules = rules_for(ask, read)
    issuance.check_name_is_free(ask.vault, ask.name)  # again: a create may have come in between
    certificate = ask.vault.live.get(ask.name.lower())
    if certificate is None:
        certificate = Certificate(ask.name, rules)
        ask.vault.add(certificate)
    certificate.policy = rules
    version = version_of(ask, read, tags)
    versions.install(ask.world, ask.vault, certificate, version)
    return Answer(shapes.bundle(ask, certificate, version))


def version_of(ask: Ask, read: Imported, tags: dict[str, str]) -> Version:
    """Return the version that an import makes; `enabled` false is honoured (recorded)."""
    now, chain = ask.world.now, read.chain
    preserve = ask.body.get("preserveCertOrder")
    if not preserve:
        chain = [read.leaf, *(one for one in chain if one is not read.leaf)]
    octets = tuple(one.public_bytes(serialization.Encoding.DER) for one in chain)
    key_props = (ask.body.get("policy") or {}).get("key_props") or {}
    return Version(
        id=new_id(),
        created=now,
        updated=now,
        nbf=int(read.leaf.not_valid_before_utc.timestamp()),
        exp=int(read.leaf.not_valid_after_utc.timestamp()),
        enabled=enabled_of(ask.body, otherwise=True),
        tags=tags,
        key=read.key,
        der=read.leaf.public_bytes(serialization.Encoding.DER),
        chain=octets,
        preserve_order=preserve,
        content_type=read.content_type,
        exportable=key_props.get("exportable") is not False,
    )


def read_import(body: Json) -> Imported:
    """Read the value of an import. Raises Refused."""
    value, password = body.get("value"), body.get("pwd") or ""
    if not isinstance(value, str) or not value:
        raise errors.bad_parameter("Property value is required.\r\n")
    text = pem_text(value)
    kind = PEM if text else PFX
    try:
        read = read_pem(text, password) if text else read_pfx(value, password)
    except (ValueError, TypeError, binascii.Error) as refused:
        raise errors.bad_parameter(UNREADABLE[kind]) from refused
    wanted = ((body.get("policy") or {}).get("secret_props") or {}).get("contentType")
    return Imported(read[0], read[1], read[2], wanted if wanted in UNREADABLE else kind)


def pem_text(value: str) -> str:
    """Return the PEM text of a value, or nothing: it comes as it is, or in base64, which is what the SDKs send."""
    if "-----BEGIN" in value:
        return value
    try:
        octets = base64.b64decode(value)
    except binascii.Error:
        return ""
    return octets.decode("ascii", "replace") if octets.lstrip().startswith(b"-----BEGIN") else ""


def read_pfx(value: str, password: str) -> tuple[PrivateKey, x509.Certificate, list[x509.Certificate]]:
    """Read a PFX; no password and an empty one are two ways to say the same."""
    octets = base64.b64decode(value)
    secrets = [password.encode()] if password else [None, b""]
    for secret in secrets:
        try:
            key, leaf, others = pkcs12.load_key_and_certificates(octets, secret)
        except ValueError:
            if secret is secrets[-1]:
                raise
            continue
        if not isinstance(key, KEY_TYPES) or leaf is None:
            raise ValueError("no key and certificate")
        return key, leaf, [leaf, *others]
    raise ValueError("unreadable")


def read_pem(text: str, password: str) -> tuple[PrivateKey, x509.Certificate, list[x509.Certificate]]:
    """Read certificates and a key from one PEM text; the leaf is the one over the key."""
    chain = x509.load_pem_x509_certificates(text.encode())
    begin = text.index("-----BEGIN", 0) if "PRIVATE KEY" in text else -1
    while "PRIVATE KEY" not in text[begin : text.index("\n", begin)]:
        begin = text.index("-----BEGIN", begin + 1)
    key = serialization.load_pem_private_key(text[begin:].encode(), password.encode() or None)
    if not isinstance(key, KEY_TYPES):
        raise TypeError("unsupported key")
    leaf = next(one for one in chain if one.public_key() == key.public_key())
    return key, leaf, chain


def rules_for(ask: Ask, read: Imported) -> Json:
    """Return the policy after an import: the stored one if none is sent; else the sent issuer and actions are kept.

    Everything of `x509_props` comes from the certificate, whatever was sent (recorded).
    """
    known = ask.vault.live.get(ask.name.lower())
    sent: Json = ask.body.get("policy") or {}
    if known and not sent:
        return known.policy  # the policy belongs to the name (documentation of create; unrecorded for import)
    key_props = {"exportable": True} | (sent.get("key_props") or {}) | describe(read.key.public_key())
    found: Json = {
        "key_props": key_props,
        "secret_props": {"contentType": read.content_type},
        "x509_props": props_of(read.leaf),
        "issuer": {"name": "Unknown"} | (sent.get("issuer") or {}),
    }
    if actions := sent.get("lifetime_actions"):
        found["lifetime_actions"] = actions
    rules = policy.complete(found, ask.world.now)
    issuance.check_issuer(ask.vault, rules)
    if known:
        rules["attributes"]["created"] = known.policy["attributes"]["created"]
    return rules


def props_of(leaf: x509.Certificate) -> Json:
    """Read `x509_props` from a certificate: `sans` with all three lists or not at all, empty lists for the rest (recorded)."""
    props: Json = {"subject": names.windows(leaf.subject)}
    if sans := alternative_names(leaf):
        props["sans"] = sans
    return props | {
        "ekus": [oid.dotted_string for oid in extension(leaf, x509.ExtendedKeyUsage) or []],
        "key_usage": usages(extension(leaf, x509.KeyUsage)),
        "validity_months": months(leaf.not_valid_before_utc, leaf.not_valid_after_utc),
        "basic_constraints": {"ca": bool(getattr(extension(leaf, x509.BasicConstraints), "ca", False))},
    }


def extension(leaf: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    """Return the value of an extension, or None."""
    try:
        return leaf.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return None


def usages(value: x509.KeyUsage | None) -> list[str]:
    """Return the names of a key usage extension."""
    if value is None:
        return []
    chosen = []
    for name, attribute in made.USAGES.items():
        only = attribute in ("encipher_only", "decipher_only")
        if (not only or value.key_agreement) and getattr(value, attribute):
            chosen.append(SPELLED[name])
    return chosen


def alternative_names(leaf: x509.Certificate) -> Json | None:
    """Return the subject alternative names the way an import shows them."""
    value = cast("x509.SubjectAlternativeName | None", extension(leaf, x509.SubjectAlternativeName))
    if value is None:
        return None
    others = [one for one in value.get_values_for_type(x509.OtherName) if one.type_id == made.UPN]
    return {
        "emails": value.get_values_for_type(x509.RFC822Name),
        "dns_names": value.get_values_for_type(x509.DNSName),
        "upns": [one.value[2:].decode("utf-8", "replace") for one in others],
    }


def months(begin: datetime, end: datetime) -> int:
    """Count the months of a lifetime, begun ones included: 12 months and ten minutes are 13 (recorded)."""
    whole = max(0, (end.year - begin.year) * 12 + end.month - begin.month - 1)
    start, last = int(begin.astimezone(UTC).timestamp()), int(end.timestamp())
    while made.add_months(start, whole) < last:
        whole += 1
    return max(1, whole)
