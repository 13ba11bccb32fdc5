"""Which processes and listening ports belong to this run of the tests (Linux; elsewhere nothing is seen)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
LISTENS = "0A"  # proc(5): the state TCP_LISTEN


@dataclass(frozen=True, slots=True)
class Running:
    """What runs and listens."""

    processes: frozenset[str]
    ports: frozenset[int]


def running(mark: str) -> Running:
    """Return the processes that descend from this one or inherited the mark, and the ports that they or this one listen on."""
    parents = {pid: _parent(pid) for pid in _pids()}
    ours = {pid for pid in parents if _descends(pid, parents) or _has(pid, mark)} - {os.getpid()}
    inodes = {inode for pid in ours | {os.getpid()} for inode in _sockets(pid)}
    return Running(
        frozenset(f"{pid} {name}" for pid in ours if (name := _name(pid))),
        frozenset(port for port, inode in _listening() if inode in inodes),
    )


def _pids() -> list[int]:
    return [int(path.name) for path in PROC.glob("[0-9]*")] if PROC.exists() else []


def _read(pid: int, name: str) -> str:
    try:
        return (PROC / str(pid) / name).read_text(errors="replace")
    except OSError:  # it has ended, or is another user's
        return ""


def _parent(pid: int) -> int:
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else 0


def _descends(pid: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        if parents[pid] == os.getpid():
            return True
        pid = parents[pid]
    return False


def _has(pid: int, mark: str) -> bool:
    return mark in _read(pid, "environ").split("\0")


def _name(pid: int) -> str:
    """Return the command line; a process that has ended and waits for its parent has none."""
    return _read(pid, "cmdline").replace("\0", " ").strip()[:100]


def _sockets(pid: int) -> set[str]:
    found: set[str] = set()
    try:
        links = list((PROC / str(pid) / "fd").iterdir())
    except OSError:
        return found
    for link in links:
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def _listening() -> list[tuple[int, str]]:
    rows = [line.split() for name in ("tcp", "tcp6") for line in _lines(PROC / "net" / name)]
    return [(int(row[1].rpartition(":")[2], 16), row[9]) for row in rows if row[3] == LISTENS]


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines()[1:] if path.exists() else []
