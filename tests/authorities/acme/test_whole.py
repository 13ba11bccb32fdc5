"""The app as it is wired, on the local Azure: one certificate renewed by a CA through a delegated zone, and no private key anywhere."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables import TableServiceClient
from azure.keyvault.certificates import CertificateClient, CertificateContentType, CertificatePolicy
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from localazure.client import LocalAzure
from localazure.dns.zones import GROUP, SUBSCRIPTION
from perennial.adapters import clients
from perennial.model.clouds import CLOUDS
from tests.architecture.source import ROOT
from tests.authorities.acme import secrets_found
from tests.contract import local
from tests.memory import minting

SERIAL = itertools.count(1)


class Scene:
    """Vaults, zones and a CA of their own, and a certificate that is due."""

    def __init__(self, azure: LocalAzure, account: str, monkeypatch: pytest.MonkeyPatch) -> None:
        number = next(SERIAL)
        self.azure = azure
        self.vault, self.keys = f"kv-whole-{number}", f"kv-whole-keys-{number}"
        self.zone, self.validation = f"shop-{number}.example", f"validation-{number}.example"
        self.ca = azure.ca(f"ca-whole-{number}", validation="dns", dns_server=azure.dns_server)
        azure.create_vault(self.vault)
        azure.create_vault(self.keys, keys_of="perennial")
        alias = {"_acme-challenge": {"CNAME": [f"shop.{self.validation}."]}}
        azure.dns.zone(self.zone, records=alias)
        azure.dns.zone(self.validation)
        azure.dns.rights("perennial", ["read", "write", "delete"], self.validation)
        local.point_at(azure, monkeypatch, account)
        self.variables = azure.environment(account=account, vaults={self.vault: "renew"}, settings=self._settings())

    def _settings(self) -> Mapping[str, str]:
        zone = {
            "zone": self.validation,
            "provider": "azure",
            "options": {"subscription": SUBSCRIPTION, "resource_group": GROUP},
        }
        return {
            "PERENNIAL_AUTHORITIES": json.dumps([{"name": "le", "directory": self.ca.directory, "agree_terms": True}]),
            "PERENNIAL_ZONES": json.dumps([zone]),
            "PERENNIAL_KEYS": f"https://{self.keys}.vault.azure.net",
        }

    def seed(self, person: CertificateClient) -> str:
        """Import a certificate for apex and wildcard that is due, which asks for the CA by its tag."""
        names = (self.zone, f"*.{self.zone}")
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=70)
        der = minting.certificate(self.zone, names, start, start + timedelta(days=90))
        key = minting.key(0).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pem = key + x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
        policy = CertificatePolicy("Unknown", content_type=CertificateContentType.pem)
        person.import_certificate("shop", pem, policy=policy, tags={"perennial-issuer": "le"})
        return "shop"

    def renew(self, name: str, plant: str = "") -> Any:
        """Renew in a process of its own; return what it prints."""
        command = [sys.executable, "-m", "tests.authorities.acme.whole", self.vault, name, plant]
        done = subprocess.run(
            command, env=dict(self.variables), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        return json.loads(done.stdout.splitlines()[-1])

    def person(self) -> CertificateClient:
        """Return somebody who may do everything in the vault."""
        operator = local.app_identity(self.azure.environment(identity="operator"))
        return clients.certificate_client(CLOUDS["public"], operator, self.vault)

    def rows(self) -> list[dict[str, object]]:
        """Return every row that the app stored."""
        with TableServiceClient(
            self.variables["PERENNIAL_TABLES"], credential=local.app_identity(self.variables)
        ) as service:
            tables = [table.name for table in service.list_tables()]
            return [dict(row) for name in tables for row in service.get_table_client(name).list_entities()]


@pytest.fixture
def scene(azure: LocalAzure, account: str, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A scene on the local Azure."""
    return Scene(azure, account, monkeypatch)


def test_a_renewal_by_acme_holds_no_private_key(scene: Scene) -> None:
    """Three calls to the certificate's vault, a chain of the CA, an empty zone; no key in memory or in any row."""
    name = scene.seed(scene.person())
    scene.azure.clear_requests("keyvault")
    printed = scene.renew(name)
    host = f"{scene.vault}.vault.azure.net"
    asked = scene.azure.requests("keyvault", host=host, authenticated=True)
    assert [(one["method"], one["path"].rpartition("/")[2]) for one in asked] == [
        ("GET", ""),
        ("POST", "create"),
        ("POST", "merge"),
    ]
    assert printed == {"memory": [], "outcome": ["issued"], "issuer": ["le"]}
    assert scene.ca.issued() == {f"*.{scene.zone} {scene.zone}": 1}
    assert scene.azure.dns.sets(scene.validation) == {}
    rows = scene.rows()
    assert len(rows) > 5
    assert secrets_found.in_rows(rows) == []


def test_a_private_key_in_memory_would_be_seen(scene: Scene) -> None:
    """The negative: a key of the library, its PEM and its DER."""
    printed = scene.renew(scene.seed(scene.person()), plant="yes")
    assert set(printed["memory"]) >= {"ECPrivateKey", "PEM", "DER"}


def test_a_private_key_in_a_row_would_be_seen() -> None:
    """The negative for rows: PEM and DER, base64 and JWK."""
    key = minting.key(0)
    for form in (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL):
        der = key.private_bytes(Encoding.DER, form, NoEncryption())
        pem = key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
        row: dict[str, object] = {"a": der, "b": pem, "c": base64.b64encode(der).decode(), "d": "nothing", "e": 7}
        assert secrets_found.in_rows([row]) == ["a: DER", "b: PEM", "c: base64"]
    jwk = '{"kty": "EC", "d": "' + "A" * 43 + '"}'
    assert secrets_found.in_rows([{"checkpoint": jwk}]) == ["checkpoint: JWK"]
