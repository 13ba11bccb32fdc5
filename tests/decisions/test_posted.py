"""Bytes that somebody posted: each form of a chain is read, each other thing refused by name; any bytes give an answer."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from perennial.decisions import chains
from perennial.decisions.posted import LONGEST, MOST, Refusal, read
from tests.decisions.corp import CSR, ISSUING, KEY, LEAF, NOW, WHOLE
from tests.memory.signers import der, p7b, pem, signer


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
    "UTF-16 with signs that ASCII lacks": ("Für www\n" + pem(*WHOLE).decode()).encode("utf-16"),
    "UTF-16 that breaks off": pem(*WHOLE).decode().encode("utf-16") + b"\x00",
    "each twice": pem(*WHOLE, *WHOLE),
    **{label: pem(*WHOLE).replace(b"CERTIFICATE", label.encode()) for label in ("X509 CERTIFICATE", "CERTIFICATE")},
    **{
        label: p7b(*WHOLE, encoding=Encoding.PEM).replace(b"PKCS7", label.encode())
        for label in ("PKCS7", "CMS", "PKCS #7 SIGNED DATA")
    },
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


def test_two_copies_that_differ_are_two() -> None:
    """One whose signature was damaged does not take the place of the other."""
    whole = der(LEAF)
    other = whole[:-1] + bytes([whole[-1] ^ 1])
    found = read(certreq(whole) + certreq(other))
    assert not isinstance(found, Refusal)
    assert [der(one) for one in found] == [whole, other]


def test_the_bounds_of_what_is_read() -> None:
    """64 KiB and twenty certificates are read, a byte or a certificate more is not."""
    padded = pem(*WHOLE) + b"\n" * (64 * 1024 - len(pem(*WHOLE)))
    assert len(padded) == LONGEST
    assert read(padded) == WHOLE
    assert refused(padded + b"\n").code == "too-large"
    many = tuple(signer(f"{at}", NOW).certificate for at in range(21))
    assert MOST == 20
    assert read(pem(*many[:20])) == many[:20]
    assert refused(pem(*many)).code == "too-large"


def refused(raw: bytes) -> Refusal:
    """Return the refusal."""
    found = read(raw)
    assert isinstance(found, Refusal)
    return found


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (pem(LEAF) + b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----", "its PEM cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA", "its PEM cannot be read"),
        (
            pem(LEAF) + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "neither a certificate nor PKCS#7",
        ),
        (pem(LEAF) + chains.pem(CSR).encode(), "it holds a CERTIFICATE REQUEST"),
        (b"hello", "it is neither PEM, nor DER, nor base64"),
        (base64.encodebytes(der(LEAF)) + b"!", "it is neither PEM, nor DER, nor base64"),
        (b"", "it is neither PEM, nor DER, nor base64"),
    ],
)
def test_what_is_wrong_with_it_is_said(raw: bytes, what: str) -> None:
    """Whoever posts reads which part is wrong: the envelope, one block in it, or what a block holds."""
    assert what in refused(raw).what


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
