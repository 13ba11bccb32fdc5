"""Fleets that are known already: rows as a look writes them, made from one that a look did write."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime

from azure.keyvault.certificates import CertificateProperties

from bench.filling import fill
from bench.local import App, Local
from localazure.operator import Operator
from perennial.adapters.codec import from_entity, to_entity
from perennial.model.findings import Finding
from perennial.model.inventory import Entry
from perennial.ports.tables import FINDINGS, INVENTORY, Query, TableSpec

SAMPLES = 25  # certificates a vault that the app looks at itself
PREFIX = "known"
FIRST_BOUND = 120.0  # seconds


def make(local: Local, app: App, vaults: Sequence[str], count: int, not_after: datetime) -> None:
    """Fill the vaults with so many certificates in all. The app sweeps and looks at the first ones; what it wrote of one stands for the others."""
    each = count // len(vaults)
    few = min(SAMPLES, each)
    for vault in vaults:
        local.azure.fill(vault, few, not_after)
    app.sweep(len(vaults), FIRST_BOUND)
    app.wait("look", few * len(vaults), FIRST_BOUND)
    if each == few:
        return
    for vault in vaults:
        local.azure.fill(vault, each - few, not_after, prefix=PREFIX)
    with Operator(local.azure) as person, ThreadPoolExecutor(len(vaults)) as pool:
        for _ in pool.map(lambda vault: _write(local, person, vault), vaults):
            pass


def _write(local: Local, person: Operator, vault: str) -> None:
    """Write the rows and findings of what the app has not seen in a vault."""
    tables = local.tables("st000")
    sample = tables.inventory.select(Query(partition=vault, limit=1)).items[0].value
    found = [one.value for one in tables.findings.select(Query(partition=vault, prefix=f"{sample.certificate}:")).items]
    listed = person.client(vault).list_properties_of_certificates()
    new = [one for one in listed if (one.name or "").startswith(f"{PREFIX}-")]
    with local.table("st000", "inventory") as table:
        fill(table, INVENTORY, [_entry(sample, one) for one in new])
    with local.table("st000", "findings") as table:
        fill(
            table,
            FINDINGS,
            [_renamed(row, FINDINGS, sample.certificate, str(one.name)) for one in new for row in found],
        )


def _entry(sample: Entry, listed: CertificateProperties) -> Entry:
    """Return the sample's row as that of another certificate, with the thumbprint that the list shows."""
    row = _renamed(sample, INVENTORY, sample.certificate, str(listed.name))
    if row.version is None or row.version.leaf is None:
        return row
    leaf = replace(row.version.leaf, sha1=bytes(listed.x509_thumbprint or b"").hex())
    return replace(row, version=replace(row.version, leaf=leaf))


def _renamed[T: Entry | Finding](row: T, spec: TableSpec[T], old: str, new: str) -> T:
    """Return a row in which one name stands wherever another stood."""
    columns = to_entity(row, spec.key(row))
    renamed = {name: value.replace(old, new) if isinstance(value, str) else value for name, value in columns.items()}
    return from_entity(renamed, spec.row)
