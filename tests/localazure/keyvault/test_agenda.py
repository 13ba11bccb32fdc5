"""What will happen later in the stand-in for Key Vault, begun by whoever comes first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from localazure.keyvault.agenda import Agenda

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def test_whoever_finishes_waits_for_what_another_has_begun() -> None:
    """The background may have taken a deed that a test has let come due; a plain run finds nothing left to do, and goes on."""

    async def play() -> list[str]:
        agenda, told, gate = Agenda(lambda: NOW), list[str](), asyncio.Event()

        async def slow() -> None:
            """Issue, when the gate opens."""
            await gate.wait()
            told.append("issued")

        agenda.after(0, slow)
        background = asyncio.create_task(agenda.run())
        await asyncio.sleep(0)
        await agenda.run()
        told.append("ran")
        finishing = asyncio.create_task(agenda.finish())
        await asyncio.sleep(0)
        gate.set()
        await finishing
        told.append("finished")
        await background
        return told

    assert asyncio.run(play()) == ["ran", "issued", "finished"]


def test_a_deed_that_fails_is_no_longer_under_way() -> None:
    """Nobody waits for it."""

    async def play() -> None:
        agenda = Agenda(lambda: NOW)

        async def broken() -> None:
            """Fail."""
            raise RuntimeError("no")

        agenda.after(0, broken)
        with pytest.raises(RuntimeError, match="no"):
            await agenda.run()
        await asyncio.wait_for(agenda.finish(), 1)

    asyncio.run(play())
