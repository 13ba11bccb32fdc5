"""Keys, CSRs and certificates for the memory's vaults: real ones on a pool of keys, or facts alone where speed counts."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from perennial.model.certificate import IssuancePolicy, IssuerClass, Leaf

KEYS = 32  # of operations; successive ones of one name differ, as in a vault, where each has a key of its own
DOMAIN_VALIDATED = x509.ObjectIdentifier("2.23.140.1.2.1")  # CA/Browser Forum: a publicly trusted certificate says so


@lru_cache
def key(number: int) -> ec.EllipticCurvePrivateKey:
    """Return one of the shared keys; CAs have negative numbers."""
    return ec.generate_private_key(ec.SECP256R1())


def subject_name(policy: IssuancePolicy) -> str:
    """Return the common name that a policy asks for."""
    parts = [part.strip() for part in policy.subject.split(",")]
    return next((part[3:] for part in parts if part.upper().startswith("CN=")), "")


def _extensions(names: tuple[str, ...]) -> list[x509.ExtensionType]:
    return [x509.SubjectAlternativeName([x509.DNSName(name) for name in names])] if names else []


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])


@lru_cache(maxsize=10_000)
def csr(common_name: str, names: tuple[str, ...], number: int) -> bytes:
    """Return a CSR (DER) for names over a shared key."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(common_name))
    for extension in _extensions(names):
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key(number), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def certificate(
    common_name: str,
    names: tuple[str, ...],
    not_before: datetime,
    not_after: datetime,
    *,
    number: int = 0,
    issuer_class: IssuerClass = IssuerClass.SELF_SIGNED,
) -> bytes:
    """Return a certificate (DER) over a shared key."""
    own = issuer_class is IssuerClass.SELF_SIGNED
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(_name(common_name if own else f"{issuer_class} CA"))
        .public_key(key(number).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
    for extension in _extensions(names):
        builder = builder.add_extension(extension, critical=False)
    if issuer_class is IssuerClass.PUBLIC:
        policies = x509.CertificatePolicies([x509.PolicyInformation(DOMAIN_VALIDATED, None)])
        builder = builder.add_extension(policies, critical=False)
    signer = key(number if own else -1)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def signed(csr_der: bytes, not_before: datetime, lifetime: timedelta, *, parent: str = "") -> bytes:
    """Answer a CSR as a CA would: a certificate (DER) over its key and names; where a parent is named, as a public one (RFC 9773 §4.1)."""
    request = x509.load_der_x509_csr(csr_der)
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(_name("private CA"))
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_before + lifetime)
    )
    for extension in request.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    if parent:
        known_as = x509.AuthorityKeyIdentifier(hashlib.sha1(parent.encode()).digest(), None, None)
        builder = builder.add_extension(known_as, critical=False)
        policies = x509.CertificatePolicies([x509.PolicyInformation(DOMAIN_VALIDATED, None)])
        builder = builder.add_extension(policies, critical=False)
    return builder.sign(key(-1), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@lru_cache
def signer() -> bytes:
    """Return the certificate (DER) of the CA that `signed` signs for."""
    name = _name("private CA")
    builder = x509.CertificateBuilder(name, name, key(-1).public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2049, 1, 1, tzinfo=UTC)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key(-1), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def same_key(csr_der: bytes, leaf_der: bytes) -> bool:
    """Tell whether a certificate is over the key of a CSR."""
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    asked = x509.load_der_x509_csr(csr_der).public_key().public_bytes(*form)
    return asked == x509.load_der_x509_certificate(leaf_der).public_key().public_bytes(*form)


def facts(version: str, common_name: str, names: tuple[str, ...], issuer_class: IssuerClass) -> Leaf:
    """Return the facts of a certificate that nobody minted."""
    own = issuer_class is IssuerClass.SELF_SIGNED
    return Leaf(
        sha256=hashlib.sha256(version.encode()).hexdigest(),
        sha1=hashlib.sha1(version.encode()).hexdigest(),
        serial=version.lstrip("0") or "0",
        subject=f"CN={common_name}" if common_name else "",
        issuer=f"CN={common_name}" if own else f"CN={issuer_class} CA",
        common_name=common_name,
        names=tuple(sorted(names)),
        issuer_class=issuer_class,
        key_type="EC",
        key_size=256,
        curve="P-256",
        ari_id="" if own else f"parent.{version}",
    )
