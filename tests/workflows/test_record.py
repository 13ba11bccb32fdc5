"""Rows of the history: whole, and under keys that come from what caused them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from perennial.model.certificate import CertificateRef
from perennial.model.history import HistoryKind, Record
from perennial.model.ids import digest
from perennial.model.messages import EventSeen, Look
from perennial.ports.tables import Query
from perennial.workflows.record import file_event, record
from tests.workflows.telling import HOUR, START, WEB, Scene


def rows(scene: Scene) -> list[Record]:
    """Return all rows."""
    return [stored.value for stored in scene.tables.history.select(Query()).items]


@pytest.mark.parametrize(
    ("time", "at", "received"),
    [(START - HOUR, START - HOUR, None), (None, datetime(1970, 1, 1, tzinfo=UTC), START)],
)
def test_an_event_is_filed_under_its_own_time(time: datetime | None, at: datetime, received: datetime | None) -> None:
    """A repeat writes the same row; one whose time cannot be read stands at the very end, with when it came."""
    scene = Scene()
    for _ in range(2):
        file_event(
            scene.world,
            Look(
                certificate=WEB,
                cause="near-expiry",
                version="v",
                event=EventSeen(id="e", kind="near-expiry", time=time),
            ),
        )
    assert rows(scene) == [
        Record(
            certificate=WEB,
            id="e",
            at=at,
            kind=HistoryKind.EVENT,
            trigger="near-expiry",
            version="v",
            received=received,
        )
    ]


def test_a_look_that_no_event_caused_files_none() -> None:
    """There is nothing to file."""
    scene = Scene()
    file_event(scene.world, Look(certificate=WEB, cause="due"))
    assert rows(scene) == []


def test_a_row_holds_what_it_was_told() -> None:
    """Its id depends on certificate, version, step and kind, and on nothing else."""
    scene = Scene()
    told: dict[str, Any] = {"trigger": "due", "actor": "ada", "new_version": "v2", "thumbprint": "aa", "reason": "why"}
    told |= {"error": "none", "seconds": 7, "facts": {"a": "b"}}
    record(scene.world, WEB, HistoryKind.ISSUED, at=START, version="v1", step="3", **told)
    record(scene.world, CertificateRef("kv-orders", "api"), HistoryKind.GONE, at=START, version="")
    gone, issued = rows(scene)
    assert issued == Record(
        certificate=WEB,
        id=digest("kv-orders/web", "v1", "3", "issued"),
        at=START,
        kind=HistoryKind.ISSUED,
        version="v1",
        **told,
    )
    assert (gone.id, gone.facts, gone.seconds) == (digest("kv-orders/api", "", "", "gone"), {}, 0)
