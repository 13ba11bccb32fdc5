"""The links of a chain: which of several certificates is taken, what a link is worth, and where a chain ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from perennial.decisions.chains import LONGEST, TOGETHER, Chain, judge
from perennial.decisions.posted import Refusal
from tests.decisions.corp import CSR, ISSUING, KEY, LEAF, NOW, POLICY, ROOT, STRANGER, WHOLE, damaged, judged, refusal
from tests.memory.signers import DAY, Signer, der, issue, request, signer


def certified(
    ca: Signer,
    by: Signer,
    *,
    until: datetime = NOW + 1000 * DAY,
    says_so: bool = True,
) -> x509.Certificate:
    """Certify a CA's name and key once more."""
    builder = x509.CertificateBuilder(
        by.certificate.subject, ca.certificate.subject, ca.key.public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(NOW - 500 * DAY).not_valid_after(until)
    if says_so:
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(by.key, hashes.SHA256())


def named(subject: x509.Name) -> Signer:
    """Return a root of a name."""
    made = signer("anything", NOW)
    builder = x509.CertificateBuilder(subject, subject, made.key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(NOW - DAY).not_valid_after(NOW + DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return replace(made, certificate=builder.sign(made.key, hashes.SHA256()))


def version_1(ca: Signer) -> x509.Certificate:
    """Write a CA's certificate as X.509 version 1 has it: no version, no extensions."""
    own = certified(ca, ca, says_so=False)
    inner = own.tbs_certificate_bytes.split(b"\xa0\x03\x02\x01\x02", 1)[1]  # [0] EXPLICIT INTEGER 2: version 3
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
    signature = ca.key.sign(tbs := _tlv(0x30, inner), ec.ECDSA(hashes.SHA256()))
    return x509.load_der_x509_certificate(_tlv(0x30, tbs + algorithm + _tlv(0x03, b"\0" + signature)))


def _tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    return (
        bytes([tag, size] if size < 128 else [tag, 0x81, size] if size < 256 else [tag, 0x82, *divmod(size, 256)])
        + value
    )


def test_of_two_leaves_the_one_that_lives_longer_is_taken() -> None:
    """Whichever was posted first."""
    short = issue(ISSUING, CSR, NOW, life=80 * DAY)
    for order in ((LEAF, short), (short, LEAF)):
        assert judged(*order, *ISSUING.line) == WHOLE


@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_dead_ca_anywhere_refuses_the_chain(at: int) -> None:
    """The issuing CA, the one above it, or the root: whoever meets the chain looks at the dates of all."""
    cas = list[Signer]()
    for place in (3, 2, 1):
        life = 1000 * DAY if place == at else 3000 * DAY
        cas.append(signer(f"CA {place}", NOW, cas[-1] if cas else None, life=life))
    found = refusal(issue(cas[-1], CSR, NOW), *cas[-1].line)
    assert (found.code, f"CN=CA {at}" in found.what) == ("expired", True)


def test_a_living_cross_certificate_is_taken_before_a_dead_root() -> None:
    """A root that has expired beside the same CA certified by another root: the way over the other is valid."""
    dead = certified(POLICY, POLICY, until=NOW - DAY)
    cross = certified(POLICY, STRANGER, until=NOW + DAY)
    leaf = issue(POLICY, CSR, NOW)
    assert judged(leaf, dead, cross, STRANGER.certificate) == (leaf, cross, STRANGER.certificate)
    assert judged(leaf, dead, STRANGER.certificate) == "expired"


def test_of_two_ways_alike_the_one_that_lives_longer_is_taken() -> None:
    """An intermediate that was renewed: its newer certificate is merged."""
    older, newer = (certified(ISSUING, ROOT, until=NOW + days * DAY) for days in (100, 200))
    for order in ((older, newer), (newer, older)):
        assert judged(LEAF, *order, ROOT.certificate) == (LEAF, newer, ROOT.certificate)


def test_two_cas_that_certify_each_other_end_a_chain() -> None:
    """Each stands in it once, and it is not complete."""
    one, other = certified(POLICY, STRANGER), certified(STRANGER, POLICY)
    assert judged(issue(POLICY, CSR, NOW), one, other) == "incomplete-chain"
    assert judged(leaf := issue(POLICY, CSR, NOW), one, other, incomplete=True) == (leaf, one, other)


def test_a_ca_of_version_1_signs_and_one_without_constraints_does_not() -> None:
    """A version 1 root has no extensions to say so with; from version 3 on, a CA says that it is one (RFC 5280 §4.2.1.9)."""
    leaf = issue(STRANGER, CSR, NOW)
    old = version_1(STRANGER)
    assert old.version is x509.Version.v1
    assert judged(leaf, old) == (leaf, old)
    assert judged(leaf, certified(STRANGER, STRANGER, says_so=False)) == "broken-link"


def test_a_signature_with_unused_bits_breaks_the_link() -> None:
    """The byte before a signature is 0: another is overlooked by the library, and OpenSSL refuses the chain for it."""
    while True:
        ca = signer("CA", NOW, ROOT)
        whole = der(ca.certificate)
        if not whole[-1] & 1:  # DER has zeros where bits are unused, and the library insists on those
            break
    leaf = issue(ca, CSR, NOW)
    assert judged(leaf, *ca.line) == (leaf, *ca.line)
    signature = ca.certificate.signature
    bad = damaged(ca.certificate, b"\0" + signature, b"\1" + signature)
    assert judged(leaf, bad, ROOT.certificate) == "broken-link"
    assert judged(leaf, bad, *ca.line) in {(leaf, *ca.line), "broken-link"}


def test_a_certificate_whose_key_cannot_be_read_is_left_out() -> None:
    """It is for no CSR."""
    curve = bytes.fromhex("06082a8648ce3d030107")  # prime256v1, and a curve that nobody knows
    odd = damaged(STRANGER.certificate, curve, curve[:-1] + b"\x7f")
    found = judge((odd, *WHOLE), CSR, NOW)
    assert isinstance(found, Chain)
    assert found.certificates == WHOLE


def test_a_leaf_whose_names_cannot_be_read_is_refused() -> None:
    """A certificate may be one and hold an extension that is none."""
    odd = damaged(LEAF, b"\x82\x10www.corp.example", b"\x9f\x10www.corp.example")
    found = refusal(odd, *ISSUING.line)
    assert (found.code, found.what.startswith("a certificate in it cannot be read: ")) == ("not-a-certificate", True)


def test_an_end_that_is_not_the_settings_root_is_incomplete() -> None:
    """Only a chain that ends in another root is refused for its root; one that ends before any may be let pass."""
    assert judged(LEAF, ISSUING.certificate, root="Corp Root") == "incomplete-chain"
    part = (LEAF, ISSUING.certificate)
    assert judged(*part, root="Corp Root", incomplete=True) == part


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        (x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Corp")]), "the certificate of O=Corp, who"),
        (x509.Name([]), "the certificate of an issuer without a name, who"),
    ],
)
def test_an_issuer_without_a_common_name_is_no_root(subject: x509.Name, shown: str) -> None:
    """No root is named in the settings, and the issuer's common name is empty: that is not the same name."""
    found = refusal(issue(named(subject), CSR, NOW))
    assert (found.code, shown in found.what) == ("incomplete-chain", True)


def test_a_certificate_without_a_subject_is_named_by_its_serial() -> None:
    """Its names stand in an extension alone, as RFC 5280 §4.1.2.6 allows."""
    empty = x509.CertificateBuilder(
        STRANGER.certificate.subject, x509.Name([]), STRANGER.key.public_key(), serial_number=0xABC
    )
    made = empty.not_valid_before(NOW).not_valid_after(NOW + DAY).sign(STRANGER.key, hashes.SHA256())
    assert "it holds serial abc" in refusal(made).what


NAMES = ("www.corp.example", "api.corp.example")


def sized(size: int, names: tuple[str, ...] = NAMES) -> x509.Certificate:
    """Return a leaf of so many bytes, from a CA that is not there."""
    filler = size
    while True:
        builder = x509.CertificateBuilder(
            STRANGER.certificate.subject, x509.Name([]), KEY.public_key(), x509.random_serial_number()
        )
        san = x509.SubjectAlternativeName([x509.DNSName(one) for one in names])
        padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(filler))
        builder = (
            builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=90)).add_extension(san, critical=False)
        )
        made = builder.add_extension(padding, critical=False).sign(STRANGER.key, hashes.SHA256())
        over = len(made.public_bytes(Encoding.DER)) - size
        if over == 0:
            return made
        filler -= over


def test_a_chain_of_16_kib_is_taken_and_no_byte_more() -> None:
    """That much fits a claim's memory; what else is wrong with a chain is said first."""
    fits, over = sized(16 * 1024), sized(16 * 1024 + 1)
    assert judged(fits, incomplete=True) == (fits,)
    assert judged(over, incomplete=True) == "too-large"
    assert judged(over) == "incomplete-chain"


def test_a_long_request_leaves_less_room_for_its_chain() -> None:
    """Both are kept in one column until they are merged."""
    names = ("www.corp.example", *(f"n{number:03}.{'x' * 60}.corp.example" for number in range(100)))
    csr = request(*names, key=KEY)
    room = TOGETHER - len(csr)
    assert room < LONGEST
    for size, taken in ((room, True), (room + 1, False)):
        found = judge((sized(size, names),), csr, NOW, incomplete=True)
        assert isinstance(found, Chain) is taken
    assert isinstance(found, Refusal)
    assert (found.code, found.what) == ("too-large", f"the chain has more than {room} bytes")


def test_a_request_that_cannot_be_read_is_answered_by_nothing() -> None:
    """Whatever is posted."""
    found = judge(WHOLE, request("www.corp.example")[:-9], NOW)
    assert isinstance(found, Refusal)
    assert found.code == "not-a-certificate"
