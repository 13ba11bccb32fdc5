"""What one renewal by ACME asks of others, by kind: of the CA, of Key Vault, of the DNS; beside lego at the same CA with the same names."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.acme_lego import Lego, Relay, hook, relay
from bench.local import App, Local, TookTooLongError
from bench.table import Figure, Run, seconds
from localazure.debian import Missing
from localazure.dns.zones import GROUP, SUBSCRIPTION
from localazure.minting import certificate_authority
from localazure.operator import Operator
from localazure.pebble import Pebble, Trust, pebble
from perennial.model.renewal import Outcome
from perennial.ports.tables import Query

VAULT, KEYS, ZONE, NAME = "kv-acme-0", "kv-acme-keys", "shop.example.com", "web"
NAMES = (f"www.{ZONE}", f"api.{ZONE}")
CALLS = 3  # of Key Vault
BOUND = 90.0  # seconds for one renewal
LAST = 10.0  # seconds for what follows it: the CA is asked when it would have the new one renewed
EVENTS_LATE = 2  # seconds; Event Grid's usual delay
EVERY_MINUTE = "0 * * * * *"

# What the CA is asked, in the order in which a renewal asks it.
KINDS = (
    "directory",
    "new-nonce",
    "new-account",
    "account",
    "new-order",
    "authorization",
    "challenge",
    "order",
    "finalize",
    "certificate",
)
POLLS = ("order",)
LATER = ("renewal-info",)  # beside the renewal


@dataclass(frozen=True, slots=True)
class Cost:
    """What one renewal asked."""

    ca: Counter[str]
    vault: tuple[str, ...] = ()
    signatures: int = 0
    zone: int = 0  # writes and reads of TXT sets
    questions: int = 0  # to the DNS
    took: float = 0.0

    @property
    def total(self) -> int:
        """All requests to the CA for the order."""
        return sum(count for kind, count in self.ca.items() if kind not in LATER)


def measure(run: Run) -> Generator[Figure]:
    """Renew with Perennial twice, in a new process and in the same again, and with lego."""
    try:
        with Local.start(accounts=1) as local, ExitStack() as stack:
            ca = stack.enter_context(pebble(dns=local.azure.dns_server, trust=Trust.of(local.azure.ready)))
            asked = stack.enter_context(relay(local.azure.dns_server))
            first, again = _ours(local, ca, asked, run)
            theirs = _lego(local, ca, asked, run)
    except Missing as missing:
        run.say(f"  {missing}")
        yield Figure(what="calls for one renewal by ACME", ours=f"not measured: {missing}")
        return
    yield from figures(first, again, theirs)


def _ours(local: Local, ca: Pebble, asked: Relay, run: Run) -> tuple[Cost, Cost]:
    """Let a host get a first certificate, which makes the account; then renew in another process, twice."""
    _plant(local)
    settings = _settings(ca, asked)
    with local.app("st000", {VAULT: "renew"}, settings) as app:
        _hear(local, app)
        app.ask("POST", "api/sweeps")
        _until(lambda: _issued(local) == 1, "a first certificate")
        run.say("  Perennial has its account and a first certificate")
    with local.app("st000", {VAULT: "renew"}, settings) as app:
        _hear(local, app)
        first = _renewed(local, app, ca, asked)
        run.say(f"  renewed in {seconds(first.took)}, in a new process")
        again = _renewed(local, app, ca, asked)
        run.say(f"  renewed in {seconds(again.took)}, in the same process")
    return first, again


def _plant(local: Local) -> None:
    """Put a certificate of an older CA into a vault, due, which asks for the CA by its tag; a zone, and a vault for the account's key."""
    now = datetime.now(UTC)
    old = certificate_authority("Old CA", now - timedelta(days=1000), now + timedelta(days=1000))
    local.azure.create_vault(VAULT)
    local.azure.create_vault(KEYS, keys_of="perennial")
    local.azure.dns.zone(ZONE)
    with Operator(local.azure) as person:
        tags = {"perennial-issuer": "pebble"}
        person.seed(VAULT, NAME, left=timedelta(days=20), names=NAMES, issuer="Unknown", signed_by=old, tags=tags)


def _settings(ca: Pebble, asked: Relay) -> dict[str, str]:
    zone = {"zone": ZONE, "provider": "azure", "options": {"subscription": SUBSCRIPTION, "resource_group": GROUP}}
    return {
        "PERENNIAL_AUTHORITIES": json.dumps([{"name": "pebble", "directory": ca.directory, "agree_terms": True}]),
        "PERENNIAL_ZONES": json.dumps([zone]),
        "PERENNIAL_KEYS": f"https://{KEYS}.vault.azure.net",
        "PERENNIAL_DNS_SERVERS": asked.address,
        "PERENNIAL_DUE_SCHEDULE": EVERY_MINUTE,
    }


def _hear(local: Local, app: App) -> None:
    """Let the host hear the vault's events, as late as they usually come."""
    local.azure.create_vault(VAULT, deliver_to=app.host.url)
    local.azure.delivery(vault=VAULT, delay=EVENTS_LATE)


def _renewed(local: Local, app: App, ca: Pebble, asked: Relay) -> Cost:
    """Ask for a renewal, wait for its end and for what follows it, and count."""
    done, before = _issued(local), asked.questions
    local.azure.clear_requests()
    ca.clear_requests()
    began = time.perf_counter()
    app.ask("POST", f"api/certificates/{VAULT}/{NAME}/renew", {"reason": "a benchmark", "force": True})
    _until(lambda: _issued(local) > done, "a renewal")
    took, questions = time.perf_counter() - began, asked.questions - before
    _until(lambda: ca.requests().get("renewal-info", 0), "renewal information", LAST)
    signed = [one for one in local.asked([KEYS]) if str(one["path"]).endswith("/sign")]
    calls = tuple(f"{one['method']} {_last(str(one['path']))}" for one in local.asked([VAULT]))
    zone = sum("/dnszones/" in str(one["path"]).lower() for one in local.azure.requests("arm", authenticated=True))
    return Cost(Counter(ca.requests()), calls, len(signed), zone, questions, took)


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _lego(local: Local, ca: Pebble, asked: Relay, run: Run) -> Cost | str:
    """Let lego order the names, which makes its account, and then renew them; return why not where it does not."""
    with tempfile.TemporaryDirectory(prefix="bench-lego-") as folder, hook(local.azure, ZONE) as writes:
        lego = Lego(Path(folder), NAMES, ca, asked, writes)
        try:
            lego.run("run")
            ca.clear_requests()
            written, questions, began = writes.calls, asked.questions, time.perf_counter()
            lego.run("renew", "--days", "10000", "--no-random-sleep")
        except (Missing, TookTooLongError) as fault:
            run.say(f"  lego did not renew: {fault}")
            return f"not measured: {fault}"
        took = time.perf_counter() - began
        run.say(f"  lego renewed in {seconds(took)}")
        return Cost(
            Counter(ca.requests()), zone=writes.calls - written, questions=asked.questions - questions, took=took
        )


def _issued(local: Local) -> int:
    """Return how many renewals ended well."""
    rows = local.tables("st000").renewals.select(Query(partition=f"{VAULT}:{NAME}")).items
    return sum(stored.value.outcome is Outcome.ISSUED for stored in rows)


def _until(condition: Callable[[], object], what: str, bound: float = BOUND) -> None:
    """Wait. Raises TookTooLongError."""
    pause, began = threading.Event(), time.monotonic()
    while not condition():
        if time.monotonic() - began > bound:
            raise TookTooLongError(f"no {what} after {bound:.0f} s")
        pause.wait(0.1)


def figures(first: Cost, again: Cost, theirs: Cost | str) -> Iterator[Figure]:
    """Hold each renewal's cost against its budget, beside lego's or why there is none."""
    names = len(NAMES)
    if isinstance(theirs, str):
        beside = writes = theirs
    else:
        beside = f"{told(theirs.ca)}: lego, for which each renewal is a process"
        writes = f"no vault; {theirs.zone} writes, {theirs.questions} questions: lego, told not to wait for the zone's servers"
    yield Figure(
        what=f"requests to the CA for one renewal ({names} names) by a process that did none before",
        ours=told(first.ca),
        beside=beside,
        budget=f"≤ {allowed(first.ca) + 1}: 3 + 2 a name, polls, a nonce, the directory",
        kept=first.total <= allowed(first.ca) + 1,
        means="the account stands in its row, its key's address too: neither is looked for",
    )
    yield Figure(
        what="the same by a process that knows the CA",
        ours=told(again.ca),
        beside=beside,
        budget=f"≤ {allowed(again.ca)}: 3 + 2 a name, polls, a nonce",
        kept=again.total <= allowed(again.ca),
        means="directory and nonces are kept; an order is polled, never an authorization",
    )
    yield Figure(
        what="the same: calls to the vault, to the account key's vault, to Azure DNS, and questions to the DNS",
        ours=f"{len(again.vault)} ({', '.join(again.vault)}); {again.signatures} signatures; {again.zone}; {again.questions}",
        beside=writes,
        budget=f"≤ {CALLS} to the vault",
        kept=len(again.vault) <= CALLS,
        means="lego's keys lie in files; here none leaves a vault, so each request to the CA is a signature there",
    )


def told(asked: Counter[str]) -> str:
    """Return the counts for reading: the sum, then each kind in the order of a renewal, then what follows it."""
    known = [*KINDS, *sorted(set(asked) - set(KINDS) - set(LATER))]
    parts = [f"{kind} {asked[kind]}" for kind in known if asked[kind]]
    more = "".join(f"; later {kind} {asked[kind]}" for kind in LATER if asked[kind])
    return f"{sum(asked[kind] for kind in known)} ({', '.join(parts)}{more})"


def allowed(asked: Counter[str]) -> int:
    """Return how many requests such a renewal may cost, its polls taken as they were."""
    return 3 + 2 * len(NAMES) + sum(asked[kind] for kind in POLLS) + 1
