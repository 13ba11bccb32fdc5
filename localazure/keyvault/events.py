"""What a vault tells Event Grid."""

from __future__ import annotations

from dataclasses import dataclass

NEW_VERSION = "NewVersionCreated"
NEAR_EXPIRY = "NearExpiry"
EXPIRED = "Expired"


@dataclass(frozen=True, slots=True)
class VaultEvent:
    """One event of one object version; `vault` keeps the casing it was created with, the host in `id` is lower-case."""

    type: str
    vault: str
    object_type: str
    name: str
    version: str
    id: str
    not_before: int | None
    expires: int | None
