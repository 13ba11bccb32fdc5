"""Certificates and issuance policies as the vault sends them, read into our facts."""

from __future__ import annotations

import base64
import hashlib

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from perennial.model.certificate import IssuerClass, Leaf

# CA/Browser Forum reserved certificate policies: extended validation, then domain, organisation and individual validated.
PUBLIC_POLICIES = frozenset({"2.23.140.1.1", "2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3"})

# The name of a curve as Key Vault writes it (JSON Web Key: RFC 7518 §6.2.1.1, RFC 8812 §3.1).
CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "P-256K"}
CURVE_SIZES = {"P-256": 256, "P-384": 384, "P-521": 521, "P-256K": 256}
EDWARDS = {"Ed25519": ("Ed25519", 256, ""), "Ed448": ("Ed448", 456, "")}


def read_leaf(der: bytes) -> Leaf:
    """Read the facts of a certificate; raises ValueError where it is none."""
    certificate = x509.load_der_x509_certificate(der)
    key_type, key_size, curve = _key_of(certificate)
    hash_algorithm = _signature_hash(certificate)
    return Leaf(
        sha256=hashlib.sha256(der).hexdigest(),
        sha1=_sha1(der),
        serial=f"{certificate.serial_number:x}",
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        common_name=_common_name(certificate.subject),
        names=_names(certificate),
        issuer_class=_issuer_class(certificate),
        key_type=key_type,
        key_size=key_size,
        curve=curve,
        signature_hash=hash_algorithm,
        server_auth=_server_auth(certificate),
        ari_id=_ari_id(certificate),
    )


def unreadable(der: bytes) -> Leaf:
    """Return what can be said of bytes that are no certificate we can read: their thumbprints."""
    return Leaf(
        sha256=hashlib.sha256(der).hexdigest(),
        sha1=_sha1(der),
        serial="",
        subject="",
        issuer="",
        key_type="unreadable",
        key_size=0,
        signature_hash="",
    )


def _sha1(der: bytes) -> str:
    return hashlib.sha1(der, usedforsecurity=False).hexdigest()  # x5t: RFC 7517 §4.8


def _extension[E: x509.ExtensionType](certificate: x509.Certificate, kind: type[E]) -> E | None:
    """Return an extension's value; one that cannot be read counts as absent."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return None


def _common_name(subject: x509.Name) -> str:
    values = [str(attribute.value) for attribute in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    return values[-1] if values else ""


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    extension = _extension(certificate, x509.SubjectAlternativeName)
    if extension is None:
        return ()
    dns = {name.lower() for name in extension.get_values_for_type(x509.DNSName)}
    return tuple(sorted(dns | {str(address) for address in extension.get_values_for_type(x509.IPAddress)}))


def _issuer_class(certificate: x509.Certificate) -> IssuerClass:
    if certificate.issuer == certificate.subject and _signed_itself(certificate):
        return IssuerClass.SELF_SIGNED
    policies = _extension(certificate, x509.CertificatePolicies)
    named = {item.policy_identifier.dotted_string for item in policies or ()}
    stamps = _extension(certificate, x509.PrecertificateSignedCertificateTimestamps)
    return IssuerClass.PUBLIC if named & PUBLIC_POLICIES or stamps else IssuerClass.PRIVATE


def _signed_itself(certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _key_of(certificate: x509.Certificate) -> tuple[str, int, str]:
    """Return type, size in bits and curve of the public key."""
    unknown = certificate.public_key_algorithm_oid.dotted_string, 0, ""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return unknown
    match key:
        case rsa.RSAPublicKey():
            return "RSA", key.key_size, ""
        case ec.EllipticCurvePublicKey():
            return "EC", key.key_size, CURVES.get(key.curve.name, key.curve.name)
        case dsa.DSAPublicKey():
            return "DSA", key.key_size, ""
    return EDWARDS.get(type(key).__name__.removesuffix("PublicKey"), unknown)


def _signature_hash(certificate: x509.Certificate) -> str:
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return certificate.signature_algorithm_oid.dotted_string
    return algorithm.name.lower() if algorithm else ""


def _ari_id(certificate: x509.Certificate) -> str:
    """Return the identifier of RFC 9773 §4.1: base64url of the authority's key identifier, and of the serial's DER content bytes."""
    extension = _extension(certificate, x509.AuthorityKeyIdentifier)
    if extension is None or extension.key_identifier is None or certificate.serial_number <= 0:
        return ""
    serial = certificate.serial_number
    content = serial.to_bytes(serial.bit_length() // 8 + 1)  # one more bit than the number has: DER integers are signed
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (extension.key_identifier, content))


def _server_auth(certificate: x509.Certificate) -> bool:
    usage = _extension(certificate, x509.ExtendedKeyUsage)
    allowed = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    return usage is None or any(oid in usage for oid in allowed)
