"""Facts read from certificates minted here, and policies and bundles as Key Vault writes them."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from perennial.adapters.bundles import read_certificate, read_operation, read_page, read_policy
from perennial.adapters.x509 import read_leaf
from perennial.errors import BadInput
from perennial.model.certificate import CertificateRef, IssuerClass, LifetimeAction, OperationState

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=90)
REF = CertificateRef("kv-orders", "www")
VAULT = "https://kv-orders.example"
SHA256 = hashes.SHA256()
EC_KEY = ec.generate_private_key(ec.SECP384R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
DNS = x509.SubjectAlternativeName(
    [x509.DNSName("WWW.Orders.example"), x509.DNSName("b.example"), x509.IPAddress(ipaddress.ip_address("10.0.0.1"))]
)


def mint(
    *extensions: x509.ExtensionType,
    key: Any = EC_KEY,
    signer: Any = None,
    issuer: str = "www.orders.example",
    algorithm: hashes.SHA256 | hashes.SHA512 | None = SHA256,
) -> bytes:
    """Mint a certificate (DER), by default self-signed."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name("www.orders.example"))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(0x0ABC)
        .not_valid_before(START)
        .not_valid_after(END)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(signer or key, algorithm).public_bytes(serialization.Encoding.DER)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Orders"), x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    )


def policies(*oids: str) -> x509.CertificatePolicies:
    """Return a certificate-policies extension."""
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids])


def test_the_facts_of_a_leaf() -> None:
    """Names are lower-cased and sorted, addresses are text, thumbprints are of the DER."""
    der = mint(DNS)
    leaf = read_leaf(der)
    assert leaf.sha256 == hashlib.sha256(der).hexdigest()
    assert leaf.sha1 == hashlib.sha1(der).hexdigest()
    assert (leaf.serial, leaf.common_name) == ("abc", "www.orders.example")
    assert leaf.names == ("10.0.0.1", "b.example", "www.orders.example")
    assert leaf.subject == leaf.issuer == "CN=www.orders.example,O=Orders"
    assert (leaf.key_type, leaf.key_size, leaf.curve, leaf.signature_hash) == ("EC", 384, "P-384", "sha256")


def test_a_certificate_that_verifies_under_its_own_key_is_self_signed() -> None:
    """The name alone proves nothing: a CA may issue under its own name."""
    assert read_leaf(mint()).issuer_class is IssuerClass.SELF_SIGNED
    assert read_leaf(mint(signer=OTHER_KEY)).issuer_class is IssuerClass.PRIVATE
    assert read_leaf(mint(issuer="CA", signer=OTHER_KEY)).issuer_class is IssuerClass.PRIVATE


@pytest.mark.parametrize("oid", ["2.23.140.1.1", "2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3"])
def test_a_reserved_policy_makes_a_certificate_public(oid: str) -> None:
    """The CA/Browser Forum's policies are in every publicly trusted certificate; others say nothing."""
    public = mint(policies("1.2.3", oid), issuer="CA", signer=OTHER_KEY)
    assert read_leaf(public).issuer_class is IssuerClass.PUBLIC
    private = mint(policies("1.2.3", "2.23.140.1.3"), issuer="CA", signer=OTHER_KEY)
    assert read_leaf(private).issuer_class is IssuerClass.PRIVATE
    assert read_leaf(mint(policies(oid))).issuer_class is IssuerClass.SELF_SIGNED


def test_server_use_is_allowed_unless_excluded() -> None:
    """No extended key usage, server authentication or any usage allow it."""

    def usage(*oids: x509.ObjectIdentifier) -> Sequence[x509.ExtensionType]:
        return [x509.ExtendedKeyUsage(oids)] if oids else []

    def allowed(*oids: x509.ObjectIdentifier) -> bool:
        return read_leaf(mint(*usage(*oids))).server_auth

    assert allowed()
    assert allowed(ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)
    assert allowed(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    assert not allowed(ExtendedKeyUsageOID.CLIENT_AUTH)


def test_other_keys() -> None:
    """RSA has no curve, Ed25519 no hash of its own."""
    plain = read_leaf(mint(key=rsa.generate_private_key(65537, 2048), algorithm=hashes.SHA512()))
    assert (plain.key_type, plain.key_size, plain.curve, plain.signature_hash) == ("RSA", 2048, "", "sha512")
    edwards = read_leaf(mint(key=ed25519.Ed25519PrivateKey.generate(), algorithm=None))
    assert (edwards.key_type, edwards.key_size, edwards.signature_hash) == ("Ed25519", 256, "")


POLICY: dict[str, Any] = {
    "id": f"{VAULT}/certificates/www/policy",
    "key_props": {"exportable": False, "kty": "EC", "crv": "P-256", "reuse_key": True},
    "secret_props": {"contentType": "application/x-pkcs12"},
    "x509_props": {
        "subject": "CN=www",
        "sans": {"dns_names": ["WWW.example", "a.example"], "ipAddresses": ["10.0.0.1"], "emails": []},
        "validity_months": 3,
    },
    "lifetime_actions": [
        {"trigger": {"days_before_expiry": 40}, "action": {"action_type": "EmailContacts"}},
        {"trigger": {"lifetime_percentage": 75}, "action": {"action_type": "autorenew"}},
    ],
    "issuer": {"name": "DigiCert", "cert_transparency": True},
    "attributes": {"enabled": True, "created": 1, "updated": 2},
}


def test_the_facts_of_a_policy() -> None:
    """A renewal outweighs a mail; names are lower-cased; a key's size follows from its curve."""
    policy = read_policy(POLICY)
    assert (policy.issuer, policy.subject, policy.validity_months) == ("DigiCert", "CN=www", 3)
    assert policy.names == ("10.0.0.1", "a.example", "www.example")
    assert (policy.action, policy.trigger_percentage, policy.trigger_days) == (LifetimeAction.AUTO_RENEW, 75, None)
    assert (policy.key_type, policy.key_size, policy.curve) == ("EC", 256, "P-256")
    assert (policy.exportable, policy.reuse_key) == (False, True)


def test_an_empty_policy_has_the_services_defaults() -> None:
    """No issuer acts as Unknown, and nothing renews."""
    policy = read_policy({})
    assert (policy.issuer, policy.by_vault, policy.action, policy.exportable) == (
        "Unknown",
        False,
        LifetimeAction.NONE,
        True,
    )


def test_a_fingerprint_tells_that_a_person_changed_the_policy() -> None:
    """Also a member that we do not know; not its times, its id or the order of its members."""
    fingerprint = read_policy(POLICY).fingerprint
    assert read_policy(dict(reversed(POLICY.items()))).fingerprint == fingerprint
    assert read_policy({**POLICY, "attributes": {"updated": 9}, "id": "x"}).fingerprint == fingerprint
    changed = {**POLICY["x509_props"], "not_known_to_us": 1}
    assert read_policy({**POLICY, "x509_props": changed}).fingerprint != fingerprint


def bundle(**changes: Any) -> bytes:
    """Write the answer to a GET."""
    whole = {
        "id": f"{VAULT}/certificates/WWW/0123456789abcdef0123456789ABCDEF",
        "cer": base64.b64encode(mint(DNS)).decode(),
        "attributes": {"enabled": True, "nbf": 1767225600, "exp": 1775001600, "created": 1767226200},
        "policy": POLICY,
        "something": "new",
    }
    return json.dumps({**whole, **changes}).encode()


def test_the_facts_of_a_bundle() -> None:
    """Version, times and who it was made by; no tags are no tags."""
    found = read_certificate(bundle(tags={"perennial-renewal": "old", "perennial-by": "us"}), REF)
    assert (found.version.id, found.version.made_for, found.version.made_by) == (
        "0123456789abcdef0123456789abcdef",
        "old",
        "us",
    )
    assert (found.version.not_before, found.version.not_after) == (START, END)
    assert read_certificate(bundle(tags=None), REF).tags == {}


def test_a_certificate_that_cannot_be_read_is_a_fact_about_it() -> None:
    """Its vault is well: the thumbprints are known, the rest is not."""
    found = read_certificate(bundle(cer=base64.b64encode(b"no DER").decode()), REF)
    assert found.version.leaf is not None
    assert found.version.leaf.sha256 == hashlib.sha256(b"no DER").hexdigest()
    assert (found.version.leaf.key_type, found.version.leaf.names) == ("unreadable", ())


def test_a_bundle_without_its_times_is_refused() -> None:
    """Nothing can be decided about it."""
    with pytest.raises(BadInput, match=r"attributes\.created"):
        read_certificate(bundle(attributes={"exp": 1}), REF)
    with pytest.raises(BadInput, match=r"attributes\.exp"):
        read_certificate(bundle(attributes={"created": 1}), REF)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("InProgress", OperationState.IN_PROGRESS),
        ("completed", OperationState.COMPLETED),
        ("canceled", OperationState.CANCELLED),
        ("Cancelled", OperationState.CANCELLED),
        ("failed", OperationState.FAILED),
        ("somethingNew", OperationState.IN_PROGRESS),
    ],
)
def test_the_states_of_an_operation_in_every_spelling(status: str, state: OperationState) -> None:
    """A state that is new to us is waited for."""
    body = json.dumps({"status": status, "request_id": "r", "error": {"code": "Request rejected", "message": "m"}})
    found = read_operation(body.encode(), None)
    assert (found.state, found.error_code, found.error_message) == (state, "Request rejected", "m")


def test_a_page_of_a_list() -> None:
    """Thumbprints are decoded, missing ones are empty, names come from the ids."""
    item = {
        "id": f"{VAULT}/certificates/WWW",
        "x5t": base64.urlsafe_b64encode(bytes(range(20))).decode().rstrip("="),
        "attributes": {"enabled": False, "exp": 1775001600},
        "subject": "",
    }
    body = json.dumps({"value": [item, {"id": f"{VAULT}/certificates/b", "attributes": {}}], "nextLink": "n"})
    (first, second), link = read_page(body.encode(), "kv-orders")
    assert (first.ref, first.sha1, first.enabled) == (REF, bytes(range(20)).hex(), False)
    assert (first.created, first.not_after) == (None, END)
    assert (second.sha1, second.enabled, link) == ("", True, "n")
    assert read_page(b'{"value": [], "nextLink": null}', "kv-orders") == ((), None)
