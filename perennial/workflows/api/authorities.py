"""CAs: their accounts, what is left of their limits, who is renewed by them, what stands in the way; and what a person wants of an account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from perennial import log
from perennial.errors import BadInput, Changed
from perennial.model import limits
from perennial.model.authority import Account, AuthorityKind, AuthoritySetting, Obstacle, Usage
from perennial.model.ids import digest
from perennial.model.limits import Limit, LimitKind
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Asked
from perennial.ports.tables import Stored
from perennial.settings.readers import written
from perennial.workflows import sight
from perennial.workflows.api import reading, rows, signed
from perennial.workflows.api.http import PREFIX, Request, Response, conflict, not_found
from perennial.workflows.world import World

ACCOUNT = "account"  # row key of a CA's account
REMAKE = "remake"
ROLL_KEY = "roll-key"
HELD_UP = frozenset({ReasonCode.GIVEN_UP, ReasonCode.BACK_OFF})
MOST_LIMITS = 50
MOST_CERTIFICATES = 20  # of one obstacle


class Wanted(reading.Body, frozen=True):
    """The body of what is asked of an account."""

    action: str
    reason: str


def listed(request: Request, world: World) -> Response:
    """Show every CA of the settings."""
    reading.query(request)
    counts, obstacles = Counter[str](), dict[str, list[tuple[str, Obstacle]]]()
    for one in signed.every(world):
        counts[one.authority] += 1
        obstacles.setdefault(one.authority, []).extend((str(one.entry.ref), found) for found in one.entry.obstacles)
    items = [
        {
            **_setting(setting, world),
            "certificates": counts[setting.name],
            "obstacles": _obstacles(obstacles.get(setting.name, [])),
        }
        for setting in world.settings.authorities
    ]
    return Response(200, {"items": items})


def asked(request: Request, world: World) -> Response:
    """Keep what a person wants of an account; the next use of the account carries it out, and says so in the log and the row."""
    reading.query(request)
    setting = _named(request.route.get("name", ""), world)
    wanted, actor = reading.body(request, Wanted), reading.actor(request)
    reason = reading.reason(wanted.reason)
    if wanted.action not in (REMAKE, ROLL_KEY):
        raise BadInput("action", f"{REMAKE} (another account in place of a lost one) or {ROLL_KEY} (another key)")

    def turn(row: Account) -> Account:
        _refuse(row, wanted.action)
        who = replace(row, actor=actor, asked_at=world.now)
        return replace(who, remake=reason) if wanted.action == REMAKE else replace(who, roll=reason)

    row = rows.change(world.tables.accounts, lambda: _row(setting, world), turn)
    opened = _reopened(setting, Asked(reason=reason, actor=actor, at=world.now, version=""), world) if row.remake else 0
    log.warn("account-asked", authority=setting.name, action=wanted.action, actor=actor, reason=reason, opened=opened)
    body = {"authority": setting.name, "account": _account(row), "reopened": opened}
    return Response(202, body, {"Location": f"{PREFIX}/authorities"})


def _named(name: str, world: World) -> AuthoritySetting:
    found = next((one for one in world.settings.authorities if one.name == name.lower()), None)
    if found is None:
        raise not_found("no CA of the settings has that name", "GET /api/authorities lists them")
    return found


def _row(setting: AuthoritySetting, world: World) -> Stored[Account]:
    found = world.tables.accounts.get(setting.name, ACCOUNT) if setting.kind is AuthorityKind.ACME else None
    if found is None:
        what = f"there is no account with {setting.name} yet"
        raise conflict("no-account", what, "let the first order make it; a CA that a person asks has none")
    return found


def _refuse(row: Account, action: str) -> None:
    """Decline what would do harm: a second account in place of one that lives, another key of one that does not."""
    if action == REMAKE and not row.gone:
        what = f"the CA has not said that the account with {row.authority} is gone"
        raise conflict("account-lives", what, f"ask for {ROLL_KEY} if its key is to be replaced")
    if action == ROLL_KEY and (row.gone or not row.url):
        what = f"there is no account with {row.authority} whose key could be replaced"
        fix = f"ask for {REMAKE}" if row.gone else "let the first order make the account"
        raise conflict("account-gone" if row.gone else "no-account", what, fix)


def _reopened(setting: AuthoritySetting, person: Asked, world: World) -> int:
    """Ask again for the renewals that this CA's refusals have ended or hold up: whoever wants another account wants them. Returns how many."""
    count = 0
    for one in signed.every(world):
        entry = one.entry
        if entry.reason is None or entry.reason.code not in HELD_UP:
            continue
        claim = sight.newest_claim(world, entry)
        if claim is None or setting.name not in (claim.value.issuer, *claim.value.refused):
            continue
        asked_for = replace(person, version=one.version.id)
        try:
            world.tables.inventory.save(Stored(replace(entry, request=asked_for, next_check=world.now), one.etag))
        except Changed:  # a look is at work on it: its own reason may be another by now
            continue
        count += 1
    return count


def _setting(setting: AuthoritySetting, world: World) -> dict[str, object]:
    acme = setting.kind is AuthorityKind.ACME
    stored = world.tables.accounts.get(setting.name, ACCOUNT) if acme else None
    used = signed.usages(world, setting) if acme else []
    return {
        "name": setting.name,
        "kind": setting.kind,
        "directory": setting.directory or None,
        "profile": setting.profile or None,
        "contact": list(setting.contact),
        "account": _account(stored.value) if stored else None,
        "limits": _limits(setting, used, world.now) if acme else [],
        "blocked": _blocked(used, world.now),
    }


def _account(row: Account) -> dict[str, object]:
    return {
        "state": _state(row),
        "url": row.url or None,
        "key_id": row.key_id or None,
        "contact": list(row.contact),
        "made": rows.instant(row.made),
        "gone": row.gone or None,
        "asked": _wish(row),
    }


def _state(row: Account) -> str:
    if row.remake:
        return "remaking"
    if row.gone:
        return "gone"
    if row.roll or row.next_key_id:
        return "rolling-key"
    return "ready" if row.url else "none"


def _wish(row: Account) -> dict[str, object] | None:
    if not row.remake and not row.roll:
        return None
    action = REMAKE if row.remake else ROLL_KEY
    return {
        "action": action,
        "reason": row.remake or row.roll,
        "actor": row.actor or None,
        "at": rows.instant(row.asked_at),
    }


def _limits(setting: AuthoritySetting, used: Iterable[Usage], now: datetime) -> list[dict[str, object]]:
    """Show the account's own limit, and of the others those of which something is used, the fullest first."""
    known = limits.limits_of(setting)
    spent = {limits.bucket(LimitKind.ORDERS): tuple[datetime, ...]()} | {one.bucket: one.spent for one in used}
    counts = [
        (bucket, limit, limits.within(instants, limit, now))
        for bucket, instants in spent.items()
        if (limit := known.get(limits.kind_of(bucket))) is not None
    ]
    full = [one for one in counts if one[2] or one[0] == LimitKind.ORDERS]
    full.sort(key=lambda one: (one[0] != LimitKind.ORDERS, -len(one[2]) / one[1].most, one[0]))
    return [_limit(*one) for one in full[:MOST_LIMITS]]


def _limit(bucket: str, limit: Limit, counts: tuple[datetime, ...]) -> dict[str, object]:
    kind, _, of = bucket.partition(":")
    return {
        "limit": kind,
        "of": of or None,
        "most": limit.most,
        "span": written(limit.span),
        "used": len(counts),
        "left": max(limit.most - len(counts), 0),
        "reset_at": rows.instant(counts[0] + limit.span) if counts else None,
    }


def _blocked(used: Iterable[Usage], now: datetime) -> list[dict[str, object]]:
    """Show what the CA itself told to wait."""
    found = [one for one in used if one.blocked_until is not None and one.blocked_until > now]
    return [
        {"limit": one.bucket.partition(":")[0], "of": one.bucket.partition(":")[2] or None, "until": at}
        for one in found[:MOST_LIMITS]
        if (at := rows.instant(one.blocked_until))
    ]


def _obstacles(found: list[tuple[str, Obstacle]]) -> list[dict[str, object]]:
    """Gather what stands in the way of several certificates alike."""
    alike: dict[str, tuple[Obstacle, list[str]]] = {}
    for certificate, one in found:
        alike.setdefault(digest(one.code, one.what, one.fix), (one, []))[1].append(certificate)
    return [
        {
            "code": one.code,
            "what": one.what,
            "fix": one.fix,
            "count": len(names),
            "certificates": names[:MOST_CERTIFICATES],
        }
        for one, names in sorted(alike.values(), key=lambda item: (-len(item[1]), item[0].code))
    ]
