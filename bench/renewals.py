"""Many certificates due at once: two hosts renew them, each vault at the pace that Key Vault allows, beside the SDK's own way."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from azure.keyvault.certificates import CertificatePolicy

from bench.local import App, Local
from bench.table import Figure, Run, percentile, seconds
from localazure.operator import Operator

CERTIFICATES = 500
VAULTS = 10
CALLS = 3
PACE = 1.0  # seconds between two creates in a vault
WINDOW, LIMIT = 10.0, 20  # Key Vault: keys created in ten seconds
PACES = {"self_issuance": 0.2}  # seconds; the real service takes longer
SAMPLE = 5  # certificates that the SDK renews, one after another
BOUND = 300.0  # seconds; what is renewed by then is said
EVERY_MINUTE = "0 * * * * *"
SETTINGS = {"PERENNIAL_DUE_SCHEDULE": EVERY_MINUTE, "PERENNIAL_MAX_RENEWALS_PER_DAY": "100000"}


def measure(run: Run) -> Generator[Figure]:
    """Let two hosts find a fleet that is due, and renew it."""
    each = run.size(CERTIFICATES) // VAULTS
    with Local.start(accounts=1, vault_pace=PACES) as local:
        vaults = local.vaults("due", VAULTS)
        for vault in vaults:
            local.azure.create_vault(vault, throttle=True)
            local.azure.fill(vault, each, datetime.now(UTC) + timedelta(days=50))
        modes = dict.fromkeys(vaults, "renew")
        with ExitStack() as stack:
            hosts = [stack.enter_context(local.app("st000", modes, SETTINGS)) for _ in range(2)]
            for number, vault in enumerate(vaults):  # each host hears the events of half the vaults
                local.azure.create_vault(vault, deliver_to=hosts[number % 2].host.url, throttle=True)
            local.azure.clear_requests("keyvault")
            took, renewed = _renew(local, hosts, vaults, each * VAULTS, run)
        calls, creates = local.asked(vaults), local.asked(vaults, "POST")
        plain = _by_sdk(local)
    yield from _figures((took, renewed, each * VAULTS), calls, creates, plain)


def _renew(local: Local, hosts: Sequence[App], vaults: Sequence[str], count: int, run: Run) -> tuple[float, int]:
    """Sweep, and wait until every certificate's renewal is closed; return the seconds, and how many are."""
    began, told, done = time.perf_counter(), 0.0, 0
    pause = threading.Event()
    hosts[0].ask("POST", "api/sweeps")
    renewals = local.table("st000", "renewals")
    with renewals:
        while done < count and time.perf_counter() - began < BOUND:
            pause.wait(1)
            if any(local.asked(vaults, "POST")):  # before that the table may not be there
                done = sum(1 for _ in renewals.query_entities("outcome eq 'issued'", select=["RowKey"]))
            if time.perf_counter() - told > 20:
                told = time.perf_counter()
                run.say(f"  {done} of {count} renewed after {seconds(told - began)}")
    return time.perf_counter() - began, done


def _by_sdk(local: Local) -> tuple[float, float]:
    """Renew some certificates one after another with the SDK's poller; return seconds and calls each."""
    vault = local.vaults("sdk", 1)[0]
    names = local.azure.fill(vault, SAMPLE, datetime.now(UTC) + timedelta(days=50))
    local.azure.clear_requests("keyvault")
    with Operator(local.azure) as person:
        client, began = person.client(vault), time.perf_counter()
        for name in names:
            policy: CertificatePolicy = client.get_certificate_policy(name)
            client.begin_create_certificate(name, policy).result()
        took = time.perf_counter() - began
    asked = local.azure.requests("keyvault", host=f"{vault}.vault.azure.net", authenticated=True)
    return took / SAMPLE, len(asked) / SAMPLE


def _figures(
    outcome: tuple[float, int, int],
    calls: Sequence[dict[str, object]],
    creates: Sequence[dict[str, object]],
    plain: tuple[float, float],
) -> Iterator[Figure]:
    took, renewed, count = outcome
    accepted = [one for one in creates if one["status"] == 202]
    least = count // VAULTS * PACE
    yield Figure(
        what=f"{count} certificates due at once in {VAULTS} vaults, two hosts",
        ours=f"{renewed} renewed after {seconds(took)}, {len(accepted)} creates",
        beside=f"{seconds(plain[0] * count)}: one after another with the SDK's poller ({SAMPLE} measured); {seconds(least)}: the pace alone",
        budget="each once",
        kept=renewed == count == len(accepted),
        means="a renewal is no invocation that waits: a vault's creates are a stream, vaults go side by side",
    )
    names = Counter(
        f"{one['host']}/{str(one['path']).split('/')[2]}" for one in calls if str(one["path"]).count("/") > 1
    )
    each = sum(names.values()) / max(len(names), 1)
    yield Figure(
        what="Key Vault calls for each of them",
        ours=f"{each:.2f}, at most {max(names.values(), default=0)}",
        beside=f"{plain[1]:.1f}: the SDK's way (policy, create, polls, result)",
        budget=f"{CALLS}, + 2 for a look that finds it unfinished",
        kept=each <= CALLS + 2,
        means="GET, create, GET of the result; a look that must wait for the vault's pace reads it again",
    )
    yield Figure(
        what="creates in a vault: most in ten seconds; shortest time between two",
        ours=f"{most(accepted)}; {seconds(_shortest(accepted))}; {sum(1 for one in calls if one['status'] == 429)} refused (429)",
        beside=f"{LIMIT} in {WINDOW:.0f} s: Key Vault's limit, which others share",
        budget="≤ 1/s a vault",
        kept=most(accepted) <= WINDOW / PACE + 1,
        means="both hosts take turns by one row; the rest of the limit is left to others",
    )


def _times(creates: Sequence[dict[str, object]]) -> list[list[float]]:
    """Return the instants of the creates of each vault."""
    found: dict[object, list[float]] = {}
    for one in creates:
        found.setdefault(one["host"], []).append(datetime.fromisoformat(str(one["time"])).timestamp())
    return [sorted(instants) for instants in found.values()]


def most(creates: Sequence[dict[str, object]]) -> int:
    """Return the most creates that any vault saw within the window."""
    counts = [sum(at <= other < at + WINDOW for other in instants) for instants in _times(creates) for at in instants]
    return max(counts, default=0)


def _shortest(creates: Sequence[dict[str, object]]) -> float:
    """Return the time between two creates in one vault that only one in a hundred undercuts."""
    gaps = [later - earlier for instants in _times(creates) for earlier, later in pairwise(instants)]
    return percentile(gaps, 0.01) if gaps else 0.0
