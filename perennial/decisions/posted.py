"""Bytes that somebody posted as a chain: PEM, PKCS#7 (PEM or DER), DER, or bare base64; in UTF-8 or, as PowerShell writes files, UTF-16."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from perennial.model.pkix import UNREADABLE

LONGEST = 64 * 1024  # bytes
MOST = 20  # certificates
BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 #]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----")
#: RFC 7468 §5 and §8, and what OpenSSL writes. What a block holds is seen from its bytes: certreq writes PKCS#7 as CERTIFICATE.
LABELS = frozenset({b"CERTIFICATE", b"X509 CERTIFICATE", b"PKCS7", b"CMS", b"PKCS #7 SIGNED DATA"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a chain is not taken: a stable word, a sentence, and what to do."""

    code: str
    what: str
    fix: str


def read(raw: bytes) -> tuple[x509.Certificate, ...] | Refusal:
    """Return the certificates in what was posted, in its order, each once. Total: any bytes give one or the other."""
    if len(raw) > LONGEST:
        return Refusal("too-large", f"it has more than {LONGEST} bytes", "post the leaf and its issuers, nothing else")
    ders = _encoded(_plain(raw))
    if isinstance(ders, Refusal):
        return ders
    found: dict[bytes, x509.Certificate] = {}
    for der in ders:
        certificates = _certificates(der)
        if not certificates:
            return _none("it holds something that is neither a certificate nor PKCS#7 with certificates")
        found.update({one.public_bytes(Encoding.DER): one for one in certificates})
    if len(found) > MOST:
        return Refusal(
            "too-large", f"it holds more than {MOST} certificates", "post the leaf and its issuers, nothing else"
        )
    return tuple(found.values())


def _plain(raw: bytes) -> bytes:
    """Take a byte order mark and UTF-16 away."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace").encode("ascii", "replace")
    return raw.removeprefix(b"\xef\xbb\xbf")


def _encoded(plain: bytes) -> list[bytes] | Refusal:
    if b"PRIVATE KEY-----" in plain:
        what = "it holds a private key, which is in the vault alone; what was posted was not kept"
        return Refusal(
            "private-key", what, "post certificates alone; if that key is in use anywhere, it is no longer secret"
        )
    if b"-----BEGIN" not in plain:
        return [plain] if plain[:1] == b"\x30" else _bare(plain)
    blocks = BLOCK.findall(plain)
    strange = sorted({label.decode() for label, _ in blocks} - {label.decode() for label in LABELS})
    if strange:
        return _none(f"it holds a {strange[0]}")
    ders = [_decoded(text) for _, text in blocks]
    return ders if ders and all(ders) else _none("its PEM cannot be read")


def _bare(plain: bytes) -> list[bytes] | Refusal:
    der = _decoded(plain)
    return [der] if der else _none("it is neither PEM, nor DER, nor base64")


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return b""


def _certificates(der: bytes) -> list[x509.Certificate]:
    """Return what DER holds: one certificate, or those in a PKCS#7; empty: neither."""
    try:
        return [x509.load_der_x509_certificate(der)]
    except UNREADABLE:
        pass
    try:
        return pkcs7.load_der_pkcs7_certificates(der)
    except UNREADABLE:
        return []


def _none(what: str) -> Refusal:
    return Refusal("not-a-certificate", what, "post the signed certificate and its issuers as PEM, PKCS#7 or DER")
