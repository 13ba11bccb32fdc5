"""Figures, and the table that shows each beside its reference and its budget."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

HEAD = ("measured", "Perennial", "beside it, in the same run", "budget", "", "what it means")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table."""

    what: str
    ours: str
    beside: str = ""  # the reference's figure, and what the reference is
    budget: str = ""
    kept: bool | None = None  # None: there is no budget
    means: str = ""

    @property
    def verdict(self) -> str:
        """Say whether the budget was kept."""
        return {None: "", True: "kept", False: "over budget"}[self.kept]

    @property
    def cells(self) -> tuple[str, ...]:
        """The line's cells, in the order of the head."""
        return self.what, self.ours, self.beside, self.budget, self.verdict, self.means


@dataclass(frozen=True, slots=True)
class Run:
    """How a run was asked for, and where its progress is told."""

    say: Callable[[str], None]
    quick: bool = False  # a twentieth of every size: shows that all works, measures nothing
    large: bool = False  # also the sizes that take long

    def size(self, whole: int) -> int:
        """Return a size for this run."""
        return max(whole // 20, 1) if self.quick else whole


@dataclass(frozen=True, slots=True)
class Row:
    """One benchmark: its name on the command line, and what measures it, figure by figure."""

    name: str
    measure: Callable[[Run], Generator[Figure]]


def markdown(figures: Sequence[Figure]) -> str:
    """Return the table."""
    lines = [HEAD, ("---",) * len(HEAD), *(figure.cells for figure in figures)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def over_budget(figures: Sequence[Figure]) -> list[Figure]:
    """Return the figures whose budget was not kept."""
    return [figure for figure in figures if figure.kept is False]


def seconds(value: float) -> str:
    """Return a duration for reading, in milliseconds below a second."""
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.1f} s"


def times(ours: float, reference: float) -> str:
    """Return how many times the reference ours is."""
    return f"{ours / reference:.2f} ×"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
