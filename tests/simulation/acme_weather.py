"""Bad days of CAs that speak ACME, of the DNS and of the vault that holds the accounts' keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from perennial.errors import DnsError, Unreachable
from perennial.ports.dns import Caa
from tests.memory.acme_books import Problem, Trouble
from tests.memory.acme_site import Site
from tests.simulation.acme import hosts
from tests.simulation.cast import ACME, DAY
from tests.simulation.fleet import HOUR, Fleet
from tests.simulation.people import People

#: What requests of a kind run into for hours, and whether it is for good: then a person must ask for each certificate again.
PROBLEMS: tuple[tuple[str, Problem, bool], ...] = (
    ("new-order", Problem("rateLimited", "too many new orders", 429, 3600), False),
    ("new-order", Problem("serverInternal", "try later", 500), False),
    ("new-order", Problem("userActionRequired", "the terms have changed", 403), False),
    ("order", Problem("rejectedIdentifier", "forbidden by policy"), True),
    ("validation", Problem("dns", "SERVFAIL looking up TXT"), False),
    ("validation", Problem("caa", "CAA record prevents issuance", 403), False),
    ("validation", Problem("connection", "timeout"), False),
    ("challenge", Problem("serverInternal", "try later", 503), False),
    ("finalize", Problem("serverInternal", "try later", 500), False),
    ("issuance", Problem("serverInternal", "signing failed", 500), False),
    ("issuance", Problem("badCSR", "weak key"), True),
    ("finalize", Problem("badCSR", "weak key"), True),
    ("renewal-info", Problem("serverInternal", "try later", 503), False),
)
SETTLED = 6 * HOUR
PERSON = 30 * HOUR  # a person's next round


class AcmeWeather:
    """What may befall CAs and the DNS."""

    def __init__(self, fleet: Fleet, people: People) -> None:
        self.fleet = fleet
        self.people = people
        self.dice = fleet.dice
        self.kinds: tuple[Callable[[Site], None], ...] = (
            self.problem,
            self.problem,
            self.problem,
            self.down,
            self.slow,
            self.nonces,
            self.lost,
            self.account,
            self.key,
            self.window,
            self.window,
            self.lag,
            self.zone,
            self.vault,
            self.caa,
        )

    def begin(self) -> None:
        """Let it befall them from now on."""
        if hosts(self.fleet):
            self.fleet.agenda.often(3 * DAY / self.fleet.size.rough, self.strike)

    def strike(self) -> None:
        """Let something befall one of them; where nobody is renewed by them, nothing does."""
        if not hosts(self.fleet):
            return
        site = self.fleet.sites[self.dice.choice(list(ACME))]
        self.dice.choice(self.kinds)(site)

    def _hours(self, *choices: float) -> timedelta:
        return timedelta(seconds=int(self.dice.choice(choices) * (0.5 + self.dice.random()) * 3600))

    def _until(self, span: timedelta, *sites: Site, settled: timedelta = SETTLED, for_good: bool = False) -> None:
        """Note until when somebody is in our way."""
        truth, end = self.fleet.truth, self.fleet.now + span + settled
        for site in sites:
            name = site.setting.name
            truth.issuers[name] = max(end, truth.issuers.get(name, end))
            if for_good:
                truth.refusals[name] = max(end, truth.refusals.get(name, end))

    def _all(self) -> tuple[Site, ...]:
        return tuple(self.fleet.sites.values())

    def problem(self, site: Site) -> None:
        """Let requests of a kind be refused, for all names or for one."""
        on, problem, for_good = self.dice.choice(PROBLEMS)
        span = self._hours(12, 30, 72)
        host = self.dice.choice(["", *hosts(self.fleet)]) if on in ("order", "validation", "issuance") else ""
        site.ca.troubles.append(Trouble(on=on, problem=problem, until=self.fleet.now + span, host=host))
        self._until(span, site, settled=PERSON if for_good else SETTLED, for_good=for_good)

    def down(self, site: Site) -> None:
        """Let a CA be out of order, for so long that another must take over, if there is one."""
        span = self._hours(2, 12, 60, 120)
        how: Literal["503", "drop"] = self.dice.choice(("503", "drop"))
        site.ca.conduct.down = how
        self.fleet.at(self.fleet.now + span, lambda: setattr(site.ca.conduct, "down", ""))
        self._until(span, site)

    def slow(self, site: Site) -> None:
        """Let a CA think long about DNS or signature."""
        conduct, span = site.ca.conduct, self._hours(4, 20)
        conduct.validation_delay = self.dice.choice((timedelta(seconds=5), timedelta(minutes=5), 3 * HOUR))
        conduct.finalize_delay = self.dice.choice((timedelta(minutes=10), 2 * HOUR, 10 * HOUR))
        self.fleet.befell["acme: CA slow"] += 1

        def end() -> None:
            """Let it be quick again."""
            conduct.validation_delay = conduct.finalize_delay = timedelta(seconds=5)

        self.fleet.at(self.fleet.now + span, end)
        self._until(span + 14 * HOUR, site)

    def nonces(self, site: Site) -> None:
        """Let a CA refuse nonces: one in some, or all."""
        site.ca.conduct.nonce_refusal = self.dice.choice((1, 2, 3, 5))
        span = self._hours(1, 12)
        self.fleet.at(self.fleet.now + span, lambda: setattr(site.ca.conduct, "nonce_refusal", 0))
        self._until(span, site)

    def lost(self, site: Site) -> None:
        """Let some answers be lost after what was asked took effect."""
        for kind in ("new-order", "challenge", "finalize"):
            site.ca.loses[kind] += self.dice.choice((0, 1, 1, 2))

    def account(self, site: Site) -> None:
        """Let a CA close our account; a person asks for another on the next morning."""
        stored = self.fleet.tables.accounts.get(site.setting.name, "account")
        known = site.ca.books.accounts.get(stored.value.url.rpartition("/")[2]) if stored else None
        if known is None or known.gone:
            return
        known.gone = True
        self.fleet.befell["acme: account closed"] += 1
        self._until(timedelta(0), site, settled=2 * PERSON)

    def key(self, site: Site) -> None:
        """Let somebody ask for another key for our account."""
        self.people.want(site.setting.name, "roll-key")

    def window(self, site: Site) -> None:
        """Let a CA move windows: into the past for some or all (it revokes them), earlier, or beyond the end."""
        leaves = [one for one in site.ca.books.leaves.values() if not one.replaced_by]
        chosen = leaves if self.dice.random() < 0.4 else leaves[-1:]
        how = self.dice.choice(("past", "now", "later"))
        now = self.fleet.now
        start = {"past": now - 2 * HOUR, "now": now, "later": now + 30 * DAY}[how]
        self.fleet.acme.revoked.update(
            leaf.ari_id for leaf in chosen if how != "later"
        )  # one that we hear of too late says so too
        for leaf in chosen:
            leaf.windows.append((start, start + (HOUR if how == "past" else 6 * HOUR)))
        self.fleet.befell[f"acme: window moved to {how}"] += len(chosen)

    def lag(self, site: Site) -> None:
        """Let a server serve nothing new: for minutes, or for longer than an order waits."""
        del site
        span = self._hours(0.2, 0.5, 3)
        self.fleet.dns.lagging = {"ns2.example.net"}
        self.fleet.befell["acme: DNS lags"] += 1
        self.fleet.at(self.fleet.now + span, self.fleet.dns.lagging.clear)
        self._until(span, *self._all())

    def zone(self, site: Site) -> None:
        """Let whoever keeps the zones refuse, throttle, or not answer."""
        del site
        dns, span = self.fleet.dns, self._hours(1, 6, 24)
        kinds = (
            DnsError("dns-refused", "no right on the zone", fix="give it back"),
            DnsError("dns-throttled", "429", retry_after=timedelta(minutes=2)),
            DnsError("dns-down", "no answer"),
        )
        error = self.dice.choice(kinds)
        dns.refuses = error
        self.fleet.befell[f"acme: zone {error.code}"] += 1
        self.fleet.at(self.fleet.now + span, lambda: setattr(dns, "refuses", None))
        self._until(span, *self._all())

    def vault(self, site: Site) -> None:
        """Let the vault of the account's key be out of reach."""
        span = self._hours(1, 12)
        site.keys.refuses = Unreachable(site.keys.vault, "no answer")
        self.fleet.befell["acme: vault of keys down"] += 1
        self.fleet.at(self.fleet.now + span, lambda: setattr(site.keys, "refuses", None))
        self._until(span, site)

    def caa(self, site: Site) -> None:
        """Let a CAA record forbid every CA but one."""
        host = self.dice.choice(hosts(self.fleet))
        span = self._hours(6, 30)
        self.fleet.dns.caas[host] = (Caa(False, "issue", site.ca.host),)
        self.fleet.befell["acme: CAA forbids"] += 1
        self.fleet.at(self.fleet.now + span, lambda: self._allowed(host))
        self._until(span, *self._all())

    def _allowed(self, host: str) -> None:
        self.fleet.dns.caas.pop(host, None)
