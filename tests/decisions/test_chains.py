"""Whether what was posted answers a CSR: put into order, complete, or refused by name; any bytes give an answer."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perennial.decisions import chains
from perennial.decisions.chains import Chain, judge, wanted
from perennial.decisions.posted import LONGEST, Refusal, read
from tests.memory.signers import DAY, Signer, der, issue, p7b, pem, request, signer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())
CSR = request("www.corp.example", "api.corp.example", key=KEY)
ROOT = signer("Corp Root", NOW)
POLICY = signer("Corp Policy CA", NOW, ROOT)
ISSUING = signer("Corp Issuing CA", NOW, POLICY)
LEAF = issue(ISSUING, CSR, NOW)
WHOLE = (LEAF, *ISSUING.line)
STRANGER = signer("Stranger", NOW)


def judged(
    *certificates: x509.Certificate, root: str = "", incomplete: bool = False
) -> tuple[x509.Certificate, ...] | str:
    """Return the chain, or the code of the refusal."""
    found = judge(certificates, CSR, NOW, root=root, incomplete=incomplete)
    return found.certificates if isinstance(found, Chain) else found.code


def refusal(*certificates: x509.Certificate) -> Refusal:
    """Return the refusal."""
    found = judge(certificates, CSR, NOW)
    assert isinstance(found, Refusal)
    return found


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order_becomes_leaf_first(order: tuple[int, ...]) -> None:
    """Each of the 24 orders of a four-certificate chain gives the same chain."""
    assert judged(*(WHOLE[at] for at in order)) == WHOLE


def test_what_does_not_belong_is_left_out_and_named() -> None:
    """A stranger's certificate in the bundle is not merged."""
    found = judge((STRANGER.certificate, *WHOLE), CSR, NOW)
    assert isinstance(found, Chain)
    assert (found.certificates, found.unused) == (WHOLE, (STRANGER.certificate,))


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


def certreq(der: bytes) -> bytes:
    """Write bytes as certreq and certutil do: whatever they are, under CERTIFICATE, in lines that end as on Windows."""
    return (
        b"-----BEGIN CERTIFICATE-----\r\n"
        + base64.encodebytes(der).replace(b"\n", b"\r\n")
        + b"-----END CERTIFICATE-----\r\n"
    )


FORMS = {
    "a PEM bundle": pem(*WHOLE),
    "PEM with text around": b"subject=CN = www\n" + pem(*WHOLE) + b"\nend",
    "PKCS#7": p7b(*WHOLE),
    "PKCS#7 as PEM": p7b(*WHOLE, encoding=Encoding.PEM),
    "PKCS#7 from certreq": certreq(p7b(*WHOLE)),
    "PKCS#7 in bare base64": base64.encodebytes(p7b(*WHOLE)),
    "a bundle of both": pem(LEAF) + p7b(*ISSUING.line, encoding=Encoding.PEM),
    "UTF-16, as PowerShell writes": pem(*WHOLE).decode().encode("utf-16"),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + pem(*WHOLE),
    "each twice": pem(*WHOLE, *WHOLE),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_read(form: str) -> None:
    """However it is written, the same four certificates come out."""
    found = read(FORMS[form])
    assert not isinstance(found, Refusal), found
    assert set(found) == set(WHOLE)
    assert len(found) == 4


def test_one_certificate_as_der_is_read() -> None:
    """DER holds one."""
    assert read(der(LEAF)) == (LEAF,)


SECRET = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not-a-certificate"),
        (b"\xff\xfe", "not-a-certificate"),
        (b"hello", "not-a-certificate"),
        (b"\x30\x03\x02\x01\x01", "not-a-certificate"),
        (CSR, "not-a-certificate"),
        (chains.pem(CSR).encode(), "not-a-certificate"),
        (b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----", "not-a-certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA", "not-a-certificate"),
        (p7b(LEAF)[:-5], "not-a-certificate"),
        (pem(LEAF) + SECRET, "private-key"),
        (b"a" * (LONGEST + 1), "too-large"),
        (b"".join(pem(signer(f"{at}", NOW).certificate) for at in range(21)), "too-large"),
    ],
)
def test_what_is_no_chain_is_refused_by_name(raw: bytes, code: str) -> None:
    """Each wrong thing has its word."""
    found = read(raw)
    assert isinstance(found, Refusal)
    assert found.code == code
    assert found.fix


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.binary(max_size=3000), st.text(max_size=500).map(str.encode)))
@example(b"-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----")
def test_any_bytes_are_refused_or_read(raw: bytes) -> None:
    """Never an error."""
    found = read(raw)
    assert isinstance(found, Refusal)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # of serial numbers below 1
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damage_is_refused_or_seen(data: st.DataObject) -> None:
    """A bundle with any bytes overwritten gives a chain whose links hold, or a refusal; never an error."""
    whole = bytearray(data.draw(st.sampled_from([p7b(*WHOLE), der(LEAF), pem(*WHOLE)])))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    found = read(bytes(whole))
    if not isinstance(found, Refusal):
        chain = judge(found, CSR, NOW)
        assert isinstance(chain, Refusal) or chain.certificates == WHOLE or chain.ders[0] != der(LEAF)


def test_a_csr_says_what_it_asks_for() -> None:
    """Names, key and subject; what can't be read asks for nothing and is shown all the same."""
    shown = wanted(CSR)
    assert shown.names == ("api.corp.example", "www.corp.example")
    assert (shown.key, shown.subject) == ("EC P-256", "CN=www.corp.example")
    assert x509.load_pem_x509_csr(chains.pem(CSR).encode()).is_signature_valid
    assert wanted(b"rubbish").names == ()
