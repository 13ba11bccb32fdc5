"""Act 5: a person imports a new version; who uses it is told, and nothing is renewed."""

from __future__ import annotations

from localazure.demo.fleet import ORDERS, OWNER
from localazure.demo.stage import NOTICE, Stage
from localazure.demo.story import Story

NAME = "portal"


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    story.act("5", "Someone else renewed", f"A person imports a new version of {ORDERS}/{NAME}, past Perennial.")
    before = stage.person.versions(ORDERS, NAME)[-1]
    made = stage.person.import_new(ORDERS, NAME, tags=OWNER)
    version = str(made.properties.version if made.properties else "")
    story.say(f"a person imports version {version[:8]}…")
    topic = story.wait("the notice of the import at the topic", lambda: stage.at_topic(ORDERS, NAME, version), NOTICE)
    hooks = story.wait(
        "the notice of the import at the webhook", lambda: stage.at_service(ORDERS, NAME, version), NOTICE
    )
    data = hooks[0].event["data"]
    story.claim(
        "every subscriber to new versions is told of it, with the same id and the version that it replaced",
        topic == [one.id for one in hooks] and data["previous_version"] == before,
        f"topic and webhook, id {topic[0][:8]}…, its maker: {data['made_by'] or 'unknown'}",
    )
    story.rest(1.5, "anything that Perennial might do to it")
    story.claim(
        "nothing is renewed",
        not stage.creates(ORDERS, NAME)
        and stage.versions(ORDERS, NAME) == 2
        and stage.reason(ORDERS, NAME) == "not-due",
        f"{len(stage.creates(ORDERS, NAME))} creates; the two versions are the people's",
    )
