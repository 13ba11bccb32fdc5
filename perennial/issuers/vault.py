"""The vault's own issuers, Self and integrated CAs: a create under the stored policy, then waiting for Key Vault."""

from __future__ import annotations

from datetime import datetime, timedelta

from perennial.errors import Busy, Forbidden, IssuerError, Refused
from perennial.issuers.asking import FOREIGN, POLL, Ask, creation_failure, find_ours, in_the_way, tags_for
from perennial.issuers.failures import explained
from perennial.model.authority import Obstacle, Suggestion
from perennial.model.certificate import Operation, OperationState
from perennial.model.decision import Snapshot
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, InVault, Renewal, Step, Waiting
from perennial.ports.vault import Vaults

LONGEST_POLL = timedelta(hours=1)


class ByVault:
    """Renews by POST create with the current tags and no policy, so that the stored policy stays as it is to the byte."""

    def __init__(self, vaults: Vaults, instance: str) -> None:
        self._vaults = vaults
        self._instance = instance

    def step(self, renewal: Renewal, seen: Snapshot, *, fresh: bool, now: datetime) -> Waiting | InVault:
        """Take one step: see the port's contract."""
        match renewal.checkpoint.step:
            case Step.CLAIMED if not seen.policy.by_vault:
                fix = "give the policy an issuer that Key Vault can ask, or name a CA by the tag perennial-issuer"
                raise IssuerError("issuer-unknown", "its policy lets Key Vault ask no CA", fix=fix, permanent=True)
            case Step.CLAIMED:
                return Waiting(now, Checkpoint(Step.SENDING), Reason(ReasonCode.GOING_ON, {"step": "sending"}))
            case Step.SENDING if fresh:
                return self._create(renewal, seen, now)
            case Step.FOREIGN:
                return self._see_whose(renewal, now)
            case Step.SENDING:
                return self._find(renewal, seen, now)
            case _:
                return self._poll(renewal, now)

    def _create(self, renewal: Renewal, seen: Snapshot, now: datetime) -> Waiting:
        try:
            operation = self._vaults.create(renewal.certificate, tags_for(renewal, seen, self._instance))
        except Busy:  # an earlier attempt may have left one behind; else we know that ours was the first
            return self._see_whose(renewal, now) if renewal.requests else _foreign(now)
        except (Refused, Forbidden) as refusal:
            raise creation_failure(refusal) from refusal
        return _waiting(operation, renewal, now, learnt=True)

    def _find(self, renewal: Renewal, seen: Snapshot, now: datetime) -> Waiting:
        match find_ours(self._vaults, renewal, seen):
            case Ask.NOT_SENT, None:
                return Waiting(now, Checkpoint(), Reason(ReasonCode.GOING_ON, {"step": "not sent"}))
            case _, Operation() as operation:
                waiting = _waiting(operation, renewal, now, learnt=True)
                return Waiting(waiting.until, waiting.checkpoint, waiting.reason, operation.request_id, adopted=True)
            case _:
                return _foreign(now)

    def _see_whose(self, renewal: Renewal, now: datetime) -> Waiting:
        """See whether an operation is in the way: one of ours is waited for, unless it waits for a CSR to be signed, which nobody will do."""
        ask, operation = in_the_way(self._vaults, renewal)
        if ask is Ask.FOREIGN:
            return _foreign(now)
        if operation is None:
            return Waiting(now, Checkpoint(), Reason(ReasonCode.GOING_ON, {"step": "the way is free"}))
        if operation.issuer.lower() not in ("", "unknown"):
            return _waiting(operation, renewal, now)
        if renewal.adopted:
            return _foreign(now)
        self._vaults.discard(renewal.certificate)
        return Waiting(now, Checkpoint(), Reason(ReasonCode.GOING_ON, {"step": "replaced its CSR"}))

    def _poll(self, renewal: Renewal, now: datetime) -> Waiting:
        request_id = renewal.checkpoint.memory.get("request_id", "")
        operation = self._vaults.pending(renewal.certificate, request_id)
        if operation is None or operation.state is OperationState.CANCELLED:
            raise IssuerError("cancelled", "the pending operation is gone: somebody cancelled or deleted it")
        if operation.state is OperationState.FAILED:
            raise explained(operation)
        return _waiting(operation, renewal, now)

    def abandon(self, renewal: Renewal, now: datetime) -> None:
        """Delete our own operation if it is still in progress; look first, since the delete takes no filter that is proved."""
        for request_id in () if renewal.adopted else renewal.requests:
            operation = self._vaults.pending(renewal.certificate, request_id)
            if operation is not None and operation.state is OperationState.IN_PROGRESS:
                self._vaults.discard(renewal.certificate)

    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Say nothing: an integrated CA's windows are Key Vault's affair."""
        del ari_id, now
        return None

    def obstacles(self, names: tuple[str, ...], now: datetime) -> tuple[Obstacle, ...]:
        """See none: only Key Vault knows its CAs' ways."""
        del names, now
        return ()


def _foreign(now: datetime) -> Waiting:
    return Waiting(now + FOREIGN, Checkpoint(Step.FOREIGN), Reason(ReasonCode.FOREIGN_PENDING))


def _waiting(operation: Operation, renewal: Renewal, now: datetime, *, learnt: bool = False) -> Waiting:
    """Wait for an operation: as long as the vault says, and longer the longer it takes, up to an hour."""
    asked = operation.retry_after or POLL
    began = renewal.checkpoint.memory.get("since")
    waited = now - datetime.fromisoformat(began) if began else timedelta(0)
    done = (
        operation.state is OperationState.COMPLETED
    )  # the next look reads the version, which is known only after completion
    wait = timedelta(seconds=1) if done else max(asked, min(waited / 2, LONGEST_POLL))
    memory = {"request_id": operation.request_id, "since": began or now.isoformat()}
    reason = Reason(ReasonCode.IN_PROGRESS, {"issuer": operation.issuer or "its issuer", "what": operation.state.value})
    whole = timedelta(seconds=round(wait.total_seconds()))
    return Waiting(now + whole, Checkpoint(Step.WAITING, memory), reason, operation.request_id if learnt else "")
