"""The claim: one row per version replaced, closed but never deleted. Its key is the promise of one replacement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from perennial.model.certificate import Certificate, CertificateRef, Version
from perennial.model.reasons import Reason, ReasonCode


class Outcome(StrEnum):
    """How a renewal stands or ended."""

    OPEN = "open"
    ISSUED = "issued"
    SUPERSEDED = "superseded"
    GIVEN_UP = "given-up"


class Step(StrEnum):
    """The steps that every issuer shares. `sending` and `merging` are intents: saved before an effect that may not be repeated."""

    CLAIMED = "claimed"  # nothing was sent
    SENDING = "sending"  # a create is about to be, or may have been, sent
    WAITING = "waiting"  # the vault's own issuer is at work
    FOREIGN = "foreign"  # an operation that is not ours is in the way
    SIGNING = "signing"  # a CA has our CSR; the vault need not be asked
    MERGING = "merging"  # a merge is about to be, or may have been, sent


INTENTS = frozenset({Step.SENDING, Step.MERGING})


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An issuer's memory between steps: JSON, at most 32 K characters, never a key or a token."""

    step: Step = Step.CLAIMED
    memory: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A claim on replacing one version."""

    certificate: CertificateRef
    replacing: str
    issuer: str
    opened: datetime
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    held_until: datetime | None = None  # while a look works on it; the ETag says who
    next_step: datetime  # no step before then
    earliest: datetime  # under the emergency floor, no step before then: a shorter back-off, but a CA's own Retry-After stands
    stepped: datetime | None = None  # when its last step was taken
    failures: int = 0
    error: str = ""  # of the last failure; also what a wait is for
    waiting: Reason | None = None  # why the next step waits
    requests: tuple[str, ...] = ()  # request_ids of operations that are ours
    untidy: bool = False  # closed while a create of ours was accepted: that operation is still to be discarded
    adopted: bool = False  # found after a crash: ours for waiting and merging, never for deleting
    automatic: bool = True  # not asked for by a person
    actor: str = ""
    trigger: ReasonCode = ReasonCode.DUE
    lifetime_seconds: int = 0  # of the version replaced, for the loop guard
    outcome: Outcome = Outcome.OPEN
    closed: datetime | None = None
    new_version: str = ""
    refused_for: str = ""  # fingerprint of policy, tags and issuer at a permanent refusal: another one reopens
    fix: str = ""  # what a person must do, when given up
    ari_id: str = ""  # of the version replaced (RFC 9773 §4.1)
    issued_by: str = ""  # which account of which CA had issued the version replaced: the `by` of its own renewal
    refused: tuple[str, ...] = ()  # issuers of the certificate's list that have refused this renewal for good
    turn_began: datetime | None = None  # when this issuer took over from another of the list; None: it was the first
    turn_failures: int = 0  # of `failures`, how many it has had since then
    resting: Mapping[str, datetime] = field(default_factory=dict)  # issuer → not before then, by its own Retry-After
    drift: str = ""  # in what policy and tags asked for something else than the version replaced
    not_after: datetime | None = None  # end of the version replaced: how urgently others are reminded
    window_ends: datetime | None = (
        None  # of the CA's window for the version replaced, as known when the claim was opened
    )

    @property
    def is_open(self) -> bool:
        """Whether the replaced version still waits for its successor."""
        return self.outcome is Outcome.OPEN


@dataclass(frozen=True, slots=True)
class Ask:
    """A signature that only somebody else can give; whoever saves the wait tells them first."""

    rung: str  # which reminder it is: under the same rung it is the same notice
    what: str = ""  # what to order, and where


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step was taken, an intent formed, or it is too early.

    `until` at or before now: save, then the next step in this look (10 at most).
    """

    until: datetime
    checkpoint: Checkpoint
    reason: Reason
    request_id: str = ""  # of an operation that this step learnt to be ours
    adopted: bool = False
    asks: Ask | None = None  # a person or an agent is to be told of this wait
    in_doubt: bool = False  # somebody else may have replaced the version: the vault is read before the next step


@dataclass(frozen=True, slots=True)
class Issued:
    """A CA's answer: DER, leaf first."""

    chain: tuple[bytes, ...]
    by: str = (
        ""  # which account of which CA issued it: only that one may say that its successor replaces it (RFC 9773 §5)
    )
    again: Checkpoint = field(default_factory=Checkpoint)  # where the next attempt begins, should the chain be no good


@dataclass(frozen=True, slots=True)
class InVault:
    """The new version, read back after completion."""

    current: Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A person's open request to renew, stored before anything is done; a new version spends it."""

    reason: str
    actor: str
    at: datetime
    version: str  # the version that was current when it was asked for
    force: bool = False
    accept_policy: bool = False


def closes_as(renewal: Renewal, current: Version) -> Outcome:
    """Tell whose version replaced the claimed one, once the latest version has a `cer` and another id.

    Ours is named by its tag or by the leaf in our checkpoint; Key Vault's autorotation copies tags, so a copied one names an older version.
    """
    leaf = current.leaf.sha256 if current.leaf else ""
    ours = current.made_for == renewal.replacing or (leaf and renewal.checkpoint.memory.get("leaf") == leaf)
    return Outcome.ISSUED if ours else Outcome.SUPERSEDED
