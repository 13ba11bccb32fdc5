"""A certificate's whole life: whatever happens to it, in whatever order, the promises hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.memory.shelf import VaultEvent
from tests.simulation.cast import DAY, Kind, Size, cast
from tests.simulation.fleet import Fleet
from tests.simulation.people import People
from tests.simulation.play import quiet
from tests.simulation.sabotage import SABOTAGES
from tests.simulation.violation import Violation
from tests.simulation.weather import Weather

SIZE = Size(certificates=1, vaults=1, span=4000 * DAY)
DEEDS = (
    "import_new",
    "import_old",
    "import_other",
    "disable",
    "delete",
    "force",
    "pause",
    "never",
    "begin",
    "restore",
    "discard",
    "repolicy",
)
TROUBLES = (
    "mishap",
    "mishap",
    "stumble",
    "stumble",
    "ca",
    "signer",
    "vault",
    "storage",
    "receiver",
    "switch",
    "rotation",
    "strike",
    "strike",
)


def intact(fleet: Fleet) -> None:
    """Break nothing."""


class Life(RuleBasedStateMachine):
    """One certificate, and everything that people, CAs, vaults, zones and the platform do to it."""

    fleet: Fleet
    people: People
    weather: Weather
    sabotage: Callable[[Fleet], None] = staticmethod(intact)

    @initialize(kind=st.sampled_from(list(Kind)), seed=st.integers(0, 20))
    def begin(self, kind: Kind, seed: int) -> None:
        """Put the certificate into its vault."""
        roles = cast(Size(certificates=200, vaults=1), Random(seed))
        self.fleet = Fleet(seed, SIZE, [next(role for role in roles if role.kind is kind)])
        self.people = People(self.fleet)
        self.weather = Weather(self.fleet, self.people)
        (self.role,) = self.fleet.roles
        self.sabotage(self.fleet)

    @rule(hours=st.sampled_from((1, 7, 26, 26, 80, 80, 500)))
    def time_passes(self, hours: int) -> None:
        """Let time pass."""
        with quiet():
            self.fleet.run(timedelta(hours=hours))

    @rule(deed=st.sampled_from(DEEDS))
    def a_person_acts(self, deed: str) -> None:
        """Let a person do something, in the vault or through the API."""
        with quiet():
            self.people.do(self.role, getattr(self.people, deed))

    @rule(trouble=st.sampled_from(TROUBLES))
    def trouble_begins(self, trouble: str) -> None:
        """Let something go wrong from now on."""
        with quiet():
            getattr(self.weather.acme if trouble == "strike" else self.weather, trouble)()

    @rule(kind=st.sampled_from(list(VaultEvent)))
    def an_event_comes(self, kind: VaultEvent) -> None:
        """Let an event come that says what is so, or was."""
        versions = self.fleet.vaults.versions(self.role.ref)
        self.fleet.door(kind, self.role.ref, versions[0 if kind is VaultEvent.EXPIRED else -1])

    @rule()
    def a_morning_comes(self) -> None:
        """Let people make their round, and other managers renew."""
        with quiet():
            self.people.morning()

    @invariant()
    def all_is_well(self) -> None:
        """What must be so at any time is so."""
        self.fleet.audit()

    def teardown(self) -> None:
        """In the end nothing is owed, and nothing failed that should not."""
        if hasattr(self, "fleet"):
            with quiet():
                for _ in range(6):
                    self.people.morning()
                    self.fleet.run(DAY)
            self.fleet.audit()


SETTINGS = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(
        Phase.generate,
    ),  # a life that breaks a promise is told as it was; set max_examples higher to look for a shorter one
    suppress_health_check=list(HealthCheck),
)


def test_every_promise_holds_in_any_life() -> None:
    """After each step of each life, and in the end."""
    run_state_machine_as_test(Life, settings=SETTINGS)


@pytest.mark.parametrize("promise", ["schedule", "next-check", "announced"])
def test_a_break_is_found_by_its_promise(promise: str) -> None:
    """The same machine, with one small break, fails by that promise."""

    class Broken(Life):
        """A life under a break."""

        sabotage = staticmethod(SABOTAGES[promise])

    with pytest.raises(Violation, match=f"^{promise}: "):
        run_state_machine_as_test(Broken, settings=settings(SETTINGS, max_examples=200))
