"""What is shown of CAs to the last member and in which order, and what a wish for an account does beside."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.model import limits
from perennial.model.authority import Account, Obstacle, Usage
from perennial.model.certificate import CertificateRef
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Outcome
from tests.api.calling import Api
from tests.api.stocking import DAY, NOW, claim
from tests.api.test_authorities import ACCOUNT, HAND, LE, REMAKE, ROLL, signed, world
from tests.workflows.racing import raced


def test_all_of_an_account_and_of_its_setting_is_shown() -> None:
    """Null for what is not known."""
    made = world()
    profiled = replace(LE, profile="shortlived")
    made = replace(made, settings=replace(made.settings, authorities=(profiled, HAND)))
    made.tables.accounts.put(replace(ACCOUNT, contact=("mailto:a@example.com",), made=NOW, gone="lost", actor=""))
    le, hand = Api(made).call("list_authorities").one("items")
    assert (le["directory"], le["profile"], le["contact"]) == (LE.directory, "shortlived", ["mailto:team@example.com"])
    assert (hand["directory"], hand["profile"], hand["contact"]) == (None, None, [])
    assert le["account"] == {
        "state": "gone",
        "url": ACCOUNT.url,
        "key_id": ACCOUNT.key_id,
        "contact": ["mailto:a@example.com"],
        "made": "2026-11-24T08:00:00Z",
        "gone": "lost",
        "asked": None,
    }
    made.tables.accounts.put(Account(authority="le", directory=LE.directory, remake="why", asked_at=NOW))
    account = Api(made).call("list_authorities").one("items", 0, "account")
    assert (account["url"], account["key_id"], account["made"], account["gone"]) == (None, None, None, None)
    assert account["asked"] == {"action": "remake", "reason": "why", "actor": None, "at": "2026-11-24T08:00:00Z"}


def test_a_ca_that_a_person_asks_has_neither_account_nor_limits() -> None:
    """Whatever rows stand under its name, from another kind that it was."""
    made = world()
    made.tables.accounts.put(replace(ACCOUNT, authority="hand"))
    made.tables.usages.put(Usage(authority="hand", bucket="orders", spent=(NOW,), blocked_until=NOW + DAY))
    hand = Api(made).call("list_authorities").one("items", 1)
    assert (hand["account"], hand["limits"], hand["blocked"]) == (None, [], [])
    assert Api(made).call("change_account", "hand", body=ROLL).status == 409


def test_the_accounts_own_limit_stands_first_then_the_fullest() -> None:
    """Of two as full the one whose name comes first; at most fifty; when there is room again is told of the oldest."""
    made = world()
    half = timedelta(minutes=30)
    for keeper, bucket, count in (
        ("le", "failed:a.example", 1),
        ("le", "failed:b.example", 4),
        ("le", "failed:full.example", 6),
        (limits.keeper(LE, "domain"), "domain:z.example", 40),
    ):
        spent = (NOW - half, *(NOW,) * (count - 1))
        made.tables.usages.put(Usage(authority=keeper, bucket=bucket, spent=spent))
    shown = Api(made).call("list_authorities").one("items", 0, "limits")
    assert [(one["limit"], one["of"], one["left"]) for one in shown] == [
        ("orders", None, 300),
        ("failed", "full.example", 0),
        ("domain", "z.example", 10),
        ("failed", "b.example", 1),
        ("failed", "a.example", 4),
    ]
    assert {one["reset_at"] for one in shown if one["limit"] == "failed"} == {"2026-11-24T08:30:00Z"}
    for number in range(60):
        made.tables.usages.put(
            Usage(authority="le", bucket=f"failed:n{number}.example", spent=(NOW,), blocked_until=NOW + DAY)
        )
    le = Api(made).call("list_authorities").one("items", 0)
    assert (len(le["limits"]), len(le["blocked"])) == (50, 50)


def test_a_block_ends_at_its_second() -> None:
    """One of the whole account is of nothing else."""
    made = world()
    for bucket, until in (("orders", NOW + timedelta(seconds=1)), ("failed:a.example", NOW)):
        made.tables.usages.put(Usage(authority="le", bucket=bucket, blocked_until=until))
    blocked = Api(made).call("list_authorities").one("items", 0, "blocked")
    assert blocked == [{"limit": "orders", "of": None, "until": "2026-11-24T08:00:01Z"}]


def test_what_stands_in_most_ways_is_told_first() -> None:
    """With twenty of the certificates at most."""
    made = world()
    first, second = (Obstacle(code=code, what="w", fix="f") for code in ("aaa", "zzz"))
    for number in range(21):
        signed(made, CertificateRef("kv-orders", f"n{number:02}"), obstacles=(second,))
    signed(made, CertificateRef("kv-orders", "one"), obstacles=(first, Obstacle(code="bbb", what="w", fix="f")))
    shown = Api(made).call("list_authorities").one("items", 0, "obstacles")
    assert [(one["code"], one["count"], len(one["certificates"])) for one in shown] == [
        ("zzz", 21, 20),
        ("aaa", 1, 1),
        ("bbb", 1, 1),
    ]


@pytest.mark.parametrize(
    ("row", "fix"),
    [
        (replace(ACCOUNT, gone="x"), "ask for remake"),
        (replace(ACCOUNT, url=""), "let the first order make the account"),
    ],
)
def test_a_key_that_cannot_be_replaced_has_another_way_out(row: Account, fix: str) -> None:
    """Another account, or the first one."""
    made = world()
    made.tables.accounts.put(row)
    assert Api(made).call("change_account", "le", body=ROLL).one("fix") == fix
    wrong = Api(made).call("change_account", "le", body={"action": "delete", "reason": "x"})
    assert wrong.one("field") == "action"


def test_a_wish_is_a_warning_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Of which account, what, by whom, why, and how many renewals it opened."""
    made = world()
    made.tables.accounts.put(ACCOUNT)
    found = Api(made).call("change_account", "le", body=ROLL, actor="ada")
    assert found.headers["Location"] == "/api/authorities"
    (said,) = [one for one in map(json.loads, caplog.messages) if one["event"] == "account-asked"]
    assert said == {
        "event": "account-asked",
        "authority": "le",
        "action": "roll-key",
        "actor": "api (ada)",
        "reason": "yearly",
        "opened": 0,
    }


def test_rolling_a_key_opens_no_renewal_and_remaking_leaves_one_to_the_look_that_has_it() -> None:
    """What was given up for another reason than a lost account stays so; what another writes meanwhile is its own."""
    made = world()
    for name in ("aaa", "web"):
        entry = signed(made, CertificateRef("kv-orders", name), reason=Reason(ReasonCode.GIVEN_UP, {"error": "x"}))
        claim(made, entry, issuer="le", outcome=Outcome.GIVEN_UP)
    bare = signed(made, CertificateRef("kv-orders", "bare"), reason=None)
    claim(made, bare, issuer="le", outcome=Outcome.GIVEN_UP)
    due = signed(made, CertificateRef("kv-orders", "due"), reason=Reason(ReasonCode.DUE, {"due": "x"}))
    claim(made, due, issuer="le")
    made.tables.accounts.put(ACCOUNT)
    assert Api(made).call("change_account", "le", body=ROLL).one("reopened") == 0
    made.tables.accounts.put(replace(ACCOUNT, gone="lost"))
    assert Api(raced(made, "inventory")).call("change_account", "le", body=REMAKE).one("reopened") == 1
    stored = made.tables.inventory.get("kv-orders", "web")
    assert stored is not None
    assert stored.value.request is not None
