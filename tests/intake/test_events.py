"""Key Vault's events in both schemas, any casing, doubtful types and dates."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.errors import BadInput
from perennial.events import CertificateEvent, NotOurs, instant, parse

TYPE = "Microsoft.KeyVault.CertificateNearExpiry"
VERSION = "0c1d2e3f405162738495a6b7c8d9eafb"
SOURCE = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/RG/providers/Microsoft.KeyVault/vaults/KV-Orders"
DATA = {
    "Id": f"https://kv-orders.vault.azure.net/certificates/www/{VERSION}",
    "VaultName": "KV-Orders",
    "ObjectType": "Certificate",
    "ObjectName": "www",
    "Version": VERSION,
    "NBF": 1790313027,
    "EXP": 1798089026,
}
CLOUD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "e-1",
    "source": SOURCE,
    "type": TYPE,
    "subject": "www",
    "time": "2026-11-24T06:10:27.934701Z",
    "data": DATA,
}
GRID: dict[str, Any] = {
    "id": "e-1",
    "topic": SOURCE,
    "subject": "www",
    "eventType": TYPE,
    "eventTime": "2026-11-24T06:10:27.9347019Z",
    "data": DATA,
    "dataVersion": "1",
    "metadataVersion": "1",
}
EXPECTED = CertificateEvent(
    id="e-1",
    kind="near-expiry",
    vault="kv-orders",
    name="www",
    version=VERSION,
    time=datetime(2026, 11, 24, 6, 10, 27, 934701, tzinfo=UTC),
)


def one(event: object) -> CertificateEvent | NotOurs:
    """Parse a single event."""
    (parsed,) = parse(json.dumps(event))
    return parsed


@pytest.mark.parametrize("event", [CLOUD, GRID], ids=["CloudEvents", "Event Grid schema"])
def test_both_schemas_say_the_same(event: dict[str, Any]) -> None:
    """A CloudEvent and an Event Grid event of one happening are read alike."""
    assert one(event) == EXPECTED


@pytest.mark.parametrize("said", ["a/b", "a\\b", "a#b?", "\x00", "x" * 3000])
def test_an_id_that_no_key_takes_is_known_by_its_hash(said: str) -> None:
    """It still tells a repeat from another event, and its look can file it."""
    first, again, other = one({**CLOUD, "id": said}), one({**CLOUD, "id": said}), one({**CLOUD, "id": f"{said}2"})
    assert isinstance(first, CertificateEvent)
    assert isinstance(other, CertificateEvent)
    assert first == again
    assert first.id != other.id
    assert first.id.isalnum()
    assert len(first.id) < 100


@pytest.mark.parametrize("said", ["../..", "0c1d", "x" * 3000])
def test_a_version_that_is_none_hints_at_none(said: str) -> None:
    """Key Vault's versions are 32 hex digits."""
    event = one({**CLOUD, "data": {**DATA, "Version": said}})
    assert isinstance(event, CertificateEvent)
    assert event.version == ""


def test_an_array_is_read_whole() -> None:
    """A batch that reaches us by mistake loses nothing."""
    assert parse(json.dumps([CLOUD, GRID])) == [EXPECTED, EXPECTED]


@pytest.mark.parametrize(
    "data",
    [
        {name.lower(): value for name, value in DATA.items()},
        {f" {name[0].lower()}{name[1:]} ": value for name, value in DATA.items()},
        {**DATA, "NBF": "1790313027", "EXP": 1798089026.0},
        {**DATA, "NBF": None, "EXP": None},
        {name: value for name, value in DATA.items() if name not in ("NBF", "EXP")},
        {**DATA, "Surprise": {"new": True}},
        {"Id": DATA["Id"]},
        {"VaultName": "KV-ORDERS", "ObjectName": "WWW", "Version": VERSION.upper()},
    ],
    ids=["lower", "blanks", "quoted", "null", "absent", "unknown member", "id only", "upper"],
)
def test_any_casing_and_doubtful_dates(data: dict[str, Any]) -> None:
    """Names without case and blanks, numbers as text, nulls, members that are not there: the same certificate."""
    assert one({**CLOUD, "data": data}) == EXPECTED


def test_a_time_that_cannot_be_read_is_none() -> None:
    """The event counts all the same; its place in the history is a fixed one."""
    parsed = one({**CLOUD, "time": "yesterday"})
    assert isinstance(parsed, CertificateEvent)
    assert parsed.time is None


@pytest.mark.parametrize(
    "change",
    [
        {"type": "Microsoft.KeyVault.KeyNearExpiry"},
        {"type": "Microsoft.Storage.BlobCreated"},
        {"type": None},
        {"data": {**DATA, "ObjectType": "Secret"}},
    ],
)
def test_what_is_none_of_our_business_says_why(change: dict[str, Any]) -> None:
    """Keys, secrets, other services: understood, and not ours."""
    parsed = one({**CLOUD, **change})
    assert isinstance(parsed, NotOurs)
    assert parsed.why


@pytest.mark.parametrize(
    "text", ["", "{", "null", "7", '"x"', "[1]", json.dumps({**CLOUD, "data": {}}), json.dumps({**CLOUD, "data": 5})]
)
def test_what_cannot_be_parsed_is_bad_input(text: str) -> None:
    """No JSON, no event, no certificate: refused with what is missing."""
    with pytest.raises(BadInput):
        parse(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*CLOUD, *GRID]), json_values, max_size=8) | json_values)
def test_whatever_comes_is_an_event_or_bad_input(event: object) -> None:
    """Nothing but BadInput is ever raised: a door answers every event."""
    try:
        parsed = parse(json.dumps(event))
    except BadInput:
        return
    assert all(isinstance(item, CertificateEvent | NotOurs) for item in parsed)


@given(st.text())
def test_whatever_text_comes_is_answered(text: str) -> None:
    """The same for what is no JSON."""
    try:
        parse(text)
    except BadInput:
        return


@given(st.timedeltas(timedelta(0), timedelta(days=84_000)), st.integers(0, 9))
def test_time_stamps_with_seven_digits_are_read(since_1970: timedelta, digit: int) -> None:
    """Event Grid writes a seventh digit; it is cut."""
    when = datetime(1970, 1, 1, tzinfo=UTC) + since_1970
    assert instant(when.isoformat(timespec="microseconds").replace("+00:00", f"{digit}Z")) == when
