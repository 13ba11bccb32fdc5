"""Who is told of what."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.decisions import routing
from perennial.errors import BadInput
from perennial.model.notices import FLEET_SUBJECT, Notice, NoticeKind, Subscription

NAMES = st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)
GLOBS = st.from_regex(r"([a-z0-9-]|\*|\?|\[!?[a-z]{1,3}\]){1,10}", fullmatch=True)


def notice(subject: str, kind: NoticeKind = NoticeKind.NEW_VERSION) -> Notice:
    """Return a notice of a kind about a subject."""
    return Notice(id="0", kind=kind, subject=subject, time=datetime(2026, 3, 1, tzinfo=UTC), data={})


def subscription(vaults: str = "*", certificates: str = "*", kinds: tuple[str, ...] = ()) -> Subscription:
    """Return a subscription with these globs."""
    return Subscription(name="orders", channel="webhook", vaults=vaults, certificates=certificates, kinds=kinds)


@pytest.mark.parametrize(
    ("vaults", "certificates", "subject", "wanted"),
    [
        ("*", "*", "kv-orders:web", True),
        ("kv-orders", "web", "kv-orders:web", True),
        ("KV-Orders", "Web*", "kv-orders:web-1", True),
        ("kv-*", "web-?", "kv-orders:web-1", True),
        ("kv-*", "web-?", "kv-orders:web-12", False),
        ("kv-[!a-m]*", "*", "kv-orders:web", True),
        ("kv-[!n-z]*", "*", "kv-orders:web", False),
        ("*", "web-*", "kv-orders:", False),
        ("kv-orders", "*", "kv-orders:", True),
        ("kv-orders", "*", FLEET_SUBJECT, False),
        ("*", "*", FLEET_SUBJECT, True),
    ],
)
def test_globs(vaults: str, certificates: str, subject: str, wanted: bool) -> None:
    """Globs match lower-cased names; what concerns a vault or the fleet goes to those who asked for everything below it."""
    assert routing.wants(subscription(vaults, certificates), notice(subject)) is wanted


@given(st.sampled_from(NoticeKind), st.frozensets(st.sampled_from(NoticeKind)))
def test_kinds(kind: NoticeKind, kinds: frozenset[NoticeKind]) -> None:
    """A subscription gets the kinds it names, all when it names none, and a test never by routing."""
    wanted = routing.wants(subscription(kinds=tuple(kinds)), notice("v:c", kind))
    assert wanted == (kind is not NoticeKind.TEST and (not kinds or kind in kinds))


@given(NAMES, NAMES)
def test_exact_names_match_themselves(vault: str, certificate: str) -> None:
    """A name is a glob that matches it."""
    assert routing.wants(subscription(vault.upper(), certificate), notice(f"{vault}:{certificate}"))


@given(GLOBS)
def test_good_globs_pass(glob: str) -> None:
    """What is made of names, wildcards and closed brackets is accepted."""
    routing.check(subscription(vaults=glob, certificates=glob))


@given(st.lists(st.tuples(GLOBS, GLOBS), max_size=6), NAMES, NAMES)
def test_recipients_are_those_who_want_it_in_order(globs: list[tuple[str, str]], vault: str, certificate: str) -> None:
    """Nobody is lost, added or moved."""
    subscriptions = [subscription(*pair) for pair in globs]
    told = routing.recipients(notice(f"{vault}:{certificate}"), subscriptions)
    assert list(told) == [one for one in subscriptions if routing.covers(one, vault, certificate)]


@pytest.mark.parametrize("glob", ["", "web.*", "we/b", "[abc", "abc]", "[]", "[!]", "we!b", "a" * 128, "wéb"])
def test_bad_globs_are_named(glob: str) -> None:
    """A glob that could never match, or not what its writer means, is refused by the name of its member."""
    with pytest.raises(BadInput) as vaults:
        routing.check(subscription(vaults=glob))
    with pytest.raises(BadInput) as certificates:
        routing.check(subscription(certificates=glob))
    assert (vaults.value.field, certificates.value.field) == ("vaults", "certificates")


@pytest.mark.parametrize("kind", ["test", "renewed", "New-Version"])
def test_bad_kinds_are_named(kind: str) -> None:
    """A kind that nobody routes is refused with the list of those that are."""
    with pytest.raises(BadInput, match=f"'{kind}' is not a kind of notice.*new-version") as refused:
        routing.check(subscription(kinds=("expired", kind)))
    assert refused.value.field == "kinds"


@pytest.mark.parametrize("name", ["", "-a", "a-", "Orders", "a:b", "a/b", "a" * 64])
def test_bad_names_are_named(name: str) -> None:
    """A name that could not be part of a row's key, or of an address, is refused."""
    with pytest.raises(BadInput) as refused:
        routing.check(Subscription(name=name, channel="webhook"))
    assert refused.value.field == "name"


def test_operator_kinds() -> None:
    """What nobody would learn of without an operator is loud; versions and findings have rows to be read."""
    silent = {NoticeKind.NEW_VERSION, NoticeKind.FINDING_OPENED, NoticeKind.FINDING_RESOLVED, NoticeKind.TEST}
    assert frozenset(NoticeKind) - silent == routing.OPERATOR_KINDS
