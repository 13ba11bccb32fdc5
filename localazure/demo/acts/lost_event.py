"""Act 4: Event Grid loses the event; the sweep finds the certificate."""

from __future__ import annotations

from localazure.demo.fleet import ORDERS, Seed
from localazure.demo.stage import Stage
from localazure.demo.story import Story

NAME = "cart"


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    story.act(
        "4", "A lost event", f"{ORDERS}/{NAME} comes near its end too, but every event about it is lost on the way."
    )
    with stage.events_dropped(ORDERS):
        stage.planter.plant(Seed(ORDERS, NAME, "self-signed", 20))
        story.wait("Key Vault's near-expiry event", lambda: stage.near_expiry(ORDERS, NAME), 15)
        states = {one["state"] for one in stage.azure.events(vault=ORDERS, name=NAME) if "Certificate" in one["type"]}
        story.claim("Event Grid dropped them all", states == {"dropped"}, ", ".join(sorted(states)))
        story.rest(1.5, "anything that Perennial might notice")
    known = stage.app.certificate(ORDERS, NAME)
    story.claim(
        "Perennial knows nothing of it", known is None, "it has no row" if known is None else f"its row: {known}"
    )
    began = story.seconds
    tick = stage.sweep()
    story.say("a sweep begins (here by POST /api/sweeps; by itself every night)")
    run = story.wait("the sweep's end", lambda: stage.swept(tick), 30)
    story.claim(
        "the sweep sees what no event told",
        run["skipped"].get("first seen") == 1,
        f"new: {run['skipped'].get('first seen')} of {run['seen']}",
    )
    story.wait(f"the renewal of {ORDERS}/{NAME}", lambda: stage.reason(ORDERS, NAME) == "not-due", 75)
    story.claim(
        "it is renewed all the same, once",
        stage.versions(ORDERS, NAME) == 2 and len(stage.creates(ORDERS, NAME)) == 1,
        f"a second version {story.seconds - began:.1f} s after the sweep began",
    )
