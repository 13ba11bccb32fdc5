"""The Azure clouds: the one place where a suffix or an address of one is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where a cloud's services live."""

    name: str
    vault_suffix: str
    arm: str  # address of Azure Resource Manager, and the resource that its tokens are for

    def vault_url(self, vault: str) -> str:
        """Return the address of a vault."""
        return f"https://{vault}.{self.vault_suffix}"


CLOUDS = {
    cloud.name: cloud
    for cloud in (
        Cloud("public", "vault.azure.net", "https://management.azure.com"),
        Cloud("us-government", "vault.usgovcloudapi.net", "https://management.usgovcloudapi.net"),
        Cloud("china", "vault.azure.cn", "https://management.chinacloudapi.cn"),
    )
}
