"""What is so in the vaults, whatever our rows say: who should have been renewed by now, and what was in the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from perennial.model.certificate import CertificateRef, IssuerClass
from perennial.model.mode import Mode
from tests.memory.shelf import Name
from tests.simulation.cast import ACME, DAY, SIGNERS
from tests.simulation.vaults import FleetVaults

LONG_AGO = timedelta(days=4000)
SIGNED = {*SIGNERS, *ACME}
CLAIM = max(ACME.values())  # a claim that one CA of a list has refused for good may be open for so long
PEOPLE = 2 * DAY  # what a person changes without an event is seen by the next day's sweep or look; then a day to renew


@dataclass(slots=True)
class Truth:
    """The last instant at which something was in a renewal's way, for each thing that can be."""

    vaults: FleetVaults
    modes: dict[str, Mode]
    began: datetime
    issuers: dict[str, datetime] = field(default_factory=dict)
    refusals: dict[str, datetime] = field(default_factory=dict)  # CA → when it last refused for good
    reach: dict[str, datetime] = field(default_factory=dict)  # vault → when it last refused us for long
    switch: datetime | None = None
    switched_off: bool = False
    names: dict[CertificateRef, datetime] = field(default_factory=dict)
    dead_at_first: set[str] = field(default_factory=set)  # versions that had expired when all began
    given_up: set[CertificateRef] = field(default_factory=set)  # by a person, until they ask for a renewal
    came_back: set[CertificateRef] = field(default_factory=set)  # replaced versions, from a backup
    guarded: dict[CertificateRef, datetime] = field(default_factory=dict)  # no automatic renewal before then

    def touch(self, ref: CertificateRef, now: datetime, *, changed: bool = True) -> None:
        """Note what stands in a name's way now; call it before and after each change."""
        if changed or self.in_the_way(ref, now):
            self.names[ref] = now

    def in_the_way(self, ref: CertificateRef, now: datetime) -> str:
        """Say what about a name itself keeps us from renewing it; empty: nothing."""
        name = self.vaults.shelf.names[ref]
        current = name.current
        if current is None or name.deleted or not current.enabled:
            return "there is no enabled version"
        if not self.managed(ref) or any(tag.lower() == "acmebot" for tag in self.tags(name)):
            return "it is not ours to renew"
        if current.id in self.dead_at_first or ref in self.given_up or ref in self.came_back:
            return "a person must ask for it"
        if now < self.guarded.get(ref, now):
            return "it was renewed a moment ago"
        return self._no_way(name)

    def _no_way(self, name: Name) -> str:
        current, issuers = name.current, self.issuers_of(name)
        if not issuers:
            return "nothing can renew it"
        if name.busy and name.pending and name.pending.request_id not in self.vaults.ours:
            return "somebody's operation is pending"
        signed = SIGNED.issuperset(issuers)
        if signed and name.policy.by_vault:
            return "its policy gives no CSR"
        leaf = current.leaf if current else None
        own = leaf is not None and leaf.issuer_class is IssuerClass.SELF_SIGNED
        other = name.policy.by_vault and not signed and own != (name.policy.issuer == "Self")
        lost = leaf is not None and not set(leaf.names) <= set(name.policy.names)
        return "its policy would issue something else" if other or lost else ""

    @staticmethod
    def tags(name: Name) -> dict[str, str]:
        """Return the tags of the current version."""
        return dict(name.versions[-1][1]) if name.versions else {}

    def managed(self, ref: CertificateRef) -> bool:
        """Tell whether it was chosen: by its vault's mode, or by its tag."""
        wish = self.tags(self.vaults.shelf.names[ref]).get("perennial-renew", "")
        return wish == "always" or (self.modes.get(ref.vault) is Mode.RENEW and wish != "never")

    def issuers_of(self, name: Name) -> list[str]:
        """Return who would renew it, in order; empty: nobody."""
        wish = self.tags(name).get("perennial-issuer", "")
        return wish.replace(",", " ").split() or ([name.policy.issuer] if name.policy.by_vault else [])

    def served_since(self, name: Name, now: datetime) -> datetime:
        """Return since when its issuers were well: of CAs that speak ACME one is enough, unless another has refused for good."""
        issuers, never = self.issuers_of(name), self.began - LONG_AGO
        well = [self.issuers.get(issuer, never) for issuer in issuers]
        refused = any(self.refusals.get(issuer, never) + CLAIM > now for issuer in issuers)
        return max(well) if refused or not ACME.keys() >= set(issuers) else min(well)

    def owed_since(self, ref: CertificateRef, now: datetime) -> datetime | None:
        """Return since when nothing at all has been in the way, with the time that we are given; None: something is."""
        if self.in_the_way(ref, now) or self.switched_off:
            return None
        never = self.began - LONG_AGO
        outside = (
            self.served_since(self.vaults.shelf.names[ref], now),
            self.reach.get(ref.vault, never),
            self.switch or never,
        )
        return max(max(outside) + DAY, self.names.get(ref, never) + PEOPLE, self.began + PEOPLE)
