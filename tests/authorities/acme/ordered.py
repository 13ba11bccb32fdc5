"""Orders placed with a CA of our own that speaks real ACME on loopback, under a clock that tests move."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from localazure.acme.alone import alone
from localazure.acme.ca import Ca
from localazure.acme.conduct import Conduct
from perennial.authorities.acme.authority import AcmeAuthority
from perennial.authorities.needs import Tools
from perennial.model.authority import Account, AuthoritySetting
from perennial.model.certificate import CertificateRef
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Checkpoint, Issued, Renewal, Step, Waiting
from perennial.ports.tables import Stored, Tables
from tests.memory import minting
from tests.memory.dns import MemoryDns
from tests.memory.keys import MemoryKeys
from tests.memory.tables import memory_tables

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NAMES = ("*.example.com", "example.com")
MOST = 400  # steps of one order


@dataclass
class Orders:
    """Our account with a CA, and orders there."""

    setting: AuthoritySetting
    clock: list[datetime]
    tables: Tables = field(default_factory=memory_tables)
    dns: MemoryDns = field(default_factory=MemoryDns)
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    secrets: Mapping[str, str] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)
    waits: list[timedelta] = field(default_factory=list)
    pause: Callable[[], object] = lambda: (
        None
    )  # before a look that comes later: a CA under a clock of its own needs the time
    authority: AcmeAuthority = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    @property
    def now(self) -> datetime:
        """The instant."""
        return self.clock[0]

    def restart(self, **changes: Any) -> None:
        """Begin a new process, with changed settings if given."""
        self.setting = replace(self.setting, **changes)
        self.authority = AcmeAuthority(
            self.setting,
            Tools(
                keys=self.keys,
                dns=self.dns,
                resolver=self.dns,
                accounts=self.tables.accounts,
                usages=self.tables.usages,
                secret=lambda name: self.secrets.get(name, ""),
            ),
        )

    def step(self, renewal: Renewal, csr: bytes, *, fresh: bool = True) -> Waiting | Issued:
        """Take one step."""
        self.states.append(renewal.checkpoint.memory.get("state", ""))
        return self.authority.sign(csr, renewal, fresh=fresh, now=self.now)

    def run(
        self,
        names: tuple[str, ...] = NAMES,
        renewal: Renewal | None = None,
        *,
        until: Callable[[Renewal], bool] = lambda _: False,
        fresh: bool = True,
        csr: bytes = b"",
    ) -> Issued | Renewal:
        """Take steps until the chain is there, moving the clock as they ask; `until` stops before a step and gives the claim."""
        renewal, csr = renewal or claim(), csr or minting.csr("", names, 1)
        for _ in range(MOST):
            if until(renewal):
                return renewal
            answer = self.step(renewal, csr, fresh=fresh)
            fresh = True
            if isinstance(answer, Issued):
                return answer
            if answer.until > self.now:
                self.waits.append(answer.until - self.now)
                self.clock[0] = answer.until
                self.pause()
            renewal = replace(renewal, checkpoint=answer.checkpoint)
        raise AssertionError(f"no end after {MOST} steps: {self.states[-20:]}")

    def stop(self, names: tuple[str, ...], until: Callable[[Renewal], bool], renewal: Renewal | None = None) -> Renewal:
        """Take steps until one that is not to be taken, and give the claim."""
        stopped = self.run(names, renewal, until=until)
        assert isinstance(stopped, Renewal)
        return stopped

    def issue(self, names: tuple[str, ...] = NAMES, renewal: Renewal | None = None) -> Issued:
        """Bring an order to its end."""
        done = self.run(names, renewal)
        assert isinstance(done, Issued)
        return done

    def account(self) -> Account:
        """Return the account's row."""
        stored = self.tables.accounts.get(self.setting.name, "account")
        assert stored is not None
        return stored.value

    def change_account(self, **changes: Any) -> None:
        """Write to the account's row, as the API does."""
        stored = self.tables.accounts.get(self.setting.name, "account")
        assert stored is not None
        row = replace(stored.value, **changes)
        self.tables.accounts.save(Stored(row, stored.etag))


@dataclass
class Bench(Orders):
    """The same with a CA of our own, in this process."""

    ca: Ca = field(kw_only=True)

    directory: str = field(kw_only=True)

    def asked(self, kind: str) -> int:
        """Count the CA's requests of a kind."""
        return self.ca.books.requests[kind]


def claim(**changes: Any) -> Renewal:
    """Return a claim whose CSR is made."""
    row = Renewal(
        certificate=CertificateRef("kv-orders", "www"),
        replacing="v1",
        issuer="le",
        opened=NOW,
        next_step=NOW,
        earliest=NOW,
        checkpoint=Checkpoint(Step.SIGNING, {}),
        trigger=ReasonCode.DUE,
    )
    return replace(row, **changes)


def next_attempt(renewal: Renewal, back_to: Checkpoint) -> Renewal:
    """Return the claim as the next attempt finds it."""
    return replace(renewal, checkpoint=back_to)


def at(state: str) -> Callable[[Renewal], bool]:
    """Stop before the step of a state."""
    return lambda renewal: renewal.checkpoint.memory.get("state", "") == state


@contextlib.contextmanager
def bench(conduct: Conduct | None = None, **setting: Any) -> Iterator[Bench]:
    """Open a CA, and an authority for it."""
    clock = [NOW]
    with alone(conduct, clock=lambda: clock[0]) as (ca, directory):
        chosen: dict[str, Any] = {"name": "le", "directory": directory, "agree_terms": True, **setting}
        yield Bench(AuthoritySetting(**chosen), clock, ca=ca, directory=directory)
