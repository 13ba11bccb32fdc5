"""What a script does instead: list each vault, and read every certificate with the SDK."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.local import Local
from localazure.operator import Operator

SAMPLE = 10  # each tenth certificate is read, and its reading counts tenfold
SAMPLED = f"list, then GET each with the SDK (each {SAMPLE}th is read, and counts for {SAMPLE})"


def script(local: Local, vaults: Sequence[str]) -> float:
    """Return the seconds that listing the vaults and reading all certificates takes."""
    with Operator(local.azure) as person:
        began, reading = time.perf_counter(), 0.0
        for vault in vaults:
            client = person.client(vault)
            for number, listed in enumerate(client.list_properties_of_certificates()):
                if number % SAMPLE == 0:
                    before = time.perf_counter()
                    client.get_certificate(listed.name or "")
                    reading += time.perf_counter() - before
        return time.perf_counter() - began + reading * (SAMPLE - 1)
