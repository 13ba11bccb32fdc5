"""Act 4: a person imports a new version; who uses it is told, and nothing is renewed."""

from __future__ import annotations

from localazure.demo.fleet import ORDERS, OWNER
from localazure.demo.stage import SERVICE, Stage
from localazure.demo.story import Story

NAME = "portal"


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    story.act("4", "Someone else renewed", f"A person imports a new version of {ORDERS}/{NAME}, past Perennial.")
    made = stage.person.import_new(ORDERS, NAME, tags=OWNER)
    version = str(made.properties.version if made.properties else "")
    story.say(f"a person imports version {version[:8]}…")
    subject = f"{ORDERS}/{NAME}"
    topic = story.wait("the topic to be told", lambda: stage.told("NewVersion", ORDERS, NAME), 20)
    hooks = story.wait("the webhook", lambda: stage.receiver.received(SERVICE, "NewVersion", subject), 20)
    data = topic[-1]["data"]
    story.claim(
        "every subscriber to new versions is told of it, with the same id and the version that it replaced",
        [one["id"] for one in topic] == [one.id for one in hooks]
        and data["version"] == version == hooks[-1].event["data"]["version"]
        and bool(data["previous_version"]),
        f"topic and webhook, id {topic[-1]['id'][:8]}…, its maker: {data['made_by'] or 'unknown'}",
    )
    story.rest(1.5, "anything that Perennial might do to it")
    story.claim(
        "nothing is renewed",
        not stage.creates(ORDERS, NAME)
        and stage.versions(ORDERS, NAME) == 2
        and stage.reason(ORDERS, NAME) == "not-due",
        f"{len(stage.creates(ORDERS, NAME))} creates; the two versions are the people's",
    )
