"""A CSR made by Key Vault, a chain made by an authority, and a merge: the private key never leaves the vault."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from perennial.errors import Busy, Forbidden, IssuerError, Refused, too_many_names
from perennial.issuers.asking import FOREIGN, Ask, creation_failure, find_ours, in_the_way, tags_for
from perennial.issuers.csr import LONGEST_CSR, carries_names, fault_of
from perennial.model.authority import Obstacle, Suggestion
from perennial.model.certificate import Operation, OperationState
from perennial.model.decision import Snapshot
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, InVault, Renewal, Step, Waiting
from perennial.ports.authority import Authority
from perennial.ports.vault import Vaults

#: Keys of the checkpoint that the authority neither sees nor sets.
OWN = frozenset({"csr", "request_id", "leaf", "chain", "by"})


class ThroughCsr:
    """Renews with three calls to the vault, however many looks the authority takes: GET, create, merge."""

    def __init__(self, vaults: Vaults, authority: Authority, instance: str) -> None:
        self._vaults = vaults
        self._instance = instance
        self._authority = authority

    def step(self, renewal: Renewal, seen: Snapshot, *, fresh: bool, now: datetime) -> Waiting | InVault:
        """Take one step: see the port's contract."""
        match renewal.checkpoint.step:
            case Step.CLAIMED if not seen.policy.by_vault:
                return Waiting(now, Checkpoint(Step.SENDING), _going_on("sending"))
            case Step.CLAIMED:
                fix = f"set the issuer of the certificate's policy to Unknown: a policy with the issuer {seen.policy.issuer} gives no CSR"
                raise IssuerError(
                    "issuer-not-unknown", "its policy lets Key Vault ask another CA", fix=fix, permanent=True
                )
            case Step.SENDING if fresh:
                return self._create(renewal, seen, now)
            case Step.SENDING:
                return self._find(renewal, seen, now)
            case Step.FOREIGN:
                return self._see_whose(renewal, seen, now)
            case Step.MERGING if fresh:
                return self._merge(renewal, seen, now)
            case Step.MERGING:
                return self._find_merge(renewal, now)
            case _:
                return self._sign(renewal, fresh=fresh, now=now)

    def _create(self, renewal: Renewal, seen: Snapshot, now: datetime) -> Waiting:
        try:
            operation = self._vaults.create(renewal.certificate, tags_for(renewal, seen, self._instance))
        except Busy:  # an earlier attempt may have left one behind; else we know that ours was the first
            return self._see_whose(renewal, seen, now) if renewal.requests else _foreign(now)
        except (Refused, Forbidden) as refusal:
            raise creation_failure(refusal) from refusal
        return _signing(operation, now)

    def _find(self, renewal: Renewal, seen: Snapshot, now: datetime) -> Waiting:
        ask, operation = find_ours(self._vaults, renewal, seen)
        if operation is not None:
            return replace(_signing(operation, now), adopted=operation.request_id not in renewal.requests)
        return Waiting(now, Checkpoint(), _going_on("not sent")) if ask is Ask.NOT_SENT else _foreign(now)

    def _see_whose(self, renewal: Renewal, seen: Snapshot, now: datetime) -> Waiting:
        """See whether an operation is in the way. One of ours goes on with its CSR if that asks for the right names, else it is replaced."""
        ask, operation = in_the_way(self._vaults, renewal)
        if ask is Ask.FOREIGN:
            return _foreign(now)
        if operation is None:
            return Waiting(now, Checkpoint(), _going_on("the way is free"))
        if seen.current is not None and carries_names(operation.csr, seen.current):
            return replace(_signing(operation, now), request_id="")
        if renewal.adopted:
            return _foreign(now)
        self._vaults.discard(renewal.certificate)
        return Waiting(now, Checkpoint(), _going_on("replaced its CSR"))

    def _sign(self, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting:
        memory = renewal.checkpoint.memory
        csr = base64.b64decode(memory["csr"])
        own = {name: text for name, text in memory.items() if name in OWN}
        if len(csr) > LONGEST_CSR:  # seen before it is ordered: what answers it could not be kept until it is merged
            why = f"its CSR has {len(csr)} bytes, of which {LONGEST_CSR} can be kept beside the certificate that answers it"
            raise too_many_names(renewal.certificate, why, Checkpoint(Step.SIGNING, own))
        try:
            answer = self._authority.sign(csr, _for_authority(renewal), fresh=fresh, now=now)
        except IssuerError as failure:  # the CSR is as good as before: the next attempt begins with it
            failure.back_to = _with_own(own, failure.back_to)
            raise
        if isinstance(answer, Waiting):
            return replace(answer, checkpoint=_with_own(own, answer.checkpoint))
        fault = fault_of(answer.chain, csr, now)
        if fault:
            again = _with_own(own, answer.again)
            raise IssuerError("bad-chain", fault, fix="see what the CA issued for this CSR", back_to=again)
        chain = " ".join(base64.b64encode(der).decode() for der in answer.chain)
        done = {**own, "chain": chain, "leaf": hashlib.sha256(answer.chain[0]).hexdigest(), "by": answer.by}
        return Waiting(now, Checkpoint(Step.MERGING, done), _going_on("merging"))

    def _merge(self, renewal: Renewal, seen: Snapshot, now: datetime) -> InVault:
        memory = renewal.checkpoint.memory
        chain = tuple(base64.b64decode(der) for der in memory["chain"].split())
        try:
            merged = self._vaults.merge(renewal.certificate, chain, tags_for(renewal, seen, self._instance))
        except (Refused, Forbidden) as refusal:
            failure = creation_failure(refusal)
            failure.permanent = False  # the operation may have been replaced: a new CSR is another try
            if isinstance(refusal, Forbidden):  # the chain is as good as before: the next attempt merges it
                failure.back_to = renewal.checkpoint
            raise failure from refusal
        del now
        return InVault(merged)

    def _find_merge(self, renewal: Renewal, now: datetime) -> Waiting:
        """The version is unchanged, so the merge did not take place; it can still, if our operation waits."""
        operation = self._vaults.pending(renewal.certificate, renewal.checkpoint.memory.get("request_id", ""))
        if operation is not None and operation.state is OperationState.IN_PROGRESS:
            return Waiting(now, renewal.checkpoint, _going_on("merging"))
        return Waiting(now, Checkpoint(), _going_on("our operation is gone"))

    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Ask the authority."""
        return self._authority.suggest(ari_id, now)

    def obstacles(self, names: tuple[str, ...], now: datetime) -> tuple[Obstacle, ...]:
        """Ask the authority."""
        return self._authority.obstacles(names, now)

    def abandon(self, renewal: Renewal, now: datetime) -> None:
        """Let the authority undo what it can, and delete our own operation if it is still in progress."""
        if renewal.checkpoint.step is Step.SIGNING:
            self._authority.abandon(_for_authority(renewal), now)
        for request_id in () if renewal.adopted else renewal.requests:
            operation = self._vaults.pending(renewal.certificate, request_id)
            if operation is not None and operation.state is OperationState.IN_PROGRESS:
                self._vaults.discard(renewal.certificate)


def _with_own(own: Mapping[str, str], theirs: Checkpoint) -> Checkpoint:
    """Keep the authority's memory beside our own, under a prefix."""
    return Checkpoint(Step.SIGNING, {**own, **{f"ca.{name}": text for name, text in theirs.memory.items()}})


def _for_authority(renewal: Renewal) -> Renewal:
    theirs = {n.removeprefix("ca."): text for n, text in renewal.checkpoint.memory.items() if n.startswith("ca.")}
    return replace(renewal, checkpoint=Checkpoint(renewal.checkpoint.step, theirs))


def _signing(operation: Operation, now: datetime) -> Waiting:
    memory: Mapping[str, str] = {
        "csr": base64.b64encode(operation.csr).decode(),
        "request_id": operation.request_id,
    }
    return Waiting(now, Checkpoint(Step.SIGNING, memory), _going_on("signing"), operation.request_id)


def _going_on(step: str) -> Reason:
    return Reason(ReasonCode.GOING_ON, {"step": step})


def _foreign(now: datetime) -> Waiting:
    return Waiting(now + FOREIGN, Checkpoint(Step.FOREIGN), Reason(ReasonCode.FOREIGN_PENDING))
