"""Signing requests and certificates, made from a policy's `x509_props`; slow, so call these in a thread."""

from __future__ import annotations

import calendar
import ipaddress
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from localazure.keyvault import names
from localazure.keyvault.keys import PrivateKey, PublicKey

BACKDATED = 600  # seconds from `nbf` to `created` (recorded)
UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
USAGES = {
    "digitalsignature": "digital_signature",
    "nonrepudiation": "content_commitment",
    "keyencipherment": "key_encipherment",
    "dataencipherment": "data_encipherment",
    "keyagreement": "key_agreement",
    "keycertsign": "key_cert_sign",
    "crlsign": "crl_sign",
    "encipheronly": "encipher_only",
    "decipheronly": "decipher_only",
}
Json = dict[str, Any]
Extensions = list[tuple[x509.ExtensionType, bool]]


def add_months(second: int, months: int) -> int:
    """Return the Unix second some calendar months later."""
    moment = datetime.fromtimestamp(second, UTC)
    year, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + year, month + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return int(moment.replace(year=year, month=month, day=day).timestamp())


def validity(now: int, props: Json) -> tuple[int, int]:
    """Return `nbf` and `exp`: ten minutes before now, and the months counted from now (recorded)."""
    return now - BACKDATED, add_months(now, props["validity_months"])


def requested(props: Json) -> Extensions:
    """Return the extensions that a signing request asks for; basic constraints are not critical (recorded)."""
    wanted: Extensions = []
    if props.get("key_usage"):
        wanted.append((_usage(props["key_usage"]), True))
    if props.get("ekus"):
        wanted.append((x509.ExtendedKeyUsage([ObjectIdentifier(oid) for oid in props["ekus"]]), False))
    sans = alternative_names(props.get("sans") or {})
    if sans:
        wanted.append((x509.SubjectAlternativeName(sans), False))
    ca = bool((props.get("basic_constraints") or {}).get("ca"))
    wanted.append((x509.BasicConstraints(ca, None), False))
    return wanted


def _usage(texts: list[str]) -> x509.KeyUsage:
    chosen = {USAGES[text.lower()] for text in texts}
    if "key_agreement" not in chosen:
        chosen -= {"encipher_only", "decipher_only"}  # RFC 5280 §4.2.1.3: undefined without keyAgreement
    return x509.KeyUsage(**{usage: usage in chosen for usage in USAGES.values()})


def alternative_names(sans: Json) -> list[x509.GeneralName]:
    """Return a policy's `sans` as general names."""
    found: list[x509.GeneralName] = [x509.DNSName(name) for name in sans.get("dns_names") or []]
    found += [x509.RFC822Name(name) for name in sans.get("emails") or []]
    found += [x509.OtherName(UPN, _utf8(name)) for name in sans.get("upns") or []]
    found += [x509.UniformResourceIdentifier(name) for name in sans.get("uris") or []]
    found += [x509.IPAddress(ipaddress.ip_address(name)) for name in sans.get("ipAddresses") or []]
    return found


def _utf8(text: str) -> bytes:
    octets = text.encode()
    return b"\x0c" + (bytes([len(octets)]) if len(octets) < 128 else bytes([0x81, len(octets)])) + octets


def signing_request(key: PrivateKey, props: Json) -> bytes:
    """Return the DER of a PKCS #10 request."""
    builder = x509.CertificateSigningRequestBuilder(names.parse(props.get("subject") or ""))
    for extension, critical in requested(props):
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def certificate(
    public: PublicKey, signer: PrivateKey, issuer: x509.Name | None, props: Json, period: tuple[int, int]
) -> bytes:
    """Return the DER of a certificate over a public key; without an issuer name it is self-signed."""
    subject = names.parse(props.get("subject") or "")
    start, end = (datetime.fromtimestamp(second, UTC) for second in period)
    number = uuid.uuid4().int  # 16 octets with the marks of a UUID, as recorded
    builder = x509.CertificateBuilder(issuer or subject, subject, public, number, start, end)
    for extension, critical in requested(props):
        builder = builder.add_extension(extension, critical)
    builder = builder.add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
    )
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


class IntegratedAuthority:
    """The CA behind every issuer object of one local Azure; its root lives as long as the process."""

    def __init__(self, now: datetime) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Local Integrated CA")])
        builder = x509.CertificateBuilder(self.name, self.name, self.key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=3650))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.root = builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def issue(self, public: PublicKey, props: Json, period: tuple[int, int]) -> bytes:
        """Return the DER of a leaf certificate."""
        return certificate(public, self.key, self.name, props, period)
