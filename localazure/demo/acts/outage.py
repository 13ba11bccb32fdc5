"""Act 9: a CA is down while a certificate has little life left; the next of its list takes over, and gives back."""

from __future__ import annotations

from localazure.demo.fleet import ORDERS, OWNER, Seed
from localazure.demo.signers import DOMAIN, FIRST, SECOND
from localazure.demo.stage import OPERATORS, Stage
from localazure.demo.story import Story

HOST = "partners"
NAME = "partners-api"


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    story.act(
        "9",
        "A CA is down",
        f"{ORDERS}/{NAME} has two CAs, by its tag perennial-issuer: {FIRST} {SECOND}. Five of its 90 days are left, and the first is down.",
    )
    stage.signers.first.behave(down="503")
    tags = {**OWNER, "perennial-issuer": f"{FIRST} {SECOND}"}
    names = (f"{HOST}.{DOMAIN}",)
    stage.comes_near_its_end(
        Seed(ORDERS, NAME, "by one of two CAs", 5, issuer="Unknown", signed="public", tags=tags, names=names), story
    )
    took = stage.renewed(ORDERS, NAME, story)
    records = stage.app.everything(f"certificates/{ORDERS}/{NAME}/history")
    handed = [one for one in records if one["kind"] == "failed-over"]
    story.say(
        f"its history: “{handed[0]['reason'] if handed else '?'}”, after “{handed[0]['error'] if handed else '?'}”"
    )
    story.claim(
        "the second CA takes over, once; the first has no order",
        len(handed) == 1 and _orders(stage) == (0, 1),
        f"handed over {len(handed)}×, issued {took:.1f} s after the event; orders: {_told(stage)}",
    )
    told = story.wait(
        "the operators' notice", lambda: stage.receiver.received(OPERATORS, "RenewalFailed", f"{ORDERS}/{NAME}"), 20
    )
    story.claim(
        "the operators are told which CA failed, and which took over",
        [(one.event["data"]["issuer"], one.event["data"]["taken_over_by"]) for one in told] == [(FIRST, SECOND)],
        f"“{told[0].event['data']['error']}”",
    )
    _back(stage, story)


def _back(stage: Stage, story: Story) -> None:
    """The first CA works again: whatever the reason, the next renewal is its own."""
    stage.signers.first.behave(down="")
    reason = {"reason": "the partner's CA is back", "force": True}
    stage.app.post(f"certificates/{ORDERS}/{NAME}/renew", reason)
    story.say(f"{FIRST} answers again; a person asks for a renewal: POST /api/certificates/…/renew")
    stage.renewed(ORDERS, NAME, story, versions=3)
    through = stage.app.get(f"certificates/{ORDERS}/{NAME}")["issued_through"]
    story.claim(
        "and gives back: the next renewal is the first CA's",
        through == FIRST and _orders(stage) == (1, 1),
        f"issued through {through}; orders: {_told(stage)}",
    )


def _orders(stage: Stage) -> tuple[int, int]:
    return len(stage.signers.first.orders()), len(stage.signers.second.orders())


def _told(stage: Stage) -> str:
    first, second = _orders(stage)
    return f"{FIRST} {first}, {SECOND} {second}"
