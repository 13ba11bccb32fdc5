"""Whether certificates answer a signing request, and in which order: leaf first, up to a root or to a named one."""

from __future__ import annotations

import base64
import textwrap
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from perennial.decisions.posted import Refusal
from perennial.model.pkix import UNREADABLE, Holder, hosts_of, key_of, names_of

SKEW = timedelta(minutes=5)  # by which a CA's clock may be ahead of ours
LONGEST = (
    16 * 1024
)  # bytes of DER: in base64, twice that fits a column of text (32 K characters) with the CSR beside it
TOGETHER = 23_500  # bytes of DER of a chain and its CSR: that much, in base64, with what else a claim remembers


@dataclass(frozen=True, slots=True)
class Chain:
    """What will be merged, of what was posted."""

    certificates: tuple[x509.Certificate, ...]  # leaf first

    @property
    def ders(self) -> tuple[bytes, ...]:
        """The chain as DER, leaf first."""
        return tuple(one.public_bytes(serialization.Encoding.DER) for one in self.certificates)

    @property
    def thumbprint(self) -> str:
        """SHA-256 of the leaf, lower-case hex."""
        return self.certificates[0].fingerprint(hashes.SHA256()).hex()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a signing request asks for, to be shown to whoever signs."""

    names: tuple[str, ...]
    key: str  # such as RSA 2048 or EC P-256
    subject: str


def wanted(csr: bytes) -> Wanted:
    """Read a signing request (DER); one that can't be read names nothing."""
    try:
        request = x509.load_der_x509_csr(csr)
        return Wanted(tuple(sorted(names_of(request))), _key(request), request.subject.rfc4514_string())
    except UNREADABLE:
        return Wanted((), "unreadable", "")


def pem(csr: bytes) -> str:
    """Write a signing request (DER) as PEM."""
    lines = textwrap.wrap(base64.b64encode(csr).decode(), 64)  # RFC 7468 §2
    return "\n".join(("-----BEGIN CERTIFICATE REQUEST-----", *lines, "-----END CERTIFICATE REQUEST-----", ""))


CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "P-256K"}


def _key(request: x509.CertificateSigningRequest) -> str:
    match request.public_key():
        case rsa.RSAPublicKey(key_size=size):
            return f"RSA {size}"
        case ec.EllipticCurvePublicKey(curve=curve):
            return f"EC {CURVES.get(curve.name, curve.name)}"
        case other:
            return type(other).__name__.removesuffix("PublicKey")


def judge(
    certificates: tuple[x509.Certificate, ...], csr: bytes, now: datetime, *, root: str = "", incomplete: bool = False
) -> Chain | Refusal:
    """Return the chain that answers a signing request (DER), in order; or why none does.

    It is complete when it ends in a self-signed certificate, or in one that the root of this common name issued. A root that is named and another
    that is found is a refusal; `incomplete` lets any end pass but that.
    """
    try:
        leaf = _leaf(certificates, csr, now)
        if isinstance(leaf, Refusal):
            return leaf
        chain = _climbed(leaf, certificates, now)
        if isinstance(chain, Refusal):
            return chain
        wrong = _end_of(chain[-1], root, incomplete=incomplete)
    except UNREADABLE as unreadable:
        return Refusal(
            "not-a-certificate", f"a certificate in it cannot be read: {unreadable}", "ask the CA for another"
        )
    found = Chain(chain)
    most = min(LONGEST, TOGETHER - len(csr))
    if wrong is None and sum(map(len, found.ders)) > most:
        return Refusal("too-large", f"the chain has more than {most} bytes", "ask the CA for a shorter one")
    return wrong or found


def _leaf(certificates: tuple[x509.Certificate, ...], csr: bytes, now: datetime) -> x509.Certificate | Refusal:
    request = x509.load_der_x509_csr(csr)
    ours = [one for one in certificates if _same_key(one, request)]
    if not ours:
        held = ", ".join(_named(one) for one in certificates)
        what = f"none of it is for the key of the CSR that waits; it holds {held}"
        return Refusal("other-key", what, "have the CSR signed that stands in this answer, and post its certificate")
    leaf = max(ours, key=lambda one: one.not_valid_after_utc)
    lost = sorted(hosts_of(request) - names_of(leaf))
    if lost:
        fix = "have it issued with every name of the CSR (AD CS: a template that supplies them in the request)"
        return Refusal("lacks-names", f"the certificate does not name {', '.join(lost)}", fix)
    return _dates(leaf, now) or leaf


def _same_key(certificate: x509.Certificate, request: Holder) -> bool:
    try:
        return key_of(certificate) == key_of(request)
    except UNREADABLE:
        return False


def _dates(certificate: x509.Certificate, now: datetime) -> Refusal | None:
    if certificate.not_valid_after_utc <= now:
        what = f"{_named(certificate)} expired at {certificate.not_valid_after_utc:%Y-%m-%d %H:%MZ}"
        return Refusal("expired", what, "post a chain whose certificates are all valid now")
    if certificate.not_valid_before_utc > now + SKEW:
        what = f"{_named(certificate)} is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%MZ}"
        return Refusal("not-yet-valid", what, "post it again then: what is merged is in use at once")
    return None


def _climbed(
    leaf: x509.Certificate, certificates: tuple[x509.Certificate, ...], now: datetime
) -> tuple[x509.Certificate, ...] | Refusal:
    """Go from the leaf to the last of its issuers that is there."""
    chain = [leaf]
    while not _issued(chain[-1], chain[-1]):
        named = [one for one in certificates if one.subject == chain[-1].issuer and one not in chain]
        if not named:
            return tuple(chain)
        parents = [one for one in named if _issued(chain[-1], one) and _signs(one)]
        if not parents:
            what = f"{_named(chain[-1])} was not signed by the {_named(named[0])} that was posted"
            fix = "post the CA certificate whose key signed it; one of the same name is not enough"
            return Refusal("broken-link", what, fix)
        living = [one for one in parents if _dates(one, now) is None]
        # Cross-signed: the shortest way that is valid.
        chain.append(max(living or parents, key=lambda one: (_issued(one, one), one.not_valid_after_utc)))
        wrong = _dates(chain[-1], now)
        if wrong is not None:
            return wrong
    return tuple(chain)


def _issued(child: x509.Certificate, parent: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(parent)
    except (*UNREADABLE, InvalidSignature):
        return False
    return _of_whole_bytes(child)


def _of_whole_bytes(certificate: x509.Certificate) -> bool:
    """Tell whether its signature has no unused bits (X.690 §8.6.2): the library overlooks their count, and OpenSSL refuses the link for it."""
    return certificate.public_bytes(serialization.Encoding.DER).endswith(b"\0" + certificate.signature)


def _signs(certificate: x509.Certificate) -> bool:
    """Tell whether it is a CA's (RFC 5280 §4.2.1.9); a root of version 1 has no extensions."""
    if certificate.version is x509.Version.v1:
        return True
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _end_of(last: x509.Certificate, root: str, *, incomplete: bool) -> Refusal | None:
    rooted, ends = _issued(last, last), _common_name(last.issuer)
    if root and ends == root:
        return None
    issuer = last.issuer.rfc4514_string() or "an issuer without a name"
    if rooted and root:
        what = f"it ends at {issuer}, and the setting of this CA says that its root is {root}"
        return Refusal("other-root", what, "post the chain to that root, or correct the setting")
    if rooted or incomplete:
        return None
    what = f"it ends before its root: the certificate of {issuer}, who issued {_named(last)}, is missing"
    fix = "post that one too; if every client has it, say so: allow_incomplete=true"
    return Refusal("incomplete-chain", what, fix)


def _named(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"


def _common_name(name: x509.Name) -> str:
    values = [str(attribute.value) for attribute in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return values[-1] if values else ""
