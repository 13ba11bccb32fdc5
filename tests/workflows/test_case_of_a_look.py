"""What a look works out once, and when it works it out anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perennial.errors import Changed
from perennial.model.certificate import CertificateRef
from perennial.model.messages import Look
from perennial.workflows.sight import Sight, gather
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, NOW

REF = CertificateRef("kv-orders", "web")


def looked() -> tuple[Stage, Sight]:
    """Return a look at a certificate that is known."""
    on = Stage(NOW)
    on.vaults.import_certificate(REF, NOW - 10 * DAY, NOW + 80 * DAY)
    on.look("web")
    return on, gather(on.world(), Look(certificate=REF, cause="test"))


def test_a_case_is_made_once_and_anew_when_a_row_of_the_look_changes() -> None:
    """The same one while nothing changes; another one for another row, switch, or a certificate that is gone."""
    _, sight = looked()
    first = sight.case
    assert sight.case is first
    sight.entry = replace(sight.entry, paused_until=NOW + DAY)
    paused = sight.case
    assert (first.paused_until, paused.paused_until) == (None, NOW + DAY)
    sight.fleet = replace(sight.fleet, value=replace(sight.fleet.value, switch_off="stop"))
    assert (paused.policy.switched_off, sight.case.policy.switched_off) == (None, "stop")
    sight.gone = True
    assert sight.case.seen.current is None


def test_without_a_version_there_is_no_case() -> None:
    """Whoever asks for one begins again."""
    _, sight = looked()
    sight.entry = replace(sight.entry, version=None)
    with pytest.raises(Changed):
        _ = sight.case
