"""GET forecast: what each CA will be asked for in the next 90 days, and the first day on which one of its limits would make orders wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, timedelta

from perennial.decisions import ahead
from perennial.decisions.ahead import Expected, Order, Reached
from perennial.model import limits
from perennial.model.authority import AuthorityKind, AuthoritySetting
from perennial.model.domains import of_set
from perennial.model.limits import LimitKind
from perennial.settings.readers import written
from perennial.workflows.api import reading, rows, signed
from perennial.workflows.api.http import Request, Response
from perennial.workflows.world import World

AHEAD = timedelta(days=90)
MOST_DOMAINS = 100
MOST_CERTIFICATES = 100  # of one limit that is reached


def shown(request: Request, world: World) -> Response:
    """Show the forecast of every CA."""
    reading.query(request)
    expected: dict[str, list[Expected]] = {one.name: [] for one in world.settings.authorities}
    left_out = 0
    for one in signed.every(world):
        if one.case.managed:
            expected[one.authority].append(one.expected)
        else:
            left_out += 1
    body = {
        "at": rows.instant(world.now),
        "until": rows.instant(world.now + AHEAD),
        "not_managed": left_out,
        "authorities": [_authority(one, expected[one.name], world) for one in world.settings.authorities],
    }
    return Response(200, body)


def _authority(setting: AuthoritySetting, expected: list[Expected], world: World) -> dict[str, object]:
    own = frozenset(LimitKind(kind) for kind in setting.limits)
    orders = ahead.orders(expected, own, world.now, world.now + AHEAD)
    known = limits.limits_of(setting) if setting.kind is AuthorityKind.ACME else {}
    spent = {usage.bucket: usage.spent for usage in signed.usages(world, setting)} if known else {}
    found = ahead.reached(orders, known, spent)
    domains = _domains(expected, orders)
    return {
        "authority": setting.name,
        "certificates": len(expected),
        "orders": len(orders),
        "days": _days(orders),
        "domains": domains[:MOST_DOMAINS],
        "domains_not_shown": len(domains[MOST_DOMAINS:]),
        "first_reached": rows.instant(found[0].at) if found else None,
        "reached": [_reached(one) for one in found[:MOST_DOMAINS]],
    }


def _days(orders: Iterable[Order]) -> list[dict[str, object]]:
    """Count the orders of each UTC day, and those of them that count in the account's limit."""
    counts, counted = Counter[str](), Counter[str]()
    for order in orders:
        day = order.at.astimezone(UTC).date().isoformat()
        counts[day] += 1
        counted[day] += limits.bucket(LimitKind.ORDERS) in order.buckets
    return [{"day": day, "orders": count, "counted": counted[day]} for day, count in sorted(counts.items())]


def _domains(expected: Iterable[Expected], orders: Iterable[Order]) -> list[dict[str, object]]:
    of_certificate = {one.certificate: of_set(one.names) for one in expected}
    counts, counted = Counter[str](), Counter[str]()
    for order in orders:
        for domain in of_certificate[order.certificate]:
            counts[domain] += 1
            counted[domain] += limits.bucket(LimitKind.DOMAIN, domain) in order.buckets
    having = Counter(domain for domains in of_certificate.values() for domain in domains)
    return [
        {"domain": domain, "certificates": having[domain], "orders": counts[domain], "counted": counted[domain]}
        for domain in sorted(having, key=lambda domain: (-counts[domain], domain))
    ]


def _reached(one: Reached) -> dict[str, object]:
    kind, _, of = one.bucket.partition(":")
    return {
        "limit": kind,
        "of": of or None,
        "most": one.limit.most,
        "span": written(one.limit.span),
        "at": rows.instant(one.at),
        "waiting": len(one.certificates),
        "certificates": list(one.certificates[:MOST_CERTIFICATES]),
    }
