"""Claims are checked as they are made, waits end, and the exit code tells what happened."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from localazure.client import LocalAzureError
from localazure.demo.__main__ import INTERRUPTED, judged
from localazure.demo.story import ClaimBroken, Story


def test_claim_holds() -> None:
    """A claim that holds is printed with what was measured, and stands in the table at the end."""
    out = io.StringIO()
    story = Story(out)
    story.act("2", "Near expiry", "words")
    story.claim("it is renewed", holds=True, measured="2 versions")
    story.table_of_claims()
    assert "✓ it is renewed: 2 versions" in out.getvalue()
    assert out.getvalue().count("2 versions") == 2
    assert [(claim.act, claim.text) for claim in story.claims] == [("2", "it is renewed")]


def test_claim_broken() -> None:
    """A claim that does not hold ends the story, naming act, claim and what was seen; it is not among those that held."""
    story = Story(io.StringIO())
    story.act("2", "Near expiry", "words")
    with pytest.raises(ClaimBroken, match=r"act 2: it is renewed\. Seen instead: 1 version"):
        story.claim("it is renewed", holds=False, measured="1 version")
    assert story.claims == []


def test_wait() -> None:
    """A wait returns what its look found."""
    looks = iter([None, [], ["found"]])
    assert Story(io.StringIO()).wait("something", lambda: next(looks), 5) == ["found"]


def test_wait_in_vain() -> None:
    """A wait that finds nothing in time is a broken claim that says for what."""
    with pytest.raises(ClaimBroken, match="the renewal"):
        Story(io.StringIO()).wait("the renewal", lambda: None, 0.2)


def _broken(story: Story) -> None:
    story.claim("it is renewed", holds=False, measured="1 version")


def _no_azure(_: Story) -> None:
    raise LocalAzureError("port 7080 is taken")


def _interrupted(_: Story) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("tell", "code", "says"),
    [
        (lambda story: story.say("all is well"), 0, ""),
        (_broken, 1, "A CLAIM DOES NOT HOLD: it is renewed: 1 version"),
        (_no_azure, 1, "The demo cannot go on: LocalAzureError: port 7080 is taken"),
        (_interrupted, INTERRUPTED, "Stopped"),
    ],
    ids=["well", "claim broken", "no azure", "interrupted"],
)
def test_exit_code(tell: Callable[[Story], None], code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 0 only if every claim held; else one line says what did not."""
    assert judged(tell, Story(io.StringIO())) == code
    assert says in capsys.readouterr().err
