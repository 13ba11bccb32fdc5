"""Orders of the ACME CA in memory: placed, proved by DNS-01, finalized, fetched (RFC 8555 §7.4, §7.5)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from localazure.acme import jws
from perennial.adapters.x509 import read_leaf
from perennial.model.pkix import names_of
from tests.memory import minting
from tests.memory.acme_books import Account, Authorization, Json, Leaf, Order, Problem
from tests.memory.acme_replies import Reply, shown

if TYPE_CHECKING:
    from tests.memory.acme_ca import MemoryCa

LIVES = timedelta(days=7)  # an order, and a pending authorization
BACKDATED = timedelta(hours=1)

#: Requests that change something where they have a payload.
EFFECTS = frozenset({"new-account", "account", "key-change", "new-order", "challenge", "finalize"})


def status(order: Order, now: datetime) -> str:
    """Return an order's status (RFC 8555 §7.1.6)."""
    if order.settled == "processing" and order.due is not None and order.due <= now:
        order.settled = "invalid" if order.error else "valid"
    if order.settled:
        return order.settled
    states = {one.status for one in order.authorizations}
    if order.expires <= now or "invalid" in states:
        return "invalid"
    return "ready" if states == {"valid"} else "pending"


def place(ca: MemoryCa, ids: list[str], signed: jws.Signed, account: Account) -> Reply:
    """Place an order."""
    del ids
    now, body = ca.clock(), signed.body()
    names = tuple(sorted(one["value"] for one in body["identifiers"]))
    for name in names:
        ca.strike("order", name)
    replaced, exempt = _replaced(ca, body.get("replaces", ""), account, now)
    found = tuple(_authorized(ca, account, name, now) for name in names)
    order = Order(
        id=ca.new_id(),
        account=account.id,
        names=names,
        placed=now,
        expires=now + LIVES,
        authorizations=found,
        exempt=exempt,
    )
    ca.books.orders[order.id] = order
    if replaced is not None:
        replaced.replaced_by = order.id
    ca.on_work("new-order", names)
    ca.on_order(order)
    return shown(_order(ca, order), 201, f"{ca.base}/order/{order.id}")


def _replaced(ca: MemoryCa, ari_id: str, account: Account, now: datetime) -> tuple[Leaf | None, bool]:
    """Check what an order says that it replaces (RFC 9773 §5); tell whether its window is open."""
    if not ari_id:
        return None, False
    leaf = ca.books.by_ari_id.get(ari_id)
    if leaf is None:
        raise Problem("malformed", "the certificate to be replaced was not found", 404)
    if leaf.account != account.id:
        raise Problem("unauthorized", "requester account did not request the certificate being replaced", 403)
    other = ca.books.orders.get(leaf.replaced_by)
    if other is not None and status(other, now) != "invalid":
        raise Problem("alreadyReplaced", "the certificate already has a replacement order", 409)
    return leaf, any(start <= now <= end for start, end in leaf.windows)


def _authorized(ca: MemoryCa, account: Account, name: str, now: datetime) -> Authorization:
    """Return the account's valid authorization of a name, where such are used again, or a new one."""
    host, wildcard = name.removeprefix("*."), name.startswith("*.")
    if ca.conduct.reuse:
        for known in ca.books.authorizations.values():
            same = (known.account, known.host, known.wildcard) == (account.id, host, wildcard)
            if same and known.status == "valid" and now < known.expires:
                return known
    new = ca.new_id()
    token = base64.urlsafe_b64encode(hashlib.sha256(f"{ca.host} {new}".encode()).digest()).rstrip(b"=").decode()
    made = Authorization(id=new, account=account.id, host=host, wildcard=wildcard, token=token, expires=now + LIVES)
    ca.books.authorizations[made.id] = made
    return made


def _order(ca: MemoryCa, order: Order) -> Json:
    state = status(order, ca.clock())
    body: Json = {
        "status": state,
        "expires": order.expires.isoformat(),
        "identifiers": [{"type": "dns", "value": name} for name in order.names],
        "authorizations": [f"{ca.base}/authorization/{one.id}" for one in order.authorizations],
        "finalize": f"{ca.base}/finalize/{order.id}",
    }
    body |= {"error": order.error} if order.error and state == "invalid" else {}
    return body | ({"certificate": f"{ca.base}/certificate/{order.certificate}"} if state == "valid" else {})


def _own(ca: MemoryCa, ids: list[str], account: Account) -> Order:
    order = ca.books.orders.get(ids[0])
    if order is None or order.account != account.id:
        raise Problem("malformed", "No such order", 404)
    for one in order.authorizations:
        _settle(ca, one)
    return order


def read(ca: MemoryCa, ids: list[str], signed: jws.Signed, account: Account) -> Reply:
    """Show an order."""
    del signed
    order = _own(ca, ids, account)
    return shown(_order(ca, order), where=f"{ca.base}/order/{order.id}")


def authorization(ca: MemoryCa, ids: list[str], signed: jws.Signed, account: Account) -> Reply:
    """Show an authorization."""
    del signed, account
    found = ca.books.authorizations[ids[0]]
    _settle(ca, found)
    one: Json = {"type": "dns-01", "url": f"{ca.base}/challenge/{found.id}", "token": found.token}
    one |= {"status": found.status, **({"error": found.error} if found.error else {})}
    body: Json = {"identifier": {"type": "dns", "value": found.host}, "status": found.status, "challenges": [one]}
    return shown(body | ({"wildcard": True} if found.wildcard else {}))


def answer(ca: MemoryCa, ids: list[str], signed: jws.Signed, account: Account) -> Reply:
    """Take the client's word that a challenge can be looked at."""
    del signed, account
    found = ca.books.authorizations[ids[0]]
    _settle(ca, found)
    if found.status == "invalid":
        raise Problem("malformed", "authorization must be pending")
    ca.on_work("challenge", (f"*.{found.host}" if found.wildcard else found.host,))
    if found.status == "pending" and found.due is None:
        found.due = ca.clock() + ca.conduct.validation_delay
    return shown({"type": "dns-01", "url": f"{ca.base}/challenge/{found.id}", "status": "pending"})


def _settle(ca: MemoryCa, found: Authorization) -> None:
    """Look at an answered challenge once it is time."""
    if found.status != "pending" or found.due is None or found.due > ca.clock():
        return
    found.due = None
    text = f"{found.token}.{ca.books.accounts[found.account].thumbprint}"
    wanted = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    place = f"_acme-challenge.{found.host}"
    try:
        ca.strike("validation", found.host)
    except Problem as problem:
        found.status, found.error = "invalid", problem.document
    else:
        there = wanted in ca.texts(place)
        absent = Problem("unauthorized", f"No TXT record of this value found at {place}", 403)
        ca.struck["value not there"] += not there
        found.status, found.error = ("valid", None) if there else ("invalid", absent.document)
        found.expires = ca.clock() + ca.conduct.reuse
    if found.status == "invalid":
        ca.on_failed(found)


def finalize(ca: MemoryCa, ids: list[str], signed: jws.Signed, account: Account) -> Reply:
    """Take the CSR of a ready order; what was signed is shown when it is due."""
    order = _own(ca, ids, account)
    if status(order, ca.clock()) != "ready":
        raise Problem("orderNotReady", f"Order's status ({status(order, ca.clock())}) is not acceptable", 403)
    csr = jws.decode(signed.body()["csr"])
    if names_of(x509.load_der_x509_csr(csr)) != set(order.names):
        raise Problem("badCSR", "CSR does not specify same identifiers as Order")
    ca.on_work("finalize", order.names)
    order.settled, order.due = "processing", ca.clock() + ca.conduct.finalize_delay
    try:
        ca.strike("issuance", order.names[0])
    except Problem as problem:
        order.error = problem.document
    else:
        _issue(ca, order, csr)
    return shown(_order(ca, order), where=f"{ca.base}/order/{order.id}")


def _issue(ca: MemoryCa, order: Order, csr: bytes) -> None:
    begin, life = ca.clock() - BACKDATED, ca.conduct.life
    der = minting.signed(csr, begin, life, parent=ca.host)
    middle = begin + (life / 2 if life < timedelta(days=10) else life * 2 / 3)
    leaf = Leaf(
        id=ca.new_id(),
        account=order.account,
        names=order.names,
        der=der,
        ari_id=read_leaf(der).ari_id,
        windows=[(middle - life / 100, middle + life / 100)],
        exempt=order.exempt,
    )
    order.certificate = leaf.id
    ca.books.leaves[leaf.id] = ca.books.by_ari_id[leaf.ari_id] = leaf
    ca.on_leaf(leaf)


def fetch(ca: MemoryCa, ids: list[str], signed: jws.Signed, account: Account) -> Reply:
    """Give a chain out."""
    del signed, account
    chain = (ca.books.leaves[ids[0]].der, minting.signer())
    pem = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in chain)
    return Reply(200, pem, {"Content-Type": "application/pem-certificate-chain"})


type Handler = Callable[[MemoryCa, list[str], jws.Signed, Account], Reply]

ROUTES: Mapping[str, Handler] = {
    "new-order": place,
    "order": read,
    "authorization": authorization,
    "challenge": answer,
    "finalize": finalize,
    "certificate": fetch,
}
