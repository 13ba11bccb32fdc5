"""CAs over the API: what is known of each, and what a person may ask of an account."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.model.authority import Account, AuthorityKind, AuthoritySetting, Obstacle, Usage
from perennial.model.certificate import CertificateRef, IssuancePolicy
from perennial.model.inventory import Entry
from perennial.model.limits import keeper
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Outcome
from perennial.workflows.world import World
from tests.api.calling import Api
from tests.api.stocking import DAY, NOW, WEB, claim, stock
from tests.memory.world import SETTINGS, make_world

LE = AuthoritySetting(
    name="le",
    directory="https://acme-v02.api.letsencrypt.org/directory",
    contact=("mailto:team@example.com",),
    agree_terms=True,
)
HAND = AuthoritySetting(name="hand", kind=AuthorityKind.EXTERNAL)
ACCOUNT = Account(authority="le", directory=LE.directory, url="https://ca.example/acct/1", key_id="https://kv/keys/k/1")
ROLL = {"action": "roll-key", "reason": "yearly"}
REMAKE = {"action": "remake", "reason": "it was deactivated by mistake"}


def world() -> World:
    """Return a world with a CA by ACME and one that a person asks."""
    made = make_world(NOW, settings=replace(SETTINGS, authorities=(LE, HAND), issuers=("le", "hand")))
    return replace(made, issuers=dict.fromkeys(("vault", "le", "hand"), made.issuers["vault"]))


def signed(made: World, ref: CertificateRef = WEB, **changes: Any) -> Entry:
    """Put a certificate there whose policy leaves the CA to us."""
    host = f"{ref.name}.example"
    policy = IssuancePolicy(issuer="Unknown", subject=f"CN={host}", names=(host,), fingerprint="f")
    entry = replace(stock(made, ref, policy=policy), **changes)
    made.tables.inventory.put(entry)
    return entry


def account(made: World) -> Account:
    """Return the row of the account."""
    stored = made.tables.accounts.get("le", "account")
    assert stored
    return stored.value


def test_a_ca_that_nobody_used_yet_has_no_account() -> None:
    """Both kinds are listed as the settings name them; ACME's limits are known before the first order, a person's have none."""
    found = Api(world()).call("list_authorities")
    acme, hand = found.one("items")
    assert (acme["name"], acme["kind"], acme["account"], acme["certificates"]) == ("le", "acme", None, 0)
    assert acme["limits"] == [
        {"limit": "orders", "of": None, "most": 300, "span": "3h", "used": 0, "left": 300, "reset_at": None}
    ]
    assert (hand["kind"], hand["directory"], hand["limits"], hand["account"]) == ("external", None, [], None)


def test_what_is_used_of_a_limit_is_shown_with_its_end() -> None:
    """What has left its window is not counted; the fullest come after the account's own; what the CA blocked stands beside."""
    made = world()
    hours = tuple(NOW - n * timedelta(hours=1) for n in (4, 2, 1))
    made.tables.usages.put(Usage(authority="le", bucket="orders", spent=hours))
    made.tables.usages.put(
        Usage(authority=keeper(LE, "domain"), bucket="domain:web.example", spent=(NOW - 8 * DAY, NOW - DAY))
    )
    made.tables.usages.put(Usage(authority="le", bucket="failed:www.web.example", spent=(NOW,) * 4))
    made.tables.usages.put(Usage(authority=keeper(LE, "set"), bucket="set:abc", spent=(NOW - 8 * DAY,)))
    made.tables.usages.put(Usage(authority=keeper(LE, "domain"), bucket="domain:shut.example", blocked_until=NOW + DAY))
    made.tables.usages.put(Usage(authority=keeper(LE, "domain"), bucket="domain:open.example", blocked_until=NOW - DAY))
    made.tables.usages.put(Usage(authority="other", bucket="orders", spent=(NOW,)))
    made.tables.accounts.put(ACCOUNT)  # the same partition of the same table
    found = Api(made).call("list_authorities").one("items", 0)
    assert [(one["limit"], one["of"], one["used"], one["left"], one["reset_at"]) for one in found["limits"]] == [
        ("orders", None, 2, 298, "2026-11-24T09:00:00Z"),
        ("failed", "www.web.example", 4, 1, "2026-11-24T09:00:00Z"),
        ("domain", "web.example", 1, 49, "2026-11-30T08:00:00Z"),
    ]
    assert found["blocked"] == [{"limit": "domain", "of": "shut.example", "until": "2026-11-25T08:00:00Z"}]


def test_certificates_are_counted_where_their_list_begins_and_obstacles_are_gathered() -> None:
    """The tag decides before the fleet's list; alike obstacles stand together; what Key Vault issues, what is gone is nobody's."""
    made = world()
    caa = Obstacle(code="caa-forbids", what="CAA allows another", fix="change the record")
    for name in ("web", "shop"):
        signed(made, CertificateRef("kv-orders", name), obstacles=(caa,))
    signed(made, CertificateRef("kv-orders", "mail"), tags={"perennial-issuer": "hand"})
    signed(made, CertificateRef("kv-orders", "old"), gone=NOW)
    signed(made, CertificateRef("kv-forgotten", "web"))
    stock(made, CertificateRef("kv-orders", "own"))
    le, hand = Api(made).call("list_authorities").one("items")
    assert (le["certificates"], hand["certificates"], hand["obstacles"]) == (2, 1, [])
    assert [(one["code"], one["count"], one["certificates"]) for one in le["obstacles"]] == [
        ("caa-forbids", 2, ["kv-orders/shop", "kv-orders/web"])
    ]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"url": ""}, "none"),
        ({}, "ready"),
        ({"gone": "no such account"}, "gone"),
        ({"gone": "no such account", "remake": "why"}, "remaking"),
        ({"roll": "why"}, "rolling-key"),
        ({"next_key_id": "https://kv/keys/k/2"}, "rolling-key"),
    ],
)
def test_an_accounts_state_is_one_word(changes: dict[str, Any], state: str) -> None:
    """From its row."""
    made = world()
    made.tables.accounts.put(replace(ACCOUNT, **changes))
    assert Api(made).call("list_authorities").one("items", 0, "account", "state") == state


def test_a_key_is_rolled_over_by_a_wish_in_the_row() -> None:
    """Who asked, why and when is kept; the CA is not called here. Asked again, the later reason holds."""
    made = world()
    made.tables.accounts.put(ACCOUNT)
    found = Api(made).call("change_account", "LE", body=ROLL, actor="ada")
    assert (found.status, found.one("account", "state"), found.one("reopened")) == (202, "rolling-key", 0)
    assert account(made) == replace(ACCOUNT, roll="yearly", actor="api (ada)", asked_at=NOW)
    assert found.one("account", "asked") == {
        "action": "roll-key",
        "reason": "yearly",
        "actor": "api (ada)",
        "at": "2026-11-24T08:00:00Z",
    }
    Api(made).call("change_account", "le", body=ROLL | {"reason": "leaked?"})
    assert account(made).roll == "leaked?"


def test_a_lost_account_is_made_again_and_what_it_ended_is_asked_for_again() -> None:
    """Only what this CA's refusal ended or holds up: not another CA's, nor what waits for something else."""
    made = world()
    made.tables.accounts.put(replace(ACCOUNT, gone="no such account"))
    given_up = Reason(ReasonCode.GIVEN_UP, {"error": "gone", "fix": "remake"})
    ended = signed(made, reason=given_up)
    claim(made, ended, issuer="le", outcome=Outcome.GIVEN_UP)
    passed_on = signed(made, CertificateRef("kv-orders", "passed"), reason=given_up)
    claim(made, passed_on, issuer="hand", outcome=Outcome.GIVEN_UP, refused=("le", "hand"))
    others = signed(made, CertificateRef("kv-orders", "others"), reason=given_up)
    claim(made, others, issuer="hand", outcome=Outcome.GIVEN_UP)
    waits = signed(made, CertificateRef("kv-orders", "waits"), reason=Reason(ReasonCode.BACK_OFF, {}))
    claim(made, waits, issuer="le", failures=3)
    fine = signed(made, CertificateRef("kv-orders", "fine"))
    unclaimed = signed(made, CertificateRef("kv-orders", "unclaimed"), reason=given_up)
    found = Api(made).call("change_account", "le", body=REMAKE, actor="ada")
    assert (found.status, found.one("account", "state"), found.one("reopened")) == (202, "remaking", 3)
    assert account(made).remake == REMAKE["reason"]
    for before in (ended, passed_on, waits):
        after = made.tables.inventory.get("kv-orders", before.certificate)
        assert after
        assert after.value.request
        assert after.value.version
        assert (after.value.next_check, after.value.request.version) == (NOW, after.value.version.id)
        assert (after.value.request.reason, after.value.request.actor) == (REMAKE["reason"], "api (ada)")
    for same in (others, fine, unclaimed):
        stored = made.tables.inventory.get("kv-orders", same.certificate)
        assert stored
        assert stored.value == same


@pytest.mark.parametrize(
    ("name", "row", "body", "status", "slug"),
    [
        ("nobody", None, ROLL, 404, "not-found"),
        ("hand", None, ROLL, 409, "no-account"),
        ("le", None, ROLL, 409, "no-account"),
        ("le", None, REMAKE, 409, "no-account"),
        ("le", replace(ACCOUNT, url=""), ROLL, 409, "no-account"),
        ("le", ACCOUNT, REMAKE, 409, "account-lives"),
        ("le", replace(ACCOUNT, gone="x"), ROLL, 409, "account-gone"),
        ("le", ACCOUNT, {"action": "delete", "reason": "x"}, 400, "bad-input"),
        ("le", ACCOUNT, {"action": "roll-key", "reason": " "}, 400, "bad-input"),
        ("le", ACCOUNT, {"action": "roll-key"}, 400, "bad-input"),
    ],
)
def test_what_would_do_harm_is_declined_with_what_to_do(
    name: str, row: Account | None, body: dict[str, str], status: int, slug: str
) -> None:
    """An account that lives is never made again, a key of one that is gone never replaced; the row stays as it is."""
    made = world()
    if row is not None:
        made.tables.accounts.put(row)
    found = Api(made).call("change_account", name, body=body)
    assert (found.status, found.one("type")) == (status, f"urn:perennial:problem:{slug}")
    assert found.one("fix")
    stored = made.tables.accounts.get("le", "account")
    assert (stored.value if stored else None) == row
