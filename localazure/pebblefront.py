"""What Debian's Pebble lacks, put in front of it: renewal information, `replaces`, profiles; and a count of what was asked."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp import web
from cryptography import x509

from localazure.acme.ca import stamp
from localazure.acme.conduct import PROFILES
from localazure.acme.jws import read
from localazure.acme.problems import Problem, malformed, not_found, unauthorized
from localazure.acme.renewals import usual_window
from localazure.acme.signing import ari_id

type Json = dict[str, Any]

# The first part of each of Pebble's paths, and the kind of request that it is, in the words of a CA of our own.
KINDS = {
    "dir": "directory",
    "nonce-plz": "new-nonce",
    "sign-me-up": "new-account",
    "my-account": "account",
    "list-orderz": "account",
    "rollover-account-key": "key-change",
    "order-plz": "new-order",
    "my-order": "order",
    "finalize-order": "finalize",
    "authZ": "authorization",
    "chalZ": "challenge",
    "certZ": "certificate",
    "revoke-cert": "revoke",
    "renewal-info": "renewal-info",
}
PASSED = ("Content-Type", "Replay-Nonce", "Location", "Retry-After")
SOON = "1"  # seconds: Debian's Pebble does not say when to ask again about what is not finished, later ones do
AGAIN = 21600  # seconds, Let's Encrypt's Retry-After of renewal information


@dataclass(slots=True)
class Issued:
    """A certificate that went by, and who fetched it."""

    leaf: x509.Certificate
    account: str
    replaced_by: str = ""  # the id of an order


@dataclass(slots=True)
class PebbleFront:
    """Passes requests on with their Host, which the signed `url` must match."""

    port: int  # where Pebble listens
    trust: ssl.SSLContext
    requests: Counter[str] = field(default_factory=Counter)
    issued: dict[str, Issued] = field(default_factory=dict)  # by id (RFC 9773 §4.1)
    extras: dict[str, Json] = field(default_factory=dict)  # what an order said that Pebble ignores, by the order's id
    window: tuple[datetime, datetime] | None = None  # instead of each certificate's own
    window_of: str = ""  # the only certificate that it is for, by id; empty: all
    again: int = AGAIN
    connections: set[asyncio.Transport] = field(default_factory=set)

    async def stop(self) -> None:
        """Cut what clients left open: a TLS connection would wait half a minute for their farewell."""
        for one in self.connections:
            one.abort()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request."""
        kind = KINDS.get(request.path.split("/")[1], "other")
        self.requests[kind] += 1
        if isinstance(request.transport, asyncio.Transport):
            self.connections = {one for one in self.connections if not one.is_closing()} | {request.transport}
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self.trust)) as session:
            try:
                if kind == "renewal-info":
                    return self._renewal_info(request.path.removeprefix("/renewal-info/"))
                return await self._passed_on(session, request, kind)
            except Problem as problem:
                headers = problem.headers | await self._nonce(session, request)
                document = problem.document()
                return web.json_response(
                    document, status=problem.status, headers=headers, content_type="application/problem+json"
                )

    async def _passed_on(self, session: aiohttp.ClientSession, request: web.Request, kind: str) -> web.Response:
        """Pass a request on, and add to the answer what Pebble does not know. Raises Problem."""
        sent = await request.read()
        extra = self._judged(sent) if kind == "new-order" else {}
        status, headers, links, body = await self._ask(session, request, request.method, request.path_qs, sent)
        if status < 400 and "json" in headers.get("Content-Type", ""):
            body = json.dumps(self._completed(request, kind, json.loads(body), extra, headers)).encode()
        if status < 400 and kind == "certificate":
            leaf = x509.load_pem_x509_certificates(body)[0]
            self.issued.setdefault(ari_id(leaf), Issued(leaf, str(read(sent).header.get("kid"))))
        response = web.Response(status=status, body=body, headers=headers)
        for link in links:
            response.headers.add("Link", link)
        return response

    def _completed(self, request: web.Request, kind: str, body: Json, extra: Json, headers: dict[str, str]) -> Json:
        """Return an answer with renewal information in the directory, and with an order's own words in the order."""
        if body.get("status") in ("pending", "processing") and kind in ("challenge", "order", "finalize"):
            headers.setdefault("Retry-After", SOON)
        if kind == "directory":
            body["renewalInfo"] = body.get("renewalInfo") or f"https://{request.host}/renewal-info"
            body["meta"].setdefault("profiles", {name: one.description for name, one in PROFILES.items()})
        if kind == "new-order":
            order = headers["Location"].rpartition("/")[2]
            self.extras.setdefault(order, extra)
            if replaced := self.issued.get(extra.get("replaces", "")):
                replaced.replaced_by = order
            return body | self.extras[order]
        if kind in ("order", "finalize"):
            order = request.path.split("/")[2]
            if body.get("status") == "invalid":
                self._freed(order)
            return body | self.extras.get(order, {})
        return body

    def _freed(self, order: str) -> None:
        """Let what a failed order was to replace be replaced by another."""
        for one in self.issued.values():
            if one.replaced_by == order:
                one.replaced_by = ""

    def _judged(self, sent: bytes) -> Json:
        """Check what a new order says beyond what Pebble reads, as Boulder does; return it. Raises Problem."""
        signed = read(sent)
        body = signed.body()
        extra = {member: body[member] for member in ("replaces", "profile") if body.get(member)}
        if extra.get("profile", "classic") not in PROFILES:
            raise Problem("invalidProfile", f"order includes unrecognized profile name {extra['profile']!r}")
        if "replaces" in extra:
            self._check_replaced(extra["replaces"], str(signed.header.get("kid")), body)
        return extra

    def _check_replaced(self, wanted: str, account: str, body: Json) -> None:
        """Refuse a `replaces` that cannot be (RFC 9773 §5). Raises Problem."""
        found = self.issued.get(wanted)
        if found is None:
            raise not_found("Certificate")
        if found.account != account:
            raise unauthorized("requester account did not request the certificate being replaced by this order")
        if found.replaced_by:
            detail = "cannot indicate an order replaces a certificate which already has a replacement order"
            raise Problem("alreadyReplaced", detail, 409)
        names = found.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        asked = {str(one.get("value")).lower() for one in body.get("identifiers", [])}
        if not asked & set(names.get_values_for_type(x509.DNSName)):
            raise malformed("identifiers in this order do not match any names in the certificate being replaced")

    def _renewal_info(self, wanted: str) -> web.Response:
        """Return a certificate's window. Raises Problem."""
        found = self.issued.get(wanted)
        if found is None:
            raise not_found("Certificate")
        ordered = self.window if self.window_of in ("", wanted) else None
        start, end = ordered or usual_window(found.leaf)
        body = {"suggestedWindow": {"start": stamp(start), "end": stamp(end)}}
        return web.json_response(body, headers={"Retry-After": str(self.again)})

    async def _nonce(self, session: aiohttp.ClientSession, request: web.Request) -> dict[str, str]:
        """Return a fresh nonce of Pebble's, for a refusal of ours."""
        if request.method != "POST":
            return {}
        _, headers, _, _ = await self._ask(session, request, "HEAD", "/nonce-plz", b"")
        return {"Replay-Nonce": headers["Replay-Nonce"]}

    async def _ask(
        self, session: aiohttp.ClientSession, request: web.Request, method: str, path: str, sent: bytes
    ) -> tuple[int, dict[str, str], list[str], bytes]:
        """Ask Pebble; return status, the headers that are passed, the links, and the body."""
        headers = {name: request.headers[name] for name in ("Content-Type", "User-Agent") if name in request.headers}
        headers["Host"] = request.host
        url = f"https://127.0.0.1:{self.port}{path}"
        async with session.request(method, url, headers=headers, data=sent or None, allow_redirects=False) as answer:
            passed = {name: answer.headers[name] for name in PASSED if name in answer.headers}
            return answer.status, passed, answer.headers.getall("Link", []), await answer.read()
