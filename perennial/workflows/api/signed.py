"""Which CA renews which certificate, from the rows: what the forecast and the list of CAs are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perennial.decisions.ahead import Expected
from perennial.decisions.case import Case
from perennial.model.authority import AuthoritySetting, Usage
from perennial.model.certificate import Version
from perennial.model.inventory import Entry
from perennial.model.limits import keepers
from perennial.ports.tables import Query
from perennial.workflows import reading, sight
from perennial.workflows.inspection import snapshot_of
from perennial.workflows.world import World


@dataclass(frozen=True, slots=True)
class Signed:
    """A certificate that the first CA of its list renews."""

    entry: Entry
    etag: str
    version: Version
    case: Case
    authority: str

    @property
    def expected(self) -> Expected:
        """What the forecast may know of it."""
        leaf = self.version.leaf
        return Expected(
            certificate=str(self.entry.ref),
            names=self.entry.policy.names or (leaf.names if leaf else ()),
            due=self.case.due_at,
            lifetime=self.version.lifetime,
            suggested=self.entry.suggested_at is not None,
            known=self.entry.issued_through == self.authority,
        )


def every(world: World) -> Iterator[Signed]:
    """Go through the certificates that a CA of the settings renews: there, finished, of a vault in the settings."""
    fleet = sight.fleet_row(world).value
    policies = {vault: sight.renewal_policy(world, vault, fleet) for vault in world.settings.vaults}
    names = {one.name for one in world.settings.authorities}
    for stored in reading.every(world.tables.inventory, Query()):
        entry = stored.value
        policy = policies.get(entry.vault)
        if policy is None or entry.gone is not None or entry.version is None or entry.version.leaf is None:
            continue
        case = Case(snapshot_of(entry, None), entry.version, policy, world.now)
        if case.issuer in names:
            yield Signed(entry, stored.etag, entry.version, case, case.issuer)


def usages(world: World, setting: AuthoritySetting) -> list[Usage]:
    """Return what a CA's limits have seen, of our account and of all that share its directory."""
    queries = [Query(partition=keeper, prefix="limit:") for keeper in keepers(setting)]
    return [stored.value for query in queries for stored in reading.every(world.tables.usages, query)]
