"""How a CSR that waits is shown: what to order is the setting's word, else the issuer's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perennial.model.authority import AuthoritySetting
from perennial.model.messages import Look
from perennial.model.notices import NoticeKind
from perennial.model.renewal import Ask
from perennial.workflows import signatures
from perennial.workflows.sight import Sight, gather
from tests.workflows.looks import WWW
from tests.workflows.rows import written
from tests.workflows.test_external import CORP, stage


def asked(what: str, *settings: AuthoritySetting) -> tuple[Sight, object]:
    """Ask for a signature once more, under these settings; return the look, and what the notice says to order."""
    on = stage()
    on.look("www")
    row = on.claims("www")[-1]
    before = len(written(on, NoticeKind.ACTION_NEEDED))
    on.settings = replace(on.settings, authorities=settings)
    sight = gather(on.world(), Look(certificate=WWW, cause="test"))
    signatures.ask(sight, row, Ask("other", what))
    assert len(written(on, NoticeKind.ACTION_NEEDED)) == before + 1
    shown = [one["request"]["instructions"] for one in written(on, NoticeKind.ACTION_NEEDED)]
    return sight, next((one for one in shown if one != CORP.instructions), CORP.instructions)


@pytest.mark.parametrize(
    ("what", "settings", "ordered"),
    [
        ("order it by mail", (CORP,), CORP.instructions),
        ("order it by mail", (), "order it by mail"),
        ("order it by mail", (replace(CORP, name="other"),), "order it by mail"),
        ("", (), None),
        ("order it by mail", (replace(CORP, instructions=""),), None),
    ],
)
def test_what_to_order(what: str, settings: tuple[AuthoritySetting, ...], ordered: str | None) -> None:
    """The words of the setting stand before an issuer's; where there are none, there are none. The look says that it asked."""
    sight, said = asked(what, *settings)
    assert said == ordered
    assert sight.did == ["asked-for-a-signature"]


def test_a_claim_that_waits_for_nobody_asks_nobody() -> None:
    """Its CSR was answered, or there is none."""
    on = stage()
    on.look("www")
    closed = replace(on.claims("www")[-1], checkpoint=replace(on.claims("www")[-1].checkpoint, memory={}))
    before = written(on)
    sight = gather(on.world(), Look(certificate=WWW, cause="test"))
    signatures.ask(sight, closed, Ask("other", "order it"))
    assert (written(on), sight.did) == (before, [])
