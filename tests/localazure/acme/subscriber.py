"""A subscriber with the `acme` library of certbot, as anybody's client would be."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from acme import challenges, client, messages
from acme.jws import JWS
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from josepy.interfaces import JSONDeSerializable
from josepy.json_util import field
from josepy.jwa import ES256, JWASignature
from josepy.jwk import JWK, JWKEC

from localazure.acme.alone import alone
from localazure.acme.ca import Ca
from localazure.acme.conduct import Conduct
from localazure.acme.jws import encode
from tests.localazure.clock import Clock

type Json = dict[str, Any]
PREFIX = "urn:ietf:params:acme:error:"


class NewOrder(messages.NewOrder):
    """An order that can say what it replaces (RFC 9773 §5), which the library's cannot."""

    replaces: str | None = field("replaces", omitempty=True)


class Subscriber:
    """An account at a CA, with a key in memory."""

    def __init__(self, directory: str, verify: bool | str = True, *, key: JWKEC | None = None, proxy: str = "") -> None:
        """Read the directory; an account is another step."""
        self.directory = directory
        self.key = key or JWKEC(key=ec.generate_private_key(ec.SECP256R1()))
        trust: Any = verify  # a file of CAs, as Requests takes one; the library's type says bool alone
        self.net = client.ClientNetwork(self.key, alg=ES256, verify_ssl=trust, timeout=20)
        self.net.session.trust_env = False
        if proxy:
            self.net.session.proxies = {"https": proxy}
        self.client = client.ClientV2(client.ClientV2.get_directory(directory, self.net), self.net)

    def register(self, **more: Any) -> messages.RegistrationResource:
        """Make the account."""
        return self.client.new_account(messages.NewRegistration(terms_of_service_agreed=True, **more))

    @contextmanager
    def stranger(self, key: JWKEC | None = None) -> Iterator[Subscriber]:
        """Give another client of the same CA, with another key or this one, that has no account yet."""
        other = Subscriber(self.directory, key=key)
        yield other
        other.net.session.close()

    def post(self, where: str, body: Json | JSONDeSerializable) -> Any:
        """Send a signed request; return the response."""
        url = self.client.directory[where] if "://" not in where else where
        obj = Plain(body) if isinstance(body, dict) else body
        return self.net.post(url, obj, new_nonce_url=self.client.directory["newNonce"])

    def raw(self, where: str, body: Json, **header: Any) -> tuple[int, Json]:
        """Send a signed request without the library's reading of the answer; return status and body. `header` changes the protected header."""
        url = self.client.directory[where] if "://" not in where else where
        assert self.net.account is not None
        nonce = self.net.session.head(self.client.directory["newNonce"], verify=self.net.verify_ssl).headers[
            "Replay-Nonce"
        ]
        protected = {"alg": "ES256", "kid": self.net.account.uri, "nonce": nonce, "url": url} | header
        sent = signed_by(self.key, {name: value for name, value in protected.items() if value is not None}, body)
        headers = {"Content-Type": "application/jose+json"}
        answer = self.net.session.post(url, json.dumps(sent), headers=headers, verify=self.net.verify_ssl)
        found: Json = answer.json()
        return answer.status_code, found

    def rollover(self, new: JWKEC) -> None:
        """Give the account another key (RFC 8555 §7.3.5), which the library cannot."""
        url = self.client.directory["keyChange"]
        assert self.net.account is not None
        payload = json.dumps({"account": self.net.account.uri, "oldKey": self.key.public_key().to_json()})
        inner = JWS.sign(payload.encode(), key=new, alg=ES256, nonce=None, url=url)
        self.post("keyChange", inner.to_partial_json())
        self.key = self.net.key = new

    def order(self, *names: str, replaces: str | None = None, profile: str | None = None) -> messages.OrderResource:
        """Place an order."""
        identifiers = [messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name) for name in names]
        response = self.post("newOrder", NewOrder(identifiers=identifiers, replaces=replaces, profile=profile))
        body = messages.Order.from_json(response.json())
        return self.read(messages.OrderResource(body=body, uri=response.headers["Location"], csr_pem=csr(names)))

    def read(self, order: messages.OrderResource) -> messages.OrderResource:
        """Read an order's authorizations."""
        found = [
            self.client._authzr_from_response(self.client._post_as_get(url), uri=url)
            for url in order.body.authorizations
        ]
        updated: messages.OrderResource = order.update(authorizations=found)
        return updated

    def answer(self, order: messages.OrderResource, present: Callable[[str, str], None] | None = None) -> None:
        """Answer every pending authorization's dns-01 challenge, after the values were put where `present` puts them."""
        for one in order.authorizations:
            if one.body.status != messages.STATUS_PENDING:
                continue
            offered = {item.chall.typ: item for item in one.body.challenges}
            body = offered.get("dns-01") or offered["http-01"]
            assert isinstance(body.chall, challenges.KeyAuthorizationChallenge)
            if present is not None and isinstance(body.chall, challenges.DNS01):
                place = body.chall.validation_domain_name(one.body.identifier.value)
                present(place, body.chall.validation(self.key))
            self.client.answer_challenge(body, body.chall.response(self.key))

    def finish(self, order: messages.OrderResource, *, alternates: bool = False) -> messages.OrderResource:
        """Wait for the authorizations, finalize, fetch the chain, all as the library does it, which sleeps a second at each step."""
        deadline = datetime.now(UTC).astimezone().replace(tzinfo=None) + timedelta(
            seconds=20
        )  # the library's clock is local
        ready = self.client.poll_authorizations(order, deadline)
        return self.client.finalize_order(ready, deadline, fetch_alternative_chains=alternates)

    def finalize(self, order: messages.OrderResource, csr_pem: bytes | None = None) -> messages.Order:
        """Finalize without waiting for anything; return the order as the CA then shows it."""
        request = messages.CertificateRequest(csr=x509.load_pem_x509_csr(csr_pem or order.csr_pem))
        body: messages.Order = messages.Order.from_json(self.post(order.body.finalize, request).json())
        return body

    def hasten(self, order: messages.OrderResource) -> list[x509.Certificate]:
        """Finalize, look again until the order is valid or not, and fetch its chain, without the library's sleep."""
        pause, patience = threading.Event(), 200
        found = [self.client._post_as_get(url).json()["status"] for url in order.body.authorizations]
        while "pending" in found and (patience := patience - 1):
            pause.wait(0.05)
            found = [self.client._post_as_get(url).json()["status"] for url in order.body.authorizations]
        body = self.finalize(order)
        while body.status.name in ("processing", "pending", "ready") and (patience := patience - 1):
            pause.wait(0.05)
            body = messages.Order.from_json(self.client._post_as_get(order.uri).json())
        return x509.load_pem_x509_certificates(self.client._post_as_get(body.certificate).content)

    def obtain(self, *names: str, replaces: str | None = None, profile: str | None = None) -> list[x509.Certificate]:
        """Get a certificate, all in one go; return its chain."""
        order = self.order(*names, replaces=replaces, profile=profile)
        self.answer(order)
        return self.hasten(order)


@contextmanager
def refused(kind: str) -> Iterator[list[messages.Error]]:
    """Expect a problem of this type (without the urn) within the block; the list then holds it."""
    found: list[messages.Error] = []
    with pytest.raises(messages.Error) as caught:
        yield found
    assert caught.value.typ == PREFIX + kind, caught.value
    found.append(caught.value)


class Plain(JSONDeSerializable):
    """A body as it is."""

    def __init__(self, body: Json) -> None:
        self._body = body

    def to_partial_json(self) -> Json:
        """Return it."""
        return self._body

    @classmethod
    def from_json(cls, jobj: Any) -> Plain:
        """Take it."""
        return cls(jobj)


def signed_by(key: JWK, protected: Json, body: Json, algorithm: JWASignature = ES256) -> dict[str, str]:
    """Return a flattened JWS with just this header."""
    parts = [encode(json.dumps(part).encode()) for part in (protected, body)]
    signature = encode(algorithm.sign(key.key, ".".join(parts).encode()))
    return {"protected": parts[0], "payload": parts[1], "signature": signature}


def csr(names: Sequence[str], key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    """Return a CSR for these names as PEM."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder(subject).add_extension(alternatives, critical=False)
    return builder.sign(own, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@contextmanager
def subscribed(conduct: Conduct | None = None, clock: Clock | None = None) -> Iterator[tuple[Ca, Subscriber]]:
    """Run a CA of its own with one account at it."""
    with alone(conduct, clock=clock or Clock()) as (ca, directory):
        subscriber = Subscriber(directory)
        subscriber.register()
        yield ca, subscriber
        subscriber.net.session.close()
