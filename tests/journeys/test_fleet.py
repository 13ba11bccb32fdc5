"""A fleet of 3,000 with 400 due: observed it costs list pages alone; switched on it is renewed in a spread and paced stream."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.data.tables import TableClient
from azure.keyvault.certificates import CertificateClient

from localazure.client import await_until
from tests.journeys.running import PATIENCE, App, Journey, near_expiry

DAY = timedelta(days=1)
CALM, DUE = 2600, 400
PAGE = 25  # Key Vault: certificates a list page
WATCHED = 12  # creates; at one a second
BATCH = 100  # Table Storage: rows a transaction


def _first_rows(journey: Journey, app: App, vault: str) -> None:
    """Let the app see one certificate of each sort, and write the rows of the others as it would have: in observe, at its first sweep."""
    for first in ("calm-00000", "aged-00000"):
        app.notify("certificate_near_expiry", near_expiry(vault, first))
    await_until(lambda: app.looks(vault, "calm-00000") and app.looks(vault, "aged-00000"), PATIENCE)
    client = journey.operator.client(vault)
    known: dict[str, tuple[str, ...]] = {}
    for item in client.list_properties_of_certificates():
        name, sha1 = str(item.name), (item.x509_thumbprint or b"").hex()
        looked_at = name.startswith("aged") or name == "calm-00000"  # a list names no version; only these will be read
        known[name] = (name, sha1, _version(client, name) if looked_at else "")
    for table in ("inventory", "findings"):
        with journey.table(table) as rows:
            seen = list(rows.query_entities("PartitionKey eq @vault", parameters={"vault": vault}))
            _write(rows, _copies(seen, known))


def _version(client: CertificateClient, name: str) -> str:
    properties = client.get_certificate(name).properties
    return str(properties.version) if properties else ""


def _copies(seen: Iterable[Mapping[str, Any]], known: Mapping[str, tuple[str, ...]]) -> Iterator[dict[str, Any]]:
    """Return the app's own two rows once more for each other certificate of their sort: its name, thumbprint and version in their place."""
    for row in seen:
        first = str(row["RowKey"]).partition(":")[0]
        if first not in known:
            continue  # of the vault itself
        for name, mine in known.items():
            if name != first and name.partition("-")[0] == first.partition("-")[0]:
                yield {column: _replaced(value, known[first], mine) for column, value in row.items()}


def _replaced(value: Any, theirs: tuple[str, ...], mine: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        for old, new in zip(theirs, mine, strict=True):
            value = value.replace(old, new) if new else value
    return value


def _write(table: TableClient, rows: Iterator[dict[str, Any]]) -> None:
    def write(batch: tuple[dict[str, Any], ...]) -> None:
        table.submit_transaction([("upsert", row) for row in batch])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, itertools.batched(rows, BATCH, strict=False)))


def _created(journey: Journey, vault: str) -> list[str]:
    """Return the paths of the creates that reached a vault, in their order."""
    return [one.removeprefix("POST ") for one in journey.creates(vault)]


def _turns(journey: Journey) -> list[datetime]:
    """Return the instants of the looks that created: a busy machine may bunch the requests themselves, not these."""
    with journey.table("history") as table:
        return [row["at"] for row in table.query_entities("kind eq 'sent'")]


def most_within(times: list[datetime], span: timedelta) -> int:
    """Return the largest number of instants in any window of that span."""
    return max((sum(begin <= one < begin + span for one in times) for begin in times), default=0)


def test_a_fleet_is_observed_without_a_write_and_then_renewed_in_a_stream(journey: Journey) -> None:
    """Observed: 120 list pages, no read, no create, 400 in the plan. Switched on: at most one create a second."""
    vault = journey.vault("fleet")
    now = datetime.now(UTC)
    journey.azure.fill(vault, CALM, now + 200 * DAY, prefix="calm")
    journey.azure.fill(vault, DUE, now + 60 * DAY, prefix="aged")
    with journey.app({vault: "observe"}, hear=[]) as app:
        _first_rows(journey, app, vault)
        before = len(journey.asked(vault))
        walk = app.sweep()[0]
        assert (walk["state"], walk["seen"], walk["checked"], walk["queued"]) == ("whole", CALM + DUE, CALM + DUE, 0)
        assert journey.asked(vault)[before:] == ["GET /certificates"] * ((CALM + DUE) // PAGE)
        assert len(app.get(f"plan?vault={vault}")["vaults"][0]["now"]) == DUE
        assert journey.creates(vault) == []
    with journey.app({vault: "renew"}, hear=[], settings={"PERENNIAL_MAX_RENEWALS_PER_DAY": "500"}) as app:
        app.tick()  # the mode has changed: the vault is walked, and the due ones are looked at
        await_until(lambda: len(journey.creates(vault)) >= WATCHED, 2 * PATIENCE)
    created, turns = _created(journey, vault), _turns(journey)
    assert len(turns) == len(created) == len(set(created))
    assert all("/aged-" in path for path in created)
    assert most_within(turns, timedelta(seconds=1)) == 1


def test_a_burst_would_be_seen() -> None:
    """The measure of the stream can fail: three at once are three within any span."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    times = [begin, begin, begin, begin + timedelta(seconds=11)]
    assert most_within(times, timedelta(seconds=1)) == 3
    assert most_within([], timedelta(seconds=1)) == 0
