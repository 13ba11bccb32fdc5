"""Puts a certificate with the dates one wants into a vault, through the real API, as the identity that may do everything."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VERSION = "api-version=7.4"
RESOURCE = "https://vault.azure.net"

type Json = dict[str, Any]


class SeedError(Exception):
    """A vault refused; the text holds its words."""


class Seeder:
    """An operator of the vaults, with nothing but the variables of `.local/env`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Take the variables. Raises SeedError if one is missing."""
        try:
            self._ca, self._proxy = environment["SSL_CERT_FILE"], environment["HTTPS_PROXY"]
            self._endpoint, self._secret = environment["IDENTITY_ENDPOINT"], environment["IDENTITY_HEADER"]
        except KeyError as missing:
            raise SeedError(f"{missing.args[0]} is not set: read .local/env into this shell first") from missing
        self._http = urllib3.ProxyManager(self._proxy, ca_certs=self._ca, retries=False, timeout=30)
        self._authorization = ""

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()

    def import_certificate(
        self,
        vault: str,
        name: str,
        pfx: bytes,
        *,
        issuer: str = "Self",
        lifetime_actions: Sequence[Json] = (),
        tags: Mapping[str, str] | None = None,
    ) -> Json:
        """Import a PFX and give it an issuer; return the bundle.

        An import gets the issuer `Unknown`. It is imported disabled and enabled once its policy is right, since the
        other order shows a certificate that nobody can renew to whoever looks between.
        """
        value = base64.b64encode(pfx).decode()
        body = {"value": value, "attributes": {"enabled": False}, "tags": dict(tags or {})}
        bundle = self.ask("POST", vault, f"/certificates/{name}/import", body)
        policy = {"issuer": {"name": issuer}, "lifetime_actions": list(lifetime_actions)}
        self.ask("PATCH", vault, f"/certificates/{name}/policy", policy)
        version = bundle["id"].rpartition("/")[2]
        return self.ask("PATCH", vault, f"/certificates/{name}/{version}", {"attributes": {"enabled": True}})

    def ask(self, method: str, vault: str, path: str, body: Json | None = None) -> Json:
        """Ask a vault by its public-cloud name. Raises SeedError with what it answered."""
        if not self._authorization:
            self._authorization = f"Bearer {self._token()}"
        url = f"https://{vault}.vault.azure.net{path}?{VERSION}"
        try:
            answer = self._http.request(method, url, json=body, headers={"Authorization": self._authorization})
        except urllib3.exceptions.ProxyError as refused:
            raise SeedError(f"{vault}: {refused}") from refused
        found: Json = answer.json() if answer.data else {}
        if answer.status >= 300:
            raise SeedError(f"{method} {path} at {vault}: {answer.status} {found.get('error', found)}")
        return found

    def _token(self) -> str:
        """Return a token of the operator for Key Vault."""
        asked = f"{self._endpoint}?api-version=2019-08-01&client_id=operator&resource={RESOURCE}"
        with urllib3.PoolManager(retries=False, timeout=30) as direct:
            token: str = direct.request("GET", asked, headers={"X-IDENTITY-HEADER": self._secret}).json()[
                "access_token"
            ]
        return token


def self_signed(names: Sequence[str], not_before: datetime, not_after: datetime) -> bytes:
    """Return a PFX without a password: an EC key and its self-signed certificate for these names and dates."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), not_before, not_after)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return pkcs12.serialize_key_and_certificates(None, key, certificate, None, NoEncryption())


def seed(
    environment: Mapping[str, str], vault: str, name: str, *, days: float, left: float, auto_renew: bool = False
) -> Json:
    """Seed one self-signed certificate that lives so many days, of which so many are left; return its bundle."""
    not_after = datetime.now(UTC) + timedelta(days=left)
    pfx = self_signed([f"{name}.example"], not_after - timedelta(days=days), not_after)
    trigger: Json = {"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "AutoRenew"}}
    seeder = Seeder(environment)
    try:
        return seeder.import_certificate(vault, name, pfx, lifetime_actions=[trigger] if auto_renew else [])
    finally:
        seeder.close()
