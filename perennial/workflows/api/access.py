"""Who may do what, where people sign in with Entra ID: app roles, from the header that the platform itself sets.

App Service puts the signed-in principal into `X-MS-CLIENT-PRINCIPAL` (base64 of JSON) and removes what a caller sent under that name, but only
where its sign-in is on. So the header counts only if the platform says that it is; configured but not on means that nobody gets in.
Without sign-in configured the routes are guarded by function keys, and this module lets everything through.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import msgspec

from perennial import log
from perennial.workflows.api.http import Declined, Operation, Request, Response, answer, problem
from perennial.workflows.world import World


class Role(IntEnum):
    """The app roles; a higher one may do all that a lower one may."""

    NOBODY = 0  # the heartbeat needs no role
    READ = 1
    OPERATE = 2
    ADMIN = 3


#: Beside the ladder: may see what waits for a signature and bring chains, and nothing else. For an agent beside a CA.
SIGN = "Perennial.Sign"

NAMES = {"Perennial.Read": Role.READ, "Perennial.Operate": Role.OPERATE, "Perennial.Admin": Role.ADMIN}
SAID = {role: name for name, role in NAMES.items()}

#: Claim types that hold app roles: Entra's own, and the one that App Service maps it to.
ROLE_CLAIMS = frozenset({"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"})
NAME_CLAIMS = ("preferred_username", "name", "appid", "azp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """How this app is guarded."""

    sign_in: bool  # configured: the setting PERENNIAL_SIGN_IN
    platform: bool  # really on: the platform's own WEBSITE_AUTH_ENABLED


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is signed in."""

    name: str
    role: Role
    signs: bool = False  # has the role Perennial.Sign


def admit(
    operation: Operation,
    request: Request,
    needed: Role,
    gate: Gate,
    world: Callable[[], World],
    *,
    or_signs: bool = False,
) -> Response:
    """Run an operation for whoever may have it run; the world is made only for them. `or_signs`: the role Perennial.Sign suffices."""
    try:
        principal = admitted(gate, request.principal, needed, or_signs=or_signs)
    except Declined as refusal:
        log.line("api-refused", operation=operation.__name__, status=refusal.status, slug=refusal.slug)
        return problem(refusal)
    return answer(operation, replace(request, actor=principal.name) if principal else request, world())


def admitted(gate: Gate, header: str, needed: Role, *, or_signs: bool = False) -> Principal | None:
    """Return who asks; None where keys guard the app. Raises Declined: 503, 401 or 403, by default for everyone."""
    if needed is Role.NOBODY or not gate.sign_in:
        return None
    if not gate.platform:
        what = "sign-in is configured (PERENNIAL_SIGN_IN), but the platform does not enforce it"
        fix = "turn on the app's authentication (authsettingsV2) with 'require authentication', or unset PERENNIAL_SIGN_IN"
        raise Declined(503, "sign-in-not-enforced", "Nobody can be let in", what, fix=fix)
    principal = _read(header)
    if principal is None:
        fix = "sign in with Entra ID, or send a token for this app"
        raise Declined(401, "not-signed-in", "Not signed in", "the request carries no principal", fix=fix)
    if principal.role < needed and not (or_signs and principal.signs):
        has = SAID.get(principal.role, SIGN if principal.signs else "no role of this app")
        takes = f"{SAID[needed]} or {SIGN}" if or_signs else SAID[needed]
        fix = f"assign the app role {takes} to this principal in the app's enterprise application"
        raise Declined(403, "role-missing", "Not allowed", f"this takes {takes}; {principal.name} has {has}", fix=fix)
    return principal


def _read(header: str) -> Principal | None:
    """Read the platform's header; what cannot be read is nobody."""
    try:
        told = msgspec.json.decode(base64.b64decode(header, validate=True))
    except ValueError:  # what base64 and msgspec raise are such
        return None
    claims = told.get("claims") if isinstance(told, dict) else None
    if not isinstance(claims, list):
        return None
    pairs = [(_text(one.get("typ")), _text(one.get("val"))) for one in claims if isinstance(one, dict)]
    role_claims = ROLE_CLAIMS | {_text(told.get("role_typ"))} - {""}
    held = {value for kind, value in pairs if kind in role_claims}
    role = max((NAMES.get(value, Role.NOBODY) for value in held), default=Role.NOBODY)
    known = dict(reversed(pairs))
    name = next((known[kind] for kind in NAME_CLAIMS if known.get(kind)), "a principal without a name")
    return Principal(name[:80], role, SIGN in held)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
