"""What a read of the vault changes in a certificate's row, column by column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from perennial.errors import Forbidden, Throttled, Unreachable, VaultError
from perennial.model.certificate import INSTANCE_TAG, RENEWAL_TAG, IssuancePolicy, LifetimeAction
from perennial.model.history import HistoryKind
from perennial.model.inventory import Entry
from perennial.model.messages import Look
from perennial.model.renewal import Asked
from perennial.workflows import seen
from perennial.workflows.sight import Sight, gather
from tests.memory.stage import Stage
from tests.memory.tables import memory_tables
from tests.workflows.looks import DAY, HOUR, NOW, SELF, WWW, stage
from tests.workflows.rows import rewrite
from tests.workflows.signed_stage import place

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
AUTO = replace(SELF, action=LifetimeAction.AUTO_RENEW, trigger_percentage=80)
OURS = {RENEWAL_TAG: "a" * 32, INSTANCE_TAG: "perennial"}


def sight_of(on: Stage, **columns: Any) -> Sight:
    """Return a look that has read the rows and not yet the vault; `columns` are written into the row before."""
    on.look("www")
    if columns:
        rewrite(on, **columns)
    return gather(on.world(), Look(certificate=WWW, cause="test"))


def read(on: Stage, sight: Sight) -> Entry:
    """Read the vault in a look, and return the row as it will be written."""
    on.vaults.settle()
    seen.read_vault(sight)
    return sight.entry


@pytest.mark.parametrize(
    ("policy", "tags", "author"),
    [
        (AUTO, OURS, "key-vault"),
        (SELF, OURS, ""),
        (AUTO, {}, ""),
        (AUTO, OURS | {INSTANCE_TAG: "another"}, ""),
        (AUTO, OURS | {RENEWAL_TAG: "b" * 32}, ""),
    ],
    ids=["rotated", "not asked to rotate", "without tags", "another instance", "another version replaced"],
)
def test_who_made_a_version_with_copied_tags(policy: IssuancePolicy, tags: dict[str, str], author: str) -> None:
    """Key Vault's rotation copies all tags under a policy that asks for it; whatever else looks so is nobody's."""
    on = stage(left=60 * DAY, policy=policy, tags=OURS, events=False)
    on.vaults.shelf.rotates = False
    sight = sight_of(on)
    made = on.vaults.import_certificate(WWW, NOW, NOW + 90 * DAY, policy=policy, tags=tags)
    entry = read(on, sight)
    row = on.history("www")[0]
    assert (row.kind, row.actor, row.new_version, row.at) == (HistoryKind.NEW_VERSION, author, made.id, made.created)
    assert entry.foreign_versions == (made.created,)


def test_a_version_that_names_the_one_before_is_by_whom_it_says() -> None:
    """Another instance's too, and then it is foreign; our own is not."""
    for instance, foreign in (("another", 1), ("perennial", 0)):
        on = stage(left=60 * DAY, events=False)
        sight = sight_of(on)
        assert sight.entry.version is not None
        tags = {RENEWAL_TAG: sight.entry.version.id, INSTANCE_TAG: instance}
        on.vaults.import_certificate(WWW, NOW, NOW + 90 * DAY, policy=SELF, tags=tags)
        entry = read(on, sight)
        assert on.history("www")[0].actor == instance
        assert len(entry.foreign_versions) == foreign


def test_the_first_version_has_no_author_and_no_predecessor() -> None:
    """Whatever its tags say: what was there before us is not known."""
    on = stage(left=60 * DAY, tags=OURS, events=False)
    entry = on.look("www")
    (first,) = [row for row in on.history("www") if row.kind is HistoryKind.FIRST_SEEN]
    assert (first.actor, first.version) == ("", "")
    assert (entry.previous, entry.foreign_versions) == ("", ())


@pytest.mark.parametrize("early", [timedelta(0), -SECOND])
def test_what_is_as_old_as_our_time_is_no_news(early: timedelta) -> None:
    """Created at the instant of the vault's first row: known as announced, with its time. A second later it is news."""
    on = stage(left=60 * DAY, events=False)
    on.look("other")  # makes the vault's row
    on.vaults.delete(WWW)
    ref = replace(WWW, name="new")
    made = on.vaults.import_certificate(ref, NOW, NOW + 90 * DAY, policy=SELF, created=NOW - early, quiet=True)
    entry = on.look("new")
    on.run(MINUTE)
    assert (entry.announced, entry.announced_created) == (made.id, made.created)
    assert len(on.told("new-version")) == (1 if early else 0)


def test_an_older_version_that_comes_back_is_not_told_after_a_first_one() -> None:
    """The first version's time counts as told, although it was no news."""
    on = stage(left=60 * DAY, events=False)
    on.look("www")
    place(on, WWW, left=30 * DAY, policy=SELF)  # created thirty days before the one that is known
    on.look("www", version="another")
    on.run(MINUTE)
    assert on.entry("www").version != on.vaults.versions(WWW)[0]
    assert on.told("new-version") == []


def test_a_lost_name_is_told_with_the_versions_time() -> None:
    """A person imports a certificate that no longer names a service: told once, under the version's id and time."""
    on = stage(left=60 * DAY, policy=replace(SELF, names=("api.example", "www.example")), events=False)
    on.look("www")
    on.now = NOW + HOUR
    made = on.vaults.import_certificate(WWW, NOW, NOW + 90 * DAY, policy=SELF)
    on.now = NOW + 2 * HOUR
    on.look("www", version="another")
    on.run(MINUTE)
    (told,) = [one.delivery for one in on.channel.sent if '"new-version-lost-something"' in one.delivery.body]
    data = msgspec.json.decode(told.body)
    assert data["reason"] == "it no longer names api.example"
    assert (told.version, told.time) == (made.id, made.created)
    rewrite(on, version=on.vaults.versions(WWW)[0])  # the look died before it wrote the row
    on.look("www", version="another")
    on.run(MINUTE)
    assert len(on.told("action-needed", code="new-version-lost-something")) == 1


def test_a_version_that_lost_nothing_is_not_told_as_a_loss() -> None:
    """Nor is a first version."""
    on = stage(left=60 * DAY, events=False)
    on.look("www")
    on.vaults.import_certificate(WWW, NOW, NOW + 90 * DAY, policy=SELF)
    on.look("www", version="another")
    on.run(MINUTE)
    assert on.told("action-needed", code="new-version-lost-something") == []


@pytest.mark.parametrize("about_the_new", [False, True])
def test_a_new_version_spends_a_request_unless_it_is_about_that_version(about_the_new: bool) -> None:
    """A person asked for the old one's renewal: done. Asked for this one's, before we saw it: still open."""
    on = stage(left=60 * DAY, events=False)
    sight = sight_of(on)
    assert sight.entry.version is not None
    made = on.vaults.import_certificate(WWW, NOW, NOW + 90 * DAY, policy=SELF)
    meant = made.id if about_the_new else sight.entry.version.id
    request = Asked(reason="key", actor="ada", at=NOW, version=meant)
    sight.entry = replace(sight.entry, request=request)
    assert read(on, sight).request == (request if about_the_new else None)


def by_another(on: Stage) -> None:
    """Let another instance renew."""
    on.vaults.import_certificate(
        WWW, NOW, NOW + 90 * DAY, policy=SELF, tags={RENEWAL_TAG: on.vaults.versions(WWW)[0].id, INSTANCE_TAG: "other"}
    )


def by_a_person(on: Stage) -> None:
    """Let a person import, under tags of long ago."""
    on.vaults.import_certificate(WWW, NOW, NOW + 90 * DAY, policy=SELF, tags=OURS)


@pytest.mark.parametrize(("act", "made_by"), [(by_another, "other"), (by_a_person, None)])
def test_a_version_is_told_with_the_one_before_and_who_made_it(act: Callable[[Stage], None], made_by: object) -> None:
    """A tag that does not name the version before is a copied one, and names nobody."""
    on = stage(left=60 * DAY, events=False)
    on.look("www")
    act(on)
    on.look("www", version="another")
    on.run(MINUTE)
    (told,) = [one.delivery for one in on.channel.sent if one.delivery.kind == "new-version"]
    data = msgspec.json.decode(told.body)
    assert (data["previous_version"], data["made_by"]) == (on.vaults.versions(WWW)[0].id, made_by)


def test_the_same_version_is_read_anew_without_history() -> None:
    """A person disabled it: the row shows it, nothing is written down, and its dates stay."""
    on = stage(left=60 * DAY, events=False)
    sight = sight_of(on)
    before = on.history("www")
    on.vaults.disable(WWW)
    on.vaults.set_tags(WWW, {"perennial-owner": "team-b"})
    entry = read(on, sight)
    assert entry.version is not None
    assert (entry.version.enabled, entry.owner, entry.not_after) == (False, "team-b", NOW + 60 * DAY)
    assert on.history("www") == before
    assert sight.did == ["read"]


def test_a_first_version_that_gets_finished_is_seen_and_told() -> None:
    """An operation shows a version without a certificate; with it, the same id is seen for the first time."""
    on = Stage(NOW, events=False)
    on.subscribe()
    on.look("other")  # the vault is known
    on.now = NOW + HOUR
    on.vaults.begin_first_operation(WWW, SELF)
    entry = on.look("www")
    assert entry.version is not None
    assert entry.version.leaf is None
    assert HistoryKind.FIRST_SEEN not in {row.kind for row in on.history("www")}
    on.run(MINUTE)
    entry = on.look("www", version="another")
    assert entry.version is not None
    assert entry.not_after == entry.version.not_after
    on.run(MINUTE)
    assert len(on.told("new-version")) == 1
    assert [row.version for row in on.history("www") if row.kind is HistoryKind.FIRST_SEEN] == [""]


def test_an_unfinished_version_that_gets_finished_under_its_id_is_seen_then() -> None:
    """Its history begins with the certificate, and nothing was before it."""
    on = stage(left=60 * DAY, events=False)
    sight = sight_of(on)
    version = sight.entry.version
    assert version is not None
    sight.entry = replace(sight.entry, version=replace(version, leaf=None), announced="")
    on.tables = replace(on.tables, history=memory_tables().history)
    sight.world = replace(sight.world, tables=on.tables)
    entry = read(on, sight)
    assert entry.version == version
    assert [(row.kind, row.version) for row in on.history("www")] == [(HistoryKind.FIRST_SEEN, "")]
    assert sight.did == ["read", "new-version"]


def test_an_unfinished_version_replaces_nothing() -> None:
    """Shown on top of a finished one, it changes tags and policy alone."""
    on = stage(left=60 * DAY, events=False)
    sight = sight_of(on)
    known = sight.entry.version
    on.vaults.shows_pending_renewal = True
    on.vaults.shelf.issuers["self"].delay = DAY
    on.vaults.begin_foreign_operation(WWW, {"perennial-owner": "team-c"})
    entry = read(on, sight)
    assert (entry.version, entry.owner) == (known, "team-c")


def test_a_certificate_that_is_back_is_no_longer_gone() -> None:
    """Recovered: read, and the row lives again."""
    on = stage(left=60 * DAY, events=False)
    on.look("www")
    on.vaults.delete(WWW)
    assert on.look("www", version="another").gone is not None
    on.vaults.recover(WWW)
    assert on.look("www").gone is None


@pytest.mark.parametrize(
    "refusal",
    [
        Forbidden("kv-orders", "no role", code="ForbiddenByRbac"),
        Unreachable("kv-orders", "DNS"),
        Throttled("kv-orders", "slow"),
    ],
)
def test_a_refusal_goes_on_from_the_rows(refusal: VaultError) -> None:
    """The vault is closed in the look too, so that it is not asked a second time; nothing was read."""
    on = stage(left=60 * DAY, events=False)
    sight = sight_of(on)
    before = sight.entry
    on.vaults.close("kv-orders", refusal)
    calls = on.vaults.calls["get"]
    for _ in range(2):
        assert read(on, sight) == before
    assert on.vaults.calls["get"] == calls + 1
    assert (sight.did, sight.read, sight.gone, sight.closed) == (["refused"], False, False, True)


def test_a_look_reads_once() -> None:
    """A second read in one look is no call."""
    on = stage(left=60 * DAY, events=False)
    sight = sight_of(on)
    calls = on.vaults.calls["get"]
    for _ in range(2):
        read(on, sight)
    assert on.vaults.calls["get"] == calls + 1
