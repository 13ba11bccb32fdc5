"""Every request that a CA takes: its path, who signs it, and what does it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from localazure.acme import accounts, authorizations, issuing, jws, orders, renewals
from localazure.acme.ca import Answer, Ca, Call
from localazure.acme.problems import Json, Problem, malformed, unauthorized
from localazure.acme.store import VALID, Account

type Signer = Literal["account", "key", "either", "nobody"]


@dataclass(frozen=True, slots=True)
class Route:
    """One kind of request; the groups of the pattern are ids."""

    kind: str
    pattern: re.Pattern[str]
    signer: Signer
    handler: Callable[[Call], Awaitable[Answer]]


def _route(kind: str, pattern: str, signer: Signer, handler: Callable[[Call], Awaitable[Answer]]) -> Route:
    return Route(kind, re.compile(pattern), signer, handler)


async def directory(call: Call) -> Answer:
    """Show where everything is (RFC 8555 §7.1.1, RFC 9773 §3, and the profiles draft)."""
    ca = call.ca
    names = ("new-nonce", "new-account", "new-order", "revoke-cert", "key-change")
    body: Json = {_camel(name): call.url(name) for name in names}
    if ca.conduct.ari:
        body["renewalInfo"] = call.url("renewal-info")
    meta: Json = {
        "termsOfService": call.url("terms"),
        "website": f"https://{ca.host}",
        "caaIdentities": [ca.host],
        "externalAccountRequired": bool(ca.conduct.eab),
    }
    if ca.conduct.profiles:
        meta["profiles"] = {name: call.url("profiles", name) for name in ca.conduct.profiles}
    return Answer(body | {"meta": meta})


def _camel(name: str) -> str:
    first, _, second = name.partition("-")
    return first + second.title()


async def new_nonce(call: Call) -> Answer:
    """Give out a nonce; it rides in the headers of every answer."""
    return Answer(None, 200 if call.method == "HEAD" else 204)


ROUTES = (
    _route("directory", r"/directory", "nobody", directory),
    _route("new-nonce", r"/new-nonce", "nobody", new_nonce),
    _route("renewal-info", r"/renewal-info/([^/]+)", "nobody", renewals.read),
    _route("new-account", r"/new-account", "key", accounts.create),
    _route("account", r"/account/(\d+)/orders", "account", accounts.orders),
    _route("account", r"/account/(\d+)", "account", accounts.update),
    _route("key-change", r"/key-change", "account", accounts.change_key),
    _route("new-order", r"/new-order", "account", orders.create),
    _route("order", r"/order/(\d+)", "account", orders.read),
    _route("finalize", r"/order/(\d+)/finalize", "account", issuing.finalize),
    _route("authorization", r"/authorization/(\d+)", "account", authorizations.read),
    _route("challenge", r"/challenge/(\d+)/([a-z0-9-]+)", "account", authorizations.answer),
    _route("certificate", r"/certificate/(\d+)(?:/(\d+))?", "account", issuing.fetch),
    _route("revoke", r"/revoke-cert", "either", issuing.revoke),
)


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """Return the route of a request and the ids in its path. Raises Problem."""
    for route in ROUTES:
        if found := route.pattern.fullmatch(path):
            allowed = ("GET", "HEAD") if route.signer == "nobody" else ("POST",)
            if method not in allowed:
                raise Problem("malformed", "Method not allowed", 405, headers={"Allow": ", ".join(allowed)})
            return route, tuple(part for part in found.groups() if part is not None)
    raise Problem("malformed", "Page not found", 404)


def authenticate(ca: Ca, base: str, path: str, signer: Signer, octets: bytes) -> tuple[jws.Signed, Account | None]:
    """Check a signed request whole: nonce, address, key, signature (RFC 8555 §6.2 to §6.5). Raises Problem."""
    signed = jws.read(octets)
    header = signed.header
    if ("kid" in header) == ("jwk" in header):
        raise malformed("jwk and kid header fields are mutually exclusive, and one must be there")
    ca.nonces.use(header.get("nonce"), ca.conduct.nonce_refusal)
    if header.get("url") != base + path:
        raise unauthorized(f"JWS header parameter 'url' incorrect. Expected {base + path!r} got {header.get('url')!r}")
    if "jwk" in header:
        if signer == "account":
            raise malformed("No Key ID in JWS header")
        jws.verify(signed, header["jwk"] if isinstance(header["jwk"], dict) else {})
        return signed, None
    if signer == "key":
        raise malformed("No embedded JWK in JWS header")
    account = _account(ca, base, header["kid"])
    jws.verify(signed, account.jwk)
    return signed, account


def _account(ca: Ca, base: str, key_id: object) -> Account:
    """Return the account that a key id names. Raises Problem."""
    prefix = f"{base}/account/"
    found = ca.books.accounts.get(key_id.removeprefix(prefix)) if isinstance(key_id, str) else None
    if found is None:
        raise Problem("accountDoesNotExist", f"Account {key_id!r} not found")
    if found.status != VALID:
        raise unauthorized(f"Account is not valid, has status {found.status!r}")
    return found
