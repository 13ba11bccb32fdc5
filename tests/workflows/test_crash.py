"""A crash at every effect: whatever dies where, the system goes on and ends alike: one version, one create, everyone told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from perennial.errors import IssuerError
from perennial.model.certificate import IssuancePolicy, IssuerClass
from perennial.model.history import HistoryKind
from perennial.model.mode import Mode
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Outcome
from tests.memory.authority import SlowAuthority
from tests.memory.death import Death, Reaper
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, NOW, SELF, UNKNOWN, WWW, place


@dataclass(frozen=True)
class Story:
    """A renewal to be interrupted, and how long it takes to end whatever befalls it."""

    name: str
    make: Callable[[], Stage]
    span: timedelta


def _stage(
    policy: IssuancePolicy, *, authority: SlowAuthority | None = None, left: timedelta = 20 * DAY, **tags: str
) -> Stage:
    on = Stage(NOW, vaults={"kv-orders": Mode.RENEW}, authorities={"slow": authority} if authority else {})
    on.subscribe()
    place(
        on,
        left=left,
        policy=policy,
        tags={f"perennial-{name}": text for name, text in tags.items()},
        issuer_class=IssuerClass.SELF_SIGNED if policy.issuer == "Self" else IssuerClass.PRIVATE,
    )
    return on


def by_vault() -> Stage:
    """Return a stage whose certificate the vault itself renews."""
    return _stage(SELF)


def through_csr() -> Stage:
    """Return a stage whose certificate a CA renews in three looks over two days."""
    return _stage(UNKNOWN, authority=SlowAuthority(), issuer="slow")


def handed_over() -> Stage:
    """Return a stage whose first CA refuses for good, so that the second of the list takes over."""
    on = _stage(UNKNOWN, authority=SlowAuthority(), issuer="first, slow")
    refusal = IssuerError("account-gone", "no such account", permanent=True)
    on.authorities = {"first": SlowAuthority(refuses=refusal), **on.authorities}
    return on


def by_a_slow_issuer() -> Stage:
    """Return a stage whose integrated CA takes longer than any lease, so that what a death left behind is found in progress."""
    on = _stage(replace(SELF, issuer="DigiCert"))
    on.vaults.add_issuer("DigiCert", delay=timedelta(hours=3), issuer_class=IssuerClass.PRIVATE)
    return on


STORIES = [
    Story("by the vault", by_vault, timedelta(hours=30)),
    Story("by a slow issuer", by_a_slow_issuer, timedelta(hours=30)),
    Story("through a CSR", through_csr, timedelta(days=5)),
    Story("handed over", handed_over, timedelta(days=5)),
]


def play(story: Story, at: int, *, after: bool) -> tuple[Stage, Reaper]:
    """Play a story in which the process dies at the n-th effect."""
    on = story.make()
    on.reaper = Reaper(at=at, after=after)
    on.run(story.span)
    return on, on.reaper


def effects_of(story: Story) -> int:
    """Count the effects of a story in which nobody dies."""
    return len(play(story, 0, after=False)[1].effects)


def deaths() -> Iterator[tuple[Story, int, bool]]:
    """Every death: each story, each effect, before and after it."""
    for story in STORIES:
        for number in range(1, effects_of(story) + 1):
            yield story, number, False
            yield story, number, True


def assert_all_is_well(on: Stage) -> None:
    """One new version, from one create; its claim closed as ours; told under one id; nothing left to do."""
    assert len(on.vaults.creates) == 1, "one version is replaced at most once"
    assert len(on.vaults.versions(WWW)) == 2
    (claim,) = on.claims("www")
    assert claim.outcome is Outcome.ISSUED
    assert claim.new_version == on.vaults.versions(WWW)[-1].id
    assert len(set(on.told("new-version"))) == 1, "every version is announced, under one id"
    assert not on.told("action-needed", about="kv-orders:www"), "our own operation is never taken for somebody else's"
    assert len(set(on.told("renewal-failed"))) == len(claim.refused), "each failure is told, under one id"
    kinds = [record.kind for record in on.history("www")]
    assert (kinds.count(HistoryKind.CLAIMED), kinds.count(HistoryKind.ISSUED)) == (1, 1), "its history tells it once"
    entry = on.entry("www")
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.NOT_DUE
    assert entry.next_check > on.now


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_nobody_dies(story: Story) -> None:
    """The story by itself ends well, and has effects worth dying at."""
    on, reaper = play(story, 0, after=False)
    assert_all_is_well(on)
    assert {"vault.create", "renewals.insert", "renewals.save", "inventory.save"} <= set(reaper.effects)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_death_at_any_effect_ends_alike(story: Story) -> None:
    """Before and after each effect: the same end state."""
    for number in range(1, effects_of(story) + 1):
        for after in (False, True):
            on, reaper = play(story, number, after=after)
            assert reaper.died == 1
            try:
                assert_all_is_well(on)
            except AssertionError as failure:
                raise AssertionError(
                    f"{story.name}: died {'after' if after else 'before'} effect {number}, {reaper.effects[number - 1]}: {failure}"
                ) from failure


def test_the_dead_make_no_calls() -> None:
    """The proof is sharp: a dead process's `finally` reaches nothing."""
    on = by_vault()
    on.reaper = Reaper(at=1)
    on.reaper.dead = True
    with pytest.raises(Death):
        on.world().tables.inventory.get("kv-orders", "www")
