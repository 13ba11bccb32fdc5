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
    return frozenset(_titles(holder) | _alternatives(holder))


def hosts_of(request: Holder) -> frozenset[str]:
    """Return the names that an answer to a request must have: all but a title, which a CA may leave out or write anew. Raises UNREADABLE."""
    hosts = {title for title in _titles(request) if "." in title and " " not in title}
    return frozenset(hosts | _alternatives(request))


def _titles(holder: Holder) -> set[str]:
    return {str(item.value).lower() for item in holder.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}


def _alternatives(holder: Holder) -> set[str]:
    try:
        san = holder.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    names = {name.lower() for name in san.get_values_for_type(x509.DNSName)}
    return names | {str(address) for address in san.get_values_for_type(x509.IPAddress)}


def key_of(holder: Holder) -> bytes:
    """Return its public key: DER, SubjectPublicKeyInfo. Raises UNREADABLE."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return holder.public_key().public_bytes(serialization.Encoding.DER, form)
