"""Bad days from seeds: every promise holds in each, each promise breaks where it is sabotaged, and every kind of trouble is met."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from perennial.model.renewal import Checkpoint, Renewal
from tests.simulation import acme_sabotage
from tests.simulation.cast import DAY, Size
from tests.simulation.fleet import Fleet
from tests.simulation.play import play
from tests.simulation.sabotage import SABOTAGES
from tests.simulation.violation import Violation

SEEDS = range(30)
SMALL = Size(certificates=12, span=40 * DAY, rough=2)

#: What must have befallen some seed of the thirty: a promise that was never tried is not proved.
MUST_BEFALL = (
    "intent found and asked about",
    "operation adopted after a crash",
    "event lost",
    "claimed: emergency-floor",
    "create applied but answered 503",
    "merge after a crash",
    "loop-guard",
    "brake",
    "foreign-pending-operation",
    "closed: superseded",
    "claimed: taken-over",
    "closed: given-up",
    "reopened",
    "event twice",
    "event late",
    "message lost to poison",
    "death before",
    "death after",
    "storage before",
    "storage after",
    "storage down",
    "receiver down",
    "delivery given up",
    "vault throttled",
    "vault firewalled",
    "kill-switch",
    "replaced-version-is-back",
    "failed over",
    "paced",
    "gone",
    "acme: issued by le",
    "acme: issued by backup",
    "acme: order inside its window",
    "acme: failed over",
    "acme: a person asked for remake",
    "acme: a person asked for roll-key",
    "acme: account closed",
    "acme: answer lost: new-order",
    "acme: answer lost: challenge",
    "acme: answer lost: finalize",
    "acme: authorization failed",
    "acme: badNonce",
    "acme: badCSR",
    "acme: caa",
    "acme: connection",
    "acme: dns",
    "acme: rateLimited",
    "acme: rejectedIdentifier",
    "acme: serverInternal",
    "acme: userActionRequired",
    "acme: down: 503",
    "acme: down: drop",
    "acme: CA slow",
    "acme: CAA forbids",
    "acme: DNS lags",
    "acme: vault of keys down",
    "acme: zone dns-down",
    "acme: zone dns-refused",
    "acme: zone dns-throttled",
    "acme: value left, since the DNS refused",
    "acme: window is later",
    "acme: window pulls earlier",
    "acme: window moved to past",
    "acme: window moved to now",
    "acme: window moved to later",
    "claimed: revoked-by-ca",
    "claimed: suggested-by-ca",
)

#: Which seed to begin with, where the first does not notice a break, or late: what each notices is found by trying, and any seed may.
NOTICES: Mapping[str, int] = {
    "brake": 2,
    "expired": 10,
    "foreign-untouched": 1,
    "never-older": 5,
    "one-account": 4,
    "one-ca": 3,
    "ordered-once": 1,
    "pace": 2,
    "replaced-once": 2,
    "row": 10,
    "switch": 5,
}


def trial(seed: int, sabotage: Callable[[Fleet], None] | None = None) -> Fleet:
    """Play a seed to its end; it raises Violation where a promise is not kept."""
    return play(seed, SMALL, sabotage)


@pytest.fixture(scope="session")
def befallen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers share: what befell each seed that was played so far."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "befallen"
    folder.mkdir(exist_ok=True)
    return folder


def played(seed: int, befallen: Path) -> Counter[str]:
    """Play a seed, unless another worker has, and return what befell it."""
    kept = befallen / f"{seed}.json"
    if not kept.exists():
        unfinished = befallen / f"{seed}.{os.getpid()}"
        unfinished.write_text(json.dumps(trial(seed).befell), "utf-8")
        unfinished.rename(kept)
    return Counter(json.loads(kept.read_text("utf-8")))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_promise_holds(seed: int, befallen: Path) -> None:
    """Whatever befalls this fleet."""
    played(seed, befallen)


def test_every_kind_of_trouble_was_met(befallen: Path) -> None:
    """A count that is zero over all seeds is a promise that was not tried."""
    total = sum((played(seed, befallen) for seed in SEEDS), Counter[str]())
    assert [what for what in MUST_BEFALL if not total[what]] == []


BREAKS = {**SABOTAGES, **acme_sabotage.SABOTAGES}


@pytest.mark.parametrize("promise", BREAKS)
def test_a_break_is_found_by_its_promise(promise: str) -> None:
    """The same trial, with one small break, fails by that promise and no other."""
    seeds = (NOTICES.get(promise, 0), *SEEDS)
    found = next(filter(None, (broken(seed, BREAKS[promise]) for seed in seeds)), None)
    assert found is not None, "no seed noticed it"
    assert found.promise == promise, str(found)


def broken(seed: int, sabotage: Callable[[Fleet], None]) -> Violation | None:
    """Return the promise that a seed finds broken."""
    try:
        trial(seed, sabotage)
    except Violation as violation:
        return violation
    return None


def test_a_seed_replays_exactly() -> None:
    """The same seed has the same story, another one has another."""
    size = Size(certificates=8, span=15 * DAY, rough=3)
    first, again, other = play(3, size), play(3, size), play(4, size)
    assert first.story == again.story
    assert first.befell == again.befell
    assert first.story != other.story


def test_real_certificates_change_nothing() -> None:
    """One seed on real X.509 keeps every promise too."""
    fleet = play(5, Size(certificates=8, span=30 * DAY, real_certificates=True))
    assert fleet.befell["renewed by us"]


def test_a_month_with_and_without_the_jump_ends_alike() -> None:
    """Minutes in which find_due could find nothing may be left out: vaults, claims, notices and decisions are the same."""
    size = Size(certificates=6, vaults=2, span=timedelta(days=30), mishaps=False)
    jumped, walked = play(7, size), play(7, size, jumps=False)
    assert jumped.ticks * 4 < walked.ticks
    assert jumped.befell["renewed by us"]
    assert ending(jumped) == ending(walked)


def _told(claim: object) -> object:
    """Return a claim without what certificates' serial numbers and signatures make of it: they are as random as a CA's."""
    assert isinstance(claim, Renewal)
    return replace(claim, checkpoint=Checkpoint(claim.checkpoint.step), ari_id="")


def ending(fleet: Fleet) -> Mapping[str, object]:
    """Return how everything stands, as far as the number of ticks has no part in it."""
    names = fleet.vaults.shelf.names
    entries = [fleet.row(ref) for ref in names]
    return {
        "versions": {str(ref): [one.id for one, _ in name.versions] for ref, name in names.items()},
        "decisions": [(entry.decision, entry.reason, entry.next_check) for entry in entries if entry],
        "claims": [_told(cell[0]) for cell in fleet.rows("renewals").cells.values()],
        "deliveries": sorted(fleet.rows("deliveries").cells),
        "history": sorted(fleet.rows("history").cells),
        "story": fleet.story,
    }
