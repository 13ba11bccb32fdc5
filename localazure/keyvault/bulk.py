"""Filling a vault with thousands of certificates in seconds: real ones, but over one key."""

from __future__ import annotations

import asyncio
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec

from localazure.keyvault import policy, x509
from localazure.keyvault.ask import Json
from localazure.keyvault.store import Certificate, Vault, Version, new_id

YEAR = 365 * 86400


async def fill(vault: Vault, count: int, not_after: datetime, prefix: str, now: int) -> list[str]:
    """Add certificates `{prefix}-00000` and on, self-signed for a year, due by no action of the vault; no events."""
    taken = vault.live.keys() | vault.deleted.keys()
    names: list[str] = []
    number = 0
    while len(names) < count:
        name = f"{prefix}-{number:05}"
        number += 1
        if name.lower() not in taken:
            names.append(name)
    exp = int(not_after.timestamp())
    period = min(now - x509.BACKDATED, exp - YEAR), exp
    for certificate in await asyncio.to_thread(minted, names, period):
        vault.live[certificate.name.lower()] = certificate
    vault.index = sorted({*vault.index, *(name.upper() for name in names)})
    return names


def minted(names: list[str], period: tuple[int, int]) -> list[Certificate]:
    """Return finished certificates of these names."""
    key = ec.generate_private_key(ec.SECP256R1())
    created = period[0] + x509.BACKDATED
    found = []
    for name in names:
        rules = rules_of(name, created)
        leaf = x509.certificate(key.public_key(), key, None, rules["x509_props"], period)
        version = Version(new_id(), created, created, *period, key=key, der=leaf, chain=(leaf,))
        found.append(Certificate(name, rules, {version.id: version}, version))
    return found


def rules_of(name: str, created: int) -> Json:
    """Return the policy of a filled-in certificate: EC and `Self`, so that renewing it is quick, and mail as its action."""
    host = f"{name.lower()}.example"
    return policy.complete(
        {
            "key_props": {"kty": "EC", "crv": "P-256"},
            "x509_props": {"subject": f"CN={host}", "sans": {"dns_names": [host]}},
            "issuer": {"name": "Self"},
            "lifetime_actions": [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "EmailContacts"}}],
        },
        created,
    )
