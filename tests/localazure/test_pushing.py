"""How events are pushed: one a request, and what an answer after its time does. In this process, with short times."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from localazure.deliveries import Subscriber
from localazure.retry import RetryPolicy
from localazure.systemtopics import SystemTopics
from tests.localazure.test_retry import EVENT

VAULT = EVENT.vault
POLICY = RetryPolicy(pace=0.03, timeout=0.1, late=2)  # the first retry is due 0.3 seconds after the time-out


async def push(count: int, answer_after: float, policy: RetryPolicy, until: float) -> tuple[list[Any], list[str]]:
    """Push events to an endpoint that takes its time to answer; return the bodies that came, and the events' states."""
    bodies: list[Any] = []

    async def take(request: web.Request) -> web.Response:
        """Accept a request, slowly."""
        bodies.append(await request.json())
        await asyncio.sleep(answer_after)
        return web.Response(status=202)

    application = web.Application()
    application.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    topics = SystemTopics(lambda: datetime.now(UTC), policy)
    await topics.start()
    try:
        topics.subscribe(VAULT, Subscriber(f"http://127.0.0.1:{runner.addresses[0][1]}", "eventgrid"))
        for _ in range(count):
            topics.emit(EVENT)
        await asyncio.sleep(until)
        return bodies, [event.state for event in topics.events()]
    finally:
        await topics.stop()
        await runner.cleanup()


def test_output_batching_is_off() -> None:
    """Ten events that are due at once are ten requests, each an array of one."""
    bodies, states = asyncio.run(push(10, 0, POLICY, until=0.3))
    assert [len(body) for body in bodies] == [1] * 10
    assert len({body[0]["id"] for body in bodies}) == 10
    assert states == ["delivered"] * 10


def test_an_answer_in_time_is_one_delivery() -> None:
    """An endpoint that is slow within its time gets the event once."""
    bodies, states = asyncio.run(push(1, 0.2, replace(POLICY, timeout=5), until=0.5))
    assert (len(bodies), states) == (1, ["delivered"])


def test_a_success_after_its_time_drops_the_queued_retry() -> None:
    """The attempt was over, but the answer came before the retry was due: the event comes once."""
    bodies, states = asyncio.run(push(1, 0.2, POLICY, until=0.7))
    assert (len(bodies), states) == (1, ["delivered"])


def test_a_success_after_the_retry_began_is_a_duplicate() -> None:
    """The answer came when the event was on its way again: it comes twice, with one id."""
    bodies, states = asyncio.run(push(1, 0.55, POLICY, until=0.8))
    assert [body[0]["id"] for body in bodies] == [bodies[0][0]["id"]] * 2
    assert states == ["delivered"]


def test_a_success_after_the_late_time_is_not_heard() -> None:
    """The connection was cut before it, so the event goes on by its schedule: it comes again."""
    bodies, states = asyncio.run(push(1, 0.3, replace(POLICY, late=0.2), until=0.6))
    assert (len(bodies), states) == (2, ["waiting"])
