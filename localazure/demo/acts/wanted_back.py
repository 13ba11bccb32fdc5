"""Act 11: the ACME CA wants a certificate replaced now, as before a mass revocation; it is, by an order that says what it replaces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from localazure.acme.signing import ari_id
from localazure.demo.acts.acme import NAME
from localazure.demo.fleet import ORDERS
from localazure.demo.signers import ASK_AGAIN
from localazure.demo.stage import Stage
from localazure.demo.story import Story


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    before, ca = stage.current(ORDERS, NAME), stage.signers.public
    story.act(
        "11",
        "The CA wants it back",
        f"The CA that issued {ORDERS}/{NAME} found a mistake of its own, and will revoke what it issued. It says so by ACME Renewal "
        f"Information (RFC 9773): the window in which to renew has just passed. "
        f"Perennial asks as often as the CA allows, here each {ASK_AGAIN} s.",
    )
    first = next(iter(_records(stage, "window")), "")
    story.say(f"asked right after issuance, the CA had said: {first}")
    now = datetime.now(UTC)
    ca.window(before, now - timedelta(hours=1), now - timedelta(minutes=1))
    took = stage.renewed(ORDERS, NAME, story, versions=3, patience=ASK_AGAIN + 60)
    triggers = _records(stage, "claimed")
    story.claim(
        "the certificate is replaced, long before it was due",
        triggers == ["due", "revoked-by-ca"] and stage.versions(ORDERS, NAME) == 3,
        f"a third version {took:.1f} s after the CA had changed its mind; why: {', '.join(triggers)}",
    )
    story.claim(
        "its order said what it replaces, so that the CA can tell a renewal from a new certificate",
        ca.replaced() == [ari_id(before)],
        f"replaces {', '.join(one[:24] for one in ca.replaced()) or 'nothing'}…",
    )


def _records(stage: Stage, kind: str) -> list[str]:
    """Return what the history says of a kind, oldest first."""
    records = stage.app.everything(f"certificates/{ORDERS}/{NAME}/history")
    found = [one for one in reversed(records) if one["kind"] == kind]
    if kind == "window":
        return [f"renew between {one['facts']['start'][:16]} and {one['facts']['end'][:16]}" for one in found]
    return [str(one["trigger"]) for one in found]
