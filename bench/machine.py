"""The machine that was measured on, since a figure without it says nothing."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

MEMORY = re.compile(r"MemTotal:\s+(\d+) kB")
MODEL = re.compile(r"model name\s*: (.+)")
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")  # proc(5): the largest resident set so far


def description() -> str:
    """Describe cores, processor, memory and Python in one line."""
    model = MODEL.search(_read("/proc/cpuinfo"))
    memory = MEMORY.search(_read("/proc/meminfo"))
    parts = [
        f"{os.cpu_count()} cores",
        model[1].strip() if model else platform.machine(),
        f"{int(memory[1]) / 2**20:.0f} GB" if memory else "",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
    ]
    return ", ".join(part for part in parts if part)


def load() -> str:
    """Return the load average of the last minute: work of others makes every figure worse."""
    return f"{os.getloadavg()[0]:.1f}"


def peak_memory(pid: int) -> float | None:
    """Return the most memory that a process has held, in megabytes; None where the system does not tell."""
    found = PEAK.search(_read(f"/proc/{pid}/status"))
    return int(found[1]) * 1024 / 1e6 if found else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
