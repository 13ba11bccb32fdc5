"""Act 2: Key Vault says that a certificate is near its expiry, eleven times; it is renewed once, and who uses it is told."""

from __future__ import annotations

from datetime import datetime

from localazure.client import Json
from localazure.demo.fleet import ORDERS, Seed
from localazure.demo.stage import NOTICE, Stage
from localazure.demo.story import Story

NAME = "www"
COPIES = 10


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    story.act(
        "2",
        "Near expiry",
        f"An old self-signed certificate, {ORDERS}/{NAME}, comes near its end. Key Vault says so once.",
    )
    event = stage.comes_near_its_end(Seed(ORDERS, NAME, "self-signed", 20), story)
    began = story.seconds
    story.wait(f"the renewal of {ORDERS}/{NAME}", lambda: stage.reason(ORDERS, NAME) == "not-due", 75)
    story.claim(
        "it is renewed",
        stage.versions(ORDERS, NAME) == 2,
        f"a second version {story.seconds - began:.1f} s after the event",
    )
    _again(stage, story, event)
    _history(stage, story)
    _told(stage, story)


def _again(stage: Stage, story: Story, event: Json) -> None:
    """Deliver the same event ten more times."""
    stage.azure.redeliver(event["id"], COPIES)
    story.say(f"Event Grid delivers the same event {COPIES} more times")
    story.wait("an acknowledgement of each copy", lambda: _delivered(stage, event["id"]) == COPIES + 1, 20)
    looks = story.wait("a look for each", lambda: stage.looks(ORDERS, NAME, "near-expiry")[COPIES:], 20)
    story.say(f"its log: {COPIES + len(looks)} looks, the last one did {looks[-1]['did'] or 'nothing'}")
    story.claim(
        "ten copies change nothing",
        stage.versions(ORDERS, NAME) == 2 and len(stage.creates(ORDERS, NAME)) == 1,
        f"{_delivered(stage, event['id'])} deliveries, {len(stage.creates(ORDERS, NAME))} create, {stage.versions(ORDERS, NAME)} versions",
    )


def _delivered(stage: Stage, event_id: str) -> int:
    found = next(one for one in stage.azure.events(vault=ORDERS, name=NAME) if one["id"] == event_id)
    return sum(delivery["state"] == "delivered" for delivery in found["deliveries"])


def _history(stage: Stage, story: Story) -> None:
    """Show what was written down."""
    records = stage.app.everything(f"certificates/{ORDERS}/{NAME}/history")
    rows = [_record(one) for one in reversed(records)]
    story.say("its history, oldest first")
    story.show(("at", "what", "who or why", "details"), rows)
    kinds = [one["kind"] for one in records]
    story.claim(
        "the history tells it: the event, the claim, the create, the new version",
        all(kind in kinds for kind in ("event", "claimed", "sent", "issued")) and kinds.count("issued") == 1,
        f"{len(records)} records",
    )


def _record(one: Json) -> tuple[str, ...]:
    version = f"{one['version'][:8]} → {one['new_version'][:8]}" if one["new_version"] and one["version"] else ""
    who = one["trigger"] or one["actor"] or ""
    return (
        datetime.fromisoformat(one["at"]).strftime("%H:%M:%S"),
        one["kind"],
        who,
        one["reason"] or one["error"] or version,
    )


def _told(stage: Stage, story: Story) -> None:
    """See that the topic and the webhook were told the same, and get the same id when it is told again."""
    current = stage.person.versions(ORDERS, NAME)[-1]
    hooks = story.wait(
        "the notice of the new version at the webhook", lambda: stage.at_service(ORDERS, NAME, current), NOTICE
    )
    topic = story.wait("the same at the topic", lambda: stage.at_topic(ORDERS, NAME, current), NOTICE)
    story.say(f"both say: take it up from {hooks[0].event['data']['secret_id']}")
    story.claim(
        "the Event Grid subscriber and the webhook were told of the new version, under one id",
        hooks[0].verified and topic == [one.id for one in hooks],
        f"id {hooks[0].id[:8]}… at both",
    )
    deliveries = stage.app.everything("deliveries", vault=ORDERS, certificate=NAME, subscription="orders-service")
    again = next(one for one in deliveries if one["notice"] == hooks[0].id)
    stage.app.post(f"deliveries/{again['id']}/redeliver")
    story.say("a person asks for that delivery again: POST /api/deliveries/…/redeliver")
    repeated = story.wait("the repeated notice", lambda: stage.at_service(ORDERS, NAME, current)[1:], 20)
    story.claim(
        "a repeat has the same id and verifies",
        all(one.verified and one.id == hooks[0].id for one in repeated),
        f"webhook-id {repeated[0].id[:8]}… again",
    )
