"""A CSR for somebody else to sign: asked for with the CSR itself, ever more often, until its chain is there and merged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from perennial.authorities import build
from perennial.authorities.external import ExternalAuthority, reminder
from perennial.errors import Throttled
from perennial.model.authority import AuthorityKind, AuthoritySetting
from perennial.model.certificate import IssuerClass
from perennial.model.history import HistoryKind
from perennial.model.mode import Mode
from perennial.model.notices import NoticeKind
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Outcome, Renewal
from perennial.model.signing import request_of
from tests.api.calling import Answer, Api
from tests.memory.signers import issue, pem, signer
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, UNKNOWN, WWW, place

if TYPE_CHECKING:
    from perennial.authorities.needs import Tools

CORP = AuthoritySetting(name="corp", kind=AuthorityKind.EXTERNAL, instructions="template WebServer at pki.corp.example")
ROOT = signer("Corp Root", NOW)
ISSUING = signer("Corp Issuing CA", NOW, ROOT)


def stage(*, left: timedelta = 28 * DAY, **options: Any) -> Stage:
    """Return a stage whose certificate names the external CA by its tag, and is due."""
    on = Stage(
        NOW,
        vaults={"kv-orders": Mode.RENEW},
        authorities={"corp": ExternalAuthority(CORP)},
        real_certificates=True,
        events=False,
        **options,
    )
    on.settings = replace(on.settings, authorities=(CORP,))
    on.subscribe()
    tags = {"perennial-issuer": "corp"}
    place(on, left=left, policy=UNKNOWN, tags=tags, issuer_class=IssuerClass.PRIVATE)
    return on


def asked(on: Stage) -> list[dict[str, Any]]:
    """Return the data of the delivered notices that ask for a signature."""
    sent = [one.delivery for one in on.channel.sent if one.delivery.kind is NoticeKind.ACTION_NEEDED]
    told = [msgspec.json.decode(one.body) for one in sent]
    return [one for one in told if one["code"] == "signature-needed"]


def answer(on: Stage, **options: Any) -> Answer:
    """Have the CSR that waits signed by the corporate CA, and post the chain."""
    csr = waiting(on)
    return post(on, pem(issue(ISSUING, csr, on.now), *ISSUING.line), **options)


def post(on: Stage, raw: bytes, **query: str) -> Answer:
    """Post bytes as the chain."""
    return Api(on.world()).call("post_chain", WWW.vault, WWW.name, raw=raw, actor="agent", query=query)


def waiting(on: Stage) -> bytes:
    """Return the CSR that waits (DER)."""
    found = request_of(on.claims("www")[-1])
    assert found is not None
    return found.csr


def test_a_person_is_asked_with_the_csr() -> None:
    """The decision asks a person; one notice carries CSR, names, key, what to order, where the chain goes, and the time left."""
    on = stage()
    entry = on.look("www")
    assert (entry.decision, entry.reason and entry.reason.code) == ("ask-human", ReasonCode.SIGNATURE_NEEDED)
    assert entry.awaits_signature
    on.run(HOUR)
    (told,) = asked(on)
    request = told["request"]
    assert x509.load_pem_x509_csr(request["csr"].encode()).is_signature_valid
    assert request["names"] == ["www.example"]
    assert request["key"].startswith(("EC", "RSA"))
    assert request["instructions"] == "template WebServer at pki.corp.example"
    assert request["post_to"] == "/api/requests/kv-orders/www"
    assert "template WebServer" in told["fix"]
    assert told["seconds_left"] == 28 * 86400
    assert len(on.told("action-needed", about="kv-orders:www")) == 1


def test_it_costs_no_call_to_wait() -> None:
    """GET, create, merge; while it waits the vault is read once a day, as whenever a person is asked."""
    on = stage()
    on.look("www")
    on.run(20 * HOUR)
    assert (on.vaults.calls["get"], on.vaults.calls["create"]) == (1, 1)
    on.run(10 * DAY)
    assert on.vaults.calls["get"] <= 12
    assert answer(on).status == 202
    on.run(timedelta(minutes=5))
    assert (on.vaults.calls["get"], on.vaults.calls["create"], on.vaults.calls["merge"]) == (11, 1, 1)


def test_reminders_climb_until_it_is_done() -> None:
    """At once, at a quarter, a sixth and a tenth of the life, then daily; none after the chain is there."""
    on = stage()
    on.look("www")
    told: list[float] = []
    for _ in range(29 * 24):
        before = len(asked(on))
        on.run(HOUR)
        told += [(NOW + 28 * DAY - on.now) / DAY for _ in range(len(asked(on)) - before)]
    days = [round(left) for left in told]
    assert days[:4] == [28, 22, 15, 9]
    assert set(range(9)) <= set(days)
    assert answer(on).status == 202
    count = len(asked(on))
    on.run(5 * DAY)
    assert len(asked(on)) == count


def test_a_look_that_comes_again_asks_the_same() -> None:
    """Looks between two reminders, and a step that was told and not saved, send nothing new."""
    on = stage()
    for _ in range(10):
        on.look("www")
        on.run(timedelta(minutes=30))
    assert len(asked(on)) == 1


@pytest.mark.parametrize(
    ("left", "rung", "again"),
    [
        (30.0, "0", 22.5),
        (22.5, "1", 15.0),
        (14.0, "2", 9.0),
        (9.0, "3, day 0", 8.0),
        (5.0, "3, day 4", 4.5),
        (4.5, "4, day 4", 4.0),
        (0.5, "5, day 8", 0.0),
        (-3.5, "5, day 12", -4.0),
    ],
)
def test_the_rungs_of_a_ninety_day_certificate(left: float, rung: str, again: float) -> None:
    """Each instant has its rung, and the next reminder always lies ahead."""
    end = NOW + 90 * DAY
    row = claim(lifetime_seconds=90 * 86400, not_after=end)
    assert reminder(row, end - left * DAY) == (rung, end - again * DAY)


def test_a_row_of_before_the_column_reminds_daily() -> None:
    """Without the end of the version replaced, the days since it was opened count."""
    assert reminder(claim(), NOW + 36 * HOUR) == ("day 1", NOW + 2 * DAY)


def claim(**changes: Any) -> Renewal:
    """Return a claim."""
    row = Renewal(certificate=WWW, replacing="v", issuer="corp", opened=NOW, next_step=NOW, earliest=NOW)
    return replace(row, **changes)


def test_the_chain_is_merged_and_told() -> None:
    """What was posted becomes the version; the history says who brought it; the new version is announced."""
    on = stage()
    on.look("www")
    found = answer(on)
    assert (found.status, found.one("state"), found.one("waits_for")) == (202, "received", None)
    assert found.one("chain") == ["CN=www.example", "CN=Corp Issuing CA", "CN=Corp Root"]
    on.run(timedelta(minutes=5))
    assert len(on.vaults.versions(WWW)) == 2
    (row,) = on.claims("www")
    assert (row.outcome, row.failures) == (Outcome.ISSUED, 0)
    received = next(one for one in on.history("www") if one.kind is HistoryKind.CHAIN_RECEIVED)
    assert (received.actor, received.thumbprint) == ("api (agent)", found.one("sha256"))
    assert on.told("new-version")
    assert not on.entry("www").awaits_signature


def test_the_same_chain_again_changes_nothing_and_another_is_refused() -> None:
    """200 while it waits for the merge and after it; 409 for another chain, which names what is there."""
    on = stage()
    on.look("www")
    csr = waiting(on)
    mine, other = (pem(issue(ISSUING, csr, NOW), *ISSUING.line) for _ in range(2))
    assert [post(on, mine).status, post(on, mine).status] == [202, 200]
    refused = post(on, other)
    assert (refused.status, refused.one("type")) == (409, "urn:perennial:problem:already-answered")
    on.run(timedelta(minutes=5))
    again = post(on, mine)
    assert (again.status, again.one("state")) == (200, "merged")
    assert again.one("new_version") == on.vaults.versions(WWW)[-1].id
    assert post(on, other).one("type") == "urn:perennial:problem:nothing-waits"
    assert sum(one.kind is HistoryKind.CHAIN_RECEIVED for one in on.history("www")) == 1
    assert len(on.vaults.versions(WWW)) == 2


def test_a_throttled_vault_loses_no_chain() -> None:
    """The chain is kept, and merged when the vault answers again; nobody is asked for it twice."""
    on = stage()
    on.look("www")
    on.vaults.fail_next("merge", Throttled("kv-orders", "429", retry_after=timedelta(minutes=7)), times=2)
    assert answer(on).status == 202
    on.run(HOUR)
    assert len(on.vaults.versions(WWW)) == 2
    assert len(asked(on)) == 1


def test_under_the_switch_it_is_kept_and_said_so() -> None:
    """Accepted with the reason why it waits; merged when the switch is turned back."""
    on = stage()
    on.look("www")
    Api(on.world()).call("put_mode", body={"mode": "observe", "reason": "incident"})
    found = answer(on)
    assert (found.status, found.one("waits_for", "code")) == (202, "kill-switch")
    on.run(2 * DAY)
    assert len(on.vaults.versions(WWW)) == 1
    Api(on.world()).call("put_mode", body={"mode": "as-set", "reason": "over"})
    on.run(HOUR)
    assert len(on.vaults.versions(WWW)) == 2


def test_a_discarded_request_is_gone() -> None:
    """A person discards our operation: it is no longer listed, and a chain for it is not taken."""
    on = stage()
    on.look("www")
    chain = pem(issue(ISSUING, waiting(on), NOW), *ISSUING.line)
    body = {"reason": "we buy one instead"}
    assert Api(on.world()).call("discard_pending", WWW.vault, WWW.name, body=body).status == 200
    assert Api(on.world()).call("list_requests").one("items") == []
    assert post(on, chain).one("type") == "urn:perennial:problem:nothing-waits"
    on.run(HOUR)
    assert not on.entry("www").awaits_signature


def test_another_csr_is_asked_for_anew_and_said_so() -> None:
    """The operation was deleted in the vault and made again: a chain for the old CSR is answered with the new one."""
    on = stage()
    on.look("www")
    old = waiting(on)
    chain = pem(issue(ISSUING, old, NOW), *ISSUING.line)
    assert post(on, chain).status == 202
    on.vaults.shelf.names[WWW].pending = None
    on.run(3 * HOUR)
    new = waiting(on)
    assert new != old
    refused = post(on, chain)
    assert (refused.status, refused.one("type")) == (409, "urn:perennial:problem:csr-replaced")
    assert x509.load_pem_x509_csr(refused.one("csr").encode()).public_bytes(Encoding.DER) == new
    assert len(asked(on)) == 2
    assert answer(on).status == 202
    on.run(HOUR)
    assert len(on.vaults.versions(WWW)) == 2


def test_the_table_makes_it() -> None:
    """A setting of the kind external makes this authority; it suggests nothing and sees nothing in the way."""
    made = build((CORP,), cast("Tools", None))["corp"]()  # it uses no port
    assert isinstance(made, ExternalAuthority)
    assert made.suggest("x", NOW) is None
    assert made.obstacles(("www",), NOW) == ()
