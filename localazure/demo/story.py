"""Telling: acts, lines with the seconds since the start, waits with progress, and claims that are checked as they are made."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

from localazure.demo.table import WIDTH, table, wrapped

LOOK_EVERY = 0.1  # seconds
SAY_EVERY = 3.0  # seconds between signs of life where the output is no terminal
INDENT = " " * 11
CLEAR = "\033[K"  # the rest of the line (ECMA-48 §8.3.41)


class ClaimBroken(Exception):
    """A claim does not hold; the text names it and says what was seen."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that held, and what was measured."""

    act: str
    text: str
    measured: str


class Story:
    """Speaks to one reader; every result that it prints was measured."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._began = time.monotonic()
        self._act = ""
        self._pause = threading.Event()
        self.claims: list[Claim] = []

    @property
    def seconds(self) -> float:
        """Seconds since the story began."""
        return time.monotonic() - self._began

    def act(self, number: str, title: str, words: str) -> None:
        """Begin an act."""
        self._act = number
        self._write(f"\n{number}. {title}\n" if number else f"\n{title}\n")
        self._write("".join(f"   {line}\n" for line in wrapped(words, WIDTH - 3) if line))

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        self._line(" ", text)

    def show(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show a table."""
        self._write(f"\n{table(head, rows, indent=len(INDENT))}\n\n")

    def claim(self, text: str, holds: bool, measured: str) -> None:
        """Check a claim. Raises ClaimBroken."""
        if not holds:
            self._line("✗", f"{text}: {measured}")
            raise ClaimBroken(
                f"act {self._act}: {text}. Seen instead: {measured}" if self._act else f"{text}: {measured}"
            )
        self.claims.append(Claim(self._act, text, measured))
        self._line("✓", f"{text}: {measured}" if measured else text)

    def wait[T](self, what: str, look: Callable[[], T | None], within: float) -> T:
        """Look again and again until the look finds something, and return it. Raises ClaimBroken after so many seconds."""
        began, spoke = time.monotonic(), time.monotonic()
        while not (found := look()):
            now = time.monotonic()
            if now - began > within:
                self._clear()
                self.claim(f"{what}, within {within:.0f} s", holds=False, measured="nothing of it")
            if self._out.isatty():
                self._write(f"\r{self._stamp()}… waiting: {what} ({now - began:.0f} s)"[:WIDTH] + CLEAR)
            elif now - spoke > SAY_EVERY:
                self._line("…", f"waiting: {what} ({now - began:.0f} s)")
                spoke = now
            self._pause.wait(LOOK_EVERY)
        self._clear()
        return found

    def rest(self, seconds: float, what: str) -> None:
        """Let time pass in which nothing is to happen."""
        until = time.monotonic() + seconds
        self.wait(what, lambda: time.monotonic() >= until, seconds + 5)

    def table_of_claims(self) -> None:
        """Show what was claimed and what was measured."""
        rows = [(claim.act, claim.text, claim.measured) for claim in self.claims]
        self.show(("act", "claimed", "measured"), rows)

    def _line(self, sign: str, text: str) -> None:
        parts = wrapped(text, WIDTH - len(INDENT))
        self._write(f"{self._stamp()}{sign} {parts[0]}\n" + "".join(f"{INDENT}{part}\n" for part in parts[1:]))

    def _stamp(self) -> str:
        return f"{self.seconds:6.1f} s "

    def _clear(self) -> None:
        if self._out.isatty():
            self._write(f"\r{CLEAR}")

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
