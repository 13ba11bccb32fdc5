"""The CA as certbot's own library sees it: accounts, orders, certificates."""

from __future__ import annotations

from datetime import timedelta

import pytest
from acme import errors, messages
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID
from josepy.jwk import JWKEC

from localazure.acme.alone import alone
from localazure.acme.ca import Ca
from localazure.acme.conduct import Conduct
from tests.localazure.acme.subscriber import Subscriber, csr, refused, subscribed
from tests.localazure.clock import Clock

EAB_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"


def names_of(leaf: x509.Certificate) -> list[str]:
    """Return a certificate's DNS names."""
    return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def test_a_certificate_comes_with_its_chain(ca: Ca, subscriber: Subscriber) -> None:
    """An order ends in a leaf for its names, signed by the intermediate that comes along, which a root signed."""
    order = subscriber.order("example.com", "*.example.com")
    subscriber.answer(order)
    leaf, above = x509.load_pem_x509_certificates(subscriber.finish(order).fullchain_pem.encode())
    leaf.verify_directly_issued_by(above)
    above.verify_directly_issued_by(ca.hierarchy.roots[0].certificate)
    assert names_of(leaf) == ["*.example.com", "example.com"]


def test_an_alternate_chain_leads_to_the_other_root(ca: Ca, subscriber: Subscriber) -> None:
    """The same leaf comes below an intermediate of the same name and key that the second root signed."""
    order = subscriber.order("www.example.com")
    subscriber.answer(order)
    done = subscriber.finish(order, alternates=True)
    (alternate,) = done.alternative_fullchains_pem
    leaf, above = x509.load_pem_x509_certificates(alternate.encode())
    assert leaf == x509.load_pem_x509_certificate(done.fullchain_pem.encode())
    leaf.verify_directly_issued_by(above)
    above.verify_directly_issued_by(ca.hierarchy.roots[1].certificate)


@pytest.mark.parametrize(
    ("profile", "lifetime", "named"),
    [
        ("classic", timedelta(days=90), True),
        ("tlsserver", timedelta(days=45), False),
        ("shortlived", timedelta(hours=160), False),
    ],
)
def test_a_profile_decides_on_lifetime_and_common_name(
    subscriber: Subscriber, profile: str, lifetime: timedelta, named: bool
) -> None:
    """Lifetimes are Let's Encrypt's, to the second, and only `classic` has a common name and a key identifier."""
    leaf, _ = subscriber.obtain("www.example.com", profile=profile)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == lifetime - timedelta(seconds=1)
    assert bool(leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)) is named
    assert (ExtensionOID.SUBJECT_KEY_IDENTIFIER in {one.oid for one in leaf.extensions}) is named


def test_an_unknown_profile_is_refused(subscriber: Subscriber) -> None:
    """The order is not placed."""
    with refused("invalidProfile"):
        subscriber.order("www.example.com", profile="tlsclient")


def test_lifetimes_can_be_seconds() -> None:
    """A certificate may live for as long as a test wants, and begins at most a 24th of it in the past."""
    with subscribed(Conduct(lifetimes={"classic": 48})) as (_, subscriber):
        leaf, _ = subscriber.obtain("www.example.com")
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(seconds=47)


def test_an_address_is_certified_where_the_profile_allows(subscriber: Subscriber) -> None:
    """`shortlived` certifies an IP address; `classic` refuses it by name."""
    address = {"type": "ip", "value": "192.0.2.7"}
    with refused("rejectedIdentifier"):
        subscriber.post("newOrder", {"identifiers": [address]})
    answer = subscriber.post("newOrder", {"identifiers": [address], "profile": "shortlived"})
    assert answer.json()["identifiers"] == [address]


@pytest.mark.parametrize(
    ("identifiers", "kind"),
    [
        ([], "malformed"),
        ([{"type": "email", "value": "a@example.com"}], "unsupportedIdentifier"),
        ([{"type": "dns", "value": "bad_-.example.com"}], "rejectedIdentifier"),
        ([{"type": "dns", "value": "localhost"}], "rejectedIdentifier"),
        ([{"type": "dns", "value": "*.*.example.com"}], "rejectedIdentifier"),
        ([{"type": "dns", "value": f"a{number}.example.com"} for number in range(101)], "malformed"),
        ([{"type": "dns", "value": name} for name in ("www.example.com", "*.example.com")], "malformed"),
    ],
)
def test_bad_names_are_refused(subscriber: Subscriber, identifiers: list[dict[str, str]], kind: str) -> None:
    """No names, unknown types, names that are none, too many, and what a wildcard already covers."""
    with refused(kind):
        subscriber.post("newOrder", {"identifiers": identifiers})


def test_several_refused_names_have_a_subproblem_each(ca: Ca, subscriber: Subscriber) -> None:
    """The forbidden names come back one by one, with their identifiers; an allowed one does not."""
    ca.conduct = Conduct(rejected=["*.bank.example"])
    with refused("rejectedIdentifier") as found:
        subscriber.order("a.bank.example", "b.bank.example", "c.example.com")
    assert found[0].subproblems is not None
    assert [one.identifier.value for one in found[0].subproblems if one.identifier] == [
        "a.bank.example",
        "b.bank.example",
    ]


def test_the_same_key_finds_its_account(ca: Ca, subscriber: Subscriber) -> None:
    """A second newAccount with a key answers with the account that it has, and none is made."""
    with subscriber.stranger(subscriber.key) as again, pytest.raises(errors.ConflictError) as known:
        again.register()
    assert subscriber.net.account is not None
    assert known.value.location == subscriber.net.account.uri
    assert len(ca.books.accounts) == 1


def test_an_account_is_only_looked_for_when_that_is_asked() -> None:
    """`onlyReturnExisting` makes none: accountDoesNotExist."""
    with alone() as (ca, directory):
        stranger = Subscriber(directory)
        with refused("accountDoesNotExist"):
            stranger.register(only_return_existing=True)
        assert not ca.books.accounts
        stranger.net.session.close()


def test_terms_must_be_agreed_to() -> None:
    """An account without the agreement is malformed, as Boulder has it."""
    with alone() as (_, directory):
        stranger = Subscriber(directory)
        with refused("malformed"):
            stranger.client.new_account(messages.NewRegistration())
        stranger.net.session.close()


@pytest.mark.parametrize(
    ("key_id", "key", "kind"),
    [("", "", "externalAccountRequired"), ("kid-1", "AAAA", "unauthorized"), ("kid-9", EAB_KEY, "unauthorized")],
)
def test_a_missing_or_wrong_binding_is_refused(key_id: str, key: str, kind: str) -> None:
    """Where accounts need a binding, none, one by a wrong key and one by an unknown key id are refused."""
    with alone(Conduct(eab={"kid-1": EAB_KEY})) as (_, directory):
        stranger = Subscriber(directory)
        binding = (
            messages.ExternalAccountBinding.from_data(stranger.key.public_key(), key_id, key, stranger.client.directory)
            if key_id
            else None
        )
        with refused(kind):
            stranger.register(external_account_binding=binding)
        stranger.net.session.close()


def test_a_right_binding_makes_the_account() -> None:
    """HS256 by the key of the key id; the directory says that it is needed."""
    with alone(Conduct(eab={"kid-1": EAB_KEY})) as (ca, directory):
        one = Subscriber(directory)
        assert one.client.external_account_required()
        binding = messages.ExternalAccountBinding.from_data(
            one.key.public_key(), "kid-1", EAB_KEY, one.client.directory
        )
        one.register(external_account_binding=binding)
        assert [account.bound_to for account in ca.books.accounts.values()] == ["kid-1"]
        one.net.session.close()


def test_contacts_change_and_an_account_closes(ca: Ca, subscriber: Subscriber) -> None:
    """An update changes the contacts; a closed account can do nothing more."""
    assert subscriber.net.account is not None
    subscriber.client.update_registration(
        subscriber.net.account, messages.UpdateRegistration(contact=("mailto:ops@example.com",))
    )
    assert [account.contact for account in ca.books.accounts.values()] == [["mailto:ops@example.com"]]
    with refused("unsupportedContact"):
        subscriber.post(subscriber.net.account.uri, {"contact": ["tel:123"]})
    subscriber.client.deactivate_registration(subscriber.net.account)
    with refused("unauthorized"):
        subscriber.order("www.example.com")


def test_an_account_gets_another_key(ca: Ca, subscriber: Subscriber) -> None:
    """After the rollover the new key signs and the old one is a stranger's."""
    assert subscriber.net.account is not None
    new = JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
    old = subscriber.key
    subscriber.rollover(new)
    subscriber.order("www.example.com")
    subscriber.net.key = old
    with refused("malformed"):
        subscriber.order("other.example.com")


def test_the_key_of_another_account_is_not_taken(ca: Ca, subscriber: Subscriber) -> None:
    """A rollover to a key in use is 409 and says whose it is."""
    with subscriber.stranger() as other:
        other.register()
        with pytest.raises(errors.ConflictError) as conflict:
            subscriber.rollover(other.key)
        assert other.net.account is not None
        assert conflict.value.location == other.net.account.uri


def test_an_open_order_is_given_again(ca: Ca, subscriber: Subscriber) -> None:
    """The same names get the same order while it is open, another profile and other names do not."""
    first = subscriber.order("www.example.com")
    assert subscriber.order("www.example.com").uri == first.uri
    assert subscriber.order("www.example.com", profile="tlsserver").uri != first.uri
    assert subscriber.order("www.example.com", "a.example.com").uri != first.uri
    ca.conduct = Conduct(order_reuse=False)
    assert subscriber.order("www.example.com").uri != first.uri


def test_a_valid_authorization_is_used_again_until_it_expires(ca: Ca, subscriber: Subscriber, clock: Clock) -> None:
    """A second order of a proved name is ready at once; after the profile's span it is pending again."""
    subscriber.obtain("www.example.com", profile="tlsserver")
    again = subscriber.order("www.example.com", profile="tlsserver")
    assert again.body.status == messages.STATUS_READY
    subscriber.hasten(again)
    clock.advance(hours=8)
    assert subscriber.order("www.example.com", profile="tlsserver").body.status == messages.STATUS_PENDING


def test_finalize_wants_the_orders_own_names(subscriber: Subscriber) -> None:
    """A CSR for other names is badCSR, and the order stays ready for the right one."""
    order = subscriber.order("www.example.com")
    subscriber.answer(order)
    with refused("badCSR"):
        subscriber.finalize(order, csr(["other.example.com"]))
    assert subscriber.hasten(order)


def test_the_account_key_certifies_nothing(subscriber: Subscriber) -> None:
    """A CSR with the account's own key is refused."""
    order = subscriber.order("www.example.com")
    subscriber.answer(order)
    own = subscriber.key.key
    pem = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    with refused("malformed"):
        subscriber.finalize(order, csr(["www.example.com"], key))


def test_a_pending_order_is_not_finalized(subscriber: Subscriber) -> None:
    """Finalize before the authorizations are valid is orderNotReady."""
    order = subscriber.order("www.example.com")
    with refused("orderNotReady"):
        subscriber.finalize(order)


def test_a_certificate_is_revoked_once(ca: Ca, subscriber: Subscriber) -> None:
    """By its account, with a reason that subscribers may give; again is alreadyRevoked."""
    leaf, _ = subscriber.obtain("www.example.com")
    with refused("badRevocationReason"):
        subscriber.client.revoke(leaf, 2)
    subscriber.client.revoke(leaf, 4)
    assert [one.revoked for one in ca.books.certificates.values()] == [4]
    with refused("alreadyRevoked"):
        subscriber.client.revoke(leaf, 4)


def test_a_stranger_revokes_and_fetches_nothing(ca: Ca, subscriber: Subscriber) -> None:
    """Another account can neither revoke a certificate nor read the order and the chain."""
    order = subscriber.order("www.example.com")
    subscriber.answer(order)
    leaf, _ = subscriber.hasten(order)
    (certificate,) = ca.books.certificates
    with subscriber.stranger() as other:
        other.register()
        with refused("unauthorized"):
            other.client.revoke(leaf, 0)
        chain = f"{subscriber.directory.removesuffix('/directory')}/certificate/{certificate}"
        for where in (order.uri, chain, order.body.authorizations[0]):
            with refused("unauthorized"):
                other.client._post_as_get(where)
