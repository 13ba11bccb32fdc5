"""Certificates with the dates, names and issuer that a demo or a test wants, as a person would bring them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DOMAIN_VALIDATED = x509.ObjectIdentifier("2.23.140.1.2.1")  # CA/Browser Forum: a publicly trusted TLS certificate

type PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Issuer:
    """A CA with its certificate."""

    key: PrivateKey
    certificate: x509.Certificate


@cache
def key(number: int = 0) -> rsa.RSAPrivateKey:
    """Return a key of this process; the same number, the same key."""
    del number
    return rsa.generate_private_key(65537, 2048)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate_authority(name: str, not_before: datetime, not_after: datetime) -> Issuer:
    """Return a CA that lives for this process."""
    own = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(_name(name), _name(name), own.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(not_before).not_valid_after(not_after)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return Issuer(own, builder.sign(own, hashes.SHA256()))


def intermediate(
    name: str, root: Issuer, not_before: datetime, not_after: datetime, *, private_key: PrivateKey | None = None
) -> Issuer:
    """Return a CA below a root; with the key of another one the two certificates stand for one issuer (cross-signing)."""
    own = private_key or ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(
        root.certificate.subject, _name(name), own.public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(not_before).not_valid_after(not_after)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key())
    return Issuer(own, builder.add_extension(above, critical=False).sign(root.key, hashes.SHA256()))


def pfx(
    names: Sequence[str],
    not_before: datetime,
    not_after: datetime,
    *,
    issuer: Issuer | None = None,
    public: bool = False,
    private_key: PrivateKey | None = None,
) -> bytes:
    """Return a PFX without a password: self-signed, or from a CA; `public` marks it as a publicly trusted one."""
    own = private_key or key()
    by = issuer.certificate.subject if issuer else _name(names[0])
    builder = x509.CertificateBuilder(by, _name(names[0]), own.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(not_before).not_valid_after(not_after)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    if public:
        policies = x509.CertificatePolicies([x509.PolicyInformation(DOMAIN_VALIDATED, None)])
        builder = builder.add_extension(policies, critical=False)
    leaf = builder.sign(issuer.key if issuer else own, hashes.SHA256())
    chain = [issuer.certificate] if issuer else None
    return pkcs12.serialize_key_and_certificates(None, own, leaf, chain, NoEncryption())
