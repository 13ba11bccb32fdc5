"""A person with every right on the local vaults, through the real SDK: who imports, disables, deletes, and sets policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import msgspec
import urllib3
from azure.core.credentials import AccessToken
from azure.keyvault.certificates import (
    CertificateClient,
    CertificatePolicy,
    CertificatePolicyAction,
    KeyVaultCertificate,
    LifetimeAction,
)

from localazure.client import LocalAzure
from localazure.identity import PATH
from localazure.minting import Issuer, pfx
from localazure.tokens import Tokens


class OperatorCredential:
    """Tokens of the identity `operator`, asked for where the app asks for its own."""

    def __init__(self, azure: LocalAzure) -> None:
        self._ready = azure.ready
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(10))
        self._client_id = Tokens().identity("operator").client_id

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Return a token for a scope."""
        resource = scopes[0].removesuffix("/.default")
        answer = self._http.request(
            "GET",
            f"http://127.0.0.1:{self._ready.identity}{PATH}",
            fields={"resource": resource, "api-version": "2019-08-01", "client_id": self._client_id},
            headers={"X-IDENTITY-HEADER": self._ready.identity_header},
        )
        token = msgspec.json.decode(answer.data)
        return AccessToken(token["access_token"], int(token["expires_on"]))

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()


class Operator:
    """One person; close when done."""

    def __init__(self, azure: LocalAzure) -> None:
        self._azure = azure
        self._credential = OperatorCredential(azure)
        self._clients: dict[str, CertificateClient] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()
        self._credential.close()

    def client(self, vault: str) -> CertificateClient:
        """Return the SDK's client of a vault, through the proxy."""
        if vault not in self._clients:
            ready = self._azure.ready
            self._clients[vault] = CertificateClient(
                f"https://{vault}.vault.azure.net",
                self._credential,
                proxies={"https": f"http://127.0.0.1:{ready.proxy}"},
                connection_verify=ready.ca,
            )
        return self._clients[vault]

    def seed(
        self,
        vault: str,
        name: str,
        *,
        left: timedelta,
        lifetime: timedelta = timedelta(days=90),
        names: Sequence[str] = (),
        issuer: str = "Self",
        auto_renew: bool = False,
        signed_by: Issuer | None = None,
        public: bool = False,
        enabled: bool = True,
        tags: Mapping[str, str] | None = None,
    ) -> KeyVaultCertificate:
        """Put an old certificate into a vault: imported disabled, given its policy, then enabled unless it is to stay disabled.

        The other order would be an enabled certificate under a policy that is due to be renewed. Key Vault's import sets the issuer to Unknown.
        """
        end = datetime.now(UTC).replace(microsecond=0) + left
        hosts = tuple(names) or (f"{name}.example.com",)
        content = pfx(hosts, end - lifetime, end, issuer=signed_by, public=public)
        client = self.client(vault)
        client.import_certificate(name, content, enabled=False, tags=dict(tags or {}))
        if issuer != "Unknown":
            client.update_certificate_policy(name, _policy(issuer, hosts, auto_renew=auto_renew))
        return client.update_certificate_properties(name, enabled=enabled, tags=dict(tags or {}))

    def import_new(
        self, vault: str, name: str, *, lifetime: timedelta = timedelta(days=90), tags: Mapping[str, str] | None = None
    ) -> KeyVaultCertificate:
        """Import a new version beside what manages the name, as a person does on a bad day."""
        now = datetime.now(UTC).replace(microsecond=0)
        content = pfx((f"{name}.example.com",), now - timedelta(minutes=10), now + lifetime)
        return self.client(vault).import_certificate(name, content, tags=dict(tags or {}))

    def versions(self, vault: str, name: str) -> list[str]:
        """Return the ids of all versions, oldest first."""
        listed = self.client(vault).list_properties_of_certificate_versions(name)
        ordered = sorted(listed, key=lambda one: one.created_on or datetime.min.replace(tzinfo=UTC))
        return [str(one.version) for one in ordered]


def _policy(issuer: str, names: Sequence[str], *, auto_renew: bool) -> CertificatePolicy:
    action = CertificatePolicyAction.auto_renew if auto_renew else CertificatePolicyAction.email_contacts
    return CertificatePolicy(
        issuer,
        subject=f"CN={names[0]}",
        san_dns_names=list(names),
        lifetime_actions=[LifetimeAction(action, lifetime_percentage=80)],
    )
