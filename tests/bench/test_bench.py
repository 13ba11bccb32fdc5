"""The benchmarks' own arithmetic, their command, and that what they measure against is alike."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench import cold_start, events, machine, page, renewals, table
from bench.__main__ import main
from bench.local import Log, TookTooLongError
from bench.plain_apps import ROOT, empty_app
from bench.table import Figure, Row, Run
from perennial import settings as installation
from perennial.adapters.binding import BindingIntake
from perennial.workflows import intake

KEPT = Figure(what="small", ours="1 s", beside="9 s: the other", budget="< 2 s", kept=True, means="fine")
BROKEN = Figure(what="large", ours="3 s", budget="< 2 s", kept=False)
SHOWN = Figure(what="only shown", ours="7")


def row(name: str, *figures: Figure) -> Row:
    """Return a benchmark that measures nothing and has these figures."""

    def measure(_: Run) -> Generator[Figure]:
        yield from figures

    return Row(name, measure)


def test_the_command_ends_with_1_where_a_budget_was_not_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """What is over budget is named with its figure and budget; kept ones, and those without a budget, are no fault."""
    assert main([], [row("a", KEPT, SHOWN), row("b", BROKEN)]) == 1
    said = capsys.readouterr()
    assert "over budget: large: 3 s, budget < 2 s" in said.err
    assert "| small | 1 s | 9 s: the other | < 2 s | kept | fine |" in said.out
    assert main([], [row("a", KEPT, SHOWN)]) == 0
    assert capsys.readouterr().err == ""


def test_one_row_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Only that one is measured; a name that is none is refused."""
    assert main(["--only", "a"], [row("a", KEPT), row("b", BROKEN)]) == 0
    with pytest.raises(SystemExit):
        main(["--only", "c"], [row("a", KEPT)])
    assert "invalid choice" in capsys.readouterr().err


def test_nothing_is_written_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """A run without --write leaves the page as it is; a quick one cannot write."""
    before = page.PAGE.read_bytes() if page.PAGE.exists() else b""
    main([], [row("a", KEPT)])
    with pytest.raises(SystemExit):
        main(["--quick", "--write"], [row("a", KEPT)])
    assert (page.PAGE.read_bytes() if page.PAGE.exists() else b"") == before
    assert "not allowed" in capsys.readouterr().err


def test_the_page_says_where_and_when() -> None:
    """Date, machine and load stand beside the table."""
    text = page.rendered([KEPT, BROKEN], "0.3 before, 2.0 after", 660, datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert f"Measured 2026-03-01 on {machine.description()}; load average 0.3 before, 2.0 after" in text
    assert "11 minutes" in text
    assert "| large | 3 s |  | < 2 s | over budget |  |" in text


def test_figures_read_well() -> None:
    """Milliseconds below a second, and the value below which a share lies."""
    assert [table.seconds(value) for value in (0.0123, 0.4567, 12.34)] == ["12.3 ms", "457 ms", "12.3 s"]
    assert table.times(3, 2) == "1.50 ×"
    assert table.percentile([5, 1, 3, 2, 4], 0.8) == 5
    assert table.percentile([7], 0.95) == 7


def test_an_empty_app_has_as_many_functions_of_each_kind(tmp_path: Path) -> None:
    """What the cold start is measured against is indexed alike, and has no code of ours."""
    _, ours = cold_start.index(ROOT)
    empty = empty_app(tmp_path / "empty", ours)
    assert cold_start.index(empty)[1] == ours
    assert "perennial" not in (empty / "function_app.py").read_text(encoding="utf-8")


def test_the_events_that_are_sent_are_ours() -> None:
    """A door takes them: otherwise the rate would be that of turning events away."""
    variables = cold_start.SETTINGS | {"PERENNIAL_VAULTS": events.VAULT}
    put: list[str] = []
    intake.receive(json.dumps(events.event(7)), installation.from_environment(variables), BindingIntake(put.append))
    assert [json.loads(text)["certificate"]["name"] for text in put] == ["cert-00007"]
    assert abs(len(put[0]) - len(events.message())) < 60


def test_a_log_is_read_on(tmp_path: Path) -> None:
    """Whole lines are counted once, by the kind of work; others and unfinished ones are not."""
    log = Log(tmp_path / "log")
    log.path.write_text('[host] ready\n{"event":"look","x":1}\n{"event":"walk"}\n{"event":"lo', encoding="utf-8")
    assert (log.count("look"), log.count("walk"), log.count("sweep")) == (1, 1, 0)
    with log.path.open("a", encoding="utf-8") as more:
        more.write('ok"}\n')
    assert (log.count("look"), log.count("walk")) == (2, 1)


def test_creates_are_counted_in_a_moving_window_of_each_vault() -> None:
    """Ten seconds of one vault count, whatever the clock's own seconds and other vaults do."""
    seconds = {"a": (0, 5, 9.9, 10.1), "b": (0, 11)}
    creates: list[dict[str, object]] = [
        {"host": host, "time": datetime.fromtimestamp(1_000 + at, UTC).isoformat()}
        for host, instants in seconds.items()
        for at in instants
    ]
    assert renewals.most(creates) == 3
    assert renewals.most([]) == 0


def test_a_row_that_cannot_be_measured_does_not_end_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    """What came in its way is said in its place, what it had measured stays, and what follows is measured; a fault of the bench itself is loud."""

    def broken(_: Run) -> Generator[Figure]:
        yield SHOWN
        raise TookTooLongError("0 of 4\nunits of work")

    def faulty(_: Run) -> Generator[Figure]:
        raise LookupError("a bug")
        yield SHOWN

    assert main([], [Row("a", broken), row("b", KEPT)]) == 1
    said = capsys.readouterr().out
    assert "| only shown | 7 |" in said
    assert "| a | not measured to its end: 0 of 4 units of work |" in said
    assert "| small | 1 s |" in said
    with pytest.raises(LookupError):
        main([], [Row("a", faulty)])
