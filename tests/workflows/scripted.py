"""An issuer that answers as it is told, and one look that has a claim in hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from perennial.model.authority import Obstacle, Suggestion
from perennial.model.certificate import CertificateRef
from perennial.model.decision import Renew, Snapshot
from perennial.model.messages import Look
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Checkpoint, InVault, Renewal, Step, Waiting
from perennial.workflows.sight import Sight, gather
from perennial.workflows.world import World
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, NOW, WWW, stage
from tests.workflows.rows import rewrite

REASON = Reason(ReasonCode.IN_PROGRESS, {"issuer": "a script", "what": "waiting"})
DUE = Renew(Reason(ReasonCode.DUE, {"due": "yesterday"}), "")

type Answer = Waiting | InVault | Exception


@dataclass(slots=True)
class Scripted:
    """Gives one answer a step; the last one again and again."""

    answers: list[Answer]
    asked: list[tuple[Renewal, bool]] = field(default_factory=list)  # the row, and whether it was fresh
    abandoned: list[Renewal] = field(default_factory=list)

    def step(self, renewal: Renewal, seen: Snapshot, *, fresh: bool, now: datetime) -> Waiting | InVault:
        """Give the next answer."""
        del seen, now
        self.asked.append((renewal, fresh))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def abandon(self, renewal: Renewal, now: datetime) -> None:
        """Note it."""
        del now
        self.abandoned.append(renewal)

    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Say nothing."""
        del ari_id, now
        return None

    def obstacles(self, names: tuple[str, ...], now: datetime) -> tuple[Obstacle, ...]:
        """See none."""
        del names, now
        return ()


def waits(step: Step, wait: timedelta = timedelta(0), request_id: str = "", *, adopted: bool = False) -> Waiting:
    """Return an answer that waits so long at a step."""
    return Waiting(NOW + wait, Checkpoint(step, {"at": step.value}), REASON, request_id, adopted=adopted)


def young(*, left: timedelta = 80 * DAY) -> Stage:
    """Return a stage whose certificate was looked at and has no claim."""
    on = stage(left=left, events=False)
    on.look("www")
    on.queues.sent.clear()
    return on


def world_of(on: Stage, *answers: Answer) -> tuple[World, Scripted]:
    """Return a world whose vault's issuer follows a script."""
    script = Scripted(list(answers) or [waits(Step.WAITING, DAY)])
    return replace(on.world(), issuers={"vault": script}), script


def sight_of(on: Stage, *answers: Answer, certificate: CertificateRef = WWW) -> tuple[Sight, Scripted]:
    """Return a look that has the rows in hand, and its issuer."""
    world, script = world_of(on, *answers)
    return gather(world, Look(certificate=certificate, cause="test")), script


def claimed(on: Stage, **columns: Any) -> Renewal:
    """Put an open claim on the current version there."""
    version = on.entry("www").version
    assert version is not None
    made = Renewal(
        certificate=WWW,
        replacing=version.id,
        issuer="vault",
        opened=NOW - DAY,
        next_step=NOW,
        earliest=NOW,
        actor="ada",
    )
    row = replace(made, **columns)
    on.tables.renewals.put(row)
    rewrite(on, claim=version.id)
    return row


def the_claim(on: Stage) -> Renewal:
    """Return the one claim."""
    (row,) = on.claims("www")
    return row


def steps_taken(on: Stage) -> Sequence[object]:
    """Return the looks that were queued, with their delays."""
    return [(message, delay) for message, delay in on.queues.sent if isinstance(message, Look)]
