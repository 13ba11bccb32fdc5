"""One renewal by ACME in a process of its own, wired as the app is: argv says vault, certificate, and whether to plant a key. Prints JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import timedelta

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from perennial import wiring
from perennial.model.certificate import CertificateRef
from perennial.model.messages import Look
from perennial.ports.tables import Query
from perennial.workflows.look import look_at
from perennial.workflows.world import World
from tests.authorities.acme import secrets_found

MOST = 60  # looks
KEPT: list[object] = []


def renew(ref: CertificateRef) -> World:
    """Look until a new version is there, each look a quarter of a minute after the one before."""
    first, began = None, wiring.world().now
    for number in range(MOST):
        world = replace(wiring.world(), now=began + timedelta(seconds=15 * number))
        look_at(msgspec.json.encode(Look(certificate=ref, cause="test")).decode(), world)
        stored = world.tables.inventory.get(ref.vault, ref.name)
        version = stored.value.version.id if stored and stored.value.version else ""
        first = first or version
        if version != first:
            return world
    raise SystemExit(f"no new version after {MOST} looks: {stored}")


def main(vault: str, name: str, plant: str = "") -> None:
    """Renew, look for private keys, and print what was found."""
    ref = CertificateRef(vault, name)
    world = renew(ref)
    if plant:
        key = ec.generate_private_key(ec.SECP256R1())
        KEPT.append(key)
        KEPT.extend(key.private_bytes(one, PrivateFormat.PKCS8, NoEncryption()) for one in (Encoding.PEM, Encoding.DER))
    claims = world.tables.renewals.select(Query()).items
    print(
        json.dumps(
            {
                "memory": secrets_found.in_memory(),
                "outcome": [str(stored.value.outcome) for stored in claims],
                "issuer": [stored.value.issuer for stored in claims],
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
