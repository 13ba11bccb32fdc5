"""Signed requests: what is checked before anything is done (RFC 8555 §6)."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from josepy.jwa import RS256
from josepy.jwk import JWKEC, JWKRSA

from localazure.acme.alone import alone
from localazure.acme.ca import Ca
from localazure.acme.jws import encode
from tests.localazure.acme.subscriber import Subscriber, signed_by

WWW = {"identifiers": [{"type": "dns", "value": "www.example.com"}]}
JOSE = {"Content-Type": "application/jose+json"}


@pytest.mark.parametrize(
    ("header", "status", "kind"),
    [
        ({"nonce": "never-issued"}, 400, "badNonce"),
        ({"nonce": None}, 400, "badNonce"),
        ({"url": "http://127.0.0.1:1/new-order"}, 403, "unauthorized"),
        ({"alg": "RS256"}, 400, "badSignatureAlgorithm"),
        ({"alg": "none"}, 400, "badSignatureAlgorithm"),
        ({"alg": "HS256"}, 400, "badSignatureAlgorithm"),
        ({"kid": "http://127.0.0.1:1/account/1"}, 400, "accountDoesNotExist"),
        ({"kid": None}, 400, "malformed"),
        ({"jwk": {"kty": "EC"}}, 400, "malformed"),
    ],
)
def test_a_wrong_header_is_refused(
    ca: Ca, subscriber: Subscriber, header: dict[str, Any], status: int, kind: str
) -> None:
    """Nonce, url, algorithm, key id: each has its own refusal, and no order is placed."""
    found, problem = subscriber.raw("newOrder", WWW, **header)
    assert (found, problem["type"]) == (status, f"urn:ietf:params:acme:error:{kind}")
    assert not ca.books.orders


def test_a_signature_by_another_key_is_refused(ca: Ca, subscriber: Subscriber) -> None:
    """The account's id with a stranger's signature is malformed."""
    subscriber.key = JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
    assert subscriber.raw("newOrder", WWW)[1]["detail"] == "JWS verification error"
    assert not ca.books.orders


def test_a_nonce_is_good_once(ca: Ca, subscriber: Subscriber) -> None:
    """The very same request a second time is badNonce."""
    nonce = ca.nonces.issue()
    assert subscriber.raw("newOrder", WWW, nonce=nonce)[0] == 201
    assert subscriber.raw("newOrder", WWW, nonce=nonce)[1]["type"] == "urn:ietf:params:acme:error:badNonce"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"protected": "!", "payload": "", "signature": ""}',
        json.dumps({"protected": encode(b"[]"), "payload": "", "signature": ""}).encode(),
        json.dumps({"protected": encode(b"{}") + "=", "payload": "", "signature": ""}).encode(),
        json.dumps({"protected": encode(b"{}"), "payload": "", "signature": "", "header": {}}).encode(),
    ],
)
def test_rubbish_is_malformed(subscriber: Subscriber, body: bytes) -> None:
    """No JWS, or not a flattened one: 400, a problem document, and a fresh nonce for the next try."""
    answer = requests.post(subscriber.client.directory["newOrder"], body, headers=JOSE, timeout=10)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:ietf:params:acme:error:malformed")
    assert answer.headers["Replay-Nonce"]


def test_the_media_type_and_the_method_are_checked(subscriber: Subscriber) -> None:
    """415 for JSON by its ordinary name, 405 for GET where POST is meant, 404 for no path of ours."""
    url = subscriber.client.directory["newOrder"]
    assert requests.post(url, b"{}", headers={"Content-Type": "application/json"}, timeout=10).status_code == 415
    assert requests.get(url, timeout=10).status_code == 405
    assert requests.get(subscriber.directory + "/nowhere", timeout=10).status_code == 404


def test_a_nonce_is_had_by_head_and_get(subscriber: Subscriber) -> None:
    """HEAD is 200, GET is 204 (RFC 8555 §7.2), each with a nonce."""
    url = subscriber.client.directory["newNonce"]
    for answer, status in ((requests.head(url, timeout=10), 200), (requests.get(url, timeout=10), 204)):
        assert (answer.status_code, bool(answer.headers["Replay-Nonce"])) == (status, True)


@pytest.mark.parametrize(("bits", "status"), [(2048, 201), (1024, 400)])
def test_an_rsa_account_key_is_taken_if_it_is_long_enough(bits: int, status: int) -> None:
    """RS256 by 2048 bits makes an account; 1024 bits are badPublicKey."""
    key = rsa.generate_private_key(65537, bits)
    jwk = JWKRSA(key=key)
    with alone() as (ca, directory):
        url = directory.replace("directory", "new-account")
        protected = {"alg": "RS256", "jwk": jwk.public_key().to_json(), "nonce": ca.nonces.issue(), "url": url}
        sent = signed_by(jwk, protected, {"termsOfServiceAgreed": True}, RS256)
        answer = requests.post(url, json.dumps(sent), headers=JOSE, timeout=10)
    assert answer.status_code == status
