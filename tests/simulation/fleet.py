"""A fleet from a seed: the real workflows, and around them everything that can go wrong."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from random import Random
from typing import Any
from typing import cast as typed

import msgspec

from perennial.errors import PerennialError, Unavailable, VaultError
from perennial.model.certificate import CertificateRef, OperationState, Version
from perennial.model.inventory import Entry
from perennial.model.messages import Look, Nudge
from perennial.model.mode import Mode
from perennial.model.notices import Delivery, Subscription
from perennial.ports import tables as specs
from perennial.ports.queue import Queues
from perennial.ports.tables import Tables
from perennial.workflows.api.http import Operation, Request, answer
from perennial.workflows.world import World
from tests.memory.death import Death
from tests.memory.queue import Message
from tests.memory.shelf import VaultEvent
from tests.memory.stage import TRIES, VISIBILITY, WORK, Stage
from tests.memory.tables import MemoryTable, Rows
from tests.simulation import acme
from tests.simulation.authority import Signer
from tests.simulation.cast import BEGIN, CAS, DAY, SIGNERS, Role, Size, cast, vaults_of
from tests.simulation.ports import Agenda, Counting, Down, Mishap, Receiver, Told
from tests.simulation.post import Post
from tests.simulation.truth import Truth
from tests.simulation.vaults import FleetVaults
from tests.simulation.watch import Watch

HOUR = timedelta(hours=1)


class Fleet(Stage):
    """Runs a seed and checks the promises as it goes; `befell` counts what happened."""

    vaults: FleetVaults
    vaults_type = FleetVaults

    def __init__(self, seed: int, size: Size, roles: Sequence[Role] = ()) -> None:
        self.dice = Random(seed)
        self.size = size
        self.signers = {name: Signer(life, timedelta(hours=self.dice.randint(0, 8))) for name, life in SIGNERS.items()}
        super().__init__(
            BEGIN, vaults=vaults_of(size), authorities=self.signers, real_certificates=size.real_certificates
        )
        self.befell: Counter[str] = Counter()
        self.log = hashlib.sha256()
        self.storage_down = False
        self.reborn = False  # the process died in the invocation that has just ended
        self.truth = Truth(self.vaults, dict(self.settings.vaults), BEGIN)
        self.settings = replace(self.settings, max_renewals_per_day=max(2, size.certificates // 8))
        self.watch = Watch(self.truth, self.befell, brake=self.settings.max_renewals_per_day or 0)
        self.post = Post(self.dice, size.rough, self.at, self.befell)
        self.agenda = Agenda(self.dice.expovariate, self.at, lambda: self.now)
        self.dns, self.acme = acme.settle(self)
        self._watch_ports()
        self.issuers = {name: self.vaults.add_issuer(name) for name in CAS} | {
            "Self": self.vaults.shelf.issuers["self"]
        }
        for name, life in CAS.items():
            self.issuers[name].life = life
            self.issuers[name].delay = timedelta(minutes=self.dice.randint(1, 240))
        self.roles = roles or cast(size, self.dice)
        acme.introduce(self)
        for role in self.roles:
            self._enter(role)
        self.at(self.now + DAY, self._audit)

    def _enter(self, role: Role) -> None:
        """Put a certificate into its vault, as it was before our time."""
        born = self.now - role.age
        version = self.vaults.import_certificate(
            role.ref,
            born,
            born + role.lifetime,
            policy=role.policy,
            tags=role.tags,
            issuer_class=role.issuer_class,
            created=born,
            quiet=True,
        )
        if version.not_after <= self.now:
            self.truth.dead_at_first.add(version.id)

    def _watch_ports(self) -> None:
        self.vaults.on_created = self._created
        self.vaults.adopted = self._adopted
        inventory, renewals = self.rows("inventory"), self.rows("renewals")
        self.tables = replace(
            self.tables,
            inventory=Told(specs.INVENTORY, inventory, self.wrote),
            renewals=Told(specs.RENEWALS, renewals, lambda row: self.watch.claimed(row, self.now)),
        )
        self.receivers = {name: self._receiver(name) for name in ("steady", "shaky")}
        self.channels = {**self.receivers}
        names = {"ops": "steady", "app": "shaky", "audit": "shaky"}
        self.watch.subscriptions = names
        for name, channel in names.items():
            self.tables.subscriptions.put(Subscription(name=name, channel=channel, created=self.now))

    def wrote(self, entry: Entry) -> None:
        """Check a certificate's row as it is written."""
        self.watch.entry(entry, self.now)

    def _looked(self, ref: CertificateRef) -> None:
        """Check a certificate's row after a look: one that is written within a look may show yesterday's dates."""
        entry = self.row(ref)
        self.watch.looked(entry, ref, self.now)
        if entry is not None:
            self.acme.entry(entry)

    def rows(self, table: str) -> Rows:
        """Return what is in a table, for another table over the same rows."""
        found = getattr(self.tables, table)
        assert isinstance(found, MemoryTable)
        return found._rows

    def _receiver(self, name: str) -> Receiver:
        def sent(delivery: Delivery, subscription: Subscription) -> None:
            """Check and note what arrived."""
            self.watch.sent(delivery, subscription)
            self.trace("sent", subscription.name, delivery.notice)

        def refused() -> None:
            """Count it."""
            self.befell["delivery refused"] += 1

        return Receiver(sent, refused, self.dice.random, flaky=0.1 if name == "shaky" else 0.0)

    def trace(self, *what: str) -> None:
        """Add to the trace by which two runs are compared."""
        self.log.update(f"{self.now.isoformat()} {' '.join(what)}\n".encode())

    @property
    def story(self) -> str:
        """The hash of everything that was traced."""
        return self.log.hexdigest()

    def play(self) -> None:
        """Play the whole span, then let everything rest for a while and check once more."""
        self.run(self.size.span)
        self.audit()
        self.befell["create applied but answered 503"] += self.vaults.applied
        self.befell.update(acme.struck(self))

    # the ports, as an invocation has them

    def world(self) -> World:
        """Return the world of one invocation now."""
        world = super().world()
        if self.storage_down:
            down = {one.name: Down() for one in fields(Tables)}
            world = replace(world, tables=Tables(**typed("dict[str, Any]", down)), queues=typed("Queues", Down()))
        return replace(world, issuers={name: Counting(one, self.befell) for name, one in world.issuers.items()})

    def call(self, name: str, *, effect: bool, act: Callable[[], Any]) -> Any:
        """Make a call of a port of a CA: its tables are as down as the rest of storage."""
        if self.storage_down and name.startswith(("accounts", "usages")):
            raise Unavailable(f"{name}: 503")
        return super().call(name, effect=effect, act=act)

    def handle(self, message: Message, tried: int) -> None:
        """Let a function have a message, unless it is one of those that never succeed."""
        if tried == 1 and self.dice.random() < 0.002 * self.size.rough:
            queue, _ = WORK[type(message)]
            text = msgspec.json.encode(message).decode()
            self.befell["message lost to poison"] += 1
            self.at(self.now + TRIES * VISIBILITY, lambda: self.abandon(text, queue))
            return
        super().handle(message, tried)
        self._struck()
        done = not self.failed and not self.reborn
        self._answer_for(list(self.failed))
        if isinstance(message, Look):
            self.trace("look", str(message.certificate))
            if done and message.certificate.vault in self.settings.vaults:
                self._looked(message.certificate)
        elif isinstance(message, Nudge):
            self.trace("nudge", message.delivery)

    def abandon(self, text: str, queue: str) -> None:
        """Let a poison queue's function have a message."""
        super().abandon(text, queue)
        self._struck()
        self._answer_for(list(self.failed))

    def tick(self) -> None:
        """Let find_due run; the host logs what it raises."""
        try:
            super().tick()
        except PerennialError as failure:
            self._answer_for([failure])
        self._struck()

    def serve(self, operation: Operation, request: Request) -> int:
        """Let the API answer a request; return the status, 0 where the process died of it."""
        try:
            status = answer(operation, request, self.world()).status
        except Death:
            self._died()
            status = 0
        self._struck()
        return status

    def _struck(self) -> None:
        """Note a mishap that has struck; the next invocation runs on a whole process again."""
        self.reborn = False
        mishap = self.reaper
        if isinstance(mishap, Mishap) and mishap.struck:
            self.reborn = not mishap.fails
            self.befell["storage failed once" if mishap.fails else "death"] += 1
            self.befell[f"{'storage' if mishap.fails else 'death'} {'after' if mishap.after else 'before'}"] += 1
            self.watch.slips[self.now.date()] += 1
            self.reaper = None

    def _answer_for(self, failures: list[BaseException]) -> None:
        """Let only what storage did be a failure of an invocation; a promise that was not kept, or a fault of ours, ends the run."""
        for failure in failures:
            if isinstance(failure, Unavailable | VaultError):
                self.watch.slips[self.now.date()] += 1
                self.befell["invocation failed"] += 1
            else:
                raise failure
        self.failed.clear()

    # what the vaults tell

    def heard(self, event: VaultEvent, ref: CertificateRef, version: Version) -> None:
        """Note what happened, and let the event come: now, late, twice or never."""
        if event is VaultEvent.NEW_VERSION:
            self._new_version(ref, version)
        if event is VaultEvent.EXPIRED:
            self.watch.expiry(ref, self.now)
        self.trace(event, str(ref), version.id)
        self.post.carry(self.now, lambda: self.door(event, ref, version))

    def door(self, event: VaultEvent, ref: CertificateRef, version: Version) -> None:
        """Let an event arrive."""
        super().heard(event, ref, version)

    def _new_version(self, ref: CertificateRef, version: Version) -> None:
        name = self.vaults.shelf.names[ref]
        request = name.pending.request_id if name.pending else ""
        # A failed operation stays with its name: a version that a person imports over it is not ours.
        done = name.pending is not None and name.pending.state is OperationState.COMPLETED
        replaced = self.vaults.ours.pop(request, "") if done else ""
        before = next((one for one, _ in name.versions if one.id == replaced), None)
        if before is not None:
            self.befell["renewed by us"] += 1
            self.watch.issued(ref, before, version, self.now)
        else:
            self.befell["new version by another"] += 1
            self.truth.touch(ref, self.now)

    def _created(self, ref: CertificateRef, replaced: str, tags: Mapping[str, str]) -> None:
        current = self.vaults.shelf.names[ref].current
        self.trace("create", str(ref), replaced)
        if current is not None:
            self.watch.created(ref, current, tags, self.now)

    def _adopted(self, ref: CertificateRef) -> bool:
        """Tell whether a claim on it found an operation after a crash: the one exception, ours for merging."""
        return any(claim.is_open and claim.adopted for claim in self.claims(ref.name, ref.vault))

    def set_modes(self, modes: Mapping[str, Mode]) -> None:
        """Change the vaults' modes in the settings."""
        self.settings = replace(self.settings, vaults=modes)
        self.truth.modes = dict(modes)
        for ref in self.vaults.shelf.names:
            self.truth.touch(ref, self.now)

    # what is looked at

    def row(self, ref: CertificateRef) -> Entry | None:
        """Return a certificate's row, if there is one."""
        stored = self.tables.inventory.get(ref.vault, ref.name)
        return stored.value if stored else None

    def audit(self) -> None:
        """Check what must be so of the whole fleet now."""
        entries = {ref: entry for ref in self.vaults.shelf.names if (entry := self.row(ref)) is not None}
        self.watch.audit(entries, self.now)
        self.acme.audit(acme.hosts(self))

    def _audit(self) -> None:
        self.audit()
        if self.now < BEGIN + self.size.span:
            self.at(self.now + DAY, self._audit)
