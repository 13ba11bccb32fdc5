"""A death at every effect where ACME has most to lose: a first account, a key that is changed, an account that is made again, a CA that hands over.

The CA is in memory, so that each of its requests is an effect of its own; tests/workflows/test_acme_crash.py plays one renewal over HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from localazure.acme.jws import thumbprint
from perennial.authorities.acme.signing import jwk_of
from perennial.model.authority import Account, AuthoritySetting
from perennial.model.certificate import IssuerClass
from perennial.model.history import HistoryKind
from perennial.model.mode import Mode
from perennial.model.renewal import Outcome
from perennial.ports.keys import Keys, PublicKey
from tests.memory.acme_books import Account as AtCa
from tests.memory.acme_books import Problem, Trouble
from tests.memory.acme_ca import MemoryCa
from tests.memory.acme_site import Site
from tests.memory.death import Reaper
from tests.memory.dns import MemoryDns
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, NOW, SELF, UNKNOWN, WWW, place
from tests.workflows.test_crash import assert_all_is_well

SPAN = timedelta(minutes=100)
RECORD = "_acme-challenge.www.example"
NAMES = ("*.www.example", "www.example")


class Played(Stage):
    """One certificate that CAs renew by ACME, in the order given."""

    def __init__(self, *names: str) -> None:
        super().__init__(NOW, vaults={"kv-orders": Mode.RENEW})
        self.dns = MemoryDns(ours={"www.example"})
        self.dns.values[RECORD].append("another tool's")
        self.subscribe()
        for name in names:
            ca = MemoryCa(f"{name}.example", lambda: self.now, lambda place: self.dns.values[place])
            setting = AuthoritySetting(name=name, directory=ca.directory, agree_terms=True)
            self.sites[name] = Site(setting, ca, self.dns, lambda: self.tables, self.call)
        policy, tags = replace(UNKNOWN, names=NAMES), {"perennial-issuer": " ".join(names)}
        place(self, policy=policy, tags=tags, issuer_class=IssuerClass.PUBLIC)

    def account(self, name: str) -> Account:
        """Return the row of our account with a CA."""
        stored = self.tables.accounts.get(name, "account")
        assert stored is not None
        return stored.value

    def begin_with_account(self, name: str, *, gone: str = "", remake: str = "", roll: str = "") -> None:
        """Give us an account that a CA has known for long."""
        site = self.sites[name]
        public = site.keys.create(f"acme-{name}")
        jwk, url = _public(site.keys, public), f"{site.ca.base}/account/old"
        site.ca.books.accounts["old"] = AtCa("old", jwk[0], jwk[1], gone=bool(gone))
        made = Account(
            authority=name, directory=site.ca.directory, url=url, key_id=public.id, gone=gone, remake=remake, roll=roll
        )
        self.tables.accounts.put(made)


def _public(keys: Keys, public: PublicKey) -> tuple[dict[str, object], str]:
    members: dict[str, object] = jwk_of(keys, public).public_key().to_json()
    return members, thumbprint(members)


@dataclass(frozen=True)
class Story:
    """A renewal to be interrupted, and how many accounts, keys and orders each CA has in the end where nobody dies."""

    name: str
    make: Callable[[], Played]
    issuer: str
    effects: frozenset[str] = frozenset()
    accounts: dict[str, int] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)  # at most one more after a death between its making and the save
    between: tuple[str, str] = (
        "",
        "",
    )  # the effects from the first of these up to the second are what is new in it; empty: all


def first() -> Played:
    """Return a stage whose CA has never seen us."""
    return Played("le")


def rolled() -> Played:
    """Return a stage on which somebody has asked for another key."""
    on = Played("le")
    on.begin_with_account("le", roll="it is time")
    return on


def remade() -> Played:
    """Return a stage whose account is gone, and somebody has asked for another."""
    on = Played("le")
    on.begin_with_account("le", gone="deactivated", remake="we lost it")
    return on


def handed_over() -> Played:
    """Return a stage whose first CA refuses the CSR when the names are proved, for good."""
    on = Played("le", "backup")
    refusal = Problem("badCSR", "this CA does not sign such keys")
    on.sites["le"].ca.troubles.append(Trouble(on="issuance", problem=refusal, until=NOW + DAY))
    return on


MAKING, TURN = ("accounts.save", "usages.insert"), ("ca.finalize", "ca.challenge")
STORIES = [
    Story(
        "a first account",
        first,
        "le",
        frozenset({"accounts.insert", "accounts.save", "keys.create", "ca.new-account"}),
        accounts={"le": 1},
        keys={"le": 1},
    ),
    Story("another key", rolled, "le", frozenset({"keys.create", "ca.key-change"}), {"le": 1}, {"le": 2}, MAKING),
    Story("another account", remade, "le", frozenset({"keys.create", "ca.new-account"}), {"le": 2}, {"le": 2}, MAKING),
    Story("handed over", handed_over, "backup", frozenset(), {"le": 1, "backup": 1}, {"le": 1, "backup": 1}, TURN),
]
EACH = {"usages.insert", "ca.new-order", "dns.present", "ca.challenge", "ca.finalize", "dns.clean", "vault.merge"}


def play(story: Story, number: int, *, after: bool) -> tuple[Played, Reaper]:
    """Play a story with a death at the n-th effect; 0: nobody dies."""
    on = story.make()
    on.reaper = Reaper(at=number, after=after)
    on.run(SPAN)
    return on, on.reaper


def deaths(effects: list[str], begin: str, end: str) -> range:
    """Return the numbers of the effects to die at."""
    first = effects.index(begin) if begin else 0
    return range(first + 1, (effects.index(end, first) if end else len(effects)) + 1)


def lost_orders(reaper: Reaper, number: int, *, after: bool) -> int:
    """Tell whether the death fell between newOrder's answer and the save of the claim: then, and only then, there is one order more."""
    done = reaper.effects[: number if after else number - 1]
    return int(bool(done) and done[-1] == "ca.new-order")


def assert_ended_well(story: Story, on: Played, *, lost: int, keys_lost: int) -> None:
    """One version, one certificate, one account, one order (two after the one death that costs one), everyone told, a clean zone."""
    (claim,) = on.claims("www")
    assert_all_is_well(on)
    assert claim.issuer == story.issuer
    assert on.dns.values[RECORD] == ["another tool's"]
    leaves = {name: len(site.ca.books.leaves) for name, site in on.sites.items()}
    assert leaves == {name: int(name == story.issuer) for name in on.sites}
    orders = {name: len(site.ca.books.orders) for name, site in on.sites.items()}
    assert sum(orders.values()) == len(on.sites) + lost
    for name, site in on.sites.items():
        spent = on.tables.usages.get(name, "limit:orders")
        assert spent is not None
        assert orders[name] <= len(spent.value.spent) <= orders[name] + 1, "an order that no budget counted"
        assert len(site.ca.books.accounts) == story.accounts[name]
        assert story.keys[name] <= site.keys.calls["create"] <= story.keys[name] + keys_lost
        row = on.account(name)
        key = site.keys.get(f"acme-{name}")
        assert key is not None
        assert row.key_id == key.id
        assert (row.gone, row.remake, row.roll, row.next_key_id) == ("", "", "", "")
        assert site.ca.books.accounts[row.url.rpartition("/")[2]].gone is False
    over = {one.id for one in on.history("www") if one.kind is HistoryKind.FAILED_OVER}
    assert len(over) == len(on.sites) - 1, "told once, under one id"


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_nobody_dies(story: Story) -> None:
    """The story by itself ends well, and has the deaths that are worth dying."""
    on, reaper = play(story, 0, after=False)
    assert_ended_well(story, on, lost=0, keys_lost=0)
    assert EACH | story.effects <= set(reaper.effects)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_death_at_any_effect_ends_alike(story: Story, after: bool) -> None:
    """Before or after each: the same end, and one order more only where its answer was there and was not saved."""
    seen = 0
    for number in deaths(play(story, 0, after=False)[1].effects, *story.between):
        on, reaper = play(story, number, after=after)
        assert reaper.died == 1
        lost = lost_orders(reaper, number, after=after)
        seen += lost
        try:
            assert_ended_well(story, on, lost=lost, keys_lost=1)
        except AssertionError as failure:
            where = f"{'after' if after else 'before'} effect {number}, {reaper.effects[number - 1]}"
            raise AssertionError(f"{story.name}: died {where}: {failure}") from failure
    assert seen == (story.between != MAKING and 1), "the one costly death was among them"


@pytest.mark.parametrize("adopted", [False, True])
def test_what_another_version_overtook_leaves_no_value(adopted: bool) -> None:
    """Somebody imports a version while servers lag: our values go, also where our operation was found after a crash, which is not discarded."""
    on = first()
    on.dns.lagging = {"ns2.example.net"}
    if adopted:
        on.reaper = Reaper(at=play(STORIES[0], 0, after=False)[1].effects.index("vault.create") + 1, after=True)
    on.run(timedelta(minutes=30))
    (claim,) = on.claims("www")
    assert (claim.adopted, len(on.dns.values[RECORD])) == (adopted, 3)
    on.vaults.shelf.names[WWW].pending = None
    policy = replace(SELF, issuer="Unknown", names=NAMES)
    on.vaults.import_certificate(
        WWW, on.now, on.now + 90 * DAY, policy=policy, tags={"perennial-issuer": "le"}, issuer_class=IssuerClass.PUBLIC
    )
    on.run(timedelta(minutes=30))
    (claim,) = on.claims("www")
    assert (claim.outcome, claim.untidy) == (Outcome.SUPERSEDED, False)
    assert on.dns.values[RECORD] == ["another tool's"]
    assert on.vaults.calls["discard"] == 0


def test_a_budget_that_counts_afterwards_would_be_seen() -> None:
    """The negative: were the order counted only when it has been placed, a death between would leave one that no budget knows."""
    on, _ = play(STORIES[0], 0, after=False)
    on.tables.usages.delete("le", "limit:orders")
    with pytest.raises(AssertionError):
        assert_ended_well(STORIES[0], on, lost=0, keys_lost=0)


def test_a_value_that_stays_would_be_seen() -> None:
    """The negative: a TXT value that nobody removed."""
    on, _ = play(STORIES[0], 0, after=False)
    on.dns.values[RECORD].append("ours")
    with pytest.raises(AssertionError):
        assert_ended_well(STORIES[0], on, lost=0, keys_lost=0)
