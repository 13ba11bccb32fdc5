"""The outbox: what was or will be told to whom, with every attempt and answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from perennial.errors import BadInput
from perennial.model.notices import Delivery, DeliveryState, subject_of_vault
from perennial.ports.tables import DELIVERIES, Query
from perennial.workflows import deliver
from perennial.workflows.api import paging, reading
from perennial.workflows.api.http import Declined, Request, Response, conflict, not_found
from perennial.workflows.api.rows import instant
from perennial.workflows.world import World


def listed(request: Request, world: World) -> Response:
    """List deliveries by what they are about."""
    given = reading.query(request, "state", "subscription", "vault", "certificate", "limit", "cursor")
    vault, certificate = reading.vault(given), given.get("certificate", "").lower()
    if "certificate" in given and not (vault and reading.CERTIFICATE.fullmatch(certificate)):
        raise BadInput("certificate", "the name of a certificate, beside the name of its vault")
    equal = {
        "state": reading.choice(given, "state", DeliveryState),
        "subscription": reading.word(given, "subscription"),
    }
    query = Query(
        partition=f"{vault}:{certificate}" if certificate else "",
        equal={column: text for column, text in equal.items() if text},
    )
    part = _of_vault(vault, query, given, world) if vault and not certificate else _of_any(query, given, world)
    return Response(200, part.body(_shape))


def _of_any(query: Query, given: Mapping[str, str], world: World) -> paging.Part[Delivery]:
    return paging.gather(world.tables.deliveries, DELIVERIES, query, paging.paging(given))


def _of_vault(vault: str, query: Query, given: Mapping[str, str], world: World) -> paging.Part[Delivery]:
    """Gather from the subjects of one vault: all begin with its name and a colon, and lie together."""
    start, page = subject_of_vault(vault), paging.paging(given)
    if page.after and not page.after[0].startswith(start):
        raise BadInput("cursor", "it belongs to another list: leave the filters as they were")

    def within(row: Delivery) -> bool:
        return row.subject.startswith(start)

    page = replace(page, after=page.after or (start, ""))
    return paging.gather(world.tables.deliveries, DELIVERIES, query, page, within=within)


def redelivered(request: Request, world: World) -> Response:
    """Open a delivery again and queue it; 409 once a newer version was delivered."""
    reading.query(request)
    reading.actor(request)
    keys = paging.keys_of(request.route.get("id", ""))
    try:
        delivery = deliver.redeliver(world, *keys) if keys else None
    except BadInput as error:
        raise _superseded(error) from error
    if delivery is None:
        raise not_found("there is no delivery of that id", "GET /api/deliveries lists what there is, with ids")
    return Response(202, _shape(delivery))


def _superseded(error: BadInput) -> Declined:
    return conflict("superseded", error.problem, "redeliver the newest version instead")


def _shape(delivery: Delivery) -> dict[str, object]:
    vault, _, certificate = delivery.subject.partition(":")
    return {
        "id": paging.shown_id(*DELIVERIES.key(delivery)),
        "vault": vault or None,
        "certificate": certificate or None,
        "subscription": delivery.subscription,
        "notice": delivery.notice,
        "kind": delivery.kind,
        "time": instant(delivery.time),
        "version": delivery.version or None,
        "state": delivery.state,
        "opened": instant(delivery.opened),
        "next_attempt": instant(delivery.next_attempt),
        "lease_until": instant(delivery.lease_until),
        "closed": instant(delivery.closed),
        "failures": delivery.failures,
        "attempts": [
            {"at": instant(attempt.at), "answer": attempt.answer, "delivered": attempt.delivered}
            for attempt in delivery.attempts
        ],
    }
