"""A crash at every effect of a renewal by ACME: of the workflow, of the account, of each signature, before and after each step of the order."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from localazure.acme.alone import alone
from localazure.acme.ca import Ca
from perennial.authorities.acme.authority import AcmeAuthority
from perennial.authorities.needs import Tools
from perennial.model.authority import AuthoritySetting, Obstacle, Suggestion
from perennial.model.certificate import IssuerClass
from perennial.model.mode import Mode
from perennial.model.renewal import Issued, Renewal, Waiting
from tests.memory.death import Reaper
from tests.memory.dns import MemoryDns
from tests.memory.keys import MemoryKeys
from tests.memory.stage import Stage
from tests.workflows.looks import NOW, UNKNOWN, place
from tests.workflows.test_crash import assert_all_is_well

SPAN = timedelta(hours=3)
LOOKS = ("get", "read", "select", "serves")  # a signature is none: a request to the CA follows it
RECORD = "_acme-challenge.www.example"


@dataclass
class Mortal:
    """A port of the authority: at each call that is no look the process may die."""

    reaper: Callable[[], Reaper | None]
    name: str
    port: object

    def __getattr__(self, method: str) -> Any:
        inner = getattr(self.port, method)

        def call(*given: Any, **named: Any) -> Any:
            """Make the call through the reaper, if there is one."""
            reaper = self.reaper()
            if reaper is None:
                return inner(*given, **named)
            effect = method not in LOOKS
            return reaper.call(f"{self.name}.{method}", effect=effect, act=lambda: inner(*given, **named))

        return call


@dataclass
class MortalAuthority:
    """A CA whose process dies with the app's, and begins anew without what it kept in memory."""

    setting: AuthoritySetting
    reaper: Callable[[], Reaper | None]
    dns: MemoryDns
    keys: MemoryKeys
    rash: bool = False  # takes each intent for its own
    tables: Any = None
    made: tuple[int, AcmeAuthority] | None = field(default=None, init=False)

    def sign(self, csr: bytes, renewal: Renewal, *, fresh: bool, now: datetime) -> Waiting | Issued:
        """Take a step; its answer may be lost."""
        reaper, inner = self.reaper(), self._living()
        fresh = fresh or self.rash
        if reaper is None:
            return inner.sign(csr, renewal, fresh=fresh, now=now)
        step = f"sign {renewal.checkpoint.memory.get('state', 'checking')}"
        answer = reaper.call(step, effect=True, act=lambda: inner.sign(csr, renewal, fresh=fresh, now=now))
        return cast("Waiting | Issued", answer)

    def abandon(self, renewal: Renewal, now: datetime) -> None:
        """Undo."""
        self._living().abandon(renewal, now)

    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Say nothing: the stories end at the merge."""
        del ari_id, now
        return None

    def obstacles(self, names: tuple[str, ...], now: datetime) -> tuple[Obstacle, ...]:
        """See none: the order looks itself."""
        del names, now
        return ()

    def _living(self) -> AcmeAuthority:
        reaper = self.reaper()
        life = reaper.died if reaper else 0
        if self.made is None or self.made[0] != life:
            tools = Tools(
                keys=self._mortal("keys", self.keys),
                dns=self._mortal("dns", self.dns),
                resolver=self.dns,
                accounts=self._mortal("accounts", self.tables.accounts),
                usages=self._mortal("usages", self.tables.usages),
                secret=lambda _: "",
            )
            self.made = life, AcmeAuthority(self.setting, tools)
        return self.made[1]

    def _mortal(self, name: str, port: object) -> Any:
        return Mortal(self.reaper, name, port)


@dataclass(frozen=True)
class Played:
    """A story that was played to its end."""

    on: Stage
    reaper: Reaper
    ca: Ca
    dns: MemoryDns


def _stage(authority: MortalAuthority) -> Stage:
    """Return a stage whose certificate asks for the CA by its tag."""
    on = Stage(NOW, vaults={"kv-orders": Mode.RENEW}, authorities={"acme": authority})
    on.subscribe()
    place(on, policy=UNKNOWN, tags={"perennial-issuer": "acme"}, issuer_class=IssuerClass.PUBLIC)
    return on


@contextlib.contextmanager
def story(at: int = 0, *, after: bool = False, rash: bool = False) -> Iterator[Played]:
    """Renew one certificate by ACME, and die at the n-th effect."""
    clock = [NOW]
    with alone(clock=lambda: clock[0]) as (ca, directory):
        dns = MemoryDns(ours={"www.example"})
        holder: list[Stage] = []
        setting = AuthoritySetting(name="acme", directory=directory, agree_terms=True)
        authority = MortalAuthority(setting, lambda: holder[0].reaper if holder else None, dns, MemoryKeys(), rash)
        on = _stage(authority)
        holder.append(on)
        authority.tables = on.tables
        on.reaper = Reaper(at=at, after=after)
        ends = on.now + SPAN
        while on.now < ends:
            clock[0] = on.now
            on.run(timedelta(seconds=30))
        yield Played(on, on.reaper, ca, dns)


def assert_ended_well(played: Played) -> None:
    """The workflow's own promises, one certificate of the CA, no account too many, and a clean zone."""
    assert_all_is_well(played.on)
    assert len(played.ca.books.certificates) == 1
    assert len(played.ca.books.accounts) == 1
    assert played.ca.books.requests["finalize"] == 1
    assert not played.dns.values[RECORD]


def test_nobody_dies() -> None:
    """The story by itself ends well, and has deaths in it at every state."""
    with story() as played:
        assert_ended_well(played)
        effects = played.reaper.effects
    states = {
        "checking",
        "ordering",
        "authorizing",
        "presenting",
        "propagating",
        "answering",
        "validating",
        "finalizing",
    }
    assert {f"sign {state}" for state in (*states, "cleaning", "downloading")} <= set(effects)
    assert {"keys.create", "keys.sign", "dns.present", "dns.clean", "accounts.insert", "accounts.save"} <= set(effects)
    assert {"usages.insert", "vault.create", "vault.merge"} <= set(effects)


def effects() -> list[str]:
    """Return the effects of a story in which nobody dies."""
    with story() as played:
        return list(played.reaper.effects)


@pytest.mark.parametrize("part", range(8))
@pytest.mark.parametrize("after", [False, True])
def test_death_at_every_effect(part: int, after: bool) -> None:
    """Before or after it: one version, one certificate of the CA, one account, at most one order more, and it is in the budget."""
    names = effects()
    for at in range(1 + part, len(names) + 1, 8):
        with story(at, after=after) as played:
            assert played.reaper.died == 1, names[at - 1]
            try:
                assert_ended_well(played)
                orders = played.ca.books.requests["new-order"]
                assert orders <= 2
                spent = played.on.tables.usages.get("acme", "limit:orders")
                assert spent is not None
                assert orders <= len(spent.value.spent) <= orders + 1
            except AssertionError as fault:
                raise AssertionError(
                    f"death {'after' if after else 'before'} effect {at}, {names[at - 1]}: {fault}"
                ) from fault


def test_an_authority_that_asks_nothing_would_be_seen() -> None:
    """The negative: one that takes a found intent for its own sends the CSR twice."""
    at = effects().index("sign finalizing") + 1
    with story(at, after=True) as played:
        assert_ended_well(played)
    with story(at, after=True, rash=True) as played, pytest.raises(AssertionError):
        assert_ended_well(played)
