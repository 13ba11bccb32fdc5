"""A CSR that waits in the rows, and chains for it: what the tests of the API's requests share."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from perennial.model import signing
from perennial.model.authority import AuthorityKind, AuthoritySetting
from perennial.model.certificate import CertificateRef
from perennial.model.inventory import Entry
from perennial.model.renewal import Checkpoint, Renewal, Step
from perennial.ports.tables import Query
from perennial.workflows.world import World
from tests.api.calling import Answer, Api
from tests.api.stocking import DAY, NOW, WEB, claim, stock
from tests.memory.signers import issue, pem, request, signer
from tests.memory.world import SETTINGS, make_world

KEY = ec.generate_private_key(ec.SECP256R1())
CSR = request("web.example", "api.example", key=KEY)
ROOT = signer("Corp Root", NOW)
ISSUING = signer("Corp Issuing CA", NOW, ROOT)
LEAF = issue(ISSUING, CSR, NOW)
WHOLE = pem(LEAF, *ISSUING.line)
CORP = AuthoritySetting(name="corp", kind=AuthorityKind.EXTERNAL, instructions="template WebServer")


def memory(csr: bytes = CSR, number: str = "r1") -> dict[str, str]:
    """Return what a claim remembers of a CSR that waits."""
    asked = {signing.THEIRS + signing.ASKED: "2026-11-23T08:00:00+00:00"}
    return {"csr": base64.b64encode(csr).decode(), "request_id": number} | asked


def waits(world: World, ref: CertificateRef = WEB, *, issuer: str = "corp", **changes: Any) -> Entry:
    """Put a certificate into the rows whose CSR waits for a signature."""
    entry = replace(stock(world, ref, left=50 * DAY, tags={"perennial-issuer": issuer}), awaits_signature=True)
    world.tables.inventory.put(entry)
    facts = {"checkpoint": Checkpoint(Step.SIGNING, memory()), "requests": ("r1",), "next_step": NOW + DAY}
    claim(world, entry, issuer=issuer, **(facts | changes))
    return entry


def scene(**changes: Any) -> World:
    """Return a world in which a CSR waits."""
    world = make_world(NOW, settings=replace(SETTINGS, authorities=(CORP,)))
    waits(world, **changes)
    return world


def post(world: World, raw: bytes, ref: CertificateRef = WEB, **query: str) -> Answer:
    """Post bytes as the chain."""
    return Api(world).call("post_chain", ref.vault, ref.name, raw=raw, actor="agent", query=query)


def slug(found: Answer) -> tuple[int, str]:
    """Return status and word of a refusal."""
    return found.status, str(found.one("type")).rpartition(":")[2]


def row(world: World) -> Renewal:
    """Return the claim."""
    (stored,) = world.tables.renewals.select(Query()).items
    return stored.value
