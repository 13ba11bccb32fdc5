"""What each notice says, member by member, whether much is known or little."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.model.notices import Attempt, Delivery, Subscription
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Outcome
from perennial.model.signing import SignatureRequest
from perennial.workflows import notices
from tests.memory.world import SETTINGS
from tests.workflows import noticed
from tests.workflows.noticed import BARE, DELIVERY, RENEWAL, VERSION
from tests.workflows.telling import DAY, HOUR, START, WEB, make_entry

END = START + 90 * DAY
SECONDS = 90 * 24 * 3600
REASON = Reason(ReasonCode.POLICY_DOES_NOT_MATCH, {"difference": "issuer"})
ENTRY = replace(make_entry(VERSION), owner="team-web", decision="ask-human", reason=REASON)
EMPTY = make_entry()
NAMED = {"vault": "kv-orders", "certificate": "web", "owner": "team-web"}
UNOWNED = {**NAMED, "owner": None}
SECRET = "https://kv-orders.vault.azure.net/secrets/web"
FINDING = replace(noticed.FINDING, last_seen=START + HOUR)


def test_a_new_version() -> None:
    """All that a service needs to take it up; of one without a certificate, what there is."""
    told = notices.new_version(ENTRY, VERSION, "before", "ada", SETTINGS.cloud)
    assert told.data == NAMED | {
        "version": VERSION.id,
        "previous_version": "before",
        "created": START,
        "not_before": START,
        "not_after": END,
        "sha256": f"{1:064x}",
        "sha1": f"{1:040x}",
        "serial": "1",
        "subject": "CN=web.example",
        "issuer": "CN=web.example",
        "names": ["web.example"],
        "made_by": "ada",
        "secret_id": SECRET,
    }
    assert (told.time, told.version, told.version_created) == (START, VERSION.id, START)
    assert notices.new_version(EMPTY, BARE, "", "", SETTINGS.cloud).data == UNOWNED | {
        "version": VERSION.id,
        "previous_version": None,
        "created": START,
        "not_before": START,
        "not_after": START + DAY,
        "sha256": None,
        "sha1": None,
        "serial": None,
        "subject": None,
        "issuer": None,
        "names": [],
        "made_by": None,
        "secret_id": SECRET,
    }


def test_a_failure() -> None:
    """What went wrong, how often, what comes next and how much life is left; of one given up, what a person does."""
    told = notices.renewal_failed(ENTRY, RENEWAL, START + HOUR, successor="corp")
    assert told.data == NAMED | {
        "version": VERSION.id,
        "issuer": "vault",
        "error": "the CA said no",
        "fix": None,
        "attempts": 2,
        "given_up": False,
        "taken_over_by": "corp",
        "next_attempt": START + HOUR,
        "not_after": END,
        "seconds_left": SECONDS - 3600,
    }
    assert (told.time, told.version, told.version_created) == (START + HOUR, VERSION.id, None)
    given_up = replace(RENEWAL, outcome=Outcome.GIVEN_UP, fix="ask the CA")
    assert notices.renewal_failed(EMPTY, given_up, START).data == UNOWNED | {
        "version": VERSION.id,
        "issuer": "vault",
        "error": "the CA said no",
        "fix": "ask the CA",
        "attempts": 2,
        "given_up": True,
        "taken_over_by": None,
        "next_attempt": None,
        "not_after": None,
        "seconds_left": None,
    }


@pytest.mark.parametrize("new_version", ["new", ""])
def test_a_recovery(new_version: str) -> None:
    """Which version ended it, if one did, and since when it had failed."""
    told = notices.renewal_recovered(ENTRY, replace(RENEWAL, new_version=new_version), START + DAY)
    assert told.data == NAMED | {
        "version": VERSION.id,
        "new_version": new_version or None,
        "issuer": "vault",
        "attempts": 2,
        "failing_since": START,
        "not_after": END,
    }
    assert (told.time, told.version) == (START + DAY, VERSION.id)


def test_what_a_person_must_do() -> None:
    """Why, since when, and how, if that is known; of a certificate without a version too."""
    told = notices.action_needed(ENTRY, REASON, START)
    assert told.data == NAMED | {
        "code": "policy-does-not-match-certificate",
        "reason": REASON.sentence,
        "fix": None,
        "since": START,
        "version": VERSION.id,
        "not_after": END,
    }
    assert (told.time, told.version) == (START, VERSION.id)
    told = notices.certificate_notice(EMPTY, "lost-name", "it lost one", occasion="v", now=START + HOUR, fix="look")
    assert told.data == UNOWNED | {
        "code": "lost-name",
        "reason": "it lost one",
        "fix": "look",
        "since": START + HOUR,
        "version": None,
        "not_after": None,
    }
    assert told.version == ""


@pytest.mark.parametrize(
    ("ordered", "fix"),
    [
        ("order it at pki.corp.example", "order it at pki.corp.example; then POST the chain to /api/requests/x"),
        (None, "have it signed by corp; then POST the chain to /api/requests/x"),
    ],
)
def test_a_signature_that_is_needed(ordered: str | None, fix: str) -> None:
    """What waits for how long, with the request as it is shown."""
    shown = {"instructions": ordered, "post_to": "/api/requests/x"}
    waiting = SignatureRequest(
        certificate=WEB, replacing=VERSION.id, issuer="corp", id="r1", csr=b"", since=START - DAY
    )
    told = notices.signature_needed(ENTRY, waiting, "0", shown, START)
    assert told.data == NAMED | {
        "code": "signature-needed",
        "reason": "its CSR waits for a certificate that corp signs",
        "fix": fix,
        "since": START - DAY,
        "version": VERSION.id,
        "not_after": END,
        "seconds_left": SECONDS,
        "request": shown,
    }
    assert (told.time, told.version) == (START, VERSION.id)


DYING = {"version": VERSION.id, "not_after": END, "names": ["web.example"]}
DECIDED = {"decision": "ask-human", "reason": REASON.sentence}
NOTHING: dict[str, object] = {"version": None, "not_after": None, "names": [], "decision": None, "reason": None}


def test_a_life_that_runs_out() -> None:
    """How much is left, and why nobody has renewed it; superseded by a newer version."""
    told = notices.expiring(ENTRY, "1/10", START + HOUR)
    assert told.data == NAMED | DYING | DECIDED | {"rung": "1/10", "seconds_left": SECONDS - 3600}
    assert (told.time, told.version, told.version_created) == (START + HOUR, VERSION.id, START)
    told = notices.expiring(EMPTY, "1/10", START)
    assert told.data == UNOWNED | NOTHING | {"rung": "1/10", "seconds_left": None}
    assert (told.version, told.version_created) == ("", None)
    unfinished = replace(ENTRY, version=BARE)
    assert notices.expiring(unfinished, "1/10", START).data["names"] == []


def test_a_life_that_is_over() -> None:
    """From its end on; where that is not known, from when the row was to be looked at."""
    told = notices.expired(ENTRY)
    assert told.data == NAMED | DYING | DECIDED
    assert (told.time, told.version, told.version_created) == (END, VERSION.id, START)
    assert notices.expired(replace(EMPTY, next_check=START + HOUR)).time == START + HOUR


@pytest.mark.parametrize(
    ("row", "place", "tried"),
    [
        (DELIVERY, {"vault": "kv-orders", "certificate": "web"}, {"version": None, "last_answer": None}),
        (
            replace(DELIVERY, version="v", attempts=(Attempt(START, "500"), Attempt(START + HOUR, "502")), failures=2),
            {"vault": "kv-orders", "certificate": "web"},
            {"version": "v", "last_answer": "502"},
        ),
        (replace(DELIVERY, subject="kv-orders:"), {"vault": "kv-orders", "certificate": None}, {}),
        (replace(DELIVERY, subject=":"), {"vault": None, "certificate": None}, {}),
    ],
)
def test_a_notice_that_was_never_told(row: Delivery, place: Mapping[str, object], tried: Mapping[str, object]) -> None:
    """Of what, to whom, since when, how often, and what was said last."""
    told = notices.abandoned(row, START + 7 * DAY)
    assert told.data == {
        **place,
        "subscription": "orders",
        "notice": "n",
        "notice_kind": "new-version",
        "version": None,
        "opened": START,
        "attempts": row.failures,
        "last_answer": None,
        **tried,
    }
    assert (told.subject, told.time) == (row.subject, START + 7 * DAY)


def test_a_finding() -> None:
    """What was found, since when, how often, and what to do."""
    opened = notices.finding_opened(FINDING)
    plain = {
        "vault": "kv-orders",
        "certificate": "web",
        "rule": "no-owner",
        "severity": "low",
        "opened": START,
        "resolved": None,
        "times": 1,
        "owner": None,
        "evidence": {"tags": "none"},
        "fix": None,
    }
    assert (opened.data, opened.time) == (plain, START)
    of_vault = replace(FINDING, certificate="", owner="team", fix="walk it", times=3)
    more = {"certificate": None, "owner": "team", "fix": "walk it", "times": 3}
    assert notices.finding_opened(of_vault).data == plain | more
    gone = notices.finding_resolved(replace(FINDING, resolved=START + DAY))
    assert (gone.data, gone.time) == (plain | {"resolved": START + DAY}, START + DAY)
    assert notices.finding_resolved(FINDING).time == FINDING.last_seen


def test_a_vault_and_the_fleet() -> None:
    """Why, since when, what to do, and the facts in figures."""
    trouble = notices.vault_trouble("kv-orders", "403", "1", START, fix="give back the role")
    action = {"reason": "403", "fix": "give back the role", "since": START, "facts": {}}
    assert trouble.data == {"vault": "kv-orders", "code": "vault-trouble", **action}
    assert (trouble.subject, trouble.time) == ("kv-orders:", START)
    walk = notices.vault_notice("kv-orders", "first-walk", "12", occasion="1", now=START, facts={"findings": 12})
    assert walk.data == {
        "vault": "kv-orders",
        "code": "first-walk",
        "reason": "12",
        "fix": None,
        "since": START,
        "facts": {"findings": 12},
    }
    brake = notices.fleet_notice("brake", "20", occasion="1", now=START, fix="look", facts={"count": 20})
    assert brake.data == {"code": "brake", "reason": "20", "fix": "look", "since": START, "facts": {"count": 20}}
    assert (brake.subject, brake.time) == (":", START)
    assert notices.fleet_notice("brake", "20", occasion="1", now=START).data["facts"] == {}


def test_a_trial() -> None:
    """Whom it proves to be reachable, and that there is nothing to do."""
    told = notices.trial(Subscription(name="orders", channel="webhook"), START + timedelta(hours=2))
    text = "Perennial can reach you; there is nothing to do."
    assert told.data == {"subscription": "orders", "text": text}
    assert (told.subject, told.time) == (":", START + timedelta(hours=2))
