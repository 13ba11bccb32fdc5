"""The wiring, in processes of their own: what it costs to wake, and that what it builds works."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from localazure.client import LocalAzure

SETTINGS = {
    "PERENNIAL_VAULTS": "kv-orders=renew",
    "PERENNIAL_TABLES": "https://tables.example",
    "PERENNIAL_QUEUES": "https://queues.example",
}
SDKS = "azure msal cryptography requests"


def run(script: str, variables: Mapping[str, str]) -> Any:
    """Run a script in a new process and return the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", script], env=dict(variables), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_a_door_costs_no_sdk() -> None:
    """Settings and a door's intake load none of the heavy libraries."""
    script = f"""
import sys, json
from perennial import wiring
from perennial.model.certificate import CertificateRef
from perennial.model.messages import Look
wiring.settings()
wiring.intake(lambda text: None).put(Look(certificate=CertificateRef("kv-orders", "www"), cause="event"))
print(json.dumps([name for name in {SDKS.split()} if name in sys.modules]))
"""
    assert run(script, SETTINGS) == []


def test_indexing_executes_no_workflow() -> None:
    """A process that only learns which functions there are runs neither a workflow nor what workflows think with."""
    script = """
import sys, json
import function_app
def executed(name):
    return type.__getattribute__(object.__getattribute__(sys.modules[name], "__class__"), "__name__") != "_LazyModule"
work = ("perennial.workflows.", "perennial.decisions", "perennial.compliance", "perennial.ports", "perennial.adapters")
print(json.dumps(sorted(name for name in list(sys.modules) if name.startswith(work) and executed(name))))
"""
    assert run(script, SETTINGS) == ["perennial.workflows.api"]


def test_indexing_loads_no_model_of_what_is_renewed() -> None:
    """Settings need a few types; those of certificates, renewals and decisions, with many columns each, wait for the first invocation."""
    script = """
import sys, json
import function_app
late = ("certificate", "renewal", "decision", "reasons", "inventory", "history", "notices", "findings")
print(json.dumps([name for name in late if f"perennial.model.{name}" in sys.modules]))
"""
    assert run(script, SETTINGS) == []


def test_a_world_is_fresh_and_its_parts_are_built_once() -> None:
    """Each invocation has its own instant, in whole seconds of UTC; vault and queue SDKs wait for their first use."""
    script = """
import sys, json, threading
from datetime import timedelta
from perennial import wiring
first = wiring.world()
threading.Event().wait(1.1)
second = wiring.world()
print(json.dumps({
    "later": second.now > first.now,
    "whole": first.now.microsecond == 0 and first.now.utcoffset() == timedelta(0),
    "same": first.tables is second.tables and first.vaults is second.vaults and first.issuers is second.issuers,
    "issuers": sorted(first.issuers),
    "channels": sorted(first.channels),
    "loaded": [name for name in ("azure.keyvault.certificates", "azure.storage.queue", "azure.identity") if name in sys.modules],
}))
"""
    assert run(script, SETTINGS) == {
        "later": True,
        "whole": True,
        "same": True,
        "issuers": ["vault"],
        "channels": ["event-grid", "webhook"],
        "loaded": [],
    }


CAS = {
    "PERENNIAL_AUTHORITIES": json.dumps(
        [
            {"name": "le", "directory": "https://ca-one.example/directory", "agree_terms": True},
            {"name": "people", "kind": "external", "instructions": "ask the desk"},
        ]
    ),
    "PERENNIAL_ZONES": json.dumps(
        [{"zone": "example.com", "provider": "azure", "options": {"subscription": "s", "resource_group": "g"}}]
    ),
    "PERENNIAL_KEYS": "https://kv-keys.vault.azure.net",
}


def test_cas_are_issuers_that_wait_for_their_first_use() -> None:
    """Each CA of the settings is an issuer by its name, and a world with it loads no library that only a CA needs."""
    script = """
import sys, json
from perennial import wiring
world = wiring.world()
heavy = ("acme", "josepy", "requests", "dns", "azure.keyvault.keys", "azure.identity", "publicsuffixlist")
print(json.dumps({"issuers": sorted(world.issuers), "loaded": [name for name in heavy if name in sys.modules]}))
"""
    assert run(script, SETTINGS | CAS) == {"issuers": ["le", "people", "vault"], "loaded": []}


def test_invocations_that_begin_at_once_share_what_is_built() -> None:
    """A new process wakes for several messages: they have one set of tables and of CAs, with one directory and one account's nonces."""
    script = """
import json, threading
from concurrent.futures import ThreadPoolExecutor
from perennial import wiring
start = threading.Barrier(16)
def begin(_):
    start.wait(10)
    world = wiring.world()
    made = world.issuers["le"]._authority._make()
    return [id(part) for part in (world.tables, world.issuers, world.vaults, world.queues, made)]
with ThreadPoolExecutor(16) as pool:
    print(json.dumps(len({tuple(parts) for parts in pool.map(begin, range(16))})))
"""
    assert run(script, SETTINGS | CAS) == 1


def test_a_ca_that_is_asked_is_built() -> None:
    """The first question to a CA loads what it needs; who cannot be reached is an error of ours."""
    script = """
import sys, json
from perennial import wiring
from perennial.errors import IssuerError
world = wiring.world()
try:
    world.issuers["le"].suggest("aaaa.bbbb", world.now)
except IssuerError as error:
    print(json.dumps([error.code, "acme" in sys.modules]))
"""
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9"}
    assert run(script, SETTINGS | CAS | nowhere) == ["ca-down", True]


def test_what_is_wired_works(azure: LocalAzure, account: str, vault: str) -> None:
    """With nothing but the environment: a row, a message, a certificate."""
    script = f"""
import json
from perennial import wiring
from perennial.model.certificate import CertificateRef
from perennial.model.inventory import FleetRow
from perennial.model.messages import Look
world = wiring.world()
ref = CertificateRef("{vault}", "www")
row = world.tables.fleet.insert(FleetRow(first_seen=world.now, next_check=world.now))
again = world.tables.fleet.insert(FleetRow(first_seen=world.now, next_check=world.now))
world.queues.send(Look(certificate=ref, cause="test"))
print(json.dumps([row is not None, again is None, world.vaults.get(ref) is None, world.vaults.page("{vault}").more is None]))
"""
    variables = azure.environment(account=account, vaults={vault: "renew"})
    assert run(script, variables) == [True, True, True, True]


def test_wrong_settings_end_in_one_message() -> None:
    """Every fault is listed where the app would start."""
    done = subprocess.run(
        [sys.executable, "-c", "from perennial import wiring; wiring.world()"],
        env={"PERENNIAL_CLOUD": "mars"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert all(
        name in done.stderr for name in ("PERENNIAL_VAULTS", "PERENNIAL_TABLES", "PERENNIAL_CLOUD is not a cloud")
    )


@pytest.mark.parametrize(
    ("role", "carries"),
    [
        ("a4417e6f-fecd-4de8-b567-7b0420556985", ["delete and purge certificates"]),
        ("00482a5a-887f-4fb3-b363-3b7fe8e74483", ["delete and purge everything"]),
        ("99999999-0000-4000-8000-000000000009", []),
        ("", []),
    ],
)
def test_a_role_that_carries_more_is_warned_of_at_start(role: str, carries: list[str]) -> None:
    """Certificates Officer can delete and purge: one warning with the fix. A role of one's own, and the deployment's, are not spoken of."""
    script = """
import json, logging
heard = []
class Ear(logging.Handler):
    def emit(self, record):
        heard.append((record.levelname, json.loads(record.getMessage())))
logging.getLogger("perennial").addHandler(Ear())
import function_app
print(json.dumps([line for line in heard if line[1]["event"] == "role-too-broad"]))
"""
    found = run(script, SETTINGS | {"PERENNIAL_ROLE": role})
    assert [level for level, _ in found] == ["WARNING"] * len(carries)
    assert all(text in line["carries"] for (_, line), text in zip(found, carries, strict=True))
    assert all("three data actions" in line["fix"] for _, line in found)
