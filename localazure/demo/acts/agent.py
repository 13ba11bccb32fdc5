"""Act 10: a CA behind a wall; an agent beside it takes the CSR away and brings the chain back."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes

from localazure.demo.corporate import NAME as CORP
from localazure.demo.fleet import ORDERS, OWNER, Seed
from localazure.demo.stage import OPERATORS, Stage
from localazure.demo.story import Story

NAME = "timesheets"


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    story.act(
        "10",
        "Somebody else signs",
        f"{ORDERS}/{NAME} comes from the company's own CA, which Perennial cannot reach. Key Vault makes the CSR, Perennial asks "
        "for a signature, and an agent beside that CA sees to it.",
    )
    seed = Seed(
        ORDERS,
        NAME,
        "by the company's CA",
        20,
        issuer="Unknown",
        signed="corp",
        tags={**OWNER, "perennial-issuer": CORP},
    )
    stage.comes_near_its_end(seed, story)
    told = story.wait("the notice that asks for a signature", lambda: _asked(stage), 75)
    request = told[0]["request"]
    story.claim(
        "a notice carries the CSR, what to order and where to bring the chain",
        "BEGIN CERTIFICATE REQUEST" in request["csr"] and request["post_to"].endswith(f"/{ORDERS}/{NAME}"),
        f"{request['instructions']}; POST {request['post_to']}",
    )
    _signed(stage, story)


def _signed(stage: Stage, story: Story) -> None:
    """Let the agent come, twice."""
    agent = stage.signers.agent
    story.say(f"the agent comes: {agent.what}")
    for answer in agent.come(stage.app.url):
        story.say(f"the app answers it: {answer.get('state', answer)}, {' ← '.join(answer.get('chain', []))}")
    story.wait(f"the merge into {ORDERS}/{NAME}", lambda: stage.versions(ORDERS, NAME) == 2, 30)
    story.wait("the end of the look", lambda: stage.reason(ORDERS, NAME) == "not-due", 30)
    current = stage.current(ORDERS, NAME)
    kinds = [one["kind"] for one in stage.app.everything(f"certificates/{ORDERS}/{NAME}/history")]
    story.claim(
        "the chain is checked and merged: the vault serves what the company's CA signed",
        current.issuer.rfc4514_string() == "CN=Corp Issuing" and kinds.count("chain-received") == 1,
        f"{current.issuer.rfc4514_string()}, sha256 {current.fingerprint(hashes.SHA256()).hex()[:12]}…",
    )
    again = agent.come(stage.app.url)
    story.claim(
        "the agent may come again as often as it likes",
        not again and agent.issued == 1 and not stage.app.get("requests")["items"],
        f"{agent.issued} certificate signed, nothing waits",
    )


def _asked(stage: Stage) -> list[dict[str, dict[str, str]]]:
    told = [one.event["data"] for one in stage.receiver.received(OPERATORS, "ActionNeeded", f"{ORDERS}/{NAME}")]
    return [data for data in told if data["code"] == "signature-needed"]
