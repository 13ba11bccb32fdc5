"""A finished version: it becomes the current one, its events are told, its expiry is noted."""

from __future__ import annotations

from localazure.keyvault import events
from localazure.keyvault.ask import World
from localazure.keyvault.events import VaultEvent
from localazure.keyvault.store import Certificate, Vault, Version

NEAR = 30 * 86400  # seconds before the end at which NearExpiry is raised, whatever the policy says
COLLECTIONS = {"Certificate": "certificates", "Key": "keys", "Secret": "secrets"}


def install(world: World, vault: Vault, certificate: Certificate, version: Version) -> None:
    """Make a version the current one and tell of it, its key and its secret included."""
    certificate.versions[version.id] = version
    certificate.current, certificate.draft = version, None
    for object_type in COLLECTIONS:
        tell(world, vault, certificate, version, events.NEW_VERSION, object_type=object_type)
    watch(world, vault, certificate, version)


def tell(
    world: World,
    vault: Vault,
    certificate: Certificate,
    version: Version,
    what: str,
    *,
    object_type: str = "Certificate",
) -> None:
    """Emit one event of one object of a version."""
    identifier = f"https://{vault.host}/{COLLECTIONS[object_type]}/{certificate.name}/{version.id}"
    kind = f"Microsoft.KeyVault.{object_type}{what}"
    event = VaultEvent(
        kind, vault.name, object_type, certificate.name, version.id, identifier, version.nbf, version.exp
    )
    world.emit(event)


def watch(world: World, vault: Vault, certificate: Certificate, version: Version) -> None:
    """Note the two moments at which a version raises an event, if it is the current one then; disabled ones do too."""
    earliest = world.clock().timestamp() + world.pace.near_expiry

    def deed(what: str) -> None:
        live = vault.live.get(certificate.name.lower())
        if live is certificate and not certificate.state and certificate.current is version:
            tell(world, vault, certificate, version, what)

    async def near() -> None:
        """Say that the version is near its expiry."""
        deed(events.NEAR_EXPIRY)

    async def expired() -> None:
        """Say that the version has expired."""
        deed(events.EXPIRED)

    now = world.clock().timestamp()
    if version.exp > now:
        world.agenda.after(max(version.exp - NEAR, earliest) - now, near)
    world.agenda.after(max(version.exp, earliest) - now, expired)
