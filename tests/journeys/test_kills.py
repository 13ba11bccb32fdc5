"""Twenty hosts, each killed in the middle of a renewal at an instant drawn from a seed: every renewal ends as if nothing had been."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from threading import Event

from localazure.client import await_until
from tests.journeys.outcome import still_amiss
from tests.journeys.running import PATIENCE, App, Journey, Json, near_expiry
from tests.journeys.waits import end_waits

DAY = timedelta(days=1)
SEED = 20261124
KILLS = 20
STEPS_OF_THE_FIRST = range(9)  # requests for the vault since the claim, the create among them; some ten follow at least
STEPS_OF_THE_LAST = range(3, 8)  # likewise of the look that finds the new version; the fourth reads it
SLOW = 0.05  # seconds that each request takes, so that most kills fall into one
LEASE = ("--message-lease", "2")  # seconds until a dead host's message is seen again; Azure has 600


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill: of whose renewal, in which of its two looks, after so many requests and seconds, and on which side of effects."""

    vault: str
    last_look: bool
    requests: int
    seconds: float
    after_effect: bool


def _kills(journey: Journey, seed: int) -> list[Kill]:
    dice = random.Random(seed)
    return [
        Kill(
            vault=journey.vault(f"kill{number}"),
            last_look=(last := number % 2 == 1),
            requests=dice.choice(STEPS_OF_THE_LAST if last else STEPS_OF_THE_FIRST),
            seconds=dice.uniform(0, SLOW),
            after_effect=dice.random() < 0.5,
        )
        for number in range(KILLS)
    ]


def test_twenty_kills_at_instants_drawn_from_a_seed_end_alike(journey: Journey) -> None:
    """Every host dies while a look of its own has a renewal in hand; in the end each certificate has one new version, told under one id."""
    kills = _kills(journey, SEED)
    modes = {kill.vault: "renew" for kill in kills}
    for kill in kills:
        journey.operator.seed(kill.vault, "www", left=20 * DAY)
    with journey.app(modes, hear=[], options=LEASE) as app:
        app.subscribe()
        _send_off(journey, app, [kill.vault for kill in kills if kill.last_look])
    for kill in kills:
        with journey.app(modes, hear=[], options=LEASE) as app:
            _die_in_the_middle(journey, app, kill)
    with journey.app(modes, hear=[], options=LEASE) as app:
        names = dict.fromkeys(modes, "www")
        assert still_amiss(journey, app, names, lambda vault: journey.told(vault, "www"), dead=True) == {}


def _send_off(journey: Journey, app: App, vaults: list[str]) -> None:
    """Let the first looks of some renewals end well; the messages of their next ones are lost."""
    for vault in vaults:
        app.notify("certificate_near_expiry", near_expiry(vault, "www"))
    await_until(lambda: all(app.looks(vault, "www") for vault in vaults), PATIENCE)
    journey.lose_messages("looks")


def _die_in_the_middle(journey: Journey, app: App, kill: Kill) -> None:
    """Begin a look, wait for the instant, kill; the look had its claim and was not at its end."""
    if kill.last_look:
        end_waits(journey, [kill.vault], dead=True)
    journey.azure.clear_requests("storage-table")
    before = len(journey.asked(kill.vault))
    for service in ("storage-table", "keyvault"):
        journey.azure.fault(service, delay=SLOW, after_effect=kill.after_effect)
    app.notify("certificate_near_expiry", near_expiry(kill.vault, "www"))
    await_until(lambda: _steps(journey, kill, before) > kill.requests, PATIENCE)
    Event().wait(kill.seconds)
    app.kill()
    journey.azure.clear_faults()
    assert _claims(journey, kill.vault) == 1, "no renewal was in flight"
    assert app.looks(kill.vault, "www") == [], "the look had ended"


def _steps(journey: Journey, kill: Kill, before: int) -> int:
    """Return how many requests a look has made since it has a renewal in hand: its claim was inserted, or the new version read."""
    tables = [one for one in journey.azure.requests("storage-table") if kill.vault in one["path"] or _is_claim(one)]
    vault = len(journey.asked(kill.vault)) - before
    if kill.last_look:
        return len(tables) + vault if vault else 0
    claimed = [number for number, one in enumerate(tables) if _is_claim(one)]
    return len(tables) - claimed[0] + vault - 1 if claimed else 0


def _is_claim(request: Json) -> bool:
    return request["method"] == "POST" and str(request["path"]).endswith("/renewals")


def _claims(journey: Journey, vault: str) -> int:
    with journey.table("renewals") as table:
        return len(list(table.query_entities("PartitionKey eq @p", parameters={"p": f"{vault}:www"})))
