"""Key Vault's own renewal: `AutoRenew` certificates whose trigger has passed."""

from __future__ import annotations

from functools import partial

from localazure.keyvault import issuance
from localazure.keyvault.ask import World
from localazure.keyvault.policy import rotation_due
from localazure.keyvault.store import Certificate, Operation, Vault, new_id


async def rotate(world: World, vault: Vault) -> list[str]:
    """Begin to renew everything that is due in a vault; return the names."""
    due = [certificate for certificate in vault.live.values() if is_due(world, vault, certificate)]
    for certificate in due:
        await renew(world, vault, certificate)
    return [certificate.name for certificate in due]


def is_due(world: World, vault: Vault, certificate: Certificate) -> bool:
    """Tell whether the vault renews a certificate now; a disabled one it leaves alone."""
    current, rules = certificate.current, certificate.policy
    if current is None or not current.enabled or certificate.state or certificate.pending:
        return False
    issuer = rules["issuer"]["name"].lower()
    moment = rotation_due(rules, current.nbf, current.exp)
    return moment is not None and moment <= world.now and (issuer == "self" or issuer in vault.issuers)


async def renew(world: World, vault: Vault, certificate: Certificate) -> None:
    """Begin a renewal as a create would; the tags of the current version are copied (documentation)."""
    rules = certificate.policy
    key = await issuance.new_key(world, rules, certificate)
    csr = await issuance.signing_request(key, rules)
    if not is_due(world, vault, certificate) or certificate.current is None:
        return
    unfinished = issuance.draft(world, rules, certificate.current.tags, certificate.current.preserve_order)
    operation = Operation(new_id(), rules["issuer"]["name"], csr, key, rules["x509_props"], unfinished)
    issuance.begin(world, vault, certificate, operation)


def schedule(world: World, vault: Vault) -> None:
    """Look at a vault after each `Pace.autorotation`."""
    world.agenda.after(world.pace.autorotation, partial(_look, world, vault))


async def _look(world: World, vault: Vault) -> None:
    await rotate(world, vault)
    schedule(world, vault)
