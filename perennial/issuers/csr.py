"""Whether a signing request, or a chain that answers it, is for the names and the key that it should be."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from perennial.model.certificate import Version


def names_of(holder: x509.CertificateSigningRequest | x509.Certificate) -> frozenset[str]:
    """Return DNS names, IP addresses and the common name, lower-cased."""
    names = {str(item.value).lower() for item in holder.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
    try:
        san = holder.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset(names)
    names |= {name.lower() for name in san.get_values_for_type(x509.DNSName)}
    return frozenset(names | {str(address) for address in san.get_values_for_type(x509.IPAddress)})


def carries_names(csr: bytes, version: Version) -> bool:
    """Tell whether a signing request (DER) asks for every name of a version."""
    try:
        asked = names_of(x509.load_der_x509_csr(csr))
    except ValueError:
        return False
    leaf = version.leaf
    wanted = set(leaf.names) | ({leaf.common_name.lower()} if leaf and leaf.common_name else set()) if leaf else set()
    return wanted <= asked


def _key(holder: x509.CertificateSigningRequest | x509.Certificate) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return holder.public_key().public_bytes(serialization.Encoding.DER, form)


def fault_of(chain: tuple[bytes, ...], csr: bytes, now: datetime) -> str:
    """Say what is wrong with a chain (DER, leaf first) that answers a signing request; empty: nothing.

    A merge checks nothing but the key, so names, dates and chain are checked here, before it.
    """
    if not chain:
        return "the chain is empty"
    try:
        request, certificates = x509.load_der_x509_csr(csr), [x509.load_der_x509_certificate(der) for der in chain]
    except ValueError as garbled:
        return f"it is not DER: {garbled}"
    leaf = certificates[0]
    if _key(leaf) != _key(request):
        return "the first certificate is for another key"
    lost = sorted(names_of(request) - names_of(leaf))
    if lost:
        return f"the certificate does not name {', '.join(lost)}"
    if leaf.not_valid_after_utc <= now:
        return f"the certificate expired at {leaf.not_valid_after_utc.isoformat()}"
    return _broken_link(certificates)


def _broken_link(certificates: list[x509.Certificate]) -> str:
    for number, (child, parent) in enumerate(pairwise(certificates), 1):
        try:
            child.verify_directly_issued_by(parent)
        except (ValueError, TypeError, InvalidSignature):
            return f"certificate {number} was not issued by the one after it"
    return ""
