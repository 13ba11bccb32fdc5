"""Certificates and keys that tests import or merge."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    """Return a quick key."""
    return ec.generate_private_key(ec.SECP256R1())


def sign(
    public: Any,
    *,
    subject: str = "CN=minted",
    days: tuple[float, float] = (-1, 89),
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    now: datetime | None = None,
) -> x509.Certificate:
    """Sign a public key with a CA that lives for this call; the days count from now."""
    now, authority = now or datetime.now(UTC), x509.Name.from_rfc4514_string("CN=Throw-away CA")
    name = x509.Name.from_rfc4514_string(subject)
    begin, end = (now + timedelta(days=day) for day in days)
    builder = x509.CertificateBuilder(authority, name, public, x509.random_serial_number(), begin, end)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(new_key(), hashes.SHA256())


def answer(csr: str, **more: Any) -> x509.Certificate:
    """Sign a base64 signing request with the names it asks for."""
    request = x509.load_der_x509_csr(base64.b64decode(csr))
    wanted = tuple((extension.value, extension.critical) for extension in request.extensions)
    return sign(request.public_key(), **({"subject": request.subject.rfc4514_string(), "extensions": wanted} | more))


def b64(certificate: x509.Certificate) -> str:
    """Return a certificate as base64 of its DER form."""
    return base64.b64encode(certificate.public_bytes(DER)).decode()


def pfx(key: Key, leaf: x509.Certificate, *others: x509.Certificate, password: str = "") -> str:
    """Return a base64 PFX."""
    lock = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return base64.b64encode(pkcs12.serialize_key_and_certificates(None, key, leaf, list(others), lock)).decode()


def pem(key: Key, *chain: x509.Certificate) -> str:
    """Return a PEM text of a key and its chain."""
    secret = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (secret + b"".join(one.public_bytes(PEM) for one in chain)).decode()
