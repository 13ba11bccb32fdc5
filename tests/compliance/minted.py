"""Certificates minted for the rules, and what is known about them otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypedDict, Unpack

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from perennial.adapters.x509 import read_leaf
from perennial.compliance.rule import Subject
from perennial.model import signing
from perennial.model.certificate import CertificateRef, IssuancePolicy, IssuerClass, Version
from perennial.model.inventory import Entry
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, Renewal, Step

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
LIFE = 90 * DAY
DOMAIN_VALIDATED = x509.ObjectIdentifier("2.23.140.1.2.1")
SHA256_RSA, SHA1_RSA, MD5_RSA = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05", "04"))

type Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey


@lru_cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return an RSA key of a size."""
    return rsa.generate_private_key(65537, bits)


@lru_cache
def ec_key(curve: str = "P-256") -> ec.EllipticCurvePrivateKey:
    """Return an EC key on a curve."""
    curves: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-256K": ec.SECP256K1(), "P-224": ec.SECP224R1()}
    return ec.generate_private_key(curves[curve])


@lru_cache
def dsa_key() -> dsa.DSAPrivateKey:
    """Return a DSA key."""
    return dsa.generate_private_key(1024)


class Looks(TypedDict, total=False):
    """How a certificate is to look."""

    common_name: str
    names: tuple[str, ...]
    key: Key
    issuer_class: IssuerClass
    client_only: bool
    hash_algorithm: hashes.SHA224 | hashes.SHA256


def mint(not_before: datetime, not_after: datetime, **looks: Unpack[Looks]) -> bytes:
    """Return a certificate (DER) signed by a CA, or by itself."""
    issuer_class = looks.get("issuer_class", IssuerClass.PRIVATE)
    own = issuer_class is IssuerClass.SELF_SIGNED
    key = looks.get("key", rsa_key() if own else ec_key())
    common_name, names = looks.get("common_name", "a.example"), looks.get("names", ("a.example",))
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(_name(common_name if own else "some CA"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if looks.get("client_only") else ExtendedKeyUsageOID.SERVER_AUTH
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if issuer_class is IssuerClass.PUBLIC:
        policies = x509.CertificatePolicies([x509.PolicyInformation(DOMAIN_VALIDATED, None)])
        builder = builder.add_extension(policies, critical=False)
    signed = builder.sign(rsa_key(), looks.get("hash_algorithm", hashes.SHA256()))
    return signed.public_bytes(serialization.Encoding.DER)


def over_broken_hash(der: bytes, algorithm: bytes = SHA1_RSA) -> bytes:
    """Return a certificate that says to be signed over a broken hash: libraries no longer sign so, and a reader of facts verifies nothing."""
    assert der.count(SHA256_RSA) == 2
    return der.replace(SHA256_RSA, algorithm)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])


def version(der: bytes, *, enabled: bool = True) -> Version:
    """Return a version as a vault would show this certificate."""
    certificate = x509.load_der_x509_certificate(der)
    return Version(
        id="1" * 32,
        created=certificate.not_valid_before_utc,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        enabled=enabled,
        leaf=read_leaf(der),
    )


def judged(der: bytes, *, enabled: bool = True, reason: Reason | None = None, owner: str = "team-a") -> Subject:
    """Return a well-kept, managed certificate whose next renewal is ahead."""
    shown = version(der, enabled=enabled)
    entry = Entry(
        vault="kv-orders",
        certificate="a",
        first_seen=shown.created,
        next_check=NOW + DAY,
        read_at=NOW + DAY,
        version=shown,
        policy=IssuancePolicy(issuer="Self", exportable=False),
        owner=owner,
        reason=reason or Reason(ReasonCode.NOT_DUE),
    )
    assert shown.leaf is not None
    return Subject(entry=entry, version=shown, leaf=shown.leaf, now=NOW, managed=True, due_at=NOW + DAY)


def fresh(left: timedelta = 60 * DAY, life: timedelta = LIFE, **looks: Unpack[Looks]) -> Subject:
    """Return a well-kept certificate with so much of its life left."""
    return judged(mint(NOW + left - life, NOW + left, **looks))


def because(code: ReasonCode, subject: Subject | None = None, **facts: str) -> Subject:
    """Return a subject whose last decision had this reason."""
    subject = subject or fresh()
    return replace(subject, entry=replace(subject.entry, reason=Reason(code, facts)))


def unsigned(since: datetime) -> Renewal:
    """Return an open claim whose CSR has waited for a signature since an instant."""
    memory = {"csr": "", "request_id": "r1", signing.THEIRS + signing.ASKED: since.isoformat()}
    return replace(claim(Step.SIGNING, since), issuer="corp", checkpoint=Checkpoint(Step.SIGNING, memory))


def claim(step: Step, opened: datetime, error: str = "") -> Renewal:
    """Return an open claim on the minted version."""
    return Renewal(
        certificate=CertificateRef("kv-orders", "a"),
        replacing="1" * 32,
        issuer="vault",
        opened=opened,
        checkpoint=Checkpoint(step),
        next_step=NOW,
        earliest=NOW,
        error=error,
    )
