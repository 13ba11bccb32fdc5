"""A small scene for notices: one certificate, some subscriptions, a channel, and a clock that the test holds."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec

from perennial.model.certificate import CertificateRef, IssuerClass, Leaf, Version
from perennial.model.inventory import Entry, FleetRow, VaultRow
from perennial.model.messages import Nudge
from perennial.model.notices import Delivery, Notice, Subscription, subject_of
from perennial.ports.tables import Query, Tables
from perennial.workflows import announce, deliver, notices
from perennial.workflows.places import Places
from perennial.workflows.world import World
from tests.memory.channel import MemoryChannel
from tests.memory.queue import MemoryQueues
from tests.memory.tables import memory_tables
from tests.memory.world import SETTINGS, make_world

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FAR = START + timedelta(days=400)
WEB = CertificateRef("kv-orders", "web")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def make_version(number: int, created: datetime = START) -> Version:
    """Return a finished version."""
    leaf = Leaf(
        sha256=f"{number:064x}",
        sha1=f"{number:040x}",
        serial=f"{number:x}",
        subject="CN=web.example",
        issuer="CN=web.example",
        names=("web.example",),
        issuer_class=IssuerClass.SELF_SIGNED,
    )
    return Version(
        id=f"{number:032x}", created=created, not_before=created, not_after=created + timedelta(days=90), leaf=leaf
    )


def make_entry(version: Version | None = None, certificate: CertificateRef = WEB) -> Entry:
    """Return a certificate's row that nothing is due for."""
    return Entry(
        vault=certificate.vault,
        certificate=certificate.name,
        first_seen=START,
        next_check=FAR,
        read_at=FAR,
        version=version,
        not_after=version.not_after if version else None,
    )


def version_notice(number: int, created: datetime = START, certificate: CertificateRef = WEB) -> Notice:
    """Return the notice of a version."""
    version = make_version(number, created)
    return notices.new_version(make_entry(version, certificate), version, "", "", SETTINGS.cloud)


@dataclass(slots=True)
class Scene:
    """Everything that stays while the clock moves."""

    now: datetime = START
    tables: Tables = field(default_factory=memory_tables)
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    channel: MemoryChannel = field(default_factory=MemoryChannel)
    dead: MemoryChannel = field(default_factory=MemoryChannel)
    places: Places = field(default_factory=Places)

    def __post_init__(self) -> None:
        """Put the rows there that a look or a walk would have written."""
        self.tables.inventory.insert(make_entry(make_version(1)))
        self.tables.vaults.insert(VaultRow(vault=WEB.vault, first_seen=START, next_check=FAR))
        self.tables.fleet.insert(FleetRow(first_seen=START, next_check=FAR))

    @property
    def world(self) -> World:
        """The world at the scene's instant."""
        channels = {"memory": self.channel, "dead": self.dead}
        return make_world(self.now, tables=self.tables, queues=self.queues, channels={**channels}, places=self.places)

    def subscribe(
        self, name: str, channel: str = "memory", certificates: str = "*", kinds: tuple[str, ...] = ()
    ) -> None:
        """Add a subscription."""
        self.put(Subscription(name=name, channel=channel, certificates=certificates, kinds=kinds))

    def put(self, subscription: Subscription) -> None:
        """Write a subscription whatever is there."""
        self.tables.subscriptions.put(subscription)

    def subscription(self, name: str) -> Subscription:
        """Return a subscription as it stands."""
        row = self.tables.subscriptions.get("subscription", name)
        assert row is not None
        return row.value

    def tell(self, notice: Notice) -> int:
        """Queue a notice."""
        return announce.tell(self.world, notice)

    def deliver(self, delivery: Delivery) -> None:
        """Hand one message to the workflow, as the queue would."""
        nudge = Nudge(subject=delivery.subject, delivery=delivery.key)
        deliver.deliver(msgspec.json.encode(nudge).decode(), self.world)

    def run(self) -> int:
        """Hand over every message that is due now; return how many those were."""
        due = [message for message, delay in self.queues.sent if not delay]
        self.queues.sent = [(message, delay) for message, delay in self.queues.sent if delay]
        for message in due:
            assert isinstance(message, Nudge)
            deliver.deliver(msgspec.json.encode(message).decode(), self.world)
        return len(due)

    def deliveries(self, certificate: CertificateRef = WEB) -> list[Delivery]:
        """Return the outbox of a certificate, in the order of the rows' keys."""
        return self.outbox(subject_of(certificate))

    def outbox(self, subject: str) -> list[Delivery]:
        """Return the outbox of a subject."""
        return [row.value for row in self.tables.deliveries.select(Query(partition=subject)).items]

    def only(self) -> Delivery:
        """Return the one delivery there is."""
        (delivery,) = self.deliveries()
        return delivery

    def next_check(self) -> datetime:
        """Return the certificate's clock."""
        row = self.tables.inventory.get(WEB.vault, WEB.name)
        assert row is not None
        return row.value.next_check

    def looked(self, certificate: CertificateRef = WEB, until: datetime = FAR) -> None:
        """Move a certificate's clock on, as a look does at its end."""
        row = self.tables.inventory.get(certificate.vault, certificate.name)
        assert row is not None
        self.tables.inventory.save(replace(row, value=replace(row.value, next_check=until)))


def told() -> Scene:
    """Return a scene in which one notice waits for one subscription."""
    scene = Scene()
    scene.subscribe("orders")
    scene.tell(version_notice(1))
    return scene
