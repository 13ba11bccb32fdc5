"""What the scenarios have in common: a kind of client to open, a quick policy, a finished certificate."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from azure.keyvault.certificates import (
    CertificateClient,
    CertificatePolicy,
    CertificateProperties,
    KeyType,
    KeyVaultCertificate,
    WellKnownIssuerNames,
)

FAST: dict[str, Any] = {"_polling_interval": 0.02}  # for the pollers


type Opening = Callable[..., contextlib.AbstractContextManager[CertificateClient]]


def policy(issuer: str = WellKnownIssuerNames.self, **more: Any) -> CertificatePolicy:
    """Return a policy with a quick key."""
    settings = {"subject": "CN=www", "san_dns_names": ["a.example"], "key_type": KeyType.ec, "key_curve_name": "P-256"}
    return CertificatePolicy(issuer, **(settings | more))


def create(client: CertificateClient, name: str = "www", **more: Any) -> KeyVaultCertificate:
    """Create a certificate and wait for it."""
    made = client.begin_create_certificate(name, policy(**more), **FAST).result()
    assert isinstance(made, KeyVaultCertificate)
    return made


def facts(certificate: KeyVaultCertificate) -> CertificateProperties:
    """Return a certificate's properties, which are always there."""
    assert certificate.properties
    return certificate.properties
