"""Which host names are played, and by which stand-in."""

from __future__ import annotations

VAULT_SUFFIXES = (".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net")  # Key Vault REST: one per cloud
TOPIC_SUFFIX = ".eventgrid.azure.net"
CA_SUFFIX = ".example"
ARM = "management.azure.com"
LOGIN = "login.microsoftonline.com"

SERVICES = ("keyvault", "eventgrid", "identity", "arm", "storage-table", "storage-queue", "storage-blob", "acme")


def vault_of(host: str) -> str | None:
    """Return the vault that a host name belongs to, or None if it is not a vault's."""
    for suffix in VAULT_SUFFIXES:
        label = host.removesuffix(suffix)
        if label != host and label and "." not in label:
            return label
    return None


def ca_of(host: str) -> str | None:
    """Return the CA that a host name may belong to (`ca-one.example`: RFC 2606 keeps the domain free), or None."""
    label = host.removesuffix(CA_SUFFIX)
    return label if label != host and label and "." not in label else None


def service_of(host: str) -> str | None:
    """Return the stand-in that answers for a host name (lower-case, no port), or None if nobody plays it."""
    if vault_of(host):
        return "keyvault"
    if host.endswith(TOPIC_SUFFIX):
        return "eventgrid"
    return {ARM: "arm", LOGIN: "identity"}.get(host)
