"""Whether what was posted answers a CSR: put into order, complete, or refused by name; any bytes give an answer."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from itertools import permutations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from perennial.decisions import chains
from perennial.decisions.chains import Chain, Wanted, judge, wanted
from perennial.decisions.posted import Refusal, read
from tests.decisions.corp import CSR, ISSUING, KEY, LEAF, NOW, POLICY, ROOT, STRANGER, WHOLE, judged, refusal
from tests.memory.signers import DAY, Signer, der, issue, p7b, pem, request, signer


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order_becomes_leaf_first(order: tuple[int, ...]) -> None:
    """Each of the 24 orders of a four-certificate chain gives the same chain."""
    assert judged(*(WHOLE[at] for at in order)) == WHOLE


def test_what_does_not_belong_is_left_out() -> None:
    """A stranger's certificate in the bundle is not merged."""
    assert judged(STRANGER.certificate, *WHOLE) == WHOLE


def test_a_leaf_from_a_root_needs_that_root() -> None:
    """With its root it is complete; alone it is not, unless the setting names that root, or whoever posts says so."""
    leaf = issue(ROOT, CSR, NOW)
    assert judged(leaf, ROOT.certificate) == (leaf, ROOT.certificate)
    assert judged(leaf) == "incomplete-chain"
    assert judged(leaf, root="Corp Root") == (leaf,)
    assert judged(leaf, incomplete=True) == (leaf,)


def test_a_missing_intermediate_is_named() -> None:
    """Who issued the last one that is there is wanted."""
    found = refusal(LEAF, ISSUING.certificate, ROOT.certificate)
    assert found.code == "incomplete-chain"
    assert "CN=Corp Policy CA" in found.what
    assert "CN=Corp Issuing CA" in found.what


def test_another_root_than_the_settings_is_refused() -> None:
    """A chain to a root that the setting does not name is refused, also when its end may be missing."""
    leaf = issue(STRANGER, CSR, NOW)
    chain = (leaf, STRANGER.certificate)
    assert judged(*chain) == chain
    assert judged(*chain, root="Corp Root") == "other-root"
    assert judged(*chain, root="Corp Root", incomplete=True) == "other-root"
    assert judged(*WHOLE, root="Corp Root") == WHOLE
    assert judged(*WHOLE[:3], root="Corp Root") == WHOLE[:3]


def test_a_certificate_for_another_key_is_refused() -> None:
    """What was posted is named."""
    other = issue(ISSUING, request("www.corp.example", "api.corp.example"), NOW)
    found = refusal(other, *ISSUING.line)
    assert found.code == "other-key"
    assert "CN=www.corp.example" in found.what


def test_lost_names_are_named() -> None:
    """A certificate that lacks a name of the CSR is refused with that name."""
    found = refusal(issue(ISSUING, CSR, NOW, names=("www.corp.example",)), *ISSUING.line)
    assert (found.code, "api.corp.example" in found.what) == ("lacks-names", True)
    more = issue(ISSUING, CSR, NOW, names=("www.corp.example", "api.corp.example", "more.corp.example"))
    assert judged(more, *ISSUING.line) == (more, *ISSUING.line)


@pytest.mark.parametrize(
    ("begins", "code"),
    [
        (-91 * DAY, "expired"),
        (-90 * DAY, "expired"),
        (timedelta(minutes=6), "not-yet-valid"),
    ],
)
def test_dates_are_looked_at(begins: timedelta, code: str) -> None:
    """Dead at this instant, or not yet alive: refused; a clock five minutes ahead is forgiven."""
    assert judged(issue(ISSUING, CSR, NOW, begins=begins), *ISSUING.line) == code
    soon = issue(ISSUING, CSR, NOW, begins=timedelta(minutes=5))
    assert judged(soon, *ISSUING.line) == (soon, *ISSUING.line)


def test_a_dead_intermediate_is_named() -> None:
    """The dates of the CAs count too."""
    dead = signer("Old CA", NOW, ROOT, life=999 * DAY)
    found = refusal(issue(dead, CSR, NOW), dead.certificate, ROOT.certificate)
    assert (found.code, "CN=Old CA" in found.what) == ("expired", True)


def test_a_namesake_breaks_the_chain() -> None:
    """A certificate of the issuer's name whose key did not sign is refused by name."""
    namesake = signer("Corp Issuing CA", NOW, POLICY)
    found = refusal(LEAF, namesake.certificate, *POLICY.line)
    assert (found.code, "CN=Corp Issuing CA" in found.what) == ("broken-link", True)
    assert judged(LEAF, namesake.certificate, *ISSUING.line) == WHOLE


def test_what_is_no_ca_signs_nothing() -> None:
    """A certificate that an ordinary one signed is refused (RFC 5280 §4.2.1.9)."""
    server = signer("web", NOW, ROOT, ca=False)
    assert judged(issue(server, CSR, NOW), *server.line) == "broken-link"


def test_of_two_ways_the_shorter_living_one_is_taken() -> None:
    """A cross-signed CA beside its own self-signed certificate: the chain ends at the latter, while it lives."""
    cross = _cross(POLICY, above=STRANGER)
    young = _cross(POLICY, above=None)
    leaf = issue(POLICY, CSR, NOW)
    assert judged(leaf, cross, young, STRANGER.certificate) == (leaf, young)
    assert judged(leaf, cross, STRANGER.certificate) == (leaf, cross, STRANGER.certificate)


def _cross(ca: Signer, above: Signer | None) -> x509.Certificate:
    """Certify a CA's name and key once more."""
    by = above or ca
    builder = x509.CertificateBuilder(
        by.certificate.subject, ca.certificate.subject, ca.key.public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(NOW - DAY).not_valid_after(NOW + 1000 * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(by.key, hashes.SHA256())


def test_a_chain_that_no_row_can_hold_is_refused() -> None:
    """A claim's memory has room for 16 KiB of certificates."""
    names = tuple(f"{at:04}-{'x' * 40}.corp.example" for at in range(290))
    big = request(*names, key=KEY)
    leaf = issue(ISSUING, big, NOW)
    found = judge((leaf, *ISSUING.line), big, NOW)
    assert isinstance(found, Refusal)
    assert found.code == "too-large"


# What the library says of damage that it reads all the same: serial numbers below 1, a country of more than two letters, PKCS#7 in BER.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.filterwarnings("ignore:Attribute's length must be:UserWarning")
@pytest.mark.filterwarnings("ignore:PKCS#7 certificates could not be parsed as DER:UserWarning")
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damage_is_refused_or_seen(data: st.DataObject) -> None:
    """A bundle with any bytes overwritten gives the whole chain as it was, or a refusal; never an error."""
    whole = bytearray(data.draw(st.sampled_from([p7b(*WHOLE), der(LEAF), pem(*WHOLE)])))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    found = read(bytes(whole))
    if not isinstance(found, Refusal):
        chain = judge(found, CSR, NOW)
        assert isinstance(chain, Refusal) or chain.certificates == WHOLE


def test_a_csr_says_what_it_asks_for() -> None:
    """Names, key and subject; what can't be read asks for nothing and is shown all the same."""
    shown = wanted(CSR)
    assert shown.names == ("api.corp.example", "www.corp.example")
    assert (shown.key, shown.subject) == ("EC P-256", "CN=www.corp.example")
    assert x509.load_pem_x509_csr(chains.pem(CSR).encode()).is_signature_valid
    assert chains.pem(CSR).encode() == x509.load_der_x509_csr(CSR).public_bytes(Encoding.PEM)
    assert wanted(b"rubbish") == Wanted((), "unreadable", "")


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        (rsa.generate_private_key(65537, 2048), "RSA 2048"),
        (ec.generate_private_key(ec.SECP384R1()), "EC P-384"),
        (ec.generate_private_key(ec.SECP256K1()), "EC P-256K"),
        (ec.generate_private_key(ec.BrainpoolP256R1()), "EC brainpoolP256r1"),
        (ed25519.Ed25519PrivateKey.generate(), "Ed25519"),
    ],
)
def test_a_csr_says_which_key_it_is_for(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, shown: str
) -> None:
    """Kind and size, as Key Vault's portal shows them; a key that no vault makes by its library's name."""
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    signed = builder.sign(key, None if shown == "Ed25519" else hashes.SHA256())
    assert wanted(signed.public_bytes(Encoding.DER)).key == shown


def test_a_chain_is_known_by_its_leaf() -> None:
    """Its thumbprint is the leaf's SHA-256."""
    found = judge(WHOLE[::-1], CSR, NOW)
    assert isinstance(found, Chain)
    assert found.thumbprint == hashlib.sha256(der(LEAF)).hexdigest()
