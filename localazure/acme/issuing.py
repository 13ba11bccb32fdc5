"""Finalizing an order, fetching its certificate, revoking it (RFC 8555 §7.4, §7.4.2, §7.6)."""

from __future__ import annotations

import asyncio

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from localazure.acme import jws, orders
from localazure.acme.ca import Answer, Ca, Call
from localazure.acme.conduct import PROFILES
from localazure.acme.limits import domains, set_of
from localazure.acme.problems import Problem, malformed, not_found, unauthorized
from localazure.acme.signing import LeafKey, ari_id
from localazure.acme.store import PROCESSING, READY, Account, Certificate, Identifier, Order

REASONS = (0, 1, 3, 4, 5)  # those that Let's Encrypt takes from a subscriber
RSA_SIZES = (2048, 3072, 4096)


async def finalize(call: Call) -> Answer:
    """Take the CSR of a ready order; the certificate is made at once and shown when it is due."""
    ca, order = call.ca, orders.own(call)
    await orders.settle(ca, order)
    state = orders.status(ca, order)
    if state != READY:
        detail = f'Order\'s status ("{state}") is not acceptable for finalization'
        raise Problem("orderNotReady", detail, 403)
    csr = _csr(call.jws.body().get("csr"))
    key = _leaf_key(csr)
    if _names(csr) != set(order.identifiers):
        raise Problem("badCSR", "Error finalizing order :: CSR does not specify same identifiers as Order")
    account_key = jws.public_key(call.account.jwk)
    if _spki(key) == _spki(account_key):
        raise malformed("certificate public key must be different than account key")
    order.settled, order.due = PROCESSING, ca.later(ca.conduct.finalize_delay)
    try:
        ca.strike("issuance")
    except Problem as problem:
        order.error = problem.document()
    else:
        await _issue(ca, order, csr, key)
    headers = {"Location": call.url("order", order.id)}
    waiting = orders.status(ca, order) == PROCESSING
    return Answer(orders.shown(call, order), 200, headers).retry_after(ca.conduct.retry_after, when=waiting)


async def _issue(ca: Ca, order: Order, csr: x509.CertificateSigningRequest, key: LeafKey) -> None:
    """Sign, and count it against the limits as Boulder does: at issuance, a renewal against its set alone."""
    leaf, chains = await asyncio.to_thread(
        ca.hierarchy.issue,
        order.identifiers,
        key,
        common_name=_common_name(csr, order),
        profile=order.profile,
        lifetime=ca.conduct.lifetime(order.profile),
        now=ca.clock(),
        spoilt=ca.conduct.chain,
    )
    order.certificate = ca.new_id()
    made = Certificate(order.certificate, order.account, order.identifiers, leaf, chains, ari_id(leaf))
    ca.books.add(made)
    limits = ca.conduct.limits
    ca.buckets.spend(limits, "set", set_of(order.identifiers), ca.clock())
    for domain in domains(order.identifiers) if not order.renewal else ():
        ca.buckets.spend(limits, "domain", domain, ca.clock())


def _csr(text: object) -> x509.CertificateSigningRequest:
    """Return a CSR whose signature is good. Raises Problem."""
    try:
        csr = x509.load_der_x509_csr(jws.decode(text))
    except ValueError as refused:
        raise Problem("badCSR", "Error parsing certificate request") from refused
    if not csr.is_signature_valid:
        raise Problem("badCSR", "Error finalizing order :: invalid signature on CSR")
    return csr


def _leaf_key(csr: x509.CertificateSigningRequest) -> LeafKey:
    """Return a CSR's key if Let's Encrypt would have it. Raises Problem."""
    key = csr.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in RSA_SIZES:
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in ("secp256r1", "secp384r1"):
        return key
    raise Problem("badCSR", "Error finalizing order :: invalid public key in CSR: key type or size not supported")


def _names(csr: x509.CertificateSigningRequest) -> set[Identifier]:
    """Return the names that a CSR asks for, its common name included."""
    found: set[Identifier] = {("dns", name) for name in _common_names(csr)}
    try:
        names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return found
    found |= {("dns", one.lower()) for one in names.get_values_for_type(x509.DNSName)}
    addresses = {str(one) for one in names.get_values_for_type(x509.IPAddress)}
    return {one for one in found if one[1] not in addresses} | {("ip", one) for one in addresses}


def _common_names(csr: x509.CertificateSigningRequest) -> list[str]:
    return [str(one.value).lower() for one in csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _common_name(csr: x509.CertificateSigningRequest, order: Order) -> str:
    """Return the subject's common name: the CSR's, where the profile has one at all."""
    asked = _common_names(csr) if PROFILES[order.profile].common_name else []
    return next((name for name in asked if len(name) <= 64), "")


def _spki(key: jws.PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


async def fetch(call: Call) -> Answer:
    """Give a chain out as PEM, and say where its alternates are."""
    found = call.ca.books.certificates.get(call.ids[0])
    which = call.ids[1] if len(call.ids) > 1 else "0"
    if found is None or not which.isdecimal() or int(which) >= len(found.chains):
        raise not_found("Certificate")
    if found.account != call.account.id:
        raise unauthorized("Account in use did not issue specified certificate")
    pem = b"\n".join(one.public_bytes(Encoding.PEM) for one in found.chains[int(which)]).decode()
    others = [number for number in range(len(found.chains)) if number != int(which)]
    links = tuple((call.url("certificate", found.id, str(number)), "alternate") for number in others)
    return Answer(pem, 200, {"Content-Type": "application/pem-certificate-chain"}, links)


async def revoke(call: Call) -> Answer:
    """Revoke a certificate, signed by its account or by its own key."""
    body = call.jws.body()
    try:
        wanted = x509.load_der_x509_certificate(jws.decode(body.get("certificate")))
    except ValueError as refused:
        raise malformed("Unable to parse certificate DER") from refused
    found = next((one for one in call.ca.books.certificates.values() if one.leaf == wanted), None)
    if found is None:
        raise not_found("No such certificate: certificate")
    _check_right(call.signer, found, call)
    reason = body.get("reason", 0)
    if reason not in REASONS:
        raise Problem("badRevocationReason", f"unsupported revocation reason code provided: {reason}")
    if found.revoked is not None:
        raise Problem("alreadyRevoked", "Certificate already revoked")
    found.revoked = reason
    return Answer()


def _check_right(signer: Account | None, certificate: Certificate, call: Call) -> None:
    """Refuse to revoke for a stranger. Raises Problem."""
    if signer is not None and signer.id != certificate.account:
        raise unauthorized("requester account did not issue the certificate")
    if signer is None:
        own = certificate.leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if _spki(jws.public_key(call.jws.header["jwk"])) != own:
            raise unauthorized(
                "JWK embedded in revocation request must be the same public key as the cert to be revoked"
            )
