"""A look's line in the log, everything that a chart or an alert asks for; and what looks cost."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from perennial.errors import Changed, IssuerError
from perennial.model.certificate import CertificateRef
from perennial.model.messages import Look
from perennial.model.mode import Mode
from perennial.model.reasons import ReasonCode
from perennial.ports.tables import FINDINGS
from perennial.workflows import look
from perennial.workflows.sight import gather
from tests.memory.authority import SlowAuthority
from tests.workflows.looks import DAY, HOUR, NOW, SELF, WWW, stage
from tests.workflows.racing import raced
from tests.workflows.rows import rewrite
from tests.workflows.scripted import claimed
from tests.workflows.signed_stage import signed_stage
from tests.workflows.test_ahead import Counting
from tests.workflows.test_look_ends import look_at


def line_of(caplog: pytest.LogCaptureFixture) -> Mapping[str, object]:
    """Return the last look's line."""
    lines: list[Mapping[str, object]] = [json.loads(text) for text in caplog.messages]
    return [one for one in lines if one["event"] == "look"][-1]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The lines of the log."""
    caplog.set_level(logging.INFO, logger="perennial")
    return caplog


def test_the_line_of_a_look_that_finds_nothing_to_do(said: pytest.LogCaptureFixture) -> None:
    """Everything that a chart or an alert asks for."""
    on = stage(left=45 * DAY, tags={"perennial-owner": "team-a"}, events=False)
    entry = on.look("www", cause="first")
    assert entry.reason is not None
    assert line_of(said) == {
        "event": "look",
        "certificate": str(WWW),
        "days_left": 45.0,
        "life_left": 0.5,
        "managed": True,
        "failures": 0,
        "cause": "first",
        "decision": "wait-until",
        "reason": ReasonCode.NOT_DUE,
        "sentence": entry.reason.sentence,
        "did": ["read", "new-version"],
        "next_check": entry.next_check.isoformat().replace("+00:00", "Z"),
        "attempts": 1,
    }
    on.now = NOW + HOUR
    on.look("www", cause="second")
    line = line_of(said)
    assert (line["did"], line["cause"], line["days_left"], line["life_left"]) == ([], "second", 44.96, 0.4995)
    version = entry.version
    assert version is not None
    rewrite(on, version=replace(version, not_before=version.not_after))
    on.look("www")
    assert (line_of(said)["days_left"], line_of(said)["life_left"]) == (44.96, None)


def test_the_line_says_what_was_done_and_how_often_it_failed(said: pytest.LogCaptureFixture) -> None:
    """Announced, renewed, found; the failures of an open claim, not of one that has ended."""
    on = stage(events=False)
    on.look("www")
    assert line_of(said)["did"] == ["read", "new-version", "claimed", "findings: 2"]
    on.run(HOUR)
    on.look("www", version="another")
    issued = [one for one in map(json.loads, said.messages) if one["event"] == "look" and "issued" in one["did"]]
    assert [one["did"] for one in issued] == [["read", "new-version", "issued", "announced", "findings: 1"]]
    on = stage(left=80 * DAY, events=False)
    on.look("www")
    claimed(on, failures=3, next_step=NOW + DAY, earliest=NOW + DAY)
    on.look("www")
    assert line_of(said)["failures"] == 3
    claimed(on, failures=3, outcome="given-up")
    on.look("www")
    assert line_of(said)["failures"] == 0


def test_the_line_of_what_is_not_there_or_not_managed(said: pytest.LogCaptureFixture) -> None:
    """No version, no days; and what is not in our vaults is told in its own words."""
    on = stage(events=False)
    on.look("ghost")
    line = line_of(said)
    assert (line["days_left"], line["life_left"], line["did"]) == (None, None, ["read"])
    message = Look(certificate=CertificateRef("kv-elsewhere", "www"), cause="event")
    look.look_at(msgspec.json.encode(message).decode(), on.world())
    assert line_of(said) == {"event": "look", "certificate": "kv-elsewhere/www", "cause": "event", "did": ["not-ours"]}
    assert on.tables.inventory.get("kv-elsewhere", "www") is None
    on.vaults.import_certificate(CertificateRef("kv-watched", "www"), NOW - DAY, NOW + DAY, policy=SELF, quiet=True)
    on.look("www", vault="kv-watched")
    assert line_of(said)["managed"] is False


def test_a_look_begins_again_as_often_as_it_loses(said: pytest.LogCaptureFixture) -> None:
    """Eleven lost races are made up for, and counted in its line; the twelfth leaves the message to the queue."""
    on = stage(left=60 * DAY, events=False)
    on.look("www")
    rewrite(on, read_at=NOW)
    look_at(raced(on.world(), "inventory", times=11))
    assert line_of(said)["attempts"] == 12
    rewrite(on, read_at=NOW)
    with pytest.raises(Changed):
        look_at(raced(on.world(), "inventory", times=12))


def test_a_look_reads_the_findings_once_and_at_first_sight_not_at_all() -> None:
    """No row can be about a certificate that had none."""
    on = stage(left=60 * DAY, tags={"perennial-owner": "team-a"}, events=False)
    counting = Counting(FINDINGS)
    on.tables = replace(on.tables, findings=counting)
    on.look("www")
    assert counting.calls == 0
    on.look("www")
    assert counting.calls == 1


def test_what_was_never_finished_is_not_told_to_expire() -> None:
    """A version without a certificate has only planned dates."""
    on = stage(left=60 * DAY, events=False)
    version = on.look("www").version
    assert version is not None
    rewrite(on, version=replace(version, leaf=None, not_before=NOW - 85 * DAY, not_after=NOW + 5 * DAY))
    on.look("www")
    on.run(timedelta(seconds=1))
    assert on.told("expiring") == []


def test_a_look_comes_with_the_next_rung() -> None:
    """Where nothing else is sooner: an observed certificate, an hour before a sixth of its life is left."""
    on = stage(left=60 * DAY, events=False)
    version = on.look("www").version
    assert version is not None
    end = NOW + 15 * DAY + HOUR
    rewrite(on, version=replace(version, not_before=end - 90 * DAY, not_after=end), read_at=NOW + 300 * DAY)
    on.settings = replace(on.settings, vaults={"kv-orders": Mode.OBSERVE})
    on.look("www")
    on.run(timedelta(seconds=1))
    assert on.look("www").next_check == NOW + HOUR


def test_a_renewal_that_goes_on_at_once_comes_back_in_a_second() -> None:
    """A look takes one issuer's turn."""
    refusal = IssuerError("no", "no", permanent=True)
    on = signed_stage(left=29 * DAY, first=SlowAuthority(refuses=refusal))
    assert on.look("www").next_check == NOW + timedelta(seconds=1)


def test_who_subscribes_later_is_not_told_of_a_rung_that_has_passed() -> None:
    """It was told once, when it came."""
    on = stage(left=5 * DAY, policy=replace(SELF, issuer="Unknown"), events=False)
    on.look("www")
    on.run(timedelta(seconds=1))
    on.subscribe("late")
    on.look("www")
    on.run(timedelta(seconds=1))
    assert [one.subscription.name for one in on.channel.sent if one.delivery.kind == "expiring"] == ["orders"]


def test_an_unfinished_version_has_not_drifted() -> None:
    """There is nothing yet to be other than what is asked for."""
    on = signed_stage()
    version = on.look("www").version
    assert version is not None
    policy = replace(on.entry("www").policy, names=("api.example", "www.example"))
    for leaf, drifted in ((version.leaf, NOW), (None, None)):
        rewrite(on, policy=policy, version=replace(version, leaf=leaf))
        assert look._drifted_at(gather(on.world(), Look(certificate=WWW, cause="test"))) == drifted
