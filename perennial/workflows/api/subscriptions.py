"""Subscriptions: who is told of what, and how."""

from __future__ import annotations

from dataclasses import dataclass, replace

from perennial.decisions import routing
from perennial.errors import BadInput, Changed
from perennial.model.notices import NoticeKind, Subscription
from perennial.ports.tables import SUBSCRIPTIONS, Query, Stored
from perennial.workflows import announce, notices
from perennial.workflows.api import paging, reading, rows
from perennial.workflows.api.http import PREFIX, Request, Response, not_found
from perennial.workflows.reading import every
from perennial.workflows.world import World

PARTITION = "subscription"
LONGEST_NAME = 40
LONGEST_TARGET = 2048
LONGEST_SECRET_NAME = 100
SENDS = ("nothing", "test", "current")


class Wanted(reading.Body, frozen=True):
    """The body of a PUT; what is left out takes its default, whatever was there."""

    channel: str
    target: str = ""
    vaults: str = "*"
    certificates: str = "*"
    kinds: tuple[str, ...] = ()
    secret: str = ""
    send: str = "nothing"


@dataclass(frozen=True, slots=True)
class Written:
    """A subscription as it was written, and whether it is a new one."""

    value: Subscription
    new: bool


def listed(request: Request, world: World) -> Response:
    """List subscriptions by name."""
    given = reading.query(request, "limit", "cursor")
    query = Query(partition=PARTITION)
    part = paging.gather(world.tables.subscriptions, SUBSCRIPTIONS, query, paging.paging(given))
    return Response(200, part.body(_shape))


def shown(request: Request, world: World) -> Response:
    """Show one subscription."""
    reading.query(request)
    return Response(200, _shape(_found(request, world).value))


def written(request: Request, world: World) -> Response:
    """Create a subscription or replace it; then send it a test, or the current versions of all that it covers, if asked to."""
    reading.query(request)
    wanted = reading.body(request, Wanted)
    subscription = _checked(request.route.get("name", ""), wanted, world)
    row = _write(subscription, world)
    sent = _send(row.value, wanted.send, world)
    location = {"Location": _address(row.value.name)} if row.new else {}
    return Response(201 if row.new else 200, _shape(row.value) | {"sent": sent}, location)


def deleted(request: Request, world: World) -> Response:
    """Delete a subscription; what is still to be told to it is given up at its next turn."""
    reading.query(request)
    found = _found(request, world).value
    world.tables.subscriptions.delete(PARTITION, found.name)
    return Response(204)


def _found(request: Request, world: World) -> Stored[Subscription]:
    name = request.route.get("name", "")
    valid = routing.NAME.fullmatch(name)
    stored = world.tables.subscriptions.get(PARTITION, name) if valid else None
    if stored is None:
        raise not_found("there is no subscription of that name", "GET /api/subscriptions lists what there is")
    return stored


def _checked(name: str, wanted: Wanted, world: World) -> Subscription:
    """Return the subscription that is wanted, or refuse it by the member that is wrong."""
    subscription = Subscription(
        name=name,
        channel=wanted.channel,
        target=wanted.target,
        vaults=wanted.vaults.lower(),
        certificates=wanted.certificates.lower(),
        kinds=tuple(dict.fromkeys(wanted.kinds)),
        secret=wanted.secret,
        created=world.now,
    )
    routing.check(subscription)
    longest = (("name", LONGEST_NAME), ("target", LONGEST_TARGET), ("secret", LONGEST_SECRET_NAME))
    for field, most in longest:
        text = str(getattr(subscription, field))
        if len(text) > most or not text.isprintable():
            raise BadInput(field, f"at most {most} printable characters")
    if wanted.channel not in world.channels:
        raise BadInput("channel", f"one of {', '.join(sorted(world.channels))}")
    reading.choice({"send": wanted.send}, "send", SENDS)
    if wanted.send == "current" and subscription.kinds and NoticeKind.NEW_VERSION not in subscription.kinds:
        raise BadInput(
            "send", f"the current versions are notices of the kind {NoticeKind.NEW_VERSION}: add it to kinds"
        )
    complaint = world.channels[wanted.channel].refuse(subscription)
    if complaint:
        field, named, _ = complaint.partition(":")
        raise BadInput(field if named and field in Wanted.__struct_fields__ else "", complaint)
    return subscription


def _write(wanted: Subscription, world: World) -> Written:
    """Write it under the ETag of what is there; a person has had a hand on it, so it is tried again at once."""
    for _ in range(rows.TRIES):
        stored = world.tables.subscriptions.get(PARTITION, wanted.name)
        if stored is None:
            if world.tables.subscriptions.insert(wanted) is not None:
                return Written(wanted, new=True)
            continue
        kept = replace(wanted, created=stored.value.created, last_success=stored.value.last_success)
        try:
            world.tables.subscriptions.save(Stored(kept, stored.etag))
        except Changed:
            continue
        return Written(kept, new=False)
    raise Changed(f"subscription {wanted.name}")


def _send(subscription: Subscription, what: str, world: World) -> int:
    """Queue what was asked for, to this subscription alone; return how many notices. Repeating it tells nothing twice."""
    if what == "test":
        return announce.tell_these(world, notices.trial(subscription, world.now), [subscription])
    if what != "current":
        return 0
    sent = 0
    for stored in every(world.tables.inventory, Query()):
        entry = stored.value
        version = entry.version
        wanted = routing.covers(subscription, entry.vault, entry.certificate)
        if wanted and version is not None and entry.gone is None:
            notice = notices.new_version(entry, version, entry.previous, version.made_by, world.settings.cloud)
            sent += announce.tell_these(world, notice, [subscription])
    return sent


def _address(name: str) -> str:
    return f"{PREFIX}/subscriptions/{name}"


def _shape(subscription: Subscription) -> dict[str, object]:
    return {
        "name": subscription.name,
        "url": _address(subscription.name),
        "channel": subscription.channel,
        "target": subscription.target,
        "vaults": subscription.vaults,
        "certificates": subscription.certificates,
        "kinds": list(subscription.kinds),
        "secret": subscription.secret,
        "created": rows.instant(subscription.created),
        "last_success": rows.instant(subscription.last_success),
        "failures": subscription.failures,
        "closed_until": rows.instant(subscription.closed_until),
        "closures": subscription.closures,
    }
