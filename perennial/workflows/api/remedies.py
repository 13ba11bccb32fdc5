"""What a person can do about a reason that keeps a certificate from being renewed."""

from __future__ import annotations

from collections.abc import Mapping

from perennial.model.reasons import ReasonCode

REMEDIES: Mapping[ReasonCode, str] = {
    ReasonCode.GONE: "recover it in the vault if it was deleted by mistake",
    ReasonCode.UNFINISHED: "let its first version be issued, or discard that operation",
    ReasonCode.NEVER: "remove its tag perennial-renew",
    ReasonCode.DISABLED: "enable its current version, or delete what nobody needs",
    ReasonCode.FOREIGN_MANAGER: "renew it there; or stop that manager and remove its tag",
    ReasonCode.OBSERVED: "set its vault to renew in PERENNIAL_VAULTS, or tag it perennial-renew: always",
    ReasonCode.KILL_SWITCH: 'PUT /api/mode {"mode": "as-set", "reason": "…"}',
    ReasonCode.BACK_OFF: "see its error and mend that; it is tried again by itself",
    ReasonCode.PAUSED: "wait, or ask for a renewal with a reason",
    ReasonCode.BRAKE: "find out why so many are due; raise PERENNIAL_MAX_RENEWALS_PER_DAY if that is right",
    ReasonCode.LOOP_GUARD: "find out why it is due again so soon; ask for a renewal with a reason if that is right",
    ReasonCode.VAULT_CLOSED: "give the vault back what it lacks; it is tried again by itself",
    ReasonCode.POLICY_DOES_NOT_MATCH: "correct its issuance policy; or ask for a renewal with accept_policy",
    ReasonCode.FOREIGN_PENDING: "let the pending operation end, or discard it with a reason",
    ReasonCode.SIGNATURE_NEEDED: "have its CSR signed (GET /api/requests) and post the chain; or discard its pending operation",
    ReasonCode.REPLACED_VERSION_IS_BACK: "if the restored version shall be replaced again, ask for a renewal",
    ReasonCode.NO_ISSUER: "give its policy an issuer, or tag it perennial-issuer with the name of a CA",
    ReasonCode.EXPIRED_WHEN_FIRST_SEEN: "ask for a renewal if it is needed; else disable or delete it",
    ReasonCode.GIVEN_UP: "mend what was refused, or ask for a renewal with a reason",
}
