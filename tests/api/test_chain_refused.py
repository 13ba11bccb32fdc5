"""Each wrong chain is refused by its own name, and nothing of it is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from perennial.ports.tables import Query
from tests.api.requesting import (
    CORP,
    CSR,
    ISSUING,
    KEY,
    LEAF,
    ROOT,
    WHOLE,
    post,
    row,
    scene,
    slug,
)
from tests.api.stocking import DAY, NOW
from tests.memory.queue import MemoryQueues
from tests.memory.signers import issue, pem, request, signer

SECRET = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
OTHER = issue(ISSUING, request("web.example", "api.example"), NOW)
WRONG = {
    "not-a-certificate": b"hello",
    "private-key": WHOLE + SECRET,
    "other-key": pem(OTHER, *ISSUING.line),
    "lacks-names": pem(issue(ISSUING, CSR, NOW, names=("web.example",)), *ISSUING.line),
    "expired": pem(issue(ISSUING, CSR, NOW - 91 * DAY), *ISSUING.line),
    "not-yet-valid": pem(issue(ISSUING, CSR, NOW + DAY), *ISSUING.line),
    "broken-link": pem(LEAF, signer("Corp Issuing CA", NOW, ROOT).certificate, ROOT.certificate),
    "incomplete-chain": pem(LEAF, ISSUING.certificate),
}


@pytest.mark.parametrize("code", WRONG)
def test_each_wrong_chain_has_its_word(code: str) -> None:
    """422 with a sentence and a fix; nothing is kept, no look is queued, and no word of a private key comes back."""
    world = scene()
    before = row(world)
    refused = post(world, WRONG[code])
    assert slug(refused) == (422, code)
    assert refused.one("fix")
    assert "PRIVATE" not in str(refused.body)
    assert row(world) == before
    assert isinstance(world.queues, MemoryQueues)
    assert not world.queues.looks


def test_a_chain_for_another_key_is_answered_with_the_csr() -> None:
    """Whoever signed the wrong one gets the right one."""
    refused = post(scene(), WRONG["other-key"])
    assert x509.load_pem_x509_csr(refused.one("csr").encode()).public_bytes(Encoding.DER) == CSR
    assert refused.one("id") == "r1"


def test_too_much_is_413() -> None:
    """More than 64 KiB is not read."""
    assert slug(post(scene(), WHOLE + b"\n" * 65536)) == (413, "too-large")


def test_a_chain_for_a_csr_that_was_replaced_is_said_so() -> None:
    """By the id that whoever posts gives, or by a key that this renewal no longer waits for."""
    refused = post(scene(), WHOLE, id="r0")
    assert slug(refused) == (409, "csr-replaced")
    assert "r0" in refused.one("detail")
    assert post(scene(), WHOLE, id="r1").status == 202
    again = scene(requests=("r0", "r1"))
    assert slug(post(again, WRONG["other-key"])) == (409, "csr-replaced")


def test_an_incomplete_chain_is_taken_if_whoever_posts_says_so() -> None:
    """And the history tells that."""
    world = scene()
    assert post(world, WRONG["incomplete-chain"], allow_incomplete="false").status == 422
    assert post(world, WRONG["incomplete-chain"], allow_incomplete="true").status == 202
    (record,) = [one.value for one in world.tables.history.select(Query()).items]
    assert record.facts == {"certificates": "2", "allowed": "incomplete"}


def test_the_root_that_the_setting_names_completes_a_chain() -> None:
    """With it a chain may end before the root, and must not end at another."""
    world = scene()
    rooted = replace(world, settings=replace(world.settings, authorities=(replace(CORP, root="Corp Root"),)))
    other = replace(world, settings=replace(world.settings, authorities=(replace(CORP, root="Old Root"),)))
    assert slug(post(other, WHOLE)) == (422, "other-root")
    assert post(rooted, WRONG["incomplete-chain"]).status == 202
