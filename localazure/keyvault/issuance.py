"""How a pending operation begins and ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from localazure.keyvault import errors, policy, versions, x509
from localazure.keyvault.ask import Json, World
from localazure.keyvault.keys import PrivateKey
from localazure.keyvault.store import (
    CANCELLED,
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    Certificate,
    Conduct,
    Operation,
    Vault,
    Version,
    new_id,
)

RESERVED = ("self", "unknown")
REJECTED = "Request rejected"  # the recorded code of a CA's refusal is a phrase
# Recorded: DigiCert refuses the account "test".
REFUSED_ACCOUNT = ("DigiCert", "test")
REFUSAL = "The call to DigiCert failed with Error code access_denied|access denied"


@dataclass(frozen=True, slots=True)
class Issued:
    """What an issuer gave: the leaf, the chain in stored order (leaf included), `nbf` and `exp`."""

    leaf: bytes
    chain: tuple[bytes, ...]
    period: tuple[int, int]


def check_issuer(vault: Vault, rules: Json) -> None:
    """Refuse a policy whose issuer the vault does not have."""
    name = rules["issuer"]["name"]
    if name.lower() not in RESERVED and name.lower() not in vault.issuers:
        raise policy.unknown_issuer(name)


def check_name_is_free(vault: Vault, name: str) -> None:
    """Refuse a create or import on a name that is being deleted, is deleted, or has an operation in progress."""
    taken = vault.live.get(name.lower()) or vault.deleted.get(name.lower())
    if taken and taken.state:
        raise errors.deleted_but_recoverable(name) if taken.state == "deleted" else errors.being(name, taken.state)
    if taken and taken.pending:
        raise errors.still_pending()


def draft(world: World, rules: Json, tags: dict[str, str], preserve_order: bool | None) -> Version:
    """Return the unfinished version of an operation; its times are already filled (recorded)."""
    now = world.now
    begin, end = x509.validity(now, rules["x509_props"])
    key_props, content = rules["key_props"], rules["secret_props"]["contentType"]
    return Version(
        id=new_id(),
        created=now,
        updated=now,
        nbf=begin,
        exp=end,
        tags=dict(tags),
        preserve_order=preserve_order,
        content_type=content,
        exportable=bool(key_props["exportable"]),
    )


async def new_key(world: World, rules: Json, certificate: Certificate | None) -> PrivateKey:
    """Return a key of an operation's own, or the current one where the policy reuses it."""
    if rules["key_props"]["reuse_key"] and certificate and certificate.current and certificate.current.key:
        return certificate.current.key
    return await world.forge.make(rules["key_props"])


async def signing_request(key: PrivateKey, rules: Json) -> bytes:
    """Return the DER of the CSR of a policy."""
    return await asyncio.to_thread(x509.signing_request, key, rules["x509_props"])


def begin(world: World, vault: Vault, certificate: Certificate, operation: Operation) -> None:
    """Start an operation."""
    certificate.operation = operation
    if certificate.current is None:
        certificate.draft = operation.draft
    await_issuer(world, vault, certificate, operation)


def await_issuer(world: World, vault: Vault, certificate: Certificate, operation: Operation) -> None:
    """Let the issuer end an operation after its delay; nobody ends one of `Unknown` but a merge."""
    if operation.issuer.lower() == "unknown":
        return
    conduct = vault.conduct.get(operation.issuer.lower(), Conduct())
    usual = world.pace.self_issuance if operation.issuer.lower() == "self" else world.pace.issuer
    delay = usual if conduct.delay is None else conduct.delay
    world.agenda.after(delay, partial(finish, world, vault, certificate, operation))


def refusal(vault: Vault, issuer: str) -> tuple[str, str] | None:
    """Return why an integrated CA refuses, if it does: as configured, else as DigiCert refused in recorded traffic."""
    conduct = vault.conduct.get(issuer.lower())
    if conduct:
        return conduct.failure
    found = vault.issuers.get(issuer.lower())
    account = (found.credentials or {}).get("account_id") if found else None
    return (REJECTED, REFUSAL) if found and (found.provider, account) == REFUSED_ACCOUNT else None


async def finish(world: World, vault: Vault, certificate: Certificate, operation: Operation) -> None:
    """End an operation by its issuer, unless it was cancelled, deleted, or its certificate is gone."""
    if not open_still(vault, certificate, operation) or operation.cancellation_requested:
        return
    own = operation.issuer.lower() == "self"
    if not own and (failure := refusal(vault, operation.issuer)):
        operation.status, operation.error = FAILED, {"code": failure[0], "message": failure[1]}
        return
    props, now, key = operation.props, world.now, operation.key
    period = x509.validity(now, props)
    if own:
        leaf = await asyncio.to_thread(x509.certificate, key.public_key(), key, None, props, period)
        chain: tuple[bytes, ...] = (leaf,)
    else:
        leaf = await asyncio.to_thread(world.authority.issue, key.public_key(), props, period)
        chain = (leaf, world.authority.root)
    if open_still(vault, certificate, operation) and not operation.cancellation_requested:
        complete(world, vault, certificate, operation, Issued(leaf, chain, period))


def open_still(vault: Vault, certificate: Certificate, operation: Operation) -> bool:
    """Tell whether an operation is still its certificate's, and in progress."""
    alive = vault.live.get(certificate.name.lower()) is certificate and not certificate.state
    return alive and certificate.operation is operation and operation.status == IN_PROGRESS


def complete(
    world: World,
    vault: Vault,
    certificate: Certificate,
    operation: Operation,
    issued: Issued,
) -> Version:
    """Complete an operation: the finished version's id is not the one seen while it was pending (recorded)."""
    seen, now = operation.draft, world.now
    version = Version(
        id=new_id(),
        created=now,
        updated=now,
        nbf=issued.period[0],
        exp=issued.period[1],
        enabled=operation.enabled,
        tags=seen.tags,
        key=operation.key,
        der=issued.leaf,
        chain=issued.chain,
        preserve_order=seen.preserve_order,
        content_type=seen.content_type,
        exportable=seen.exportable,
    )
    operation.status = COMPLETED
    versions.install(world, vault, certificate, version)
    return version


async def cancel(vault: Vault, certificate: Certificate, operation: Operation) -> None:
    """Bring a requested cancellation to its end."""
    if open_still(vault, certificate, operation):
        operation.status = CANCELLED
