"""Renewal information and what an order says that it replaces (RFC 9773), as Boulder does both."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509

from localazure.acme.ca import Answer, Ca, Call, stamp
from localazure.acme.conduct import Window
from localazure.acme.jws import decode
from localazure.acme.problems import Json, Problem, malformed, not_found, unauthorized
from localazure.acme.store import INVALID, VALID, Account, Certificate, Identifier

SHORT = timedelta(days=10)  # below it half of the life is left in the window's middle, else a third
REVOKED = "https://letsencrypt.org/docs/revoking/"


def suggested(ca: Ca, certificate: Certificate) -> tuple[datetime, datetime, str]:
    """Return a certificate's window and the page that explains it: one that was ordered, else what Boulder computes."""
    ordered = ordered_window(ca, certificate)
    if ordered is not None and ordered.start is not None and ordered.end is not None:
        return ordered.start, ordered.end, ordered.explanation
    if certificate.revoked is not None:
        return ca.clock() - timedelta(hours=1), ca.clock() - timedelta(minutes=30), REVOKED
    return *usual_window(certificate.leaf), ""


def usual_window(leaf: x509.Certificate) -> tuple[datetime, datetime]:
    """Return the window that Boulder computes for a certificate with which nothing is wrong."""
    validity = leaf.not_valid_after_utc + timedelta(seconds=1) - leaf.not_valid_before_utc
    middle = leaf.not_valid_after_utc - (validity / 2 if validity < SHORT else validity / 3)
    return middle - validity / 100, middle + validity / 100


def ordered_window(ca: Ca, certificate: Certificate) -> Window | None:
    """Return the newest window ordered for a certificate."""
    names = {value for _, value in certificate.identifiers}
    for window in reversed(ca.windows):
        if window.name in ("", *names) and window.serial in ("", f"{certificate.leaf.serial_number:x}"):
            return window
    return None


async def read(call: Call) -> Answer:
    """Answer `GET /renewal-info/{id}`, without a signature (RFC 9773 §4.1)."""
    ca, certificate = call.ca, _found(call.ca, call.ids[0])
    window = ordered_window(ca, certificate)
    again = ca.conduct.ari_retry_after if window is None or window.retry_after is None else window.retry_after
    headers = {"Retry-After": again if isinstance(again, str) else f"{again:g}"}
    if window is not None and window.body is not None:
        return Answer(window.body, window.status, headers)
    if window is not None and window.status != 200:
        raise Problem("serverInternal", "Renewal information is not to be had", window.status, headers=headers)
    start, end, explanation = suggested(ca, certificate)
    body: Json = {"suggestedWindow": {"start": stamp(start), "end": stamp(end)}}
    if explanation:
        body["explanationURL"] = explanation
    return Answer(body, 200, headers)


def _found(ca: Ca, ari_id: object) -> Certificate:
    """Return the certificate of an id. Raises Problem."""
    parts = ari_id.split(".") if isinstance(ari_id, str) else []
    if len(parts) != 2:
        raise malformed("while parsing ARI CertID an error occurred: expected two parts joined by a dot")
    if decode(parts[0]) != ca.hierarchy.key_identifier:
        raise not_found("path contained an Authority Key Identifier that did not match a known issuer: certificate")
    decode(parts[1])
    certificate = ca.books.by_ari_id(str(ari_id))
    if certificate is None:
        raise not_found("Certificate")
    return certificate


def check_replaced(
    ca: Ca, ari_id: object, account: Account, identifiers: tuple[Identifier, ...], now: datetime
) -> tuple[Certificate, bool]:
    """Check what an order says that it replaces; return it, and whether the window is open now (RFC 9773 §5). Raises Problem."""
    certificate = _found(ca, ari_id)
    if certificate.account != account.id:
        raise unauthorized("requester account did not request the certificate being replaced by this order")
    if replacement_exists(ca, certificate, now):
        serial = f"{certificate.leaf.serial_number:x}"
        detail = f'cannot indicate an order replaces certificate with serial "{serial}", which already has a replacement order'
        raise Problem("alreadyReplaced", detail, 409)
    if not set(identifiers) & set(certificate.identifiers):
        raise malformed("identifiers in this order do not match any names in the certificate being replaced")
    start, end, _ = suggested(ca, certificate)
    return certificate, start <= now <= end


def replacement_exists(ca: Ca, certificate: Certificate, now: datetime) -> bool:
    """Tell whether an order that is alive or done already replaces a certificate; a failed or expired one does not count."""
    order = ca.books.orders.get(certificate.replaced_by)
    if order is None:
        return False
    if order.settled == VALID:
        return True
    lost = any(ca.books.authorizations[one].status == INVALID for one in order.authorizations)
    return order.settled != INVALID and not lost and order.expires > now
