"""A company's CA in three steps, and what it answers a CSR with, for proofs of what is posted."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from perennial.decisions.chains import Chain, judge
from perennial.decisions.posted import Refusal
from tests.memory.signers import issue, request, signer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
CSR = request("www.corp.example", "api.corp.example", key=KEY)
ROOT = signer("Corp Root", NOW)
POLICY = signer("Corp Policy CA", NOW, ROOT)
ISSUING = signer("Corp Issuing CA", NOW, POLICY)
LEAF = issue(ISSUING, CSR, NOW)
WHOLE = (LEAF, *ISSUING.line)
STRANGER = signer("Stranger", NOW)


def judged(
    *certificates: x509.Certificate, root: str = "", incomplete: bool = False
) -> tuple[x509.Certificate, ...] | str:
    """Return the chain, or the code of the refusal."""
    found = judge(certificates, CSR, NOW, root=root, incomplete=incomplete)
    return found.certificates if isinstance(found, Chain) else found.code


def refusal(*certificates: x509.Certificate) -> Refusal:
    """Return the refusal."""
    found = judge(certificates, CSR, NOW)
    assert isinstance(found, Refusal)
    return found


def damaged(certificate: x509.Certificate, old: bytes, new: bytes) -> x509.Certificate:
    """Write a certificate with some of its bytes exchanged for as many others."""
    whole = certificate.public_bytes(Encoding.DER)
    assert old in whole
    assert len(old) == len(new)
    return x509.load_der_x509_certificate(whole.replace(old, new))
