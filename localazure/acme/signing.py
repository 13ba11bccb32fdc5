"""A CA's roots and intermediate, and the certificates that it signs: good ones, and on request spoilt ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localazure.acme import jws
from localazure.acme.conduct import PROFILES, Spoilt
from localazure.acme.store import Identifier
from localazure.minting import DOMAIN_VALIDATED, Issuer, certificate_authority, intermediate

type LeafKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
LONGEST_BACKDATE = 3600.0  # seconds, as Let's Encrypt


class Hierarchy:
    """Two roots that both signed one intermediate key: the second gives the alternate chain."""

    def __init__(self, name: str, now: datetime) -> None:
        begin, end = now - timedelta(days=1), now + timedelta(days=3650)
        self.roots = [certificate_authority(f"{name} root {which}", begin, end) for which in ("X1", "X2")]
        first = intermediate(f"{name} E1", self.roots[0], begin, end)
        second = intermediate(f"{name} E1", self.roots[1], begin, end, private_key=first.key)
        self.intermediates = [first, second]

    @property
    def key_identifier(self) -> bytes:
        """The issuing key's identifier, as leaves carry it."""
        return _identifier(self.intermediates[0])

    def issue(
        self,
        identifiers: Sequence[Identifier],
        key: LeafKey,
        *,
        common_name: str,
        profile: str,
        lifetime: float,
        now: datetime,
        spoilt: Spoilt = "",
    ) -> tuple[x509.Certificate, list[list[x509.Certificate]]]:
        """Return a leaf and its chains, the default one first."""
        if spoilt == "expired":
            now -= timedelta(seconds=2 * lifetime)
        if spoilt == "other-key":
            key = ec.generate_private_key(ec.SECP256R1()).public_key()
        if spoilt == "other-names":
            identifiers, common_name = [("dns", f"other-{value.removeprefix('*.')}") for _, value in identifiers], ""
        backdated = now - timedelta(seconds=min(LONGEST_BACKDATE, lifetime / 24))
        builder = x509.CertificateBuilder(
            issuer_name=self.intermediates[0].certificate.subject,
            subject_name=_subject(common_name),
            public_key=key,
            serial_number=x509.random_serial_number(),
            not_valid_before=backdated,
            not_valid_after=backdated + timedelta(seconds=lifetime - 1),  # the last second counts (RFC 5280 §4.1.2.5)
        )
        for extension, critical in self._extensions(identifiers, key, profile):
            builder = builder.add_extension(extension, critical)
        leaf = builder.sign(self.intermediates[0].key, hashes.SHA256())
        return leaf, [_arranged(leaf, one.certificate, spoilt) for one in self.intermediates]

    def _extensions(
        self, identifiers: Sequence[Identifier], key: LeafKey, profile: str
    ) -> list[tuple[x509.ExtensionType, bool]]:
        """Return a leaf's extensions, and which are critical."""
        relics = PROFILES[profile].common_name  # Let's Encrypt leaves all three out of its newer profiles
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.SubjectAlternativeName([_general(one) for one in identifiers]), not relics),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.AuthorityKeyIdentifier(self.key_identifier, None, None), False),
            (x509.CertificatePolicies([x509.PolicyInformation(DOMAIN_VALIDATED, None)]), False),
            (_key_usage(encipher=relics and isinstance(key, rsa.RSAPublicKey)), True),
        ]
        if relics:
            extensions.append((x509.SubjectKeyIdentifier.from_public_key(key), False))
        return extensions


def ari_id(leaf: x509.Certificate) -> str:
    """Return a certificate's id (RFC 9773 §4.1): its issuer's key identifier and its serial number's DER content."""
    found = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier or b""
    serial = leaf.serial_number.to_bytes(leaf.serial_number.bit_length() // 8 + 1)  # a leading 0 keeps it positive
    return f"{jws.encode(found)}.{jws.encode(serial)}"


def _identifier(issuer: Issuer) -> bytes:
    return x509.SubjectKeyIdentifier.from_public_key(issuer.key.public_key()).digest


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])


def _general(identifier: Identifier) -> x509.GeneralName:
    kind, value = identifier
    return x509.DNSName(value) if kind == "dns" else x509.IPAddress(ip_address(value))


def _arranged(leaf: x509.Certificate, above: x509.Certificate, spoilt: Spoilt) -> list[x509.Certificate]:
    """Return a chain in the order asked for."""
    return {"wrong-order": [above, leaf], "no-intermediate": [leaf]}.get(spoilt, [leaf, above])


def _key_usage(*, encipher: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=encipher,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
