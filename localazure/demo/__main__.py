"""`make demo`: the whole story on this machine; 0 if every claim held, 1 naming the one that did not."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType

from azure.core.exceptions import AzureError
from urllib3.exceptions import HTTPError

from localazure.client import ROOT, LocalAzureError
from localazure.demo.acts import ACTS
from localazure.demo.api import Refused
from localazure.demo.fleet import FLEET
from localazure.demo.stage import LOG, stage
from localazure.demo.story import ClaimBroken, Story
from localazure.opensslca import OpenSslError

INTERRUPTED = 130  # as a shell says it
INTRODUCTION = (
    "Everything runs on this machine, behind Azure's own names: Key Vaults, Event Grid, DNS, an identity, storage, and the Functions "
    "host with Microsoft's worker. Time is shortened, and only that: the clock that looks for what is due ticks each second (in "
    "Azure each minute), Key Vault issues in two seconds (there: up to a minute) and asks to be asked again after two "
    "(there: ten), and a failed renewal is tried again after seconds (there: a minute, ten, an hour, six, a day)."
)


def main(arguments: list[str] | None = None) -> int:
    """Play the acts; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m localazure.demo", description=__doc__)
    parser.add_argument("--acts", type=int, default=len(ACTS), metavar="N", help="stop after so many acts")
    parser.add_argument("--plain", action="store_true", help="as on a machine without Pebble and OpenSSL")
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _end)
    return judged(partial(play, acts=given.acts, plain=given.plain), Story(sys.stdout))


def judged(tell: Callable[[Story], None], story: Story) -> int:
    """Tell a story; return 0 if every claim held, else say which did not, or why it could not be told, and return 1."""
    log = f"The app's log: {LOG.relative_to(ROOT)}"
    try:
        tell(story)
    except ClaimBroken as broken:
        print(f"\nA CLAIM DOES NOT HOLD: {broken}\n{log}", file=sys.stderr)
        return 1
    except (LocalAzureError, OpenSslError, Refused, HTTPError, AzureError) as failed:
        print(f"\nThe demo cannot go on: {type(failed).__name__}: {failed}\n{log}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.", file=sys.stderr)
        return INTERRUPTED
    return 0


def play(story: Story, *, acts: int, plain: bool) -> None:
    """Set up, play so many acts, and show what was claimed. Nothing is left running, however it ends."""
    story.act("", "Perennial, from an event to a renewed certificate", INTRODUCTION)
    story.say("starting the local Azure")
    with stage(plain=plain) as running:
        story.say("it is up; people fill two vaults")
        for seed in FLEET:
            running.planter.plant(seed)
        story.say(f"{len(FLEET)} certificates are in place; the app's log: {LOG.relative_to(ROOT)}")
        set_up = story.seconds
        for act in ACTS[:acts]:
            act(running, story)
        told = story.seconds - set_up
        story.act("", "What was claimed, and what was measured", "")
        story.table_of_claims()
    story.say(f"all {len(story.claims)} claims hold; the story took {told:.0f} s after {set_up:.0f} s of set-up")
    story.say("everything is stopped")


def _end(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
