"""What the app may ask of a vault: the operations of its three data actions, and no other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NAME = r"/certificates/[0-9a-zA-Z-]+"
# Key Vault data actions: certificates/read, certificates/create/action, certificates/update/action.
OPERATIONS = re.compile(
    rf"GET /certificates|GET {NAME}/?|GET {NAME}/pending|POST {NAME}/create|POST {NAME}/pending/merge|DELETE {NAME}/pending"
)


def asked_too_much(requests: Iterable[Mapping[str, Any]], vaults: Sequence[str]) -> list[str]:
    """Return what the app asked of these vaults and should not have, or was refused where no fault or lost role explains it."""
    hosts = {f"{vault}.vault.azure.net" for vault in vaults}
    found = []
    for one in requests:
        if one["host"] not in hosts or one["identity"] != "perennial":
            continue
        what = f"{one['method']} {one['path']}"
        if not OPERATIONS.fullmatch(what) or (one["status"] == 403 and one["fault"] is None):
            found.append(f"{what} {one['status']}")
    return found
