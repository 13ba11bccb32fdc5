"""Names and key of a signing request or a certificate: what one must have in common with the other."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

#: What the library raises for bytes that are no certificate, or one that it can't read.
UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)

type Holder = x509.CertificateSigningRequest | x509.Certificate


def names_of(holder: Holder) -> frozenset[str]:
    """Return DNS names, IP addresses and the common name, lower-cased. Raises UNREADABLE."""
    names = {str(item.value).lower() for item in holder.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    try:
        san = holder.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset(names)
    names |= {name.lower() for name in san.get_values_for_type(x509.DNSName)}
    return frozenset(names | {str(address) for address in san.get_values_for_type(x509.IPAddress)})


def key_of(holder: Holder) -> bytes:
    """Return its public key: DER, SubjectPublicKeyInfo. Raises UNREADABLE."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return holder.public_key().public_bytes(serialization.Encoding.DER, form)
