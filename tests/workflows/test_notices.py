"""Every notice keeps to the JSON Schema that docs/notices.md shows to those who receive it, under an id that a replay repeats."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator, ValidationError

from perennial.channels.envelope import TYPES, schema_of
from perennial.model.certificate import Version
from perennial.model.inventory import Entry
from perennial.model.notices import Attempt, Notice, NoticeKind, Subscription
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Outcome
from perennial.model.signing import SignatureRequest
from perennial.workflows import notices, signatures
from tests.memory.signers import request
from tests.memory.world import SETTINGS, make_world
from tests.workflows.noticed import BARE, DELIVERY, FINDING, RENEWAL, VERSION
from tests.workflows.telling import DAY, HOUR, START, WEB, make_entry, make_version

PAGE = (Path(__file__).parents[2] / "docs/notices.md").read_text(encoding="utf-8")
SCHEMAS: Mapping[str, dict[str, object]] = {
    json.loads(block)["$id"]: json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
}
ENTRY = replace(
    make_entry(VERSION), owner="team-web", decision="ask-human", reason=Reason(ReasonCode.DUE, {"due": "x"})
)
EMPTY = make_entry()
GIVEN_UP = replace(RENEWAL, outcome=Outcome.GIVEN_UP, fix="ask the CA")
RESOLVED = replace(FINDING, resolved=START + DAY)
OF_VAULT = replace(FINDING, certificate="", owner="team", fix="walk it")
TRIED = replace(DELIVERY, version="v", failures=1, attempts=(Attempt(START, "500"),))
SUBSCRIPTION = Subscription(name="orders", channel="webhook")
REASON = Reason(ReasonCode.POLICY_DOES_NOT_MATCH, {"difference": "issuer"})


def of_version(entry: Entry, version: Version, previous: str = "", author: str = "") -> Notice:
    """Return the notice of a version in the tests' cloud."""
    return notices.new_version(entry, version, previous, author, SETTINGS.cloud)


UNSIGNED = SignatureRequest(
    certificate=WEB, replacing=VERSION.id, issuer="corp", id="r1", csr=request("web.example"), since=START
)


def asks_to_sign(entry: Entry, rung: str, now: datetime, csr: str = "r1") -> Notice:
    """Return a reminder of a CSR that waits."""
    wanted = replace(UNSIGNED, id=csr)
    return notices.signature_needed(entry, wanted, rung, signatures.about(wanted, entry, make_world(now)), now)


#: Built in each test anew, so that what a builder does is what the test sees.
BUILDERS: Mapping[str, Callable[[], Notice]] = {
    "a version, all known": lambda: of_version(ENTRY, VERSION, "before", "a person"),
    "a version, little known": lambda: of_version(EMPTY, BARE),
    "a failure": lambda: notices.renewal_failed(ENTRY, RENEWAL, START),
    "given up": lambda: notices.renewal_failed(EMPTY, GIVEN_UP, START),
    "a recovery": lambda: notices.renewal_recovered(ENTRY, replace(RENEWAL, new_version="new"), START),
    "a recovery, little known": lambda: notices.renewal_recovered(EMPTY, RENEWAL, START),
    "a person must act": lambda: notices.action_needed(ENTRY, REASON, START),
    "a person must act, little known": lambda: notices.action_needed(EMPTY, REASON, START),
    "a lost name": lambda: notices.certificate_notice(
        ENTRY, "lost-name", "it lost web.example", occasion="v", now=START, fix="look"
    ),
    "a signature": lambda: asks_to_sign(ENTRY, "0", START),
    "a vault in trouble": lambda: notices.vault_trouble("kv-orders", "403", "1", START, fix="give back the role"),
    "a first walk": lambda: notices.vault_notice(
        "kv-orders", "first-walk", "12 findings", occasion="1", now=START, facts={"findings": 12}
    ),
    "the brake": lambda: notices.fleet_notice(
        "brake", "20 renewals today", occasion="1", now=START, facts={"count": 20}
    ),
    "running out": lambda: notices.expiring(ENTRY, "1/10", START),
    "running out, little known": lambda: notices.expiring(EMPTY, "1/10", START),
    "over": lambda: notices.expired(ENTRY),
    "never told": lambda: notices.abandoned(DELIVERY, START),
    "never told, of the fleet": lambda: notices.abandoned(replace(TRIED, subject=":"), START),
    "a finding": lambda: notices.finding_opened(FINDING),
    "a finding of a vault": lambda: notices.finding_opened(OF_VAULT),
    "a finding that is gone": lambda: notices.finding_resolved(RESOLVED),
    "a trial": lambda: notices.trial(SUBSCRIPTION, START),
}


def every_notice() -> list[Notice]:
    """Build all of them."""
    return [build() for build in BUILDERS.values()]


def data_of(notice: Notice) -> dict[str, object]:
    """Return a notice's data as it is stored and sent."""
    data: dict[str, object] = json.loads(msgspec.json.encode(notice.data))
    return data


def check(kind: NoticeKind, data: Mapping[str, object]) -> None:
    """Hold data against its kind's schema, and against its list of members too: what is told is documented."""
    schema = {**SCHEMAS[schema_of(kind)], "additionalProperties": False}
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(data)


@pytest.mark.parametrize("name", BUILDERS)
def test_data_keeps_to_its_schema(name: str) -> None:
    """What a builder makes is what docs/notices.md promises, whether little is known or much."""
    notice = BUILDERS[name]()
    check(notice.kind, data_of(notice))


@pytest.mark.parametrize("name", BUILDERS)
def test_data_that_lacks_a_member_or_has_another_fails(name: str) -> None:
    """The schemas refuse what they do not describe."""
    notice = BUILDERS[name]()
    data = data_of(notice)
    required = SCHEMAS[schema_of(notice.kind)]["required"]
    assert isinstance(required, list)
    with pytest.raises(ValidationError):
        check(notice.kind, {member: value for member, value in data.items() if member != required[0]})
    with pytest.raises(ValidationError):
        check(notice.kind, {**data, "surprise": 1})


def test_every_kind_is_described_and_built() -> None:
    """Each kind has a schema, a type on the page, and a builder that is tested here."""
    assert set(SCHEMAS) == {schema_of(kind) for kind in NoticeKind}
    assert {notice.kind for notice in every_notice()} == set(NoticeKind)
    for kind in NoticeKind:
        assert f"### `{kind}`\n\nType `{TYPES[kind]}`." in PAGE
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)


def test_ids_are_the_same_on_a_replay() -> None:
    """The moment of telling is no part of an id."""
    later = START + HOUR
    assert of_version(ENTRY, VERSION, "", "x").id == of_version(EMPTY, VERSION, "before", "").id
    assert notices.renewal_failed(ENTRY, RENEWAL, START).id == notices.renewal_failed(EMPTY, RENEWAL, later).id
    assert notices.expiring(ENTRY, "1/10", START).id == notices.expiring(ENTRY, "1/10", later).id
    assert notices.vault_trouble("v", "403", "1", START).id == notices.vault_trouble("v", "403 again", "1", later).id
    assert notices.abandoned(TRIED, START).id == notices.abandoned(TRIED, later).id
    assert asks_to_sign(ENTRY, "0", START).id == asks_to_sign(EMPTY, "0", later).id
    seen_later = replace(FINDING, last_seen=later, evidence={})
    assert notices.finding_opened(FINDING).id == notices.finding_opened(seen_later).id


def test_each_occasion_has_its_own_id() -> None:
    """Two findings, two rungs, two failures and two times of one reason are notices of their own."""
    other = make_version(2)
    failed_again = replace(RENEWAL, failures=3)
    again = [
        of_version(ENTRY, other),
        notices.renewal_failed(ENTRY, failed_again, START),
        notices.renewal_failed(ENTRY, replace(failed_again, outcome=Outcome.GIVEN_UP), START),
        notices.action_needed(ENTRY, REASON, START + timedelta(seconds=1)),
        notices.action_needed(ENTRY, Reason(ReasonCode.NO_ISSUER), START),
        notices.vault_trouble("kv-orders", "403", "2", START),
        notices.vault_trouble("kv-other", "403", "1", START),
        notices.fleet_notice("brake", "20 renewals today", occasion="2", now=START),
        notices.expiring(ENTRY, "1/20", START),
        notices.abandoned(replace(TRIED, subscription="mail"), START),
        notices.finding_opened(replace(FINDING, rule="weak-key")),
        notices.finding_opened(replace(FINDING, opened=START + DAY)),
        notices.trial(SUBSCRIPTION, START + timedelta(seconds=1)),
        asks_to_sign(ENTRY, "1", START),
        asks_to_sign(ENTRY, "0", START, "r2"),
    ]
    unique = {notice.id for notice in [*every_notice(), *again]}
    twins = 2  # the builders tell of one version and of one recovery twice, with much known and with little
    assert len(unique) == len(BUILDERS) + len(again) - twins


def test_only_what_a_newer_version_makes_pointless_has_a_place_among_versions() -> None:
    """A version and its running out are superseded by a newer one; a failure, its end and a finding are told all the same."""
    placed = {notice.kind for notice in every_notice() if notice.version_created is not None}
    assert placed == {NoticeKind.NEW_VERSION, NoticeKind.EXPIRING, NoticeKind.EXPIRED}
