"""Why a decision was taken, as a code with facts; the sentences stand in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ReasonCode(StrEnum):
    """Every member is reached by a test and explained in docs/operations.md."""

    # nothing to renew, or not for us
    GONE = "gone"
    UNFINISHED = "unfinished"
    NEVER = "never"
    DISABLED = "disabled"
    FOREIGN_MANAGER = "foreign-manager"
    SUPERVISED = "supervised"
    OBSERVED = "observed"
    KILL_SWITCH = "kill-switch"
    # waiting
    NOT_DUE = "not-due"
    HELD = "held"
    IN_PROGRESS = "in-progress"
    BACK_OFF = "back-off"
    PAUSED = "paused"
    BRAKE = "brake"
    LOOP_GUARD = "loop-guard"
    VAULT_CLOSED = "vault-closed"
    PACED = "paced"
    # renewing
    DUE = "due"
    SUGGESTED = "suggested-by-ca"
    REVOKED = "revoked-by-ca"
    DRIFTED = "drifted"
    EMERGENCY = "emergency-floor"
    TAKEN_OVER = "taken-over"
    REQUESTED = "requested"
    GOING_ON = "going-on"
    # closing
    ISSUED = "issued"
    SUPERSEDED = "superseded"
    # a person must act
    POLICY_DOES_NOT_MATCH = "policy-does-not-match-certificate"
    FOREIGN_PENDING = "foreign-pending-operation"
    SIGNATURE_NEEDED = "signature-needed"
    REPLACED_VERSION_IS_BACK = "replaced-version-is-back"
    NO_ISSUER = "no-issuer"
    EXPIRED_WHEN_FIRST_SEEN = "expired-when-first-seen"
    GIVEN_UP = "given-up"


@dataclass(frozen=True, slots=True)
class Reason:
    """A code, and the facts that its sentence is made of."""

    code: ReasonCode
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """Say it to a person."""
        known = {"until": "later", **self.facts}
        return SENTENCES[self.code].format_map(_Unknown(known))


class _Unknown(dict[str, str]):
    """Facts that an older row did not store read as a question mark instead of failing."""

    def __missing__(self, key: str) -> str:
        return "?"


SENTENCES: Mapping[ReasonCode, str] = {
    ReasonCode.GONE: "the vault no longer has this certificate",
    ReasonCode.UNFINISHED: "its first version is still being issued",
    ReasonCode.NEVER: "its tag perennial-renew says never",
    ReasonCode.DISABLED: "its current version is disabled, and a renewal would bring it back enabled",
    ReasonCode.FOREIGN_MANAGER: "{manager} manages it",
    ReasonCode.SUPERVISED: "Key Vault renews it itself at {trigger}; Perennial steps in at {steps_in}",
    ReasonCode.OBSERVED: "its vault is only observed; it would be renewed at {due}",
    ReasonCode.KILL_SWITCH: "the fleet's switch stands on observe: {why}",
    ReasonCode.NOT_DUE: "it is due at {due}",
    ReasonCode.HELD: "another look works on it until {until}",
    ReasonCode.IN_PROGRESS: "{issuer} is at work: {what}",
    ReasonCode.BACK_OFF: "attempt {attempts} failed: {error}; next attempt at {until}",
    ReasonCode.PAUSED: "paused until {until}",
    ReasonCode.BRAKE: "{count} renewals were begun today, the brake stops at {limit}; next attempt at {until}",
    ReasonCode.LOOP_GUARD: "it was renewed automatically at {last}; not again before {until}",
    ReasonCode.VAULT_CLOSED: "its vault is left alone until {until}: {why}",
    ReasonCode.PACED: "its turn for a create in this vault comes at {until}",
    ReasonCode.DUE: "due since {due}",
    ReasonCode.SUGGESTED: "its CA suggests {due}",
    ReasonCode.REVOKED: "its CA's renewal window has passed: it is or will be revoked",
    ReasonCode.DRIFTED: "it is not what its policy and tags ask for: {difference}",
    ReasonCode.EMERGENCY: "only {left} of its life is left",
    ReasonCode.TAKEN_OVER: "Key Vault should have renewed it at {trigger} and did not",
    ReasonCode.REQUESTED: "{actor} asked for it: {why}",
    ReasonCode.GOING_ON: "a renewal is under way: {step}",
    ReasonCode.ISSUED: "version {version} replaced it",
    ReasonCode.SUPERSEDED: "version {version} was made by somebody else",
    ReasonCode.POLICY_DOES_NOT_MATCH: "its policy would issue something else: {difference}",
    ReasonCode.FOREIGN_PENDING: "an operation that is not ours is pending; discard it or let it finish",
    ReasonCode.SIGNATURE_NEEDED: "its CSR waits since {since} for a certificate that {issuer} signs",
    ReasonCode.REPLACED_VERSION_IS_BACK: "version {version} was replaced once and is current again",
    ReasonCode.NO_ISSUER: "nothing can renew it: {why}",
    ReasonCode.EXPIRED_WHEN_FIRST_SEEN: "it had expired before Perennial first saw it",
    ReasonCode.GIVEN_UP: "{error}; {fix}",
}
