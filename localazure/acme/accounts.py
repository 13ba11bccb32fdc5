"""Accounts: made, found, changed, given another key, closed (RFC 8555 §7.3)."""

from __future__ import annotations

from localazure.acme import jws
from localazure.acme.ca import Answer, Call, stamp
from localazure.acme.problems import Json, Problem, malformed, unauthorized
from localazure.acme.store import DEACTIVATED, VALID, Account


def shown(call: Call, account: Account) -> Json:
    """Return an account object."""
    body: Json = {
        "status": account.status,
        "contact": account.contact,
        "createdAt": stamp(account.created),
        "orders": call.url("account", account.id, "orders"),
    }
    return body | {"key": account.jwk}


def _contact(body: Json) -> list[str]:
    """Return the contacts of a request. Raises Problem."""
    contact = body.get("contact", [])
    if not isinstance(contact, list) or not all(isinstance(one, str) for one in contact):
        raise malformed("contact must be a list of addresses")
    for one in contact:
        if not one.startswith("mailto:"):
            raise Problem("unsupportedContact", f"contact method {one.partition(':')[0]!r} is not supported")
        if "@" not in one or "," in one or "?" in one:
            raise Problem("invalidContact", f"{one!r} is not a valid e-mail address")
    return contact


async def create(call: Call) -> Answer:
    """Make an account, or find the one of the key (RFC 8555 §7.3, §7.3.1)."""
    ca, body = call.ca, call.jws.body()
    jwk = call.jws.header["jwk"]
    known = ca.books.account_of(jws.thumbprint(jwk))
    if known is not None:
        if known.status != VALID:
            raise unauthorized(f"An account with the provided public key exists but is {known.status}")
        return Answer(shown(call, known), 200, {"Location": call.url("account", known.id)})
    if body.get("onlyReturnExisting"):
        raise Problem("accountDoesNotExist", "No account exists with the provided key")
    if body.get("termsOfServiceAgreed") is not True:
        raise malformed("must agree to terms of service")
    contact, bound_to = _contact(body), ""
    if ca.conduct.eab:
        if "externalAccountBinding" not in body:
            raise Problem("externalAccountRequired", "An account here needs an external account binding", 403)
        url = str(call.jws.header["url"])
        bound_to = jws.bound_key_id(body["externalAccountBinding"], jwk, url, ca.conduct.eab)
    ca.buckets.check(ca.conduct.limits, "accounts", "127.0.0.1", call.now)
    ca.buckets.spend(ca.conduct.limits, "accounts", "127.0.0.1", call.now)
    account = Account(ca.new_id(), jwk, jws.thumbprint(jwk), contact, call.now, bound_to)
    ca.books.accounts[account.id] = account
    return Answer(shown(call, account), 201, {"Location": call.url("account", account.id)})


async def update(call: Call) -> Answer:
    """Read an account, change its contacts, or close it (RFC 8555 §7.3.2, §7.3.6)."""
    account = call.account
    if call.ids[0] != account.id:
        raise unauthorized("Request signing key did not match account key")
    body = call.jws.body() if call.jws.payload else {}
    if "contact" in body:
        account.contact = _contact(body)
    if (status := body.get("status", VALID)) != VALID:
        if status != DEACTIVATED:
            raise malformed("Invalid value provided for status field")
        account.status = DEACTIVATED
    return Answer(shown(call, account))


async def orders(call: Call) -> Answer:
    """List the addresses of an account's orders (RFC 8555 §7.1.2.1)."""
    if call.ids[0] != call.account.id:
        raise unauthorized("Request signing key did not match account key")
    own = [one.id for one in call.ca.books.orders.values() if one.account == call.account.id]
    return Answer({"orders": [call.url("order", one) for one in own]})


async def change_key(call: Call) -> Answer:
    """Give an account another key: a request within a request, each signed by one of the two (RFC 8555 §7.3.5)."""
    inner = jws.read(call.jws.body())
    jwk = inner.header.get("jwk")
    if not isinstance(jwk, dict) or "kid" in inner.header:
        raise malformed("The inner JWS must carry the new key")
    jws.verify(inner, jwk)
    if inner.header.get("url") != call.jws.header["url"]:
        raise malformed("The inner JWS names another url than the outer one")
    if "nonce" in inner.header:
        raise malformed("The inner JWS must have no nonce")
    body, account = inner.body(), call.account
    if body.get("account") != call.url("account", account.id):
        raise malformed("The inner payload names another account than the outer JWS")
    if not isinstance(body.get("oldKey"), dict) or jws.thumbprint(body["oldKey"]) != account.thumbprint:
        raise malformed("The inner payload's oldKey is not the account's key")
    other = call.ca.books.account_of(jws.thumbprint(jwk))
    if other is not None:
        where = {"Location": call.url("account", other.id)}
        raise Problem("malformed", "New key is already in use for a different account", 409, headers=where)
    account.jwk, account.thumbprint = jwk, jws.thumbprint(jwk)
    return Answer(shown(call, account))
