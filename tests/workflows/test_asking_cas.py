"""What a CA's answers leave in a certificate's row: its window, its obstacles, and when it is asked again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.decisions.windows import instant_in
from perennial.errors import IssuerError
from perennial.model.authority import Obstacle, Suggestion
from perennial.model.certificate import Version
from perennial.model.history import HistoryKind
from perennial.model.ids import spread
from perennial.model.inventory import Entry
from perennial.model.messages import Look
from perennial.workflows import ari
from perennial.workflows.sight import Sight, gather
from tests.memory.authority import SlowAuthority
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, WWW
from tests.workflows.rows import rewrite
from tests.workflows.signed_stage import signed_stage, window

SECOND = timedelta(seconds=1)
CAA = Obstacle(code="caa-forbids", what="it names other.example", fix="add ca.example to it")
ZONE = Obstacle(code="dns-not-ours", what="nobody serves it", fix="add ca.example to it")


def sight_of(on: Stage, **columns: Any) -> Sight:
    """Return a look whose row has these columns and that has not asked a CA yet."""
    rewrite(on, **columns)
    return gather(on.world(), Look(certificate=WWW, cause="test"))


def signed(answer: Suggestion | IssuerError | None = None, **changes: Any) -> tuple[Stage, SlowAuthority]:
    """Return a stage whose certificate was looked at, and the first CA, which was not asked yet."""
    first = SlowAuthority(prompt=True)
    on = signed_stage(first=first, **changes)
    on.look("www")
    first.asked.clear()
    first.looked.clear()
    first.suggestion = answer
    return on, first


def version_of(entry: Entry) -> Version:
    """Return the version, which is there."""
    assert entry.version is not None
    return entry.version


@pytest.mark.parametrize(("due", "asked"), [(None, True), (-HOUR, True), (timedelta(0), True), (SECOND, False)])
def test_a_ca_is_asked_when_its_time_has_come(due: timedelta | None, asked: bool) -> None:
    """To the second; a row that says nothing is due now."""
    on, first = signed(window(50 * DAY, 52 * DAY))
    sight = sight_of(on, ask_ca_at=None if due is None else NOW + due)
    ari.ask_ca(sight)
    assert len(first.asked) == asked
    assert sight.did == (["asked-when"] if asked else [])


def test_what_a_window_leaves() -> None:
    """Its end, this certificate's own instant, its page, the next time as the CA says; a record at the time it was due."""
    told = window(50 * DAY, 52 * DAY, again=6 * HOUR, explanation="https://ca.example/why")
    on, _ = signed(told)
    sight = sight_of(on, ask_ca_at=NOW - HOUR, revoked_at=NOW - DAY)
    ari.ask_ca(sight)
    entry = sight.entry
    assert (entry.suggested_at, entry.window_ends) == (instant_in(WWW, told), told.end)
    assert (entry.explanation, entry.ask_ca_at, entry.revoked_at) == ("https://ca.example/why", NOW + 6 * HOUR, None)
    (row,) = [one for one in on.history("www") if one.kind is HistoryKind.WINDOW]
    assert (row.at, row.version) == (NOW - HOUR, version_of(entry).id)
    assert row.reason == "its CA suggests when to renew it"
    assert row.facts == {
        "start": told.start.isoformat(),
        "end": told.end.isoformat(),
        "chosen": instant_in(WWW, told).isoformat(),
        "explanation": "https://ca.example/why",
    }


@pytest.mark.parametrize(
    ("columns", "written"),
    [({}, False), ({"suggested_at": NOW}, True), ({"window_ends": NOW}, True)],
)
def test_a_window_is_recorded_when_it_is_another(columns: Mapping[str, object], written: bool) -> None:
    """By its end or by the instant chosen in it."""
    told = window(50 * DAY, 52 * DAY)
    on, _ = signed(told)
    same = {"ask_ca_at": NOW, "suggested_at": instant_in(WWW, told), "window_ends": told.end}
    ari.ask_ca(sight_of(on, **{**same, **columns}))
    assert (HistoryKind.WINDOW in {one.kind for one in on.history("www")}) is written


def test_a_revocation_is_kept_since_it_was_first_told() -> None:
    """And its record says so; a window that is ordinary again takes it back."""
    on, first = signed(window(-2 * DAY, -DAY))
    sight = sight_of(on, ask_ca_at=NOW)
    ari.ask_ca(sight)
    assert sight.entry.revoked_at == NOW
    (row,) = [one for one in on.history("www") if one.kind is HistoryKind.WINDOW]
    assert row.reason == "it is or will be revoked"
    sight = sight_of(on, ask_ca_at=NOW, revoked_at=NOW - HOUR)
    ari.ask_ca(sight)
    assert sight.entry.revoked_at == NOW - HOUR
    assert len(first.asked) == 2


def test_two_windows_that_were_told_at_one_time_are_both_recorded() -> None:
    """The look died before it wrote the row, and the CA says another when it is asked again."""
    on, first = signed(window(50 * DAY, 52 * DAY))
    for _ in range(2):
        ari.ask_ca(sight_of(on, ask_ca_at=NOW))
        first.suggestion = window(50 * DAY, 51 * DAY)
    assert len([one for one in on.history("www") if one.kind is HistoryKind.WINDOW]) == 2


@pytest.mark.parametrize("again", [-HOUR, timedelta(0)])
def test_a_ca_that_wants_to_be_asked_at_once_is_asked_in_a_second(again: timedelta) -> None:
    """A look does not ask twice."""
    on, _ = signed(window(50 * DAY, 52 * DAY, again=again))
    sight = sight_of(on, ask_ca_at=NOW)
    ari.ask_ca(sight)
    assert sight.entry.ask_ca_at == NOW + SECOND


HAD = {"suggested_at": NOW + DAY, "window_ends": NOW + DAY, "revoked_at": NOW, "explanation": "why"}


@pytest.mark.parametrize("answer", [None, window(DAY, DAY), window(DAY, DAY - SECOND)])
def test_a_ca_without_a_window_takes_back_what_it_said(answer: Suggestion | None) -> None:
    """It is asked again in a day; a window of a second is one."""
    on, first = signed(answer)
    sight = sight_of(on, ask_ca_at=NOW, **HAD)
    ari.ask_ca(sight)
    entry = sight.entry
    assert (entry.suggested_at, entry.window_ends, entry.revoked_at, entry.explanation) == (None, None, None, "")
    assert entry.ask_ca_at == NOW + DAY
    first.suggestion = window(DAY, DAY + SECOND)
    sight = sight_of(on, ask_ca_at=NOW)
    ari.ask_ca(sight)
    assert sight.entry.window_ends == NOW + DAY + SECOND


@pytest.mark.parametrize(("retry_after", "wait"), [(None, HOUR), (9 * HOUR, 9 * HOUR)])
def test_a_ca_that_cannot_be_asked_takes_nothing_back(retry_after: timedelta | None, wait: timedelta) -> None:
    """An hour or as it says, and this certificate's place in another; the look's line says why."""
    on, _ = signed(IssuerError("ca-down", "503", retry_after=retry_after))
    sight = sight_of(on, ask_ca_at=NOW, **HAD)
    ari.ask_ca(sight)
    assert sight.entry == replace(sight.stored.value, ask_ca_at=NOW + wait + spread(WWW, HOUR, "ask-again"))
    assert sight.did == ["not-told-when: ca-down"]


def test_whom_to_ask() -> None:
    """Whoever signed it, if it is still set up, else the first of the list that is an authority; else nobody."""
    on, _ = signed()
    assert ari.ca_of(sight_of(on)) == "first"
    assert ari.ca_of(sight_of(on, issued_through="second")) == "second"
    assert ari.ca_of(sight_of(on, issued_through="dropped")) == "first"
    sight = sight_of(on, issued_through="second")
    sight.gone = True
    assert ari.ca_of(sight) == ""
    on.settings = replace(on.settings, issuers=())
    assert ari.ca_of(sight_of(on, issued_through="second")) == "second"
    assert ari.ca_of(sight_of(on, issued_through="")) == ""


@pytest.mark.parametrize(
    ("left", "asks"), [(SECOND, "first"), (timedelta(0), ""), (-SECOND, "")], ids=["alive", "at its end", "dead"]
)
def test_nobody_is_asked_of_what_has_expired(left: timedelta, asks: str) -> None:
    """To the second."""
    on, _ = signed()
    version = replace(version_of(on.entry("www")), not_after=NOW + left)
    assert ari.ca_of(sight_of(on, version=version)) == asks


def test_nobody_is_asked_of_what_has_no_name_at_a_ca() -> None:
    """No version, an unfinished one, or a certificate without what RFC 9773 §4.1 names it by; what was said is forgotten."""
    on, first = signed(window(DAY, 2 * DAY))
    version = version_of(on.entry("www"))
    assert version.leaf is not None
    for bad in (None, replace(version, leaf=None), replace(version, leaf=replace(version.leaf, ari_id=""))):
        sight = sight_of(on, version=bad, ask_ca_at=NOW, **HAD)
        ari.ask_ca(sight)
        entry = sight.entry
        assert (entry.ask_ca_at, entry.suggested_at, entry.window_ends, entry.revoked_at) == (None, None, None, None)
    assert first.asked == []
