"""The JSON of certificates, operations and lists, keys in the recorded order."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from cryptography import x509

from localazure.keyvault import names
from localazure.keyvault.ask import FIRST_API, Ask
from localazure.keyvault.store import IN_PROGRESS, RETENTION, Certificate, Operation, Version

Json = dict[str, Any]
DAY = 86400
WAIT_FOR_MERGE = "Pending certificate created. Please Perform Merge to complete the request."
WAIT_FOR_ISSUER = (
    "Pending certificate created. Certificate request is in progress. This may take some time based on the issuer "
    "provider. Please check again later."
)


def thumbprint(der: bytes) -> str:
    """Return `x5t`: base64url of SHA-1, without padding."""
    return base64.urlsafe_b64encode(hashlib.sha1(der).digest()).rstrip(b"=").decode()


def recoverable(ask: Ask) -> Json:
    """Return the recovery attributes; the days exist since API version 7.1 (recorded)."""
    level: Json = {"recoveryLevel": "Recoverable+Purgeable"}
    return level if ask.api in (FIRST_API, "7.0") else level | {"recoverableDays": RETENTION}


def attributes(ask: Ask, version: Version) -> Json:
    """Return the bare attributes, as lists show them; an unfinished version looks disabled, but not in 2016 (recorded)."""
    enabled = version.enabled if version.der else ask.api == FIRST_API
    times = {"nbf": version.nbf, "exp": version.exp, "created": version.created, "updated": version.updated}
    return {"enabled": enabled} | times


def policy(ask: Ask, certificate: Certificate) -> Json:
    """Return a certificate's policy."""
    return {"id": f"{ask.root}/certificates/{certificate.name}/policy"} | certificate.policy


def bundle(
    ask: Ask, certificate: Certificate, version: Version, *, with_policy: bool = True, with_pending: bool = True
) -> Json:
    """Return a version with its policy and the id of its operation, where the real service shows them."""
    path = f"{certificate.name}/{version.id}"
    body: Json = {"id": f"{ask.root}/certificates/{path}"}
    if version.der:
        body |= {"kid": f"{ask.root}/keys/{path}", "sid": f"{ask.root}/secrets/{path}"}
        body |= {"x5t": thumbprint(version.der), "cer": base64.b64encode(version.der).decode()}
    if version.preserve_order is not None:
        body["preserveCertOrder"] = version.preserve_order
    body["attributes"] = attributes(ask, version) | recoverable(ask)
    if version.tags:
        body["tags"] = version.tags
    if with_policy:
        body["policy"] = policy(ask, certificate)
    if not with_policy and not with_pending and ask.api == "7.2" and version.der:
        body |= read_from(certificate, version)
    if with_pending and certificate.operation:
        body["pending"] = {"id": f"{ask.root}/certificates/{certificate.name}/pending"}
    return body


def read_from(certificate: Certificate, version: Version) -> Json:
    """Return what API version 7.2 adds to a GET of one version (recorded once, undocumented)."""
    leaf = x509.load_der_x509_certificate(version.der)
    body: Json = {"subject": names.windows(leaf.subject), "issuer": names.windows(leaf.issuer)}
    if sans := certificate.policy["x509_props"].get("sans"):
        body["sans"] = sans
    return body | {"serialnumber": f"{leaf.serial_number:032X}"}


def deletion(ask: Ask, certificate: Certificate) -> Json:
    """Return what a deleted certificate shows before its own members."""
    moment = certificate.deleted_at or 0
    return {
        "recoveryId": f"{ask.root}/deletedcertificates/{certificate.name}",
        "deletedDate": moment,
        "scheduledPurgeDate": moment + RETENTION * DAY,
    }


def deleted_bundle(ask: Ask, certificate: Certificate) -> Json:
    """Return a deleted certificate."""
    version = certificate.latest
    return deletion(ask, certificate) | (bundle(ask, certificate, version) if version else {})


def item(ask: Ask, certificate: Certificate, version: Version, *, versioned: bool) -> Json:
    """Return a list item; `subject` is always there and always empty, but not in 2016 (recorded)."""
    path = f"{certificate.name}/{version.id}" if versioned else certificate.name
    body: Json = {"id": f"{ask.root}/certificates/{path}"}
    if version.der:
        body["x5t"] = thumbprint(version.der)
    body["attributes"] = attributes(ask, version)
    if version.tags:
        body["tags"] = version.tags
    return body if ask.api == FIRST_API else body | {"subject": ""}


def deleted_item(ask: Ask, certificate: Certificate, version: Version) -> Json:
    """Return a list item of `/deletedcertificates`: with the recovery attributes, without `subject` (recorded)."""
    body = item(ask, certificate, version, versioned=False)
    body.pop("subject", None)
    body["attributes"] |= recoverable(ask)
    return deletion(ask, certificate) | body


def operation(ask: Ask, certificate: Certificate, pending: Operation) -> Json:
    """Return an operation; `status_details` only while it runs, `target` without a version (recorded)."""
    address = f"{ask.root}/certificates/{certificate.name}"
    body: Json = {
        "id": f"{address}/pending",
        "issuer": {"name": pending.issuer},
        "csr": base64.b64encode(pending.csr).decode(),
        "cancellation_requested": pending.cancellation_requested,
        "status": pending.status,
    }
    if pending.status == IN_PROGRESS:
        body["status_details"] = WAIT_FOR_MERGE if pending.issuer.lower() == "unknown" else WAIT_FOR_ISSUER
    if pending.error:
        body["error"] = pending.error
    if pending.status == "completed":
        body["target"] = address
    body["request_id"] = pending.request_id
    if pending.draft.preserve_order is not None:
        body["preserveCertOrder"] = pending.draft.preserve_order
    return body
