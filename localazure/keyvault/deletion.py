"""Soft delete: deleting, recovering and purging take their time."""

from __future__ import annotations

from functools import partial

from localazure.keyvault import errors, issuance, shapes
from localazure.keyvault.ask import Answer, Ask, World
from localazure.keyvault.store import Certificate, Vault


async def delete(ask: Ask) -> Answer:
    """DELETE /certificates/{name}: gone at once, shown among the deleted ones only later (recorded)."""
    certificate, vault = ask.certificate(), ask.vault
    certificate.state, certificate.deleted_at = "deleting", ask.world.now
    ask.world.agenda.after(ask.world.pace.deletion, partial(end_deletion, vault, certificate))
    return Answer(shapes.deleted_bundle(ask, certificate))


async def end_deletion(vault: Vault, certificate: Certificate) -> None:
    """Put a certificate among the deleted ones."""
    vault.live.pop(certificate.name.lower(), None)
    certificate.state = "deleted"
    vault.deleted[certificate.name.lower()] = certificate


def deleted_certificate(ask: Ask) -> Certificate | None:
    """Return the deleted certificate that the path names, if nothing is being done to it."""
    found = ask.vault.deleted.get(ask.name.lower())
    return found if found and found.state == "deleted" else None


async def read(ask: Ask) -> Answer:
    """GET /deletedcertificates/{name}."""
    certificate = deleted_certificate(ask)
    if certificate is None:
        raise errors.no_deleted(ask.name)
    return Answer(shapes.deleted_bundle(ask, certificate))


def refusal(ask: Ask) -> errors.Refused:
    """Return why a name can't be recovered or purged: something is being done to it, or it is not there."""
    found = ask.vault.live.get(ask.name.lower()) or ask.vault.deleted.get(ask.name.lower())
    if found and found.state:
        return errors.being(ask.name, found.state)
    return errors.no_certificate(ask.name)


async def recover(ask: Ask) -> Answer:
    """POST /deletedcertificates/{name}/recover: the live certificate, still 404 for a while (recorded)."""
    certificate = deleted_certificate(ask)
    if certificate is None:
        raise refusal(ask)
    certificate.state, certificate.deleted_at = "recovering", None
    ask.vault.live[certificate.name.lower()] = ask.vault.deleted.pop(certificate.name.lower())
    ask.world.agenda.after(ask.world.pace.recovery, partial(end_recovery, ask.world, ask.vault, certificate))
    version = certificate.latest
    return Answer(shapes.bundle(ask, certificate, version) if version else {})


async def end_recovery(world: World, vault: Vault, certificate: Certificate) -> None:
    """Let a certificate live again, and its issuer go on."""
    certificate.state = ""
    if certificate.operation and certificate.pending:
        issuance.await_issuer(world, vault, certificate, certificate.operation)


async def purge(ask: Ask) -> Answer:
    """DELETE /deletedcertificates/{name}: 204; the name is free only later (recorded: restore meets 409)."""
    certificate = deleted_certificate(ask)
    if certificate is None:
        raise refusal(ask)
    certificate.state = "purging"
    ask.world.agenda.after(ask.world.pace.purge, partial(end_purge, ask.vault, certificate))
    return Answer(None, 204)


async def end_purge(vault: Vault, certificate: Certificate) -> None:
    """Free a name."""
    vault.deleted.pop(certificate.name.lower(), None)
    vault.leave(certificate.name.upper())
