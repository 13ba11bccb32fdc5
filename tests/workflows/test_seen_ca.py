"""What a new version means for what its CA said of the one before."""

from __future__ import annotations

from dataclasses import replace

from perennial.model.authority import Obstacle
from perennial.model.certificate import INSTANCE_TAG, RENEWAL_TAG
from tests.memory.authority import SlowAuthority
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, WWW, stage
from tests.workflows.rows import rewrite
from tests.workflows.signed_stage import place, signed_stage, window
from tests.workflows.test_seen import MINUTE, read, sight_of


def test_what_a_ca_said_of_the_version_before_is_forgotten() -> None:
    """Window, revocation and its page; since when it drifted. What stands in the way of the next renewal stays."""
    blocked = (Obstacle(code="caa", what="no", fix="yes"),)
    on = signed_stage()
    sight = sight_of(
        on,
        suggested_at=NOW,
        window_ends=NOW,
        revoked_at=NOW,
        explanation="why",
        ask_ca_at=NOW + HOUR,
        issued_by="first|1",
        issued_through="first",
        drifted_at=NOW,
        obstacles=blocked,
        obstructed_since=NOW,
    )
    place(on, WWW, left=89 * DAY)
    entry = read(on, sight)
    assert (entry.suggested_at, entry.window_ends, entry.revoked_at, entry.explanation) == (None, None, None, "")
    assert (entry.ask_ca_at, entry.issued_by, entry.issued_through, entry.drifted_at) == (None, "", "", None)
    assert (entry.obstacles, entry.obstructed_since) == (blocked, NOW)


def obstruct(on: Stage) -> None:
    """Let something stand in the way, as a look of yesterday saw it."""
    on.settings, settings = replace(on.settings, issuers=()), on.settings
    on.look("www")  # nobody is to sign it: only its row is made
    on.settings = settings
    rewrite(on, obstacles=(Obstacle(code="caa", what="no", fix="yes"),), obstructed_since=NOW, preflight_at=NOW + DAY)


def test_what_its_ca_signed_through_us_is_asked_about_at_once_and_had_no_obstacle() -> None:
    """The account, the authority, and nothing that stood in the way before."""
    first = SlowAuthority(prompt=True, account="first|1", suggestion=window(60 * DAY, 61 * DAY))
    on = signed_stage(left=20 * DAY, first=first)
    obstruct(on)
    entry = on.look("www")
    assert (entry.issued_by, entry.issued_through) == ("first|1", "first")
    assert entry.ask_ca_at == NOW
    assert (entry.obstacles, entry.obstructed_since) == ((), None)


def test_a_version_with_copied_tags_is_not_our_cas() -> None:
    """A person imports it under the tags of the one that we had signed: no account may say that it replaces it."""
    on = signed_stage(left=20 * DAY, first=SlowAuthority(prompt=True, account="first|1"))
    on.look("www")
    on.run(DAY)
    current = on.vaults.current(WWW)
    assert current is not None
    assert on.entry("www").issued_by == "first|1"
    place(on, WWW, left=89 * DAY, tags={RENEWAL_TAG: current.made_for, INSTANCE_TAG: current.made_by})
    entry = on.look("www", version="another")
    assert (entry.issued_by, entry.issued_through) == ("", "")


def test_a_persons_import_under_an_open_claim_is_not_the_cas() -> None:
    """The claim ends as superseded; whoever was asked to sign has signed nothing."""
    on = signed_stage(left=20 * DAY, first=SlowAuthority())
    on.look("www")
    on.vaults.shelf.names[WWW].pending = None
    place(on, WWW, left=89 * DAY)
    entry = on.look("www", version="another")
    assert on.claims("www")[0].issuer == "first"
    assert (entry.issued_by, entry.issued_through) == ("", "")


def test_what_the_vault_itself_renewed_has_no_authority() -> None:
    """There is no CA to ask about it."""
    on = stage()
    on.look("www")
    on.run(5 * MINUTE)
    assert len(on.vaults.versions(WWW)) == 2
    assert (on.entry("www").issued_through, on.entry("www").ask_ca_at) == ("", None)
