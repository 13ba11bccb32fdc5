"""A fleet that is due at once at one CA: its limits kept by waiting, what it exempts not held back, the least life left first.

The real workflows and the real ACME client on a clock that jumps, over HTTP to a CA that enforces Let's Encrypt's limits; vaults, tables
and the DNS are in memory.
"""

from __future__ import annotations

import logging
import time
from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bench.table import Figure, Run, seconds
from localazure.acme.alone import alone
from localazure.acme.ca import Ca
from localazure.acme.conduct import PROFILES, Conduct, Limit, Window
from localazure.acme.limits import Buckets
from localazure.acme.problems import Problem
from localazure.acme.store import Order
from perennial.authorities.acme.authority import AcmeAuthority
from perennial.authorities.needs import Tools
from perennial.model.authority import AuthoritySetting
from perennial.model.certificate import CertificateRef, IssuancePolicy, IssuerClass, LifetimeAction
from perennial.model.mode import Mode
from perennial.model.renewal import Outcome, Renewal
from tests.memory.dns import MemoryDns
from tests.memory.keys import MemoryKeys
from tests.memory.stage import Stage

CERTIFICATES = 500
VAULTS = 10
LIMIT, SPAN = 300, timedelta(hours=3)  # Let's Encrypt: new orders of an account (page of 2026-08-05)
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
LIFE, DOWN = 90 * DAY, 40 * DAY  # of a certificate; of the app, after which all are due
YOUNG = 40 * DAY  # age of the new ones when their CA would have all of them renewed
OPEN = timedelta(minutes=15)  # for so long that window stays open
STEP, MOST = timedelta(minutes=1), timedelta(hours=12)  # of the clock
BOUND = 150.0  # seconds of this machine for each of the two
TOLD_EVERY = 20.0  # seconds


@dataclass(slots=True)
class Fleet:
    """Vaults, a CA, and our account with it."""

    on: Stage
    ca: Ca
    refs: list[CertificateRef]
    limit: int

    @classmethod
    def opened(cls, stack: ExitStack, size: int, limit: int) -> Fleet:
        """Set the stage: certificates of another CA, none of them due yet; and ours, which takes so many orders."""
        clock: list[Stage] = []
        ca, directory = stack.enter_context(alone(_conduct(limit), clock=lambda: clock[0].now if clock else NOW))
        refs = [CertificateRef(f"kv-acme-{number % VAULTS}", f"c{number:03}") for number in range(size)]
        vaults = {ref.vault: Mode.RENEW for ref in refs}
        on = Stage(NOW, vaults=vaults, events=False)
        clock.append(on)
        on.settings = replace(on.settings, issuers=("le",), max_renewals_per_day=100_000)
        dns = MemoryDns(ours={f"{ref.name}.example" for ref in refs})
        own = {} if limit == LIMIT else {"orders": f"{limit}/3h"}  # without: those that Perennial knows
        setting = AuthoritySetting(name="le", directory=directory, agree_terms=True, limits=own)
        tools = Tools(
            keys=MemoryKeys(),
            dns=dns,
            resolver=dns,
            accounts=on.tables.accounts,
            usages=on.tables.usages,
            secret=lambda _: "",
        )
        on.authorities = {"le": AcmeAuthority(setting, tools)}
        fleet = cls(on, ca, refs, limit)
        for number, ref in enumerate(refs):
            fleet.place(ref, DOWN + (2 + 27 * (number * 7919 % size) / size) * DAY)
        return fleet

    def place(self, ref: CertificateRef, left: timedelta) -> None:
        """Put a certificate of another CA into its vault, and look at it once."""
        host, end = f"{ref.name}.example", self.on.now + left
        policy = IssuancePolicy(
            issuer="Unknown",
            subject=f"CN={host}",
            names=(host,),
            action=LifetimeAction.EMAIL_CONTACTS,
            key_type="EC",
            key_size=256,
            curve="P-256",
        )
        self.on.vaults.import_certificate(
            ref, end - LIFE, end, policy=policy, created=end - LIFE, quiet=True, issuer_class=IssuerClass.PUBLIC
        )
        self.on.look(ref.name, vault=ref.vault)

    def renewed(self, run: Run, each: int) -> timedelta:
        """Let time pass until every certificate was renewed so often; return how much, or as much as there was."""
        began, started, told = self.on.now, time.monotonic(), 0.0
        while self.on.now - began < MOST and (took := time.monotonic() - started) < BOUND:
            self.on.run(STEP)
            done = len(self.issued()) - (each - 1) * len(self.refs)
            if done >= len(self.refs):
                break
            if took - told > TOLD_EVERY:
                told = took
                run.say(
                    f"    {done} of {len(self.refs)} after {self.on.now - began} of its time, {seconds(took)} of ours"
                )
        return self.on.now - began

    def issued(self) -> list[Renewal]:
        """Return all renewals that ended well."""
        found = (claim for ref in self.refs for claim in self.on.claims(ref.name, ref.vault))
        return [claim for claim in found if claim.outcome is Outcome.ISSUED]


@dataclass(frozen=True, slots=True)
class Played:
    """What happened until all were renewed."""

    size: int
    limit: int
    done: int
    span: timedelta  # of the fleet's time
    took: float  # seconds of this machine
    orders: tuple[Order, ...]
    refused: int  # new orders that the CA refused
    out_of_turn: int  # had to wait for the limit though others with more life left did not


def measure(run: Run) -> Generator[Figure]:
    """Renew a fleet that is new to the CA, and then again when its CA would have all of it renewed at once."""
    size = run.size(CERTIFICATES)
    with ExitStack() as stack:
        stack.enter_context(_calm())
        fleet = Fleet.opened(stack, size, run.size(LIMIT))
        run.say(f"  {size} certificates of another CA; the app was down until all of them were due")
        fleet.on.now += DOWN
        moved = _played(fleet, run, 1)
        yield _moved(moved)
        fleet.on.now += YOUNG
        fleet.ca.windows.append(Window(start=fleet.on.now - LIFE, end=fleet.on.now + OPEN))
        run.say("  a window for all of them, open now")
        yield _exempt(_played(fleet, run, 2))


@contextmanager
def _calm() -> Iterator[None]:
    """Keep the workflows' own lines out of the benchmark's; what is an error is shown."""
    logger, before = logging.getLogger("perennial"), logging.getLogger("perennial").level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _played(fleet: Fleet, run: Run, each: int) -> Played:
    before = set(fleet.ca.books.orders)
    ends = {ref.name: fleet.on.entry(ref.name, ref.vault).not_after or NOW for ref in fleet.refs}
    fleet.ca.books.requests.clear()
    began = time.monotonic()
    span = fleet.renewed(run, each)
    orders = tuple(one for name, one in fleet.ca.books.orders.items() if name not in before)
    return Played(
        size=len(fleet.refs),
        limit=fleet.limit,
        done=len(fleet.issued()) - (each - 1) * len(fleet.refs),
        span=span,
        took=time.monotonic() - began,
        orders=orders,
        refused=fleet.ca.books.requests["new-order"] - len(orders),
        out_of_turn=out_of_turn([(placed(one), ends[host(one).removesuffix(".example")]) for one in orders]),
    )


def _moved(played: Played) -> Figure:
    size, limit = played.size, played.limit
    counted = most([placed(one) for one in played.orders])
    return Figure(
        what=f"{size} renewals by ACME due at once in {VAULTS} vaults, at a CA of {limit} orders in 3 h that did not issue the old ones",
        ours=f"{played.done} after {_told(played.span)}; most orders in 3 h: {counted}; refused: {played.refused}; out of turn: {played.out_of_turn}",
        beside=f"{impatient(size, limit)} refused: a client that orders all at once; {_told(least(size, limit))}: the limit alone",
        budget=f"each once, ≤ {limit} in any 3 h, none refused; ≤ {VAULTS} out of turn",
        kept=_each_once(played) and counted <= limit and not played.refused and played.out_of_turn <= VAULTS,
        means=f"the least life left goes first (vaults go side by side), the rest waits by itself; {seconds(played.took)} of this machine",
    )


def _exempt(played: Played) -> Figure:
    exempt = sum(one.exempt for one in played.orders)
    return Figure(
        what="the same again, when their CA's window (ARI) opens for all of them at once",
        ours=f"{played.done} after {_told(played.span)}; {exempt} orders exempt by `replaces`; refused: {played.refused}",
        beside=f"{impatient(played.size, played.limit)} refused: all at once without `replaces`",
        budget="each once, all exempt, none refused",
        kept=_each_once(played) and exempt == played.size and not played.refused,
        means=f"what a CA exempts waits for no limit of it, only for the vaults' pace; {seconds(played.took)} of this machine",
    )


def _each_once(played: Played) -> bool:
    return played.done == len(played.orders) == played.size


def _told(span: timedelta) -> str:
    """Return a span in hours and minutes."""
    hours, minutes = divmod(round(span / timedelta(minutes=1)), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def host(order: Order) -> str:
    """Return the name that an order is for."""
    return order.identifiers[0][1]


def placed(order: Order) -> datetime:
    """Return when an order was placed: it expires so long after that."""
    return order.expires - timedelta(seconds=PROFILES[order.profile].order)


def most(instants: Sequence[datetime]) -> int:
    """Return the most orders within any span of the limit."""
    ordered = sorted(instants)
    return max((bisect_right(ordered, at + SPAN - timedelta(seconds=1)) - n for n, at in enumerate(ordered)), default=0)


def out_of_turn(orders: Sequence[tuple[datetime, datetime]]) -> int:
    """Count those that waited for the limit though others with more life left did not; given when each was ordered, and when its old one ends."""
    began = min((at for at, _ in orders), default=NOW)
    prompt = [end for at, end in orders if at < began + SPAN]
    longest = sorted(end for _, end in orders)[len(prompt) - 1] if prompt else NOW
    return sum(end <= longest for at, end in orders if at >= began + SPAN)


def impatient(size: int, limit: int) -> int:
    """Count what the CA refuses a client that places as many orders at once."""
    buckets, limits, refused = Buckets(), _conduct(limit).limits, 0
    for _ in range(size):
        try:
            buckets.check(limits, "orders", "", NOW)
            buckets.spend(limits, "orders", "", NOW)
        except Problem:
            refused += 1
    return refused


def least(size: int, limit: int) -> timedelta:
    """Return how long as many orders take where never more than the limit stand in one span."""
    return SPAN * ((size - 1) // limit)


def _conduct(limit: int) -> Conduct:
    """Return a CA with Let's Encrypt's limits, and its own of orders; what it was asked before is no order that it knows again."""
    limits = {"orders": Limit(limit, SPAN.total_seconds()), "domain": Limit(50, 604_800), "set": Limit(5, 604_800)}
    return Conduct(limits=limits, order_reuse=False)
