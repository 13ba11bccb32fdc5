"""The refusals of the real service, word for word where they were recorded."""

from __future__ import annotations

from typing import Any

RECOVER_HINT = (
    "was not found in this key vault. If you recently deleted this certificate you may be able to recover it using the "
    "correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
)
RESTORE_CONFLICT = (
    "This can happen if either: a second certificate with the same name was created after the first certificate was "
    "deleted; thus trying to restore a certificate whose name is already in use. To fix this, rename the second "
    "certificate to something else so that the restore works. The second probable cause of this exception is when "
    "multiple operations are performed in parallel against the certificate. To avoid this error, perform operations "
    "against a certificate in a sequential manner."
)


class Refused(Exception):
    """An answer of 400 and above."""

    def __init__(self, status: int, code: str, message: str, inner: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.inner = status, code, message, inner

    def body(self) -> dict[str, Any]:
        """Return the error body."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.inner:
            error["innererror"] = {"code": self.inner}
        return {"error": error}


def bad_parameter(message: str) -> Refused:
    """Say what of the request cannot be accepted."""
    return Refused(400, "BadParameter", message)


def bad_property(name: str, reason: str) -> Refused:
    """Say which property cannot be accepted, the way the service does."""
    return bad_parameter(f"Property {name} has invalid value. {reason}\r\n")


def unauthorized() -> Refused:
    """Refuse a request without a good token; recorded text."""
    return Refused(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")


def vault_not_found(host: str) -> Refused:
    """Name a vault that does not exist (in reality DNS fails)."""
    return Refused(404, "VaultNotFound", f"The vault {host} was not found.")


def not_allowed(method: str) -> Refused:
    """Refuse a method that a path does not have; recorded for an empty name."""
    return Refused(405, "MethodNotAllowed", f"HTTP {method} not allowed")


def no_certificate(name: str, version: str = "") -> Refused:
    """Name a certificate, or a version of one, that is not there; recorded text."""
    asked = f"{name}/versions/{version}" if version else name
    return Refused(404, "CertificateNotFound", f"A certificate with (name/id) {asked} {RECOVER_HINT}")


def no_deleted(name: str) -> Refused:
    """Name a deleted certificate that is not there, or not yet; recorded text."""
    return Refused(404, "CertificateNotFound", f"Deleted Certificate not found: {name}")


def no_pending(name: str) -> Refused:
    """Name an operation that is not there; recorded text."""
    return Refused(404, "PendingCertificateNotFound", f"Pending certificate not found: {name}")


def no_contacts() -> Refused:
    """Say that the vault has no contacts; recorded text."""
    return Refused(404, "ContactsNotFound", "Contacts not found")


def no_issuer(name: str = "") -> Refused:
    """Say that an issuer is not there: PATCH names it, GET and DELETE do not; recorded texts."""
    return Refused(404, "CertificateIssuerNotFound", f"Issuer {name} not found" if name else "Issuer not found")


def still_pending() -> Refused:
    """Refuse a create or import beside an open operation: status 409 with code "Forbidden" (product documentation)."""
    text = "A new key vault certificate can not be created or imported while a pending key vault certificate's status"
    return Refused(409, "Forbidden", f"{text} is inProgress.")


def not_in_progress() -> Refused:
    """Refuse to change an operation that has ended: a state error in the clothes of a permission error; recorded text."""
    return Refused(403, "Forbidden", "Pending status must be in progress to allow update.")


def deleted_but_recoverable(name: str) -> Refused:
    """Refuse the name of a soft-deleted certificate."""
    text = (
        f"Certificate {name} is currently in a deleted but recoverable state, and its name cannot be reused; in this "
        "state, the certificate can only be recovered or purged."
    )
    return Refused(409, "Conflict", text, "ObjectIsDeletedButRecoverable")


BEING = {"deleting": "deleted", "recovering": "recovered", "purging": "deleted"}


def being(name: str, state: str) -> Refused:
    """Refuse a name to which something is being done."""
    inner = f"ObjectIsBeing{BEING[state].title()}"
    return Refused(409, "Conflict", f"Certificate {name} is currently being {BEING[state]}. Please retry later.", inner)


def restore_conflict(identifier: str) -> Refused:
    """Refuse to restore over a name in use or not yet purged; recorded text."""
    return Refused(
        409, "Conflict", f"There was a conflict restoring the certificate '{identifier}'. {RESTORE_CONFLICT}"
    )


def bad_backup() -> Refused:
    """Refuse rubbish as a backup: the code is a phrase; recorded text."""
    return Refused(400, "Malformed backup blob", "Backup blob contains invalid or corrupt version.")


def throttled() -> Refused:
    """Refuse for too many requests; the real answer carries no Retry-After."""
    text = "Request was not processed because too many requests were received."
    return Refused(429, "Throttled", f"{text} Reason: VaultRequestTypeLimitReached")


def disabled(kind: str) -> Refused:
    """Refuse to read the secret or key of a disabled version."""
    return Refused(403, "Forbidden", f"Operation get is not allowed on a disabled {kind.lower()}.", f"{kind}Disabled")
