"""CAs as somebody else runs them: roots, intermediates and what they sign, for who posts chains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Signer:
    """A CA's key and certificate, and the one that issued it."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    above: Signer | None = None

    @property
    def line(self) -> tuple[x509.Certificate, ...]:
        """Its own certificate, then those above it up to the root."""
        return (self.certificate, *(self.above.line if self.above else ()))


def signer(
    name: str, now: datetime, above: Signer | None = None, *, ca: bool = True, life: timedelta = 3000 * DAY
) -> Signer:
    """Return a CA below another, or a root."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    issuer, signing = (above.certificate.subject, above.key) if above else (subject, key)
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - 1000 * DAY).not_valid_after(now - 1000 * DAY + life)
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return Signer(key, builder.sign(signing, hashes.SHA256()), above)


def issue(
    by: Signer,
    csr: bytes,
    now: datetime,
    *,
    life: timedelta = 90 * DAY,
    begins: timedelta = timedelta(0),
    names: tuple[str, ...] | None = None,
) -> x509.Certificate:
    """Answer a CSR (DER); with other names, if given."""
    request = x509.load_der_x509_csr(csr)
    builder = x509.CertificateBuilder(
        by.certificate.subject, request.subject, request.public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(now + begins).not_valid_after(now + begins + life)
    if names is None:
        for extension in request.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
    else:
        san = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        builder = builder.add_extension(san, critical=False)
    return builder.sign(by.key, hashes.SHA256())


def request(*names: str, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    """Return a CSR (DER) for names."""
    builder = x509.CertificateSigningRequestBuilder(_name(names[0]))
    san = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
    own = key or ec.generate_private_key(ec.SECP256R1())
    signed = builder.add_extension(san, critical=False).sign(own, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


def pem(*certificates: x509.Certificate) -> bytes:
    """Write a bundle."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


def der(certificate: x509.Certificate) -> bytes:
    """Write one as DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def p7b(*certificates: x509.Certificate, encoding: serialization.Encoding = serialization.Encoding.DER) -> bytes:
    """Write them as PKCS#7."""
    return pkcs7.serialize_certificates(list(certificates), encoding)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
