"""Act 6: what Key Vault renews itself is left to it, for as long as it does; what its policy would spoil is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from localazure.demo.fleet import ORDERS, Seed
from localazure.demo.stage import OPERATORS, Stage
from localazure.demo.story import Story

SUPERVISED, LATE, PUBLIC = "intranet", "gateway", "checkout"
GRACE = timedelta(days=2)  # PERENNIAL_SUPERVISION_GRACE is not set


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    story.act(
        "6", "Supervised, and refused", "Some certificates are not Perennial's to renew; it says why, and until when."
    )
    _supervised(stage, story)
    _taken_over(stage, story)
    _refused(stage, story)


def _supervised(stage: Stage, story: Story) -> None:
    """An AutoRenew certificate that the lifetime rule would have renewed is left alone."""
    known = stage.app.get(f"certificates/{ORDERS}/{SUPERVISED}")
    current, policy = known["current"], known["policy"]
    begins, ends = datetime.fromisoformat(current["not_before"]), datetime.fromisoformat(current["not_after"])
    trigger = begins + (ends - begins) * policy["trigger_percentage"] / 100
    steps_in = min(trigger + GRACE, trigger + (ends - trigger) / 2)
    story.say(
        f"{SUPERVISED} is AutoRenew, Key Vault's turn comes at {trigger:%d %B %H:%M}: “{known['reason']['sentence']}”"
    )
    story.claim(
        "an AutoRenew certificate is left alone, with the reason and the time at which Perennial would step in",
        known["reason"]["code"] == "supervised"
        and abs(datetime.fromisoformat(known["due_at"]) - steps_in) < timedelta(minutes=1)
        and not stage.creates(ORDERS, SUPERVISED)
        and ends - datetime.now(UTC) < (ends - begins) / 3,
        f"less than a third of its life is left; steps in at {datetime.fromisoformat(known['due_at']):%d %B %H:%M}",
    )


def _taken_over(stage: Stage, story: Story) -> None:
    """One whose autorotation is overdue is taken over."""
    stage.comes_near_its_end(Seed(ORDERS, LATE, "Key Vault should have renewed it", 10, auto_renew=True), story)
    story.wait(f"the renewal of {ORDERS}/{LATE}", lambda: stage.reason(ORDERS, LATE) == "supervised", 75)
    claimed = [one for one in stage.app.everything(f"certificates/{ORDERS}/{LATE}/history") if one["kind"] == "claimed"]
    story.claim(
        "where Key Vault is late by more than the grace, Perennial steps in, and hands it back",
        stage.versions(ORDERS, LATE) == 2 and [one["trigger"] for one in claimed] == ["taken-over"],
        f"renewed: {claimed[0]['reason'] if claimed else '?'}",
    )


def _refused(stage: Stage, story: Story) -> None:
    """A public certificate that somebody imported over a Self policy is not turned into a self-signed one."""
    seed = Seed(ORDERS, PUBLIC, "public, imported over a Self policy", 20, signed="public")
    stage.comes_near_its_end(seed, story)
    reason = "policy-does-not-match-certificate"
    story.wait(f"the refusal to renew {ORDERS}/{PUBLIC}", lambda: stage.reason(ORDERS, PUBLIC) == reason, 20)
    known = stage.app.get(f"certificates/{ORDERS}/{PUBLIC}")
    notices = story.wait(
        "the operators' notice", lambda: stage.receiver.received(OPERATORS, "ActionNeeded", f"{ORDERS}/{PUBLIC}"), 20
    )
    story.say(f"{PUBLIC}: “{known['reason']['sentence']}”")
    story.claim(
        "a public certificate over a Self policy is not renewed; the operators are told why",
        not stage.creates(ORDERS, PUBLIC)
        and stage.versions(ORDERS, PUBLIC) == 1
        and notices[-1].event["data"]["reason"] == known["reason"]["sentence"],
        f"{known['decision']}, {known['reason']['code']}",
    )
