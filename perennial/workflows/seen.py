"""What a read of the vault changes in a certificate's row."""

from __future__ import annotations

from dataclasses import replace

from perennial.decisions import lifetimes
from perennial.decisions.matching import losses
from perennial.decisions.tags import VAULT_ISSUER, wishes
from perennial.errors import Forbidden, Throttled, Unreachable
from perennial.model.certificate import Certificate, Version
from perennial.model.history import HistoryKind
from perennial.model.inventory import Entry
from perennial.model.renewal import Outcome, closes_as
from perennial.workflows import announce, notices, vault_state
from perennial.workflows.record import record
from perennial.workflows.sight import Sight


def read_vault(sight: Sight) -> None:
    """Read the latest version, unless the vault is to be left alone; a refusal closes it and the look goes on from the rows."""
    world = sight.world
    if sight.read or sight.closed:
        return
    try:
        certificate = world.vaults.get(sight.ref)
    except (Throttled, Forbidden, Unreachable) as refusal:
        sight.vault = vault_state.refused(world, sight.vault, refusal, world.now)
        sight.did.append("refused")
        return
    sight.vault = vault_state.succeeded(world, sight.vault)
    sight.read = True
    sight.did.append("read")
    if certificate is None:
        sight.gone = True
    else:
        take_in(sight, certificate)


def take_in(sight: Sight, certificate: Certificate) -> None:
    """Take what the vault shows into the row. An unfinished version never replaces the one that is there."""
    sight.gone = False
    entry = replace(
        sight.entry,
        policy=certificate.policy,
        tags=certificate.tags,
        owner=wishes(certificate.tags).owner,
        gone=None,
    )
    latest, known = certificate.version, entry.version
    if latest.leaf is None:
        sight.entry = entry if known is not None else replace(entry, version=latest)
    elif known is not None and known.leaf is not None and known.id == latest.id:
        sight.entry = replace(entry, version=latest)
    else:
        sight.entry = _new_current(sight, entry, latest)


def _new_current(sight: Sight, entry: Entry, latest: Version) -> Entry:
    world, known = sight.world, entry.version if entry.version and entry.version.leaf else None
    author = author_of(sight, known, latest)
    foreign = entry.foreign_versions
    if known is not None and author != world.settings.instance:
        foreign = (*foreign, latest.created)[-2:]
    record(
        world,
        sight.ref,
        HistoryKind.NEW_VERSION if known else HistoryKind.FIRST_SEEN,
        at=latest.created,
        version=known.id if known else "",
        actor=author,
        new_version=latest.id,
        thumbprint=latest.leaf.sha256 if latest.leaf else "",
    )
    entry = replace(
        entry,
        version=latest,
        previous=known.id if known else "",
        not_after=latest.not_after,
        foreign_versions=foreign,
        request=entry.request if entry.request and entry.request.version == latest.id else None,
    )
    entry = _from_its_ca(sight, entry, latest)
    if known is None and latest.created <= sight.vault.value.first_seen:
        entry = replace(entry, announced=latest.id, announced_created=latest.created)  # older than our time: no news
    lost = losses(known, latest) if known else ""
    if lost:
        code = "new-version-lost-something"
        told = notices.certificate_notice(entry, code, lost, occasion=latest.id, now=latest.created)
        announce.tell(world, told)
    sight.did.append("new-version")
    return entry


def _from_its_ca(sight: Sight, entry: Entry, latest: Version) -> Entry:
    """Begin anew with what a CA says of a version: nothing of the one before holds."""
    by, through = _signed_by(sight, latest)
    return replace(
        entry,
        suggested_at=None,
        window_ends=None,
        revoked_at=None,
        explanation="",
        ask_ca_at=sight.world.now if through else None,  # its CA is asked right after issuance (RFC 9773 §4.3)
        issued_by=by,
        issued_through=through,
        drifted_at=None,
        obstacles=() if through else entry.obstacles,
        obstructed_since=None if through else entry.obstructed_since,
    )


def _signed_by(sight: Sight, latest: Version) -> tuple[str, str]:
    """Return which account of which CA signed a version for us, and through which authority; empty: another's version, or the vault's."""
    row = sight.renewal.value if sight.renewal else None
    if row is None or row.issuer == VAULT_ISSUER or row.new_version not in ("", latest.id):
        return "", ""
    ours = closes_as(row, latest) is Outcome.ISSUED
    return (row.checkpoint.memory.get("by", ""), row.issuer) if ours else ("", "")


def author_of(sight: Sight, known: Version | None, latest: Version) -> str:
    """Name who made a version, if it is known. Autorotation copies tags, so a tag counts only if it names the version replaced."""
    if known is None:
        return ""
    if latest.made_for == known.id:
        return latest.made_by
    copied = (latest.made_for, latest.made_by) == (known.made_for, known.made_by)
    return "key-vault" if copied and lifetimes.supervised(sight.entry.policy) else ""


def announce_if_news(sight: Sight) -> None:
    """Tell of the current version unless it was told, or is older than one that was."""
    entry, version = sight.entry, sight.entry.version
    if version is None or version.leaf is None or version.id == entry.announced:
        return
    author = version.made_by if version.made_for == entry.previous else ""
    sight.entry = announce.announce_version(sight.world, entry, version, entry.previous, author)
    sight.did.append("announced")
