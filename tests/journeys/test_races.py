"""Two workers and one claim, the first paused past its lease (SIGSTOP, SIGCONT) on either side of its create: one version."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from localazure.client import await_until
from tests.journeys.outcome import still_amiss
from tests.journeys.running import PATIENCE, App, Journey, near_expiry
from tests.journeys.waits import end_waits, rows_of

DAY = timedelta(days=1)
CA = 6.0  # seconds that the CA takes
WITHHELD = 4.0  # seconds until an answer that the first worker waits for leaves; it is paused long before


@contextmanager
def _paused(app: App) -> Iterator[None]:
    """Stop a host as a machine that is paused does, and let it go on."""
    os.killpg(app.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(app.pid, signal.SIGCONT)


def _race(journey: Journey, vault: str, first: App, passed: Callable[[], bool], done: Callable[[App], bool]) -> None:
    """Pause the first worker where it `passed`; its lease ends; another works until it is `done`; then the first wakes."""
    first.subscribe()
    first.notify("certificate_near_expiry", near_expiry(vault, "www"))
    await_until(passed, PATIENCE)
    with _paused(first):
        end_waits(journey, [vault], dead=True)
        with journey.app({vault: "renew"}, hear=[]) as second:
            second.notify("certificate_near_expiry", near_expiry(vault, "www"))
            await_until(lambda: done(second), PATIENCE)
    with journey.app({vault: "renew"}, hear=[]) as second:
        await_until(lambda: _awake(first), PATIENCE)
        assert still_amiss(journey, second, {vault: "www"}, lambda _: journey.told(vault, "www")) == {}


def _awake(first: App) -> bool:
    """Tell whether the first worker's look has ended, in whatever way."""
    first.log.read()
    return "[host] look_at_certificate " in first.log.text or "timed out" in first.log.text


def _answers(journey: Journey, vault: str) -> list[int]:
    """Return how the vault answered the creates, oldest first; one that nobody waited for is none."""
    seen = journey.azure.requests("keyvault", host=f"{vault}.vault.azure.net", authenticated=True)
    return [one["status"] for one in seen if str(one["path"]).endswith("/create") and one["identity"] == "perennial"]


def _intent_is_saved(journey: Journey) -> bool:
    return any('"sending"' in row["checkpoint"] for row in rows_of(journey, "renewals"))


def _slow_ca(journey: Journey) -> str:
    vault = journey.vault()
    ca = journey.integrated_ca(vault, delay=CA)
    journey.operator.seed(vault, "www", left=20 * DAY, issuer=ca, signed_by=journey.ca())
    return vault


def _withhold_the_intents_answer(journey: Journey, seconds: float) -> None:
    path = "*/renewals(*"
    journey.azure.fault("storage-table", method="PUT", path=path, after_effect=True, delay=seconds, times=1)


def test_paused_before_its_create_the_first_is_refused(journey: Journey) -> None:
    """The second sends a create meanwhile, which is in progress when the first wakes: 409, and it takes nothing for its own."""
    vault = _slow_ca(journey)
    _withhold_the_intents_answer(journey, WITHHELD)
    with journey.app({vault: "renew"}, hear=[]) as first:
        _race(
            journey,
            vault,
            first,
            lambda: _intent_is_saved(journey),
            lambda second: "sent" in second.kinds(vault, "www"),
        )
    assert _answers(journey, vault) == [202, 409]


def test_paused_after_its_create_the_first_only_adds_its_answer(journey: Journey) -> None:
    """The second finds the operation and waits for it; the first wakes with the answer, and one create was sent."""
    vault = _slow_ca(journey)
    journey.azure.fault("keyvault", method="POST", path=f"{vault}.*/create", after_effect=True, delay=WITHHELD, times=1)
    with journey.app({vault: "renew"}, hear=[]) as first:
        _race(
            journey,
            vault,
            first,
            lambda: journey.is_pending(vault, "www"),
            lambda second: "adopted-after-crash" in second.kinds(vault, "www"),
        )
    assert _answers(journey, vault) == [202]


def test_paused_until_all_is_done_the_first_is_ended(journey: Journey) -> None:
    """The second has renewed when the first wakes, over its function's time: the platform ends it before it sends anything."""
    vault = journey.vault()
    journey.operator.seed(vault, "www", left=20 * DAY)
    _withhold_the_intents_answer(journey, 2 * PATIENCE)
    limit = {"AzureFunctionsJobHost__functionTimeout": "00:00:03"}
    with journey.app({vault: "renew"}, hear=[], settings=limit) as first:
        _race(journey, vault, first, lambda: _intent_is_saved(journey), lambda _: journey.versions(vault, "www") == 2)
        assert "timed out" in first.log.text
    assert _answers(journey, vault) == [202]
