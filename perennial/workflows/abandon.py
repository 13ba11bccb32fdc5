"""A message that could not be handled: recorded and told; what it was about keeps its place in the schedule.

One workflow behind three poison queues. It is idempotent and swallows no error: a message that fails here too stays on its poison queue.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec

from perennial.errors import Changed
from perennial.log import warn
from perennial.model.history import HistoryKind
from perennial.model.inventory import Entry
from perennial.model.messages import Look, Nudge, Queue, Walk
from perennial.ports.tables import Stored
from perennial.workflows import announce, notices
from perennial.workflows.record import file_event, record
from perennial.workflows.subjects import bring_forward
from perennial.workflows.world import World

HOUR = timedelta(hours=1)
SHOWN = 2000  # characters of a message in the log


def abandon(message: str, poisoned: str, world: World) -> None:
    """Record a poisoned message, tell the operator at most once an hour, and make sure that its subject is looked at again."""
    queue = Queue(poisoned)
    warn("message-lost", queue=queue, message=message[:SHOWN])
    try:
        _keep_in_schedule(message, queue, world)
    except msgspec.MsgspecError as garbled:  # nothing of ours: no row can be about it
        warn("message-not-understood", queue=queue, problem=str(garbled))
    hour = world.now.replace(minute=0, second=0)
    reason = f"a message of the queue {queue} could not be handled after all its tries"
    fix = "see the log lines message-lost and the function's failures around them"
    code = f"message-lost-{queue}"
    announce.tell(world, notices.fleet_notice(code, reason, occasion=hour.isoformat(), now=hour, fix=fix))


def _keep_in_schedule(message: str, queue: Queue, world: World) -> None:
    match queue:
        case Queue.LOOKS:
            _look(msgspec.json.decode(message, type=Look), world)
        case Queue.NOTICES:
            nudge = msgspec.json.decode(message, type=Nudge)
            bring_forward(world, nudge.subject, world.now + HOUR)
        case Queue.SWEEPS:
            msgspec.json.decode(message, type=Walk)  # its row stands: the next tick of find_due queues it again


def _look(look: Look, world: World) -> None:
    """The event is filed all the same; the vault is read at the next look, which comes within the hour."""
    file_event(world, look)
    record(
        world,
        look.certificate,
        HistoryKind.MESSAGE_LOST,
        at=look.event.time if look.event and look.event.time else world.now,
        version=look.version,
        step=look.event.id if look.event else look.cause,
        trigger=look.cause,
    )
    ref, soon = look.certificate, world.now + HOUR
    while True:
        new = Entry(vault=ref.vault, certificate=ref.name, first_seen=world.now, next_check=soon, read_at=world.now)
        stored = world.tables.inventory.get(ref.vault, ref.name) or world.tables.inventory.insert(new)
        if stored is None:
            continue
        entry = stored.value
        kept = replace(entry, next_check=min(entry.next_check, soon), read_at=min(entry.read_at, world.now))
        if kept == entry:
            return
        try:
            world.tables.inventory.save(Stored(kept, stored.etag))
        except Changed:
            continue
        return
