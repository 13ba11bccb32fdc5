"""Authorizations and their challenges (RFC 8555 §7.5, §8)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta

from localazure.acme.ca import Answer, Ca, Call, stamp
from localazure.acme.conduct import PROFILES
from localazure.acme.problems import Json, Problem, malformed, not_found, unauthorized
from localazure.acme.store import (
    DEACTIVATED,
    EXPIRED,
    INVALID,
    PENDING,
    PROCESSING,
    VALID,
    Account,
    Authorization,
    Identifier,
)

DNS_01, HTTP_01 = "dns-01", "http-01"


def obtain(ca: Ca, account: Account, identifier: Identifier, profile: str) -> Authorization:
    """Return the account's valid authorization of a name, or a new one."""
    kind, value = identifier
    plain, wildcard = (kind, value.removeprefix("*.")), value.startswith("*.")
    if ca.conduct.authorization_reuse:
        for known in ca.books.authorizations.values():
            same = (known.account, known.identifier, known.wildcard) == (account.id, plain, wildcard)
            if same and status(ca, known) == VALID:
                return known
    expires = ca.later(PROFILES[profile].pending)
    made = Authorization(ca.new_id(), account.id, plain, wildcard, profile, expires, secrets.token_urlsafe(32))
    ca.books.authorizations[made.id] = made
    return made


def status(ca: Ca, authorization: Authorization) -> str:
    """Return an authorization's status as it is now."""
    ended = authorization.status in (PENDING, VALID) and authorization.expires <= ca.clock()
    return EXPIRED if ended else authorization.status


def types(authorization: Authorization) -> list[str]:
    """Return the challenges offered: a wildcard can be proved by the DNS alone, an address not by it."""
    if authorization.identifier[0] == "ip":
        return [HTTP_01]
    return [DNS_01] if authorization.wildcard else [DNS_01, HTTP_01]


def challenge(call: Call, authorization: Authorization, kind: str) -> Json:
    """Return a challenge object."""
    body: Json = {"type": kind, "url": call.url("challenge", authorization.id, kind), "token": authorization.token}
    answered = authorization.challenge == kind
    if not answered or authorization.status == PENDING:
        return body | {"status": PROCESSING if answered else PENDING}
    body["status"] = authorization.status
    if authorization.validated:
        body["validated"] = stamp(authorization.validated)
    return body | ({"error": authorization.error} if authorization.error else {})


def shown(call: Call, authorization: Authorization) -> Json:
    """Return an authorization object; once it is decided it shows the answered challenge alone."""
    kind, value = authorization.identifier
    decided = authorization.challenge and authorization.status != PENDING
    offered = [authorization.challenge] if decided else types(authorization)
    body: Json = {
        "identifier": {"type": kind, "value": value},
        "status": status(call.ca, authorization),
        "expires": stamp(authorization.expires),
        "challenges": [challenge(call, authorization, one) for one in offered],
    }
    return body | ({"wildcard": True} if authorization.wildcard else {})


def _own(call: Call) -> Authorization:
    """Return the authorization that the path names. Raises Problem."""
    found = call.ca.books.authorizations.get(call.ids[0])
    if found is None:
        raise not_found("Authorization")
    if found.account != call.account.id:
        raise unauthorized("User account ID doesn't match account ID in authorization")
    return found


async def read(call: Call) -> Answer:
    """Read an authorization, or give it up (RFC 8555 §7.5, §7.5.2)."""
    found = _own(call)
    if call.jws.payload:
        if call.jws.body().get("status") != DEACTIVATED:
            raise malformed("Invalid status value")
        found.status = DEACTIVATED
    await settle(call.ca, found)
    waiting = bool(found.challenge) and found.status == PENDING
    return Answer(shown(call, found)).retry_after(call.ca.conduct.retry_after, when=waiting)


async def answer(call: Call) -> Answer:
    """Take the client's word that a challenge can be looked at, or read the challenge (RFC 8555 §7.5.1)."""
    found, kind = _own(call), call.ids[1]
    if kind not in types(found):
        raise not_found("Challenge")
    if call.jws.payload:
        call.jws.body()
        if status(call.ca, found) == EXPIRED:
            raise Problem("malformed", "Expired authorization", 404)
        if found.status not in (PENDING, VALID):
            raise malformed("authorization must be pending")
        if found.status == PENDING and not found.challenge:
            found.challenge, found.due = kind, call.ca.later(call.ca.conduct.validation_delay)
    body = challenge(call, found, kind) if found.challenge == kind else None  # as it was before it was looked at
    await settle(call.ca, found)
    links = ((call.url("authorization", found.id), "up"),)
    reply = Answer(body or challenge(call, found, kind), links=links)
    return reply.retry_after(call.ca.conduct.retry_after, when=found.status == PENDING)


async def settle(ca: Ca, authorization: Authorization) -> None:
    """Look at an answered challenge if it is time."""
    if authorization.status != PENDING or authorization.due is None or authorization.due > ca.clock():
        return
    authorization.due = None  # nobody looks twice
    account = ca.books.accounts.get(authorization.account)
    try:
        ca.strike("validation")
        if ca.conduct.validation == "dns" and account is not None:
            await _look(ca, account, authorization)
    except Problem as problem:
        authorization.status, authorization.error = INVALID, problem.document()
        ca.buckets.spend(ca.conduct.limits, "failed", authorization.identifier[1], ca.clock())
    else:
        authorization.status, authorization.validated = VALID, ca.clock()
        authorization.expires = ca.clock() + timedelta(seconds=PROFILES[authorization.profile].reuse)
    ca.books.validations[authorization.status] += 1


async def _look(ca: Ca, account: Account, authorization: Authorization) -> None:
    """Look for the proof in the DNS (RFC 8555 §8.4). Raises Problem."""
    name = authorization.identifier[1]
    if authorization.challenge != DNS_01:
        raise Problem("connection", f"{name}: Fetching http://{name}/.well-known/acme-challenge/: Connection refused")
    from localazure.acme.lookup import Dns  # dnspython loads for a CA that asks the DNS alone

    server = Dns(ca.conduct.dns_server)
    text = f"{authorization.token}.{account.thumbprint}"
    wanted = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    place = f"_acme-challenge.{name}"
    values = await server.texts(place)
    if not values:
        raise Problem("unauthorized", f"No TXT record found at {place}", 403)
    if wanted not in values:
        others = f" (and {len(values) - 1} more)" if len(values) > 1 else ""
        raise Problem("unauthorized", f'Incorrect TXT record "{values[0]}"{others} found at {place}', 403)
    if ca.conduct.caa:
        await server.check_caa(name, ca.host, wildcard=authorization.wildcard)
