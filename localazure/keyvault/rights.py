"""Which identity may do what: the data actions of Azure RBAC, granted here instead of by roles."""

from __future__ import annotations

from fnmatch import fnmatchcase

from localazure.keyvault.errors import Refused
from localazure.tokens import ISSUER, Identity

DATA = "Microsoft.KeyVault/vaults/"
READ = f"{DATA}certificates/read"
CREATE = f"{DATA}certificates/create/action"
UPDATE = f"{DATA}certificates/update/action"
KEY_READ, KEY_CREATE, KEY_SIGN = (f"{DATA}keys/{what}" for what in ("read", "create/action", "sign/action"))
# What an app may do in a vault of its own, which keeps the keys of its accounts: no backup, no release, no certificate.
OWN_KEYS = (KEY_READ, KEY_CREATE, KEY_SIGN)
DEFAULTS = {"perennial": frozenset({READ, CREATE, UPDATE}), "operator": frozenset({f"{DATA}*"})}
SUBSCRIPTION = "/subscriptions/00000000-0000-4000-8000-000000000001/resourcegroups/rg-local"
LOCATION = "westeurope"


class Rights:
    """The granted data actions; a grant for one vault takes the place of the identity's general one there."""

    def __init__(self) -> None:
        self._granted: dict[tuple[str, str | None], frozenset[str]] = {}

    def grant(self, identity: str, actions: frozenset[str], vault: str | None) -> None:
        """Set what an identity may do, in all vaults or in one."""
        self._granted[identity, vault.lower() if vault else None] = actions

    def of(self, identity: str, vault: str) -> frozenset[str]:
        """Return what an identity may do in a vault."""
        general = self._granted.get((identity, None), DEFAULTS.get(identity, frozenset()))
        return self._granted.get((identity, vault.lower()), general)

    def check(self, identity: Identity, action: str, vault: str, path: str) -> None:
        """Refuse an action that was not granted, in the words of the real service."""
        if not any(fnmatchcase(action, granted) for granted in self.of(identity.name, vault)):
            raise Refused(403, "Forbidden", explanation(identity, action, vault, path), "ForbiddenByRbac")


def explanation(identity: Identity, action: str, vault: str, path: str) -> str:
    """Say who lacks what, where."""
    resource = f"{SUBSCRIPTION}/providers/microsoft.keyvault/vaults/{vault.lower()}{path}"
    lines = (
        "Caller is not authorized to perform action on resource.",
        "If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.",
        f"Caller: appid={identity.client_id};oid={identity.object_id};iss={ISSUER}",
        f"Action: '{action}'",
        f"Resource: '{resource}'",
        "Assignment: (not found)",
        "DenyAssignmentId: null",
        "DecisionReason: 'DeniedWithNoValidRBAC'",
        f"Vault: {vault};location={LOCATION}",
    )
    return "\r\n".join(lines) + "\r\n"
