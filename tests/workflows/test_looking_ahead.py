"""What a daily look ahead leaves in a certificate's row, and when a person is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.errors import IssuerError
from perennial.model.authority import Obstacle
from perennial.model.ids import spread
from perennial.model.mode import Mode
from perennial.workflows import preflight
from tests.workflows.looks import DAY, HOUR, NOW, WWW
from tests.workflows.test_asking_cas import sight_of, signed, version_of

SECOND = timedelta(seconds=1)
CAA = Obstacle(code="caa-forbids", what="it names other.example", fix="add ca.example to it")
ZONE = Obstacle(code="dns-not-ours", what="nobody serves it", fix="add ca.example to it")


@pytest.mark.parametrize(("due", "looked"), [(SECOND, False), (timedelta(0), True)])
def test_it_is_looked_ahead_when_its_time_has_come(due: timedelta, looked: bool) -> None:
    """To the second, then in a day; for the names of policy and certificate together."""
    on, first = signed()
    policy = replace(on.entry("www").policy, names=("b.example",))
    sight = sight_of(on, preflight_at=NOW + due, policy=policy)
    preflight.look_ahead(sight)
    assert [names for _, names in first.looked] == [("b.example", "www.example")] * looked
    assert sight.entry.preflight_at == (NOW + DAY if looked else NOW + due)
    assert sight.did == (["looked-ahead"] if looked else [])


def test_what_stands_in_the_way_is_kept_since_it_was_first_seen() -> None:
    """Another obstacle is the same occasion; none is its end."""
    on, first = signed()
    first.obstructs = (CAA, ZONE)
    sight = sight_of(on, preflight_at=NOW)
    preflight.look_ahead(sight)
    assert (sight.entry.obstacles, sight.entry.obstructed_since) == ((CAA, ZONE), NOW)
    assert sight.did == ["obstacles: 2"]
    sight = sight_of(on, preflight_at=NOW, obstructed_since=NOW - DAY, obstacles=(CAA,))
    preflight.look_ahead(sight)
    assert sight.entry.obstructed_since == NOW - DAY
    first.obstructs = ()
    preflight.look_ahead(sight := sight_of(on, preflight_at=NOW, obstructed_since=NOW - DAY, obstacles=(CAA,)))
    assert (sight.entry.obstacles, sight.entry.obstructed_since) == ((), None)


@pytest.mark.parametrize(("retry_after", "wait"), [(None, HOUR), (9 * HOUR, 9 * HOUR)])
def test_a_look_ahead_that_cannot_be_made_changes_nothing_else(retry_after: timedelta | None, wait: timedelta) -> None:
    """It is made again an hour later or as the CA says, and this certificate's place in another."""
    on, first = signed()
    first.obstructs = IssuerError("ca-down", "503", retry_after=retry_after)
    sight = sight_of(on, preflight_at=NOW, obstacles=(CAA,), obstructed_since=NOW)
    preflight.look_ahead(sight)
    again = NOW + wait + spread(WWW, HOUR, "preflight-again")
    assert sight.entry == replace(sight.stored.value, preflight_at=again)
    assert sight.did == ["not-looked-ahead: ca-down"]


@pytest.mark.parametrize("left", [{"preflight_at": NOW}, {"obstacles": (CAA,), "obstructed_since": NOW}])
def test_where_nothing_is_to_be_signed_nothing_stands_in_the_way(left: Mapping[str, object]) -> None:
    """Gone, without a finished version, or left to die: what was found before is forgotten."""
    on, first = signed()
    version = version_of(on.entry("www"))
    empty = {"preflight_at": None, "obstacles": (), "obstructed_since": None}
    for columns in (
        {"version": None},
        {"version": replace(version, leaf=None)},
        {"tags": {"perennial-renew": "never"}},
    ):
        sight = sight_of(on, **{**empty, "version": version, "tags": {}, **left, **columns})
        preflight.look_ahead(sight)
        assert (sight.entry.preflight_at, sight.entry.obstacles, sight.entry.obstructed_since) == (None, (), None)
    sight = sight_of(on, **{**empty, "version": version, "tags": {}, **left})
    sight.gone = True
    preflight.look_ahead(sight)
    assert (sight.entry.preflight_at, sight.entry.obstacles) == (None, ())
    assert first.looked == []


@pytest.mark.parametrize(
    ("near", "lifetime", "tells"),
    [(3 * DAY, 20 * DAY, True), (3 * DAY + SECOND, 20 * DAY, False), (9 * DAY, 90 * DAY, True)],
)
def test_a_person_is_told_when_the_renewal_is_near(near: timedelta, lifetime: timedelta, tells: bool) -> None:
    """Three days before it is due, or a tenth of the life if that is more; to the second."""
    on, _ = signed()
    version = version_of(on.entry("www"))
    due = lifetime * 2 / 3
    version = replace(version, not_before=NOW - due, not_after=NOW - due + lifetime)
    sight = sight_of(on, version=version, obstacles=(CAA,), obstructed_since=NOW - DAY)
    case = preflight._case(sight)
    assert case is not None
    shift = case.due_at - near - NOW
    version = replace(version, not_before=version.not_before - shift, not_after=version.not_after - shift)
    sight = sight_of(on, version=version, obstacles=(CAA,), obstructed_since=NOW - DAY)
    assert (preflight.warning(sight) is not None) is tells


def test_what_the_warning_says() -> None:
    """Each obstacle, each fix once, since when; one occasion while it lasts; nobody where it is not managed."""
    on, _ = signed(left=36 * DAY)
    columns = {"obstacles": (CAA, ZONE), "obstructed_since": NOW - DAY}
    notice = preflight.warning(sight_of(on, **columns))
    assert notice is not None
    assert notice.data["code"] == "issuance-blocked"
    assert notice.data["reason"] == (
        "its renewal would fail: caa-forbids: it names other.example; dns-not-ours: nobody serves it"
    )
    assert (notice.data["fix"], notice.data["since"], notice.time) == ("add ca.example to it", NOW - DAY, NOW - DAY)
    later = preflight.warning(sight_of(on, **(columns | {"obstructed_since": NOW})))
    assert later is not None
    assert later.id != notice.id
    assert preflight.warning(sight_of(on, obstacles=(), obstructed_since=NOW)) is None
    assert preflight.warning(sight_of(on, obstacles=(CAA,), obstructed_since=None)) is None
    assert preflight.warning(sight_of(on, obstacles=(CAA,), obstructed_since=NOW, version=None)) is None
    on, _ = signed(left=36 * DAY, mode=Mode.OBSERVE)
    assert preflight.warning(sight_of(on, **columns)) is None


def test_of_many_obstacles_the_first_are_kept_and_the_last_says_how_many_more() -> None:
    """Twenty of them, and the twentieth alone is told from its like."""
    on, first = signed()
    many = tuple(Obstacle(code=f"c{number}", what=f"w{number}", fix="f") for number in range(23))
    first.obstructs = many
    sight = sight_of(on, preflight_at=NOW)
    preflight.look_ahead(sight)
    assert sight.entry.obstacles == (*many[:19], replace(many[19], what="w19 (and 3 more)"))
