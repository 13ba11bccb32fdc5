"""Act 7: the integrated CA refuses; the ladder, the operators' notices; it recovers."""

from __future__ import annotations

from functools import partial

from localazure.client import Json
from localazure.demo.fleet import CA, ORDERS, Seed
from localazure.demo.stage import OPERATORS, Stage
from localazure.demo.story import Story

NAME = "quotes"
ATTEMPTS = 2
WORDS = "the CA is closed for maintenance"


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    story.act("7", "Trouble", f"The CA behind {ORDERS}/{NAME} refuses every request.")
    stage.azure.issuer(ORDERS, CA, delay=0.3, failure=("Request rejected", WORDS))
    stage.comes_near_its_end(Seed(ORDERS, NAME, "by the integrated CA", 20, issuer=CA, signed="corp"), story)
    for attempt in range(1, ATTEMPTS + 1):
        known = story.wait(f"the failure of attempt {attempt}", partial(_failed, stage, attempt), 75)
        story.say(f"“{known['reason']['sentence']}”")
    story.claim(
        "it waits on the ladder, and says what the CA said",
        known["reason"]["code"] == "back-off" and WORDS in known["reason"]["sentence"],
        f"{known['renewal']['failures']} attempts failed, the next at {known['renewal']['next_step']}",
    )
    subject = f"{ORDERS}/{NAME}"
    told = story.wait(
        "the operators' notices", lambda: stage.receiver.received(OPERATORS, "RenewalFailed", subject)[1:], 20
    )
    told = stage.receiver.received(OPERATORS, "RenewalFailed", subject)
    story.claim(
        "the operators are told of each failure once, with the reason and the time left",
        [one.event["data"]["attempts"] for one in told] == list(range(1, len(told) + 1))
        and all(WORDS in one.event["data"]["error"] and one.event["data"]["seconds_left"] > 0 for one in told),
        f"{len(told)} notices, {told[-1].event['data']['seconds_left'] // 86400} days left",
    )
    _recovers(stage, story, subject)


def _failed(stage: Stage, attempt: int) -> Json | None:
    """Return what is known of the certificate once so many attempts have failed and it waits."""
    known = stage.app.certificate(ORDERS, NAME)
    waits = known is not None and known["reason"] is not None and known["reason"]["code"] == "back-off"
    return known if known and waits and known["renewal"]["failures"] >= attempt else None


def _recovers(stage: Stage, story: Story, subject: str) -> None:
    """The CA works again: the next attempt renews, and the operators are told that it is over."""
    stage.azure.issuer(ORDERS, CA)
    story.say("the CA is open again")
    began = story.seconds
    story.wait(f"the renewal of {ORDERS}/{NAME}", lambda: stage.reason(ORDERS, NAME) == "not-due", 90)
    failures = stage.app.get(f"certificates/{ORDERS}/{NAME}")["renewal"]["failures"]
    story.claim(
        "the next attempt renews it",
        stage.versions(ORDERS, NAME) == 2 and len(stage.creates(ORDERS, NAME)) == failures + 1,
        f"after {failures} failures, {story.seconds - began:.1f} s after the CA was back; {len(stage.creates(ORDERS, NAME))} creates",
    )
    told = story.wait(
        "the notice that it is over", lambda: stage.receiver.received(OPERATORS, "RenewalRecovered", subject), 20
    )
    story.claim(
        "the operators are told that it is over",
        len(told) == 1 and told[0].event["data"]["attempts"] == failures,
        f"renewal-recovered after {told[0].event['data']['attempts']} failures",
    )
