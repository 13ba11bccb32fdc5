"""The promises towards CAs and the DNS, checked at the CA's side and in the zones, never by our rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from perennial.decisions import lifetimes
from perennial.decisions.tags import wishes
from perennial.model import limits
from perennial.model.authority import AuthoritySetting
from perennial.model.certificate import CertificateRef
from perennial.model.inventory import Entry
from perennial.model.limits import LimitKind
from perennial.model.renewal import Renewal
from tests.memory.acme_books import Account, Authorization, Leaf, Order
from tests.memory.dns import MemoryDns
from tests.simulation.violation import hold

RECORD = "_acme-challenge."
LATE = timedelta(
    days=1
)  # a value may stand so long beyond its claim's end: the look that removes it comes with the next check
OTHERS = "another tool's"


@dataclass(slots=True)
class AcmeWatch:
    """What CAs and zones have seen so far."""

    befell: Counter[str]
    dns: MemoryDns
    clock: Callable[[], datetime]
    claims: Callable[[CertificateRef], list[Renewal]]
    settings: Mapping[str, AuthoritySetting] = field(default_factory=dict)
    refs: Mapping[str, CertificateRef] = field(default_factory=dict)  # by the first label of their hosts
    revoked: set[str] = field(
        default_factory=set
    )  # certificates (RFC 9773 §4.1) whose CA has moved their window into the past
    remade: Counter[str] = field(default_factory=Counter)  # accounts that a person asked for, by CA
    accounts: Counter[str] = field(default_factory=Counter)
    counted: dict[tuple[str, LimitKind, str], list[datetime]] = field(default_factory=dict)
    excused: set[tuple[str, str]] = field(default_factory=set)  # values whose removal the DNS refused
    stale: dict[tuple[str, str], datetime] = field(default_factory=dict)  # values without a claim, since when

    def ref(self, host: str) -> CertificateRef:
        """Return the certificate that a host belongs to."""
        return self.refs[host.removeprefix("*.").partition(".")[0]]

    def account(self, ca: str, account: Account) -> None:
        """Check an account that was made."""
        self.accounts[ca] += 1
        self.befell["acme: account made"] += 1
        made, wanted = self.accounts[ca], 1 + self.remade[ca]
        hold(made <= wanted, "one-account", f"{ca}: account {account.id} is the {made}., and {wanted} were wanted")

    def order(self, ca: str, order: Order) -> None:
        """Check an order that was placed."""
        self.befell["acme: order inside its window" if order.exempt else "acme: order"] += 1
        if not order.exempt:
            self._count(ca, LimitKind.ORDERS, order.account)

    def leaf(self, ca: str, leaf: Leaf) -> None:
        """Check a certificate that was issued."""
        self.befell[f"acme: issued by {ca}"] += 1
        if not leaf.exempt:
            self._count(ca, LimitKind.SET, " ".join(leaf.names))

    def failed(self, ca: str, found: Authorization) -> None:
        """Check a name that was not proved."""
        self.befell["acme: authorization failed"] += 1
        self._count(ca, LimitKind.FAILED, found.host)

    def _count(self, ca: str, kind: LimitKind, what: str) -> None:
        limit, now = limits.limits_of(self.settings[ca]).get(kind), self.clock()
        if limit is None:
            return
        past = self.counted.setdefault((ca, kind, what), [])
        past[:] = [*(at for at in past if now < at + limit.span), now]
        hold(len(past) <= limit.most, "ca-limits", f"{ca}: {len(past)} of {kind} {what} in {limit.span}")

    def work(self, ca: str, kind: str, names: tuple[str, ...]) -> None:
        """Check that a CA is asked for what it alone has in hand."""
        ref = self.ref(names[0])
        having = {claim.issuer for claim in self.claims(ref) if claim.is_open}
        hold(having == {ca}, "one-ca", f"{ref}: {kind} at {ca}, while it is in the hands of {having or 'nobody'}")

    def entry(self, entry: Entry) -> None:
        """Check the due date of a row after a look: a CA's window has moved it earlier, or not at all."""
        if entry.suggested_at is None or entry.due_at is None or entry.version is None:
            return
        own = lifetimes.due(entry.ref, entry.version, wishes(entry.tags))
        self.befell["acme: window pulls earlier"] += entry.due_at < own
        self.befell["acme: window is later"] += entry.suggested_at > own
        hold(entry.due_at <= own, "window-earlier", f"{entry.ref}: due at {entry.due_at}, by its life at {own}")

    def others(self, host: str) -> None:
        """Let another tool put its value beside ours."""
        values = self.dns.values[RECORD + host]
        if OTHERS not in values:
            values.append(OTHERS)

    def audit(self, hosts: list[str]) -> None:
        """Check the zones: others' values are there, ours only while a claim is at work."""
        now = self.clock()
        for host in hosts:
            values = self.dns.values[RECORD + host]
            hold(OTHERS in values, "txt-others", f"{RECORD}{host}: another tool's value is gone")
            if len(values) == 1:
                continue
            at_work = any(claim.is_open for claim in self.claims(self.ref(host)))
            for value in values:
                key = (host, value)
                if value == OTHERS or key in self.excused or at_work:
                    self.stale.pop(key, None)
                    continue
                since = self.stale.setdefault(key, now)
                hold(
                    now < since + LATE,
                    "txt-left",
                    f"{RECORD}{host}: {value} stands since {since}, and no claim is open",
                )
