"""Key Vault's certificates, as the recorded traffic of the real service shows them."""

from localazure.keyvault.events import VaultEvent
from localazure.keyvault.pace import Pace
from localazure.keyvault.service import KeyVaults
from localazure.keyvault.store import Vault

__all__ = ["KeyVaults", "Pace", "Vault", "VaultEvent"]
