"""Whether a signing request, or a chain that answers it, is for the names and the key that it should be."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from perennial.model.certificate import Version
from perennial.model.pkix import hosts_of, key_of, names_of

LONGEST = 16 * 1024  # bytes of a chain: in base64 beside its CSR they must fit a column of text (32 K characters)
LONGEST_CSR = 10_500  # bytes: the certificate has all that its CSR has and some more, and with a short chain both together just fit


def carries_names(csr: bytes, version: Version) -> bool:
    """Tell whether a signing request (DER) asks for every name of a version."""
    try:
        asked = names_of(x509.load_der_x509_csr(csr))
    except ValueError:
        return False
    leaf = version.leaf
    wanted = set(leaf.names) | ({leaf.common_name.lower()} if leaf and leaf.common_name else set()) if leaf else set()
    return wanted <= asked


def fault_of(chain: tuple[bytes, ...], csr: bytes, now: datetime) -> str:
    """Say what is wrong with a chain (DER, leaf first) that answers a signing request; empty: nothing.

    A merge checks nothing but the key, so names, dates and chain are checked here, before it.
    """
    if not chain:
        return "the chain is empty"
    size = sum(map(len, chain))
    if size > LONGEST:
        return f"the chain has {size} bytes, and {LONGEST} are kept at most"
    try:
        request, certificates = x509.load_der_x509_csr(csr), [x509.load_der_x509_certificate(der) for der in chain]
    except ValueError as garbled:
        return f"it is not DER: {garbled}"
    leaf = certificates[0]
    if key_of(leaf) != key_of(request):
        return "the first certificate is for another key"
    lost = sorted(hosts_of(request) - names_of(leaf))
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
