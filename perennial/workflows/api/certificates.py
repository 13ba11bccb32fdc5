"""GET certificates: what is known of each, from the rows alone."""

from __future__ import annotations

from fnmatch import fnmatchcase

from perennial.decisions.case import managed
from perennial.decisions.tags import wishes
from perennial.model.certificate import CertificateRef
from perennial.model.decision import KINDS
from perennial.model.inventory import Entry
from perennial.model.mode import Mode
from perennial.model.notices import subject_of
from perennial.ports.tables import HISTORY, INVENTORY, Query, Stored
from perennial.workflows import sight
from perennial.workflows.api import facts, paging, reading
from perennial.workflows.api.http import PREFIX, Request, Response, not_found
from perennial.workflows.api.rows import instant
from perennial.workflows.world import World


def listed(request: Request, world: World) -> Response:
    """List certificates by vault and name."""
    given = reading.query(request, "vault", "name", "owner", "decision", "due_before", "limit", "cursor")
    decision = reading.choice(given, "decision", sorted(KINDS.values()))
    due = reading.instant(given, "due_before")
    name = reading.glob("name", given["name"].lower()) if "name" in given else "*"
    wanted = {"owner": reading.word(given, "owner"), "decision": decision}
    query = Query(
        partition=reading.vault(given),
        prefix=_literal(name),
        equal={column: text for column, text in wanted.items() if text},
        due=("due_at", due) if due else None,
    )
    keep = None if name == "*" else lambda entry: fnmatchcase(entry.certificate, name)
    part = paging.gather(world.tables.inventory, INVENTORY, query, paging.paging(given), keep=keep)
    return Response(200, part.body(lambda entry: _brief(entry, world)))


def shown(request: Request, world: World) -> Response:
    """Show all that is known of one certificate: facts, policy, decision, next check, and the newest renewal."""
    reading.query(request)
    entry = found(world, reading.certificate(request)).value
    claim = sight.newest_claim(world, entry)
    return Response(200, _whole(entry, world) | {"renewal": facts.renewal(claim.value) if claim else None})


def history(request: Request, world: World) -> Response:
    """List what happened to one certificate, newest first."""
    given = reading.query(request, "limit", "cursor")
    ref = reading.certificate(request)
    page = paging.paging(given)
    found(world, ref)
    part = paging.gather(world.tables.history, HISTORY, Query(partition=subject_of(ref)), page)
    return Response(200, part.body(facts.record))


def found(world: World, ref: CertificateRef) -> Stored[Entry]:
    """Return a certificate's row; one that was never seen is not found."""
    stored = world.tables.inventory.get(ref.vault, ref.name)
    if stored is None:
        raise not_found(
            f"Perennial has not seen {ref}",
            "GET /api/certificates lists what it has seen; POST /api/sweeps looks for what is new",
        )
    return stored


def address(ref: CertificateRef) -> str:
    """Return where a certificate is shown."""
    return f"{PREFIX}/certificates/{ref.vault}/{ref.name}"


def _literal(glob: str) -> str:
    """Return what every match of a glob begins with."""
    return glob[: next((at for at, sign in enumerate(glob) if sign in "*?["), len(glob))]


def _brief(entry: Entry, world: World) -> dict[str, object]:
    mode = world.settings.vaults.get(entry.vault, Mode.OBSERVE)
    return {
        "vault": entry.vault,
        "certificate": entry.certificate,
        "url": address(entry.ref),
        "owner": entry.owner or None,
        "managed": managed(mode, wishes(entry.tags)),
        "version": entry.version.id if entry.version else None,
        "not_after": instant(entry.not_after),
        "due_at": instant(entry.due_at),
        "decision": entry.decision or None,
        "reason": facts.reason(entry.reason),
        "since": instant(entry.since),
        "next_check": instant(entry.next_check),
        "gone": instant(entry.gone),
    }


def _whole(entry: Entry, world: World) -> dict[str, object]:
    return _brief(entry, world) | {
        "first_seen": instant(entry.first_seen),
        "read_at": instant(entry.read_at),
        "current": facts.version(entry.version),
        "previous_version": entry.previous or None,
        "announced_version": entry.announced or None,
        "policy": facts.policy(entry.policy),
        "tags": dict(entry.tags),
        "request": facts.asked(entry.request),
        "paused_until": instant(entry.paused_until),
        "suggested_at": instant(entry.suggested_at),
        "window_ends": instant(entry.window_ends),
        "revoked_at": instant(entry.revoked_at),
        "explanation": entry.explanation or None,
        "ask_ca_at": instant(entry.ask_ca_at),
        "issued_by": entry.issued_by or None,
        "issued_through": entry.issued_through or None,
        "drifted_at": instant(entry.drifted_at),
        "preflight_at": instant(entry.preflight_at),
        "obstacles": [facts.obstacle(one) for one in entry.obstacles],
        "last_issued": instant(entry.last_issued),
    }
