"""What the management port lets people do to CAs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec
from aiohttp import web
from cryptography.hazmat.primitives.serialization import Encoding

from localazure.acme import orders
from localazure.acme.ca import Ca, stamp
from localazure.acme.conduct import CaName, Conduct, Trouble, Window
from localazure.acme.issuing import REASONS
from localazure.acme.service import Authorities
from localazure.acme.store import Certificate
from localazure.orders import Order, OrderError, parse

type Json = dict[str, Any]


class EndOrder(Order):
    """`POST /acme/{ca}/expire` and `/forget`."""

    what: Literal["accounts", "orders", "authorizations"]


class RevokeOrder(Order):
    """`POST /acme/{ca}/revocations`: the certificates with a name or serial number; neither: all."""

    name: str = ""
    serial: str = ""
    reason: int = 4


class AcmeManagement:
    """The management port's operations on CAs; each docstring is what `GET /` says about it."""

    def __init__(self, authorities: Authorities) -> None:
        self._authorities = authorities

    def routes(self) -> list[tuple[str, str, Callable[[web.Request], Awaitable[web.Response]]]]:
        """Return the operations: method, path, what does it."""
        return [
            ("GET", "/acme", self.list),
            ("PUT", "/acme/{ca}", self.put),
            ("PATCH", "/acme/{ca}", self.change),
            ("GET", "/acme/{ca}", self.report),
            ("DELETE", "/acme/{ca}/requests", self.forget_requests),
            ("POST", "/acme/{ca}/problems", self.add_trouble),
            ("DELETE", "/acme/{ca}/problems", self.clear_troubles),
            ("POST", "/acme/{ca}/windows", self.add_window),
            ("DELETE", "/acme/{ca}/windows", self.clear_windows),
            ("POST", "/acme/{ca}/expire", self.expire),
            ("POST", "/acme/{ca}/forget", self.forget),
            ("POST", "/acme/{ca}/revocations", self.revoke),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """List the CAs."""
        cas = {name: f"https://{name}.example/directory" for name in self._authorities.names()}
        return web.json_response({"cas": cas})

    async def put(self, request: web.Request) -> web.Response:
        """Make a CA (address: https://{ca}.example/directory), or set its conduct: what is left out is the default."""
        name = request.match_info["ca"]
        try:
            msgspec.convert(name, CaName)
        except msgspec.ValidationError as fault:
            raise OrderError("ca", str(fault)) from fault
        conduct = parse(await request.read(), Conduct)
        conduct.check()
        return _shown(self._authorities.create(name, conduct), 201)

    async def change(self, request: web.Request) -> web.Response:
        """Change a CA's conduct: what is left out stays as it is."""
        ca = self._ca(request)
        given = parse(await request.read(), Conduct)
        wanted = msgspec.json.decode(await request.read() or b"{}")
        changed = msgspec.structs.replace(ca.conduct, **{member: getattr(given, member) for member in wanted})
        changed.check()
        ca.conduct = changed
        return _shown(ca)

    async def report(self, request: web.Request) -> web.Response:
        """Show a CA: conduct, roots, accounts, orders, authorizations, certificates, requests by kind, issuances by name set."""
        return _shown(self._ca(request))

    async def forget_requests(self, request: web.Request) -> web.Response:
        """Set the counts of requests and validations to zero."""
        ca = self._ca(request)
        ca.books.requests.clear()
        ca.books.validations.clear()
        return web.Response(status=204)

    async def add_trouble(self, request: web.Request) -> web.Response:
        """Answer the next requests of a kind with a problem: on, type, status, detail, subproblems, retry_after, after_effect, times."""
        trouble = parse(await request.read(), Trouble)
        self._ca(request).troubles.append(trouble)
        return web.json_response(msgspec.to_builtins(trouble), status=201)

    async def clear_troubles(self, request: web.Request) -> web.Response:
        """Take away all problems."""
        self._ca(request).troubles.clear()
        return web.Response(status=204)

    async def add_window(self, request: web.Request) -> web.Response:
        """Answer renewalInfo with this: start, end, explanation; or status, or body; for name or serial, or for all; retry_after."""
        window = parse(await request.read(), Window)
        window.check()
        self._ca(request).windows.append(window)
        return web.json_response(msgspec.to_builtins(window), status=201)

    async def clear_windows(self, request: web.Request) -> web.Response:
        """Let all windows be what the CA computes again."""
        self._ca(request).windows.clear()
        return web.Response(status=204)

    async def expire(self, request: web.Request) -> web.Response:
        """Let all orders or authorizations expire now: what."""
        ca, what = self._ca(request), parse(await request.read(), EndOrder).what
        if what == "accounts":
            raise OrderError("what", "accounts do not expire; forget them")
        for order in ca.books.orders.values() if what == "orders" else ():
            order.expires = ca.clock()
        for authorization in ca.books.authorizations.values() if what == "authorizations" else ():
            authorization.expires = ca.clock()
        return web.Response(status=204)

    async def forget(self, request: web.Request) -> web.Response:
        """Forget all accounts, or all orders that have no certificate yet, as if they had never been: what."""
        ca, what = self._ca(request), parse(await request.read(), EndOrder).what
        if what == "authorizations":
            raise OrderError("what", "orders need their authorizations; expire them")
        if what == "accounts":
            ca.books.accounts.clear()
        else:
            ca.books.orders = {name: one for name, one in ca.books.orders.items() if one.certificate}
        return web.Response(status=204)

    async def revoke(self, request: web.Request) -> web.Response:
        """Revoke certificates as the CA does: name or serial, or neither for all; reason. Their windows then lie in the past."""
        ca, order = self._ca(request), parse(await request.read(), RevokeOrder)
        if order.reason not in REASONS:
            raise OrderError("reason", f"must be one of {REASONS}")
        for one in ca.books.certificates.values():
            names = {value for _, value in one.identifiers}
            if order.name in ("", *names) and order.serial in ("", f"{one.leaf.serial_number:x}"):
                one.revoked = order.reason
        return web.Response(status=204)

    def _ca(self, request: web.Request) -> Ca:
        """Return the CA that the path names. Raises OrderError if there is none."""
        name = request.match_info["ca"]
        ca = self._authorities.ca(name)
        if ca is None:
            raise OrderError("ca", f"there is no CA {name}", 404)
        return ca


def _shown(ca: Ca, status: int = 200) -> web.Response:
    """Return a CA as `GET /acme/{ca}` shows it."""
    books = ca.books
    sets = Counter(" ".join(value for _, value in one.identifiers) for one in books.certificates.values())
    report: Json = {
        "name": ca.name,
        "directory": f"https://{ca.host}/directory",
        "conduct": msgspec.to_builtins(ca.conduct),
        "roots": [one.certificate.public_bytes(Encoding.PEM).decode() for one in ca.hierarchy.roots],
        "requests": dict(books.requests),
        "validations": dict(books.validations),
        "issued": dict(sets),
        "problems": [msgspec.to_builtins(one) for one in ca.troubles],
        "windows": [msgspec.to_builtins(one) for one in ca.windows],
        "accounts": [
            {
                "id": one.id,
                "status": one.status,
                "contact": one.contact,
                "thumbprint": one.thumbprint,
                "eab": one.bound_to,
            }
            for one in books.accounts.values()
        ],
        "orders": [_order(ca, one) for one in books.orders],
        "authorizations": [
            {"id": one.id, "name": one.identifier[1], "wildcard": one.wildcard, "status": one.status}
            for one in books.authorizations.values()
        ],
        "certificates": [_certificate(one) for one in books.certificates.values()],
    }
    return web.json_response(report, status=status)


def _order(ca: Ca, identifier: str) -> Json:
    """Return an order as the report shows it."""
    order = ca.books.orders[identifier]
    return {
        "id": order.id,
        "account": order.account,
        "names": [value for _, value in order.identifiers],
        "profile": order.profile,
        "status": orders.status(ca, order),
        "replaces": order.replaces,
        "exempt": order.exempt,
        "certificate": order.certificate,
    }


def _certificate(one: Certificate) -> Json:
    """Return a certificate as the report shows it."""
    return {
        "id": one.id,
        "account": one.account,
        "names": [value for _, value in one.identifiers],
        "serial": f"{one.leaf.serial_number:x}",
        "ari_id": one.ari_id,
        "not_before": stamp(one.leaf.not_valid_before_utc),
        "not_after": stamp(one.leaf.not_valid_after_utc),
        "replaced_by": one.replaced_by,
        "revoked": one.revoked,
    }
