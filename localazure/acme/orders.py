"""Orders: placed and read (RFC 8555 §7.4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from ipaddress import ip_address

from localazure.acme import authorizations, renewals
from localazure.acme.ca import Answer, Ca, Call, stamp
from localazure.acme.conduct import PROFILES
from localazure.acme.limits import domains, set_of
from localazure.acme.problems import Json, Problem, malformed, not_found, unauthorized
from localazure.acme.store import INVALID, PENDING, PROCESSING, READY, VALID, Identifier, Order

LABEL = re.compile(r"[a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?")
DEAD = ("invalid", "expired", "deactivated", "revoked")


def status(ca: Ca, order: Order) -> str:
    """Return an order's status as it is now (RFC 8555 §7.1.6)."""
    if order.settled == PROCESSING and order.due is not None and order.due <= ca.clock():
        order.settled = INVALID if order.error else VALID
    if order.settled:
        return order.settled
    states = [authorizations.status(ca, ca.books.authorizations[one]) for one in order.authorizations]
    if order.expires <= ca.clock() or any(state in DEAD for state in states):
        return INVALID
    return READY if all(state == VALID for state in states) else PENDING


def shown(call: Call, order: Order) -> Json:
    """Return an order object."""
    state = status(call.ca, order)
    body: Json = {
        "status": state,
        "expires": stamp(order.expires),
        "identifiers": [{"type": kind, "value": value} for kind, value in order.identifiers],
        "authorizations": [call.url("authorization", one) for one in order.authorizations],
        "finalize": call.url("order", order.id, "finalize"),
    }
    if order.profile_asked:
        body["profile"] = order.profile
    if order.replaces:
        body["replaces"] = order.replaces
    if order.error and state == INVALID:
        body["error"] = order.error
    return body | ({"certificate": call.url("certificate", order.certificate)} if state == VALID else {})


def own(call: Call) -> Order:
    """Return the order that the path names. Raises Problem."""
    found = call.ca.books.orders.get(call.ids[0])
    if found is None:
        raise not_found(f"No order for ID {call.ids[0]}: order")
    if found.account != call.account.id:
        raise unauthorized(f"No order found for account ID {call.account.id}")
    return found


async def settle(ca: Ca, order: Order) -> None:
    """Look at those of an order's challenges that it is time for."""
    for one in order.authorizations:
        await authorizations.settle(ca, ca.books.authorizations[one])


async def read(call: Call) -> Answer:
    """Read an order."""
    order = own(call)
    await settle(call.ca, order)
    headers = {"Location": call.url("order", order.id)}
    waiting = status(call.ca, order) == PROCESSING
    return Answer(shown(call, order), 200, headers).retry_after(call.ca.conduct.retry_after, when=waiting)


async def create(call: Call) -> Answer:
    """Place an order, or find the one that this account already has for these names."""
    ca, account, body = call.ca, call.account, call.jws.body()
    profile = body.get("profile", "")
    if profile and profile not in ca.conduct.profiles:
        raise Problem("invalidProfile", f"order includes unrecognized profile name {profile!r}")
    if "notBefore" in body or "notAfter" in body:
        raise malformed("NotBefore and NotAfter are not supported")
    chosen = profile or ca.default_profile
    identifiers = _identifiers(ca, body.get("identifiers"), chosen)
    order = Order(
        "",
        account.id,
        identifiers,
        chosen,
        bool(profile),
        ca.later(PROFILES[chosen].order),
        [],
        body.get("replaces", ""),
    )
    replaced = None
    if order.replaces and ca.conduct.ari:
        replaced, order.exempt = renewals.check_replaced(ca, order.replaces, account, identifiers, call.now)
    order.renewal = frozenset(identifiers) in ca.books.sets
    _check_limits(ca, order, call.now)
    known = _reusable(ca, order) if ca.conduct.order_reuse else None
    if known is None:
        order.id = ca.new_id()
        order.authorizations = [authorizations.obtain(ca, account, one, chosen).id for one in identifiers]
        order.expires = min([order.expires, *(ca.books.authorizations[one].expires for one in order.authorizations)])
        known = ca.books.orders[order.id] = order
    if replaced is not None:
        replaced.replaced_by, known.replaces, known.exempt = known.id, order.replaces, order.exempt
    return Answer(shown(call, known), 201, {"Location": call.url("order", known.id)})


def _reusable(ca: Ca, order: Order) -> Order | None:
    """Return the account's pending or ready order of the same names and profile."""
    for known in ca.books.orders.values():
        same = (known.account, known.profile) == (order.account, order.profile)
        if same and set(known.identifiers) == set(order.identifiers) and status(ca, known) in (PENDING, READY):
            return known
    return None


def _check_limits(ca: Ca, order: Order, now: datetime) -> None:
    """Refuse an order that a limit forbids, with Boulder's exemptions. Raises Problem."""
    if order.exempt:
        return
    limits = ca.conduct.limits
    for _, value in order.identifiers:
        ca.buckets.check(limits, "failed", value.removeprefix("*."), now)
    ca.buckets.check(limits, "set", set_of(order.identifiers), now)
    if order.renewal:
        return
    for domain in domains(order.identifiers):
        ca.buckets.check(limits, "domain", domain, now)
    ca.buckets.check(limits, "orders", order.account, now)
    ca.buckets.spend(limits, "orders", order.account, now)


def _identifiers(ca: Ca, given: object, profile: str) -> tuple[Identifier, ...]:
    """Return an order's names, lower-cased, each once, sorted as Boulder does. Raises Problem."""
    if not isinstance(given, list) or not given:
        raise malformed("NewOrder request did not specify any identifiers")
    found: set[Identifier] = set()
    for one in given:
        if not isinstance(one, dict) or not isinstance(one.get("value"), str):
            raise malformed("an identifier must have a type and a value")
        if one.get("type") not in ("dns", "ip"):
            raise Problem("unsupportedIdentifier", f"NewOrder request included unsupported type {one.get('type')!r}")
        found.add((one["type"], one["value"].lower()))
    identifiers = tuple(sorted(found))
    if len(identifiers) > PROFILES[profile].names:
        raise malformed(f"Order cannot contain more than {PROFILES[profile].names} identifiers")
    _refuse(ca, identifiers, profile)
    names = {value for kind, value in identifiers if kind == "dns"}
    for name in names:
        wild = f"*.{name.partition('.')[2]}"
        if not name.startswith("*.") and wild in names:
            raise malformed(f'Domain name "{name}" is redundant with a wildcard domain in the same request: "{wild}"')
    return identifiers


def _refuse(ca: Ca, identifiers: Sequence[Identifier], profile: str) -> None:
    """Refuse names that this CA will not have: each with a subproblem if there are several. Raises Problem."""
    refused = [(one, why) for one in identifiers if (why := _fault(ca, one, profile))]
    if len(refused) == 1:
        (_, value), why = refused[0]
        raise Problem("rejectedIdentifier", f"Invalid identifiers requested :: Cannot issue for {value!r}: {why}")
    if refused:
        parts = [
            Problem("rejectedIdentifier", why, more={"identifier": {"type": kind, "value": value}}).document()
            for (kind, value), why in refused
        ]
        first = f"Cannot issue for {refused[0][0][1]!r}: {refused[0][1]} (and {len(refused) - 1} more problems)"
        raise Problem("rejectedIdentifier", f"Invalid identifiers requested :: {first}", subproblems=parts)


def _fault(ca: Ca, identifier: Identifier, profile: str) -> str:
    """Return what is wrong with a name, or nothing."""
    kind, value = identifier
    if any(fnmatchcase(value, glob) for glob in ca.conduct.rejected):
        return "The ACME server refuses to issue a certificate for this domain name, because it is forbidden by policy"
    if kind == "ip":
        return _address_fault(value, profile)
    plain = value.removeprefix("*.")
    labels = plain.split(".")
    if len(plain) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        return "Domain name contains an invalid character"
    if len(labels) < 2:
        return "Domain name needs at least one dot"
    return ""


def _address_fault(value: str, profile: str) -> str:
    """Return what is wrong with an address, or nothing."""
    try:
        ip_address(value)
    except ValueError:
        return "IP address is invalid"
    return "" if PROFILES[profile].addresses else f"Profile {profile!r} does not permit ip type identifiers"
