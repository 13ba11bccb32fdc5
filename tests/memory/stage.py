"""The whole system in memory on a clock that a test turns: vaults, tables, queues, timers, and the real workflows between them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from itertools import count
from typing import Any

import msgspec

from perennial.issuers.through_csr import ThroughCsr
from perennial.issuers.vault import ByVault
from perennial.model.certificate import CertificateRef, Version
from perennial.model.history import Record
from perennial.model.inventory import Entry
from perennial.model.messages import EventSeen, Look, Nudge, Walk
from perennial.model.mode import Mode
from perennial.model.notices import Subscription, subject_of
from perennial.model.renewal import Renewal
from perennial.ports.authority import Authority
from perennial.ports.channel import Channel
from perennial.ports.issuer import Issuer
from perennial.ports.tables import Query
from perennial.workflows import deliver, due, look, sweep, walk
from perennial.workflows.abandon import abandon as abandon_message
from perennial.workflows.world import World
from tests.memory.acme_site import Site
from tests.memory.channel import MemoryChannel
from tests.memory.death import Death, Reaper
from tests.memory.queue import Message
from tests.memory.shelf import VaultEvent
from tests.memory.tables import memory_tables
from tests.memory.ticks import Ticks
from tests.memory.vault import MemoryVaults
from tests.memory.world import SETTINGS

TRIES = 5  # host.json: maxDequeueCount
VISIBILITY = timedelta(seconds=30)  # host.json: visibilityTimeout
FUNCTION_TIMEOUT = timedelta(minutes=10)  # host.json: functionTimeout
LEASE = timedelta(minutes=10)  # a message whose reader died is seen again after this

WORK: Mapping[type, tuple[str, Callable[[str, World], None]]] = {
    Look: ("looks", look.look_at),
    Nudge: ("notices", deliver.deliver),
    Walk: ("sweeps", walk.walk_vault),
}


class End(Enum):
    """How an invocation ended."""

    WELL, FAILED, DIED = range(3)


@dataclass(slots=True)
class StageQueues:
    """The port `Queues`, into the stage's heap."""

    stage: Stage
    sent: list[tuple[Message, timedelta]] = field(default_factory=list)

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> None:
        """Put a message on the heap."""
        self.sent.append((message, delay))
        self.stage.at(self.stage.now + delay, lambda: self.stage.handle(message, 1))


class Stage:
    """Runs workflows as their messages and timers come due. Everything happens at whole instants, in one order."""

    vaults_type = MemoryVaults

    def __init__(
        self,
        now: datetime,
        *,
        vaults: Mapping[str, Mode] | None = None,
        authorities: Mapping[str, Authority] | None = None,
        events: bool = True,
        real_certificates: bool = False,
    ) -> None:
        """Set the stage. `events`: whether the vaults' events arrive by themselves, a second later."""
        self.now = now
        self.settings = replace(SETTINGS, vaults=vaults or SETTINGS.vaults)
        self.vaults = self.vaults_type(
            lambda: self.now, on_event=self.heard if events else None, real_certificates=real_certificates
        )
        for vault in self.settings.vaults:
            self.vaults.add_vault(vault)
        self.tables = memory_tables()
        self.queues = StageQueues(self)
        self.channel = MemoryChannel()
        self.channels: dict[str, Channel] = {"memory": self.channel}
        self.failed: list[BaseException] = []
        self.ticking = True
        self.ticks = 0
        self.clock = Ticks(self.tables, now)
        self.reaper: Reaper | None = None
        self.authorities: Mapping[str, Authority] = authorities or {}
        self.sites: dict[str, Site] = {}  # ACME CAs, each with a process of ours that dies with the rest
        self._heap: list[tuple[datetime, int, Callable[[], None]]] = []
        self._turns = count()

    def world(self) -> World:
        """Return the world of one invocation now."""
        began = self.now
        bare = World(
            now=self.now,
            settings=self.settings,
            tables=self.tables,
            vaults=self.vaults,
            queues=self.queues,
            channels=self.channels,
            issuers={},
            outlived=lambda: self.now - began > FUNCTION_TIMEOUT,
        )
        world = self.reaper.around(bare) if self.reaper else bare
        issuers: dict[str, Issuer] = {"vault": ByVault(world.vaults, self.settings.instance)}
        living = {name: site.authority for name, site in self.sites.items()}
        for name, authority in {**self.authorities, **living}.items():
            issuers[name] = ThroughCsr(world.vaults, authority, self.settings.instance)
        return replace(world, issuers=issuers)

    def at(self, when: datetime, act: Callable[[], None]) -> None:
        """Let something happen then."""
        heapq.heappush(self._heap, (when, next(self._turns), act))

    def handle(self, message: Message, tried: int) -> None:
        """Let the function of a queue have a message: five tries, then its poison queue."""
        queue, work = WORK[type(message)]
        text = msgspec.json.encode(message).decode()
        end = self._invoke(lambda: work(text, self.world()))
        if end is End.DIED:
            self.at(self.now + LEASE, lambda: self.handle(message, tried + 1))
        elif end is End.FAILED and tried < TRIES:
            self.at(self.now + VISIBILITY, lambda: self.handle(message, tried + 1))
        elif end is End.FAILED:
            self.at(self.now, lambda: self.abandon(text, queue))

    def abandon(self, text: str, queue: str) -> None:
        """Let the function of a poison queue have a message; such a queue has no poison queue of its own, so it is tried until it works."""
        end = self._invoke(lambda: abandon_message(text, queue, self.world()))
        if end is not End.WELL:
            self.at(self.now + (LEASE if end is End.DIED else VISIBILITY), lambda: self.abandon(text, queue))

    def _invoke(self, function: Callable[[], None]) -> End:
        """Let a function run, as the host does, which catches whatever it raises; say how it ended."""
        try:
            function()
        except Death:
            self._died()
            return End.DIED
        except Exception as failure:  # noqa: BLE001 - the host catches whatever a function raises
            self.failed.append(failure)
            return End.FAILED
        return End.WELL

    def _died(self) -> None:
        for site in self.sites.values():
            site.restart()
        if self.reaper:
            self.reaper.revive()

    def call(self, name: str, *, effect: bool, act: Callable[[], Any]) -> Any:
        """Make a call of a port that no world holds."""
        return self.reaper.call(name, effect=effect, act=act) if self.reaper else act()

    def look(
        self, name: str, cause: str = "test", vault: str = "kv-orders", version: str = "", sha1: str = ""
    ) -> Entry:
        """Look at one certificate now, outside the queue, and return its row."""
        message = Look(certificate=CertificateRef(vault, name), cause=cause, version=version, sha1=sha1)
        look.look_at(msgspec.json.encode(message).decode(), self.world())
        return self.entry(name, vault)

    def run(self, span: timedelta) -> None:
        """Let time pass: each message when it becomes visible, each of the vaults' own doings, and find_due every minute.

        Minutes in which find_due could find nothing are jumped over.
        """
        end = self.now + span
        while (nearest := self._next()) is not None and nearest[0] <= end:
            when, act = nearest
            self.now = max(self.now, _whole(when))
            self.vaults.settle()
            act()
        self.now = end
        self.vaults.settle()

    def _next(self) -> tuple[datetime, Callable[[], None]] | None:
        """Return what happens next, and when."""
        what: list[tuple[datetime, Callable[[], None]]] = []
        if self.ticking:
            what.append((self.clock.following(self.settings), self.tick))
        if self._heap:
            what.append((self._heap[0][0], self._pop))
        by_itself = self.vaults.next_instant()
        if by_itself is not None:
            what.append((by_itself, lambda: None))
        return min(what, key=lambda one: one[0], default=None)

    def _pop(self) -> None:
        heapq.heappop(self._heap)[2]()

    def tick(self) -> None:
        """Let find_due run, as its timer does each minute."""
        self.clock.ticked = self.now.replace(second=0, microsecond=0)
        self.ticks += 1
        try:
            due.find_due(self.world())
        except Death:
            self._died()

    @property
    def jumps(self) -> bool:
        """Whether minutes in which find_due could find nothing are jumped over."""
        return self.clock.jumps

    @jumps.setter
    def jumps(self, jumps: bool) -> None:
        self.clock.jumps = jumps

    def sweep(self) -> None:
        """Start a sweep now."""
        sweep.start(self.world(), tick=self.now, asked_by="test")

    def subscribe(self, name: str = "orders", **changes: Any) -> None:
        """Subscribe the memory channel to everything."""
        self.tables.subscriptions.put(Subscription(name=name, channel="memory", **changes))

    def entry(self, name: str, vault: str = "kv-orders") -> Entry:
        """Return a certificate's row."""
        stored = self.tables.inventory.get(vault, name)
        assert stored is not None, f"no row for {vault}/{name}"
        return stored.value

    def claims(self, name: str, vault: str = "kv-orders") -> list[Renewal]:
        """Return a certificate's claims, oldest first."""
        query = Query(partition=subject_of(CertificateRef(vault, name)))
        rows = [stored.value for stored in self.tables.renewals.select(query).items]
        return sorted(rows, key=lambda row: row.opened)

    def history(self, name: str, vault: str = "kv-orders") -> list[Record]:
        """Return a certificate's history, newest first."""
        query = Query(partition=subject_of(CertificateRef(vault, name)))
        return [stored.value for stored in self.tables.history.select(query).items]

    def told(self, kind: str, about: str = "", code: str = "") -> list[str]:
        """Return the ids of the delivered notices of a kind, in order; of one subject, or with one code, if given."""
        taken = [sent.delivery for sent in self.channel.sent if sent.delivery.kind == kind]
        return [
            delivery.notice
            for delivery in taken
            if about in ("", delivery.subject) and (not code or f'"code":"{code}"' in delivery.body)
        ]

    def heard(self, event: VaultEvent, ref: CertificateRef, version: Version) -> None:
        """Let an event of a vault's become a look, as its door would."""
        seen = EventSeen(id=f"{event}-{version.id}", kind=event.value, time=self.now)
        self.queues.send(Look(certificate=ref, cause=event.value, version=version.id, event=seen), timedelta(seconds=1))


def _whole(instant: datetime) -> datetime:
    """Return the first whole second from an instant on: a world's clock knows no finer step."""
    return instant if not instant.microsecond else instant.replace(microsecond=0) + timedelta(seconds=1)
