"""A death at every effect of a renewal that an agent signs, in the looks and in the request that brings the chain."""

from __future__ import annotations

from datetime import timedelta

from perennial.model.history import HistoryKind
from perennial.model.renewal import Outcome
from perennial.model.signing import unanswered
from tests.memory.death import Death, Reaper
from tests.memory.signers import issue, pem
from tests.memory.stage import Stage
from tests.workflows.looks import HOUR, WWW
from tests.workflows.test_external import ISSUING, asked, post, stage


class Agent:
    """Polls every hour, signs each CSR once, and posts the chain until it is told that it was taken."""

    def __init__(self, on: Stage) -> None:
        self._on = on
        self.signed: dict[bytes, bytes] = {}
        self._untold: set[bytes] = set()
        on.at(on.now + HOUR, self.poll)

    def poll(self) -> None:
        """Poll once, and again in an hour."""
        self._on.at(self._on.now + HOUR, self.poll)
        for claim in self._on.claims("www"):
            waiting = unanswered(claim)
            if waiting is not None and waiting.csr not in self.signed:
                self.signed[waiting.csr] = pem(issue(ISSUING, waiting.csr, self._on.now), *ISSUING.line)
                self._untold.add(waiting.csr)
        for csr in sorted(self._untold):
            self._post(csr)

    def _post(self, csr: bytes) -> None:
        try:
            status = post(self._on, self.signed[csr]).status
        except Death:
            if self._on.reaper:
                self._on.reaper.revive()
            return
        if status in (200, 202):
            self._untold.remove(csr)


def play(number: int, *, after: bool) -> tuple[Stage, Reaper, Agent]:
    """Play the renewal with a death at the n-th effect; 0: nobody dies."""
    on = stage()
    on.reaper = Reaper(at=number, after=after)
    agent = Agent(on)
    on.run(timedelta(hours=20))
    return on, on.reaper, agent


def assert_all_is_well(on: Stage, agent: Agent) -> None:
    """One new version from one CSR and one chain, asked for under one id, and everyone told."""
    assert len(on.vaults.creates) == 1
    assert len(on.vaults.versions(WWW)) == 2
    assert len(agent.signed) == 1
    (claim,) = on.claims("www")
    assert (claim.outcome, claim.new_version) == (Outcome.ISSUED, on.vaults.versions(WWW)[-1].id)
    assert len({one["request"]["id"] for one in asked(on)}) == 1
    assert len(set(on.told("action-needed", about="kv-orders:www"))) == 1
    assert len(set(on.told("new-version"))) == 1
    kinds = [record.kind for record in on.history("www")]
    assert HistoryKind.CHAIN_RECEIVED in kinds
    assert kinds.count(HistoryKind.ISSUED) == 1


def test_nobody_dies() -> None:
    """The story by itself ends well."""
    on, reaper, agent = play(0, after=False)
    assert_all_is_well(on, agent)
    assert {"vault.create", "vault.merge", "deliveries.insert"} <= set(reaper.effects)


def test_a_death_at_any_effect_ends_alike() -> None:
    """Before and after each effect: the same end, and the agent is never asked to sign twice."""
    count = len(play(0, after=False)[1].effects)
    for number in range(1, count + 1):
        for after in (False, True):
            on, reaper, agent = play(number, after=after)
            assert reaper.died == 1
            try:
                assert_all_is_well(on, agent)
            except AssertionError as failure:
                where = f"{'after' if after else 'before'} effect {number}, {reaper.effects[number - 1]}"
                raise AssertionError(f"died {where}: {failure}") from failure
