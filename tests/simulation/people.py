"""What people and other managers do to a fleet, in the vault and through the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import msgspec

from perennial.errors import Busy, Refused
from perennial.model.certificate import CertificateRef, IssuancePolicy, IssuerClass, OperationState
from perennial.model.inventory import FLEET
from perennial.model.reasons import ReasonCode
from perennial.workflows.api import authorities, mode, pending, renewals
from perennial.workflows.api.http import Operation, Request
from tests.memory.shelf import Name
from tests.simulation.cast import ACME, DAY, Kind, Role
from tests.simulation.fleet import HOUR, Fleet

WAITING_FOR_A_PERSON = frozenset(
    {ReasonCode.GIVEN_UP, ReasonCode.REPLACED_VERSION_IS_BACK, ReasonCode.EXPIRED_WHEN_FIRST_SEEN}
)
YEAR = timedelta(days=365)

type Deed = Callable[[CertificateRef, Name], None]


class People:
    """They act on a certificate some ten times a year, make a round each morning, and other managers keep their own."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.dice = fleet.dice
        self.deeds: tuple[Deed, ...] = (
            self.import_new,
            self.import_old,
            self.import_other,
            self.disable,
            self.delete,
            self.force,
            self.pause,
            self.never,
            self.begin,
            self.restore,
            self.discard,
            self.repolicy,
        )

    def begin_their_days(self) -> None:
        """Let them act from now on."""
        each = YEAR / (10 * self.fleet.size.rough * self.fleet.size.certificates)
        self.fleet.agenda.often(each, self.act)
        self.fleet.at(self.fleet.now + 20 * HOUR, self.daily)

    def daily(self) -> None:
        """Make a round each morning."""
        self.morning()
        self.fleet.at(self.fleet.now + DAY, self.daily)

    def act(self) -> None:
        """Do something to some certificate."""
        self.do(self.dice.choice(self.fleet.roles), self.dice.choice(self.deeds))

    def do(self, role: Role, deed: Deed) -> None:
        """Do something to a certificate, if it is there."""
        name = self.fleet.vaults.shelf.names[role.ref]
        if name.deleted or not name.versions:
            return
        self.fleet.truth.touch(role.ref, self.fleet.now)
        deed(role.ref, name)
        self.fleet.truth.touch(role.ref, self.fleet.now)
        self.fleet.befell[f"a person: {deed.__name__}"] += 1

    def morning(self) -> None:
        """Ask for what waits for a person, whose CA works; let other managers renew theirs."""
        fleet = self.fleet
        for name in ACME:
            stored = fleet.tables.accounts.get(name, "account")
            if stored is not None and stored.value.gone and not stored.value.remake:
                self.want(name, "remake")
        for role in fleet.roles:
            entry = fleet.row(role.ref)
            code = entry.reason.code if entry is not None and entry.reason is not None else None
            if code in WAITING_FOR_A_PERSON:
                self.ask(role.ref)
            if code is ReasonCode.BACK_OFF and self.dice.random() < 0.6:  # they were told, and help themselves
                self.do(role, self.import_new)
            if role.kind in (Kind.FOREIGN, Kind.STRANGER):
                self._keep(role)
            current = fleet.vaults.shelf.names[role.ref].current
            late = current is not None and current.not_after - fleet.now < current.lifetime * 0.5
            if role.kind is Kind.CSR and late and self.dice.random() < 0.1:  # somebody is as quick as we are
                self.do(role, self.begin)

    def _keep(self, role: Role) -> None:
        """Renew as another manager does: at a third of the life, unless it sleeps."""
        name = self.fleet.vaults.shelf.names[role.ref]
        if name.current is None or name.deleted or self.dice.random() < 0.3:
            return
        if name.current.not_after - self.fleet.now < role.lifetime * 0.4:
            self._import(role.ref, name.policy, role.lifetime, timedelta(minutes=5))

    def _import(self, ref: CertificateRef, policy: IssuancePolicy | None, life: timedelta, age: timedelta) -> None:
        name, now = self.fleet.vaults.shelf.names[ref], self.fleet.now
        leaf = name.current.leaf if name.current else None
        tags = dict(name.versions[-1][1])
        for ours in ("perennial-by", "perennial-renewal"):  # who imports sets the tags that people set
            tags.pop(ours, None)
        try:
            self.fleet.vaults.import_certificate(
                ref,
                now - age,
                now - age + life,
                policy=policy,
                tags=tags,
                issuer_class=leaf.issuer_class if leaf else IssuerClass.PRIVATE,
            )
        except (Busy, Refused):
            self.fleet.befell["import refused"] += 1

    def import_new(self, ref: CertificateRef, name: Name) -> None:
        """Import a fresh version under the policy that is there."""
        life = self.dice.choice((6, 30, 90, 365)) * DAY
        self._import(ref, name.policy, life, self.dice.random() * life / 4 // HOUR * HOUR)

    def import_old(self, ref: CertificateRef, name: Name) -> None:
        """Import one that is nearly used up."""
        life = self.dice.choice((30, 90)) * DAY
        self._import(ref, name.policy, life, (0.7 + 0.25 * self.dice.random()) * life // HOUR * HOUR)

    def import_other(self, ref: CertificateRef, name: Name) -> None:
        """Import as Key Vault has it by itself: the policy's issuer becomes Unknown; mended some days later."""
        before = name.policy
        self._import(ref, None, 90 * DAY, HOUR)
        self._later(ref, lambda: self.fleet.vaults.set_policy(ref, before))

    def disable(self, ref: CertificateRef, name: Name) -> None:
        """Disable the current version, and enable whatever is there some days later."""
        self.fleet.vaults.disable(ref)
        self._later(ref, lambda: self.fleet.vaults.disable(ref, enabled=True))

    def delete(self, ref: CertificateRef, name: Name) -> None:
        """Delete a certificate, and recover it some days later."""
        self.fleet.vaults.delete(ref)
        name.pending = None  # it goes with the certificate
        self._later(ref, lambda: self.fleet.vaults.recover(ref))

    def force(self, ref: CertificateRef, name: Name) -> None:
        """Ask for a renewal now, due or not."""
        self.ask(ref)

    def pause(self, ref: CertificateRef, name: Name) -> None:
        """Pause it with a tag, for longer than may be good for it."""
        until = self.fleet.now + self.dice.choice((2, 20, 100)) * DAY
        self._tag(ref, "perennial-pause-until", until.date().isoformat())

    def never(self, ref: CertificateRef, name: Name) -> None:
        """Say never, and think better of it some days later."""
        self._tag(ref, "perennial-renew", "never")
        self._later(ref, lambda: self._tag(ref, "perennial-renew", self.dice.choice(("always", ""))))

    def begin(self, ref: CertificateRef, name: Name) -> None:
        """Begin an operation in the portal; if nobody ends it, end it some days later."""
        try:
            operation = self.fleet.vaults.begin_foreign_operation(ref, dict(name.versions[-1][1]))
        except Busy:
            return

        def end() -> None:
            """Cancel it if it is still there, or have it discarded."""
            found = self.fleet.vaults.shelf.names[ref].pending
            if found is None or found.request_id != operation.request_id or not self.fleet.vaults.shelf.names[ref].busy:
                return
            if self.dice.random() < 0.5:
                self.fleet.vaults.end_operation(ref, OperationState.CANCELLED)
            else:
                self._discard(ref)

        self._later(ref, end)

    def restore(self, ref: CertificateRef, name: Name) -> None:
        """Bring back a backup with the version before the last."""
        if len(name.versions) < 2 or name.busy or name.versions[-2][0].not_after <= self.fleet.now:
            return
        back = name.versions[-2][0].id
        self.fleet.vaults.restore(ref, back)
        self.fleet.truth.came_back.add(ref)

    def discard(self, ref: CertificateRef, name: Name) -> None:
        """Discard the operation that is pending, whosever it is."""
        if name.busy:
            self._discard(ref)

    def repolicy(self, ref: CertificateRef, name: Name) -> None:
        """Change something about the policy: the same issuer, another validity."""
        months = self.dice.choice((1, 3, 6))
        self.fleet.vaults.set_policy(ref, replace(name.policy, validity_months=months, fingerprint=str(months)))

    def _discard(self, ref: CertificateRef) -> None:
        name = self.fleet.vaults.shelf.names[ref]
        mine = name.pending is not None and name.pending.request_id in self.fleet.vaults.ours
        self.fleet.vaults.person_discards = True
        self._call(pending.discarded, ref, {"reason": "the portal's is in the way"})
        self.fleet.vaults.person_discards = False
        if mine:
            self.fleet.truth.given_up.add(ref)
            self._later(ref, lambda: None)

    def ask(self, ref: CertificateRef) -> None:
        """Ask for a renewal by the API."""
        self._call(renewals.asked, ref, {"reason": "it is wanted", "force": True})
        entry = self.fleet.row(ref)
        if entry is not None and entry.request is not None:  # it may be stored although the answer was an error
            self.fleet.truth.given_up.discard(ref)
            self.fleet.truth.came_back.discard(ref)
            self.fleet.truth.touch(ref, self.fleet.now)
            self.fleet.watch.asked.add((ref, entry.request.version))
            self.fleet.befell["a person asked"] += 1

    def want(self, ca: str, action: str) -> None:
        """Ask for another account with a CA, or for another key."""
        fleet = self.fleet
        body = msgspec.json.encode({"action": action, "reason": "it is wanted"})
        fleet.serve(authorities.asked, Request(method="POST", route={"name": ca}, body=body, actor="ada"))
        stored = fleet.tables.accounts.get(ca, "account")
        if stored is None or not (stored.value.remake if action == "remake" else stored.value.roll):
            return  # it may be stored although the answer was an error
        fleet.acme.remade[ca] += action == "remake"
        fleet.befell[f"acme: a person asked for {action}"] += 1

    def turn(self, how: str) -> None:
        """Turn the fleet's switch; one who is not heard tries again."""
        fleet = self.fleet
        body = msgspec.json.encode({"mode": how, "reason": "maintenance"})
        status = fleet.serve(mode.turned, Request(method="PUT", body=body, actor="ada"))
        stored = fleet.tables.fleet.get(FLEET, FLEET)
        if status != 200:  # it may have been stored all the same
            fleet.at(fleet.now + HOUR, lambda: self.turn(how))
        if status != 200 and (stored is None or bool(stored.value.switch_off) != (how == "observe")):
            return
        fleet.truth.switched_off = how == "observe"
        fleet.truth.switch = fleet.now
        fleet.befell[f"switch: {how}"] += 1

    def _later(self, ref: CertificateRef, act: Callable[[], None]) -> None:
        """Do something some hours or days later; what is no longer possible is left."""

        def then() -> None:
            """Do it, and note what stood in the way until now."""
            self.fleet.truth.touch(ref, self.fleet.now)
            act()
            self.fleet.truth.touch(ref, self.fleet.now)

        self.fleet.at(self.fleet.now + timedelta(hours=self.dice.choice((2, 20, 50, 200))), then)

    def _tag(self, ref: CertificateRef, tag: str, text: str) -> None:
        name = self.fleet.vaults.shelf.names[ref]
        tags = {**dict(name.versions[-1][1]), tag: text}
        self.fleet.vaults.set_tags(ref, {one: value for one, value in tags.items() if value})

    def _call(self, operation: Operation, ref: CertificateRef, body: dict[str, object]) -> int:
        route = {"vault": ref.vault, "name": ref.name}
        return self.fleet.serve(
            operation, Request(method="POST", route=route, body=msgspec.json.encode(body), actor="ada")
        )
