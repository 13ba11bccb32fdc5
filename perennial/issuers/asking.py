"""What both issuers ask of a vault: whether an intent that was found had been sent, and under which tags to create."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum

from perennial.errors import Forbidden, IssuerError, Refused, VaultError
from perennial.issuers.csr import carries_names
from perennial.model.certificate import INSTANCE_TAG, RENEWAL_TAG, Operation, OperationState
from perennial.model.decision import Snapshot
from perennial.model.renewal import Renewal
from perennial.ports.vault import Vaults

POLL = timedelta(seconds=10)  # what Key Vault itself says with each pending operation
FOREIGN = timedelta(hours=1)  # an operation that is not ours: looked at again, never touched

#: Refusals of a create that may pass by themselves: a deleted name being recovered, or the like.
PASSING = frozenset({"Conflict", "ObjectIsBeingDeleted", "ObjectIsBeingRecovered"})


class Ask(Enum):
    """What asking about a found intent to create brought to light."""

    NOT_SENT = "not sent"
    OURS = "ours"
    FOREIGN = "foreign"


def find_ours(vaults: Vaults, renewal: Renewal, seen: Snapshot) -> tuple[Ask, Operation | None]:
    """Ask whether a create was sent before its intent's holder died. The look has read the version: it is unchanged.

    An operation in progress whose CSR carries the certificate's names is ours: an earlier foreign one would have answered our create with 409.
    """
    operation = vaults.pending(renewal.certificate)
    if operation is None or operation.state is not OperationState.IN_PROGRESS:
        return Ask.NOT_SENT, None
    if operation.request_id in renewal.requests or (seen.current and carries_names(operation.csr, seen.current)):
        return Ask.OURS, operation
    return Ask.FOREIGN, None


def in_the_way(vaults: Vaults, renewal: Renewal) -> tuple[Ask, Operation | None]:
    """Ask whose operation keeps a create from being accepted: one that an earlier attempt of this renewal left behind is ours."""
    operation = vaults.pending(renewal.certificate)
    if operation is None or operation.state is not OperationState.IN_PROGRESS:
        return Ask.NOT_SENT, None
    return (Ask.OURS if operation.request_id in renewal.requests else Ask.FOREIGN), operation


def tags_for(renewal: Renewal, seen: Snapshot, instance: str) -> Mapping[str, str]:
    """Return the certificate's tags with our two: Key Vault copies none on a create, and the loop guard needs to know its own."""
    kept = {name: text for name, text in seen.tags.items() if name.lower() not in (INSTANCE_TAG, RENEWAL_TAG)}
    return {**kept, INSTANCE_TAG: instance, RENEWAL_TAG: renewal.replacing}


def creation_failure(refusal: VaultError) -> IssuerError:
    """Say who must act on a refused create or merge."""
    if isinstance(refusal, Forbidden):
        fix = "assign Perennial's role, with the data action Microsoft.KeyVault/vaults/certificates/create/action, on the vault"
        return IssuerError(refusal.code or "Forbidden", refusal.what, fix=fix)
    if isinstance(refusal, Refused) and refusal.code not in PASSING:
        return IssuerError(refusal.code, refusal.what, fix="correct the certificate's policy", permanent=True)
    return IssuerError(refusal.code, refusal.what)
