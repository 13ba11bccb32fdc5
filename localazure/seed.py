"""`python -m localazure seed`: an old self-signed certificate in a vault, through the real API and SDK."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from azure.core.exceptions import AzureError
from azure.identity import ManagedIdentityCredential
from azure.keyvault.certificates import (
    CertificateClient,
    CertificatePolicy,
    CertificatePolicyAction,
    LifetimeAction,
)

from localazure.minting import pfx

SETTINGS = ("HTTPS_PROXY", "REQUESTS_CA_BUNDLE", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")


class SeedError(Exception):
    """The certificate could not be put there; the text is one line."""


def seed(vault: str, name: str, *, days: float, left: float, auto_renew: bool = False) -> tuple[str, datetime]:
    """Seed a certificate that lives so many days, of which so many are left; return its id and its end.

    Imported disabled, given its policy, then enabled: an import gets the issuer `Unknown`, and the other order would
    show a certificate that nobody can renew to whoever looks between.
    """
    if missing := [setting for setting in SETTINGS if setting not in os.environ]:
        raise SeedError(f"{missing[0]} is not set: read .local/env into this shell first")
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=left)
    host = f"{name}.example.com"
    try:
        with CertificateClient(
            f"https://{vault}.vault.azure.net", ManagedIdentityCredential(client_id="operator"), retry_total=0
        ) as client:
            client.import_certificate(name, pfx((host,), end - timedelta(days=days), end), enabled=False)
            client.update_certificate_policy(name, _policy(host, auto_renew=auto_renew))
            return str(client.update_certificate_properties(name, enabled=True).id), end
    except (AzureError, ValueError) as refused:
        raise SeedError(f"{vault}/{name}: {' '.join(str(refused).split())}") from refused


def _policy(host: str, *, auto_renew: bool) -> CertificatePolicy:
    """Return the policy by which the vault can renew it."""
    action = CertificatePolicyAction.auto_renew if auto_renew else CertificatePolicyAction.email_contacts
    actions = [LifetimeAction(action, lifetime_percentage=80)]
    return CertificatePolicy("Self", subject=f"CN={host}", san_dns_names=[host], lifetime_actions=actions)
