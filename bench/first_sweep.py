"""The first sweep of a fleet: walked, and each certificate looked at, beside a script that lists the vaults and reads each certificate."""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

from bench.local import Local, TookTooLongError
from bench.script import SAMPLED, script
from bench.table import Figure, Run, seconds

VAULTS = 4
SIZES = (1_000, 10_000)
BOUND = 180.0  # seconds; what is known by then is said


def measure(run: Run) -> Generator[Figure]:
    """Sweep fleets that nobody has seen before."""
    for whole in SIZES:
        count = run.size(whole) // VAULTS * VAULTS
        with Local.start(accounts=1) as local:
            vaults = local.vaults("new", VAULTS)
            for vault in vaults:
                local.azure.fill(vault, count // VAULTS, datetime.now(UTC) + timedelta(days=300))
            with local.app("st000", dict.fromkeys(vaults, "renew")) as app:
                began = time.perf_counter()
                app.ask("POST", "api/sweeps")
                try:
                    app.wait("look", count, BOUND, run.say)
                except TookTooLongError as late:
                    run.say(f"  {late}")
                took, known, walked = time.perf_counter() - began, app.log.count("look"), app.log.count("walk")
            plain = script(local, vaults)
        yield Figure(
            what=f"first sweep, {count:,} certificates in {VAULTS} vaults",
            ours=f"{seconds(took)} until {known:,} were looked at: {took / max(known, 1) * 1000:.1f} ms each; {walked} vaults walked to their end",
            beside=f"{seconds(plain)}: {SAMPLED}",
            budget=f"{count:,} known; measured for at most {BOUND:.0f} s",
            means="a look is ten calls, nine of the tables; 25 a second and vault go out. With 5,000 messages waiting, Azurite deletes one in 30 ms",
        )
