"""A certificate's life, issuers and contacts, by the Azure SDK's own certificate tests, each through both of the real clients: sync and aio."""

from __future__ import annotations

import base64

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.certificates import (
    AdministratorContact,
    CertificateClient,
    CertificateContact,
    CertificateContentType,
    CertificateOperation,
    CertificatePolicy,
    CertificatePolicyAction,
    KeyCurveName,
    LifetimeAction,
    WellKnownIssuerNames,
)
from cryptography import x509

from tests.localazure.keyvault import minting
from tests.localazure.keyvault.house import Room
from tests.localazure.keyvault.sdk.entrance import Entrance
from tests.localazure.keyvault.sdk.scenario import FAST, Opening, create, facts, policy


def test_create_read_update_delete(client: CertificateClient) -> None:
    """A certificate goes through its life: created, read, read by version, updated, deleted."""
    made = create(client)
    assert made.policy
    assert made.policy.key_curve_name == KeyCurveName.p_256
    assert made.policy.san_dns_names == ["a.example"]
    read = client.get_certificate("www")
    assert (read.id, read.cer) == (made.id, made.cer)
    version = client.get_certificate_version("www", str(facts(made).version))
    assert facts(version).x509_thumbprint == facts(made).x509_thumbprint
    tagged = client.update_certificate_properties("www", tags={"tag1": "updated"}, enabled=False)
    assert (facts(tagged).tags, facts(tagged).enabled) == ({"tag1": "updated"}, False)
    deleted = client.begin_delete_certificate("www", **FAST).result()
    assert deleted.recovery_id
    with pytest.raises(ResourceNotFoundError):
        client.get_certificate("www")


def test_an_operation_of_unknown_waits_for_a_merge(client: CertificateClient) -> None:
    """The poller ends at once with the operation and its CSR as bytes; merged, it is a certificate."""
    pending = client.begin_create_certificate("www", policy(WellKnownIssuerNames.unknown), **FAST).result()
    assert isinstance(pending, CertificateOperation)
    assert (pending.status, pending.issuer_name) == ("inProgress", "Unknown")
    assert isinstance(pending.csr, bytes)
    leaf = minting.answer(base64.b64encode(pending.csr).decode())
    der = leaf.public_bytes(minting.DER)
    merged = client.merge_certificate("www", [der], tags={"a": "1"})
    assert bytes(merged.cer or b"") == der
    assert facts(merged).tags == {"a": "1"}
    with pytest.raises(HttpResponseError):
        client.merge_certificate("www", [der])


def test_the_signing_request_of_a_pending_operation(client: CertificateClient) -> None:
    """It can be read again while the operation waits, byte for byte, and it asks for the policy's subject."""
    pending = client.begin_create_certificate("www", policy(WellKnownIssuerNames.unknown), **FAST).result()
    assert isinstance(pending, CertificateOperation)
    again = client.get_certificate_operation("www").csr
    assert again == pending.csr
    assert again
    assert x509.load_der_x509_csr(again).subject.rfc4514_string() == "CN=www"


def test_cancelling_and_deleting_an_operation(client: CertificateClient) -> None:
    """A cancelled operation stays readable until it is deleted; a second deletion is not found."""
    client.begin_create_certificate("www", policy(WellKnownIssuerNames.unknown), **FAST).result()
    assert client.cancel_certificate_operation("www").cancellation_requested is True
    assert client.delete_certificate_operation("www").name == "www"
    with pytest.raises(ResourceNotFoundError):
        client.get_certificate_operation("www")
    with pytest.raises(ResourceNotFoundError):
        client.delete_certificate_operation("www")


def test_cancelling_what_is_completed(client: CertificateClient) -> None:
    """It is an error whose code is Forbidden."""
    create(client)
    with pytest.raises(HttpResponseError) as refused:
        client.cancel_certificate_operation("www")
    assert refused.value.status_code == 403


def test_an_integrated_issuer(client: CertificateClient, entrance: Entrance, room: Room) -> None:
    """With a CA the poller ends with a certificate; when the CA refuses, with a failed operation and its reason."""
    admin = AdministratorContact(first_name="A", last_name="B", email="a@b.example", phone="1")
    client.create_issuer("ca1", "DigiCert", account_id="me", password="secret", admin_contacts=[admin])
    assert create(client, issuer="ca1").cer
    entrance.house.vaults.configure_issuer(room.vault.name, "ca1", failure=("Request rejected", "no"))
    failed = client.begin_create_certificate("www", policy("ca1"), **FAST).result()
    assert isinstance(failed, CertificateOperation)
    assert failed.status == "failed"
    assert failed.error
    assert (failed.error.code, failed.error.message) == ("Request rejected", "no")


def test_issuers(client: CertificateClient) -> None:
    """Issuers are made, updated, listed and deleted."""
    client.create_issuer("a", "Test", account_id="me")
    client.create_issuer("b", "Test")
    updated = client.update_issuer("a", account_id="you")
    assert (updated.account_id, updated.provider) == ("you", "Test")
    assert [issuer.name for issuer in client.list_properties_of_issuers()] == ["a", "b"]
    client.delete_issuer("a")
    with pytest.raises(ResourceNotFoundError):
        client.get_issuer("a")


def test_contacts(client: CertificateClient) -> None:
    """Contacts are set, read and deleted."""
    contacts = [CertificateContact(email="a@b.example", name="A", phone="1"), CertificateContact(email="c@d.example")]
    for read in (client.set_contacts(contacts), client.get_contacts(), client.delete_contacts()):
        assert [(contact.email, contact.name) for contact in read] == [("a@b.example", "A"), ("c@d.example", None)]
    with pytest.raises(ResourceNotFoundError):
        client.get_contacts()


def test_importing(client: CertificateClient) -> None:
    """PFX with a password and PEM with a policy that says so."""
    key = minting.new_key()
    leaf = minting.sign(key.public_key())
    octets = base64.b64decode(minting.pfx(key, leaf, password="123"))
    made = client.import_certificate("pfx", octets, password="123", tags={"a": "1"})
    assert bytes(made.cer or b"") == leaf.public_bytes(minting.DER)
    pem = CertificatePolicy(WellKnownIssuerNames.unknown, subject="CN=x", content_type=CertificateContentType.pem)
    made = client.import_certificate("pem", minting.pem(key, leaf).encode(), policy=pem, enabled=False)
    assert facts(made).enabled is False
    assert made.policy
    assert made.policy.content_type == CertificateContentType.pem


def test_policies(client: CertificateClient) -> None:
    """A policy is read and updated; lifetime actions come back as the SDK's own types."""
    create(client)
    action = LifetimeAction(CertificatePolicyAction.email_contacts, days_before_expiry=20)
    client.update_certificate_policy("www", policy(validity_in_months=7, lifetime_actions=[action]))
    read = client.get_certificate_policy("www")
    assert read.validity_in_months == 7
    assert read.lifetime_actions
    assert read.lifetime_actions[0].action == CertificatePolicyAction.email_contacts
    assert read.lifetime_actions[0].days_before_expiry == 20


def test_recovering_and_purging(client: CertificateClient) -> None:
    """A deleted certificate is listed, recovered, deleted again and purged."""
    made = create(client)
    client.begin_delete_certificate("www", **FAST).wait()
    assert [one.name for one in client.list_deleted_certificates()] == ["www"]
    with pytest.raises(ResourceExistsError) as taken:
        client.begin_create_certificate("www", policy(), **FAST)
    assert taken.value.error
    assert taken.value.error.innererror == {"code": "ObjectIsDeletedButRecoverable"}
    recovered = client.begin_recover_deleted_certificate("www", **FAST)
    recovered.wait()
    assert client.get_certificate("www").id == made.id
    client.begin_delete_certificate("www", **FAST).wait()
    client.purge_deleted_certificate("www")
    with pytest.raises(ResourceNotFoundError):
        client.get_deleted_certificate("www")


def test_backing_up_and_restoring(client: CertificateClient, entrance: Entrance, opening: Opening) -> None:
    """A backup is restored into another vault with the same version."""
    made = create(client)
    blob = client.backup_certificate("www")
    assert blob
    with pytest.raises(ResourceExistsError):
        client.restore_certificate_backup(blob)
    with opening(entrance.house.room()) as other:
        assert facts(other.restore_certificate_backup(blob)).version == facts(made).version
