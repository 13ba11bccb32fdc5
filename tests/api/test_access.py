"""Who may do what where people sign in: each role and route, forged headers included. Default: nobody."""

from __future__ import annotations

import ast
import base64
import json
import logging

import pytest
import urllib3

from localazure.client import LocalAzure
from perennial.workflows.api.access import Gate, Principal, Role, admit, admitted
from perennial.workflows.api.http import PROBLEM, Declined, Request, Response
from perennial.workflows.world import World
from tests.api.calling import ROOT, described
from tests.api.stocking import NOW
from tests.memory.world import make_world

ON = Gate(sign_in=True, platform=True)
NEEDED = {
    "health": Role.NOBODY,
    "put_mode": Role.ADMIN,
    "change_account": Role.ADMIN,
    "put_subscription": Role.ADMIN,
    "delete_subscription": Role.ADMIN,
    "renew_certificate": Role.OPERATE,
    "discard_pending": Role.OPERATE,
    "redeliver": Role.OPERATE,
    "start_sweep": Role.OPERATE,
    "post_chain": Role.OPERATE,
    "put_waiver": Role.OPERATE,
}  # every other route: Role.READ
SIGNERS = {"list_requests", "get_request", "post_chain"}  # what Perennial.Sign may do
NAMES = {Role.READ: "Perennial.Read", Role.OPERATE: "Perennial.Operate", Role.ADMIN: "Perennial.Admin"}


def principal(*roles: str, name: str = "ada@example.com", kind: str = "roles") -> str:
    """Return the platform's header about somebody with these app roles."""
    claims = [{"typ": "preferred_username", "val": name}, *({"typ": kind, "val": role} for role in roles)]
    told = {"auth_typ": "aad", "claims": claims, "name_typ": "name", "role_typ": "roles"}
    return base64.b64encode(json.dumps(told).encode()).decode()


def status_of(gate: Gate, header: str, needed: Role) -> int:
    """Return the refusal's status, 200 where there is none."""
    try:
        admitted(gate, header, needed)
    except Declined as refusal:
        return refusal.status
    return 200


@pytest.mark.parametrize("needed", [Role.READ, Role.OPERATE, Role.ADMIN])
@pytest.mark.parametrize("has", [Role.READ, Role.OPERATE, Role.ADMIN])
def test_a_role_may_do_what_lower_ones_may(has: Role, needed: Role) -> None:
    """Read < Operate < Admin."""
    assert status_of(ON, principal(NAMES[has]), needed) == (200 if has >= needed else 403)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "rubbish",
        base64.b64encode(b"rubbish").decode(),
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'{"claims": 5}').decode(),
    ],
)
def test_nobody_gets_in_without_a_principal(header: str) -> None:
    """A header that is missing or can't be read is nobody."""
    assert status_of(ON, header, Role.READ) == 401


@pytest.mark.parametrize(
    "header",
    [
        principal(),
        principal("Perennial.Owner", "perennial.read", "Admin"),
        principal("Perennial.Admin", kind="groups"),
        principal(name="Perennial.Admin"),
    ],
)
def test_what_is_no_app_role_of_ours_opens_nothing(header: str) -> None:
    """Other roles, other casing, other claims: 403, with the role that is missing."""
    assert status_of(ON, header, Role.READ) == 403


def test_the_claim_type_that_app_service_maps_roles_to_counts() -> None:
    """Both spellings of the role claim are read."""
    mapped = principal("Perennial.Read", kind="http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
    assert admitted(ON, mapped, Role.READ) == Principal("ada@example.com", Role.READ)


def test_a_forged_header_opens_nothing_where_the_platform_does_not_guard() -> None:
    """Sign-in configured but not enforced: 503 for everybody, whatever the header says; the heartbeat still beats."""
    off = Gate(sign_in=True, platform=False)
    assert status_of(off, principal("Perennial.Admin"), Role.READ) == 503
    assert status_of(off, "", Role.NOBODY) == 200


def test_without_sign_in_the_header_is_not_read() -> None:
    """Function keys guard the routes then; a forged header changes nothing and names nobody."""
    assert admitted(Gate(sign_in=False, platform=False), principal("Perennial.Admin"), Role.ADMIN) is None


def test_every_door_names_the_role_that_it_takes() -> None:
    """Each route's role is the one listed here; a new route must be listed."""
    found, signs = {}, set()
    for node in ast.walk(ast.parse((ROOT / "handlers" / "api.py").read_text())):
        if isinstance(node, ast.FunctionDef) and node.name in described():
            call = node.body[-1]
            assert isinstance(call, ast.Return)
            assert isinstance(call.value, ast.Call)
            found[node.name] = ast.unparse(call.value.args[2])
            signs |= {node.name for word in call.value.keywords if ast.unparse(word) == "or_signs=True"}
    assert found == {door: f"access.Role.{NEEDED.get(door, Role.READ).name}" for door in described()}
    assert signs == SIGNERS


def declined(gate: Gate, header: str, needed: Role, *, or_signs: bool = False) -> Declined:
    """Return the refusal."""
    with pytest.raises(Declined) as refused:
        admitted(gate, header, needed, or_signs=or_signs)
    return refused.value


def test_a_refusal_says_which_and_what_to_do() -> None:
    """Each by its own word, with the fix; the roles that are there and the ones that are missing by name."""
    off = declined(Gate(sign_in=True, platform=False), "", Role.READ)
    assert (off.slug, "authsettingsV2" in off.fix) == ("sign-in-not-enforced", True)
    nobody = declined(ON, "", Role.READ)
    assert (nobody.slug, "sign in with Entra ID" in nobody.fix) == ("not-signed-in", True)
    reader = declined(ON, principal("Perennial.Read"), Role.ADMIN)
    assert (reader.slug, reader.detail) == (
        "role-missing",
        "this takes Perennial.Admin; ada@example.com has Perennial.Read",
    )
    assert "assign the app role Perennial.Admin to" in reader.fix
    assert declined(ON, principal(), Role.READ).detail.endswith("ada@example.com has no role of this app")
    assert declined(ON, principal("Perennial.Sign"), Role.READ).detail.endswith("ada@example.com has Perennial.Sign")


def header(**told: object) -> str:
    """Return the platform's header with these members."""
    return base64.b64encode(json.dumps(told).encode()).decode()


def test_a_name_is_the_first_that_its_claims_hold() -> None:
    """A preferred name before an application's id; of two the first; at most eighty letters; none has a name for that."""
    role = {"typ": "roles", "val": "Perennial.Read"}
    app, long = {"typ": "appid", "val": "app-1"}, {"typ": "preferred_username", "val": "a" * 90}
    for claims, name in (
        ([role, app, long], "a" * 80),
        ([role, app, {"typ": "appid", "val": "app-2"}], "app-1"),
        ([role, {"typ": "azp", "val": "app-3"}], "app-3"),
        ([role, app, {"typ": "name", "val": "Ada"}], "Ada"),
        ([role], "a principal without a name"),
    ):
        assert admitted(ON, header(claims=claims), Role.READ) == Principal(name, Role.READ)


def test_the_role_claim_that_the_header_itself_names_counts() -> None:
    """As App Service writes `role_typ`; an empty one names none."""
    claims = [{"typ": "my-roles", "val": "Perennial.Read"}, {"typ": "", "val": "Perennial.Admin"}]
    assert admitted(ON, header(claims=claims, role_typ="my-roles"), Role.READ)
    assert status_of(ON, header(claims=claims, role_typ="my-roles"), Role.OPERATE) == 403
    assert status_of(ON, header(claims=claims, role_typ=""), Role.READ) == 403


@pytest.mark.parametrize(
    "claims",
    [
        [5, "roles"],
        [{"typ": "roles", "val": ["Perennial.Admin"]}],
        [{"typ": ["roles"], "val": "Perennial.Admin"}],
        [{"typ": "name", "val": 5}],
    ],
)
def test_claims_that_are_no_text_say_nothing(claims: list[object]) -> None:
    """Whoever has only such is a principal without a role."""
    refused = declined(ON, header(claims=claims), Role.READ)
    assert (refused.status, refused.detail) == (
        403,
        "this takes Perennial.Read; a principal without a name has no role of this app",
    )


@pytest.mark.parametrize("forged", ["ä", f"{principal('Perennial.Admin')}!", "!" + principal("Perennial.Admin"), "eyJ"])
def test_a_header_that_is_no_base64_is_nobodys(forged: str) -> None:
    """The platform writes nothing else; no sign in it is overlooked."""
    assert declined(ON, forged, Role.READ).status == 401


def who_asks(request: Request, world: World) -> Response:
    """Answer with the name of whoever asks."""
    return Response(200, {"actor": request.actor, "at": world.now.isoformat()})


def test_an_operation_runs_for_whoever_may_and_knows_them() -> None:
    """Under the name that is signed in, whatever the request said; with keys, under the hint."""
    asks = Request(actor="a hint", principal=principal("Perennial.Read"))
    found = admit(who_asks, asks, Role.READ, ON, lambda: make_world(NOW))
    assert found.body == {"actor": "ada@example.com", "at": NOW.isoformat()}
    keys = admit(who_asks, asks, Role.READ, Gate(sign_in=False, platform=False), lambda: make_world(NOW))
    assert keys.body == {"actor": "a hint", "at": NOW.isoformat()}


def test_for_others_no_world_is_made_and_the_log_has_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Which operation, which status, which word; a signer passes only where signers may."""

    def world() -> World:
        raise AssertionError("a world was made")

    signer = Request(principal=principal("Perennial.Sign"))
    with caplog.at_level(logging.INFO, logger="perennial"):
        found = admit(who_asks, signer, Role.OPERATE, ON, world)
    assert (found.status, found.media_type) == (403, PROBLEM)
    said = {"event": "api-refused", "operation": "who_asks", "status": 403, "slug": "role-missing"}
    assert list(map(json.loads, caplog.messages)) == [said]
    passed = admit(who_asks, signer, Role.OPERATE, ON, lambda: make_world(NOW), or_signs=True)
    assert passed.status == 200


@pytest.mark.parametrize("needed", [Role.READ, Role.OPERATE, Role.ADMIN])
def test_the_role_of_a_signer_opens_only_what_is_for_signers(needed: Role) -> None:
    """Perennial.Sign stands beside the ladder: it passes a door for signers, no other; with a rung of the ladder both count."""
    signer = principal("Perennial.Sign")
    assert status_of(ON, signer, needed) == 403
    assert admitted(ON, signer, needed, or_signs=True) == Principal("ada@example.com", Role.NOBODY, signs=True)
    both = principal("Perennial.Sign", "Perennial.Read")
    assert status_of(ON, both, needed) == (200 if needed is Role.READ else 403)


def test_whoever_may_not_sign_hears_of_both_roles() -> None:
    """A refusal at a door for signers names either role that would open it."""
    with pytest.raises(Declined) as refused:
        admitted(ON, principal("Perennial.Read"), Role.OPERATE, or_signs=True)
    assert "Perennial.Operate or Perennial.Sign" in refused.value.fix


@pytest.mark.parametrize("platform", ["true", "false"])
def test_a_signed_in_app_guards_every_route(azure: LocalAzure, account: str, vault: str, platform: str) -> None:
    """Over HTTP: every route refuses the role below its own and lets its own through; without the platform's guard nobody gets in."""
    settings = {"PERENNIAL_SIGN_IN": "true", "WEBSITE_AUTH_ENABLED": platform}
    variables = azure.environment(account=account, vaults={vault: "observe"}, settings=settings)
    with azure.host(ROOT, variables) as host, urllib3.PoolManager(retries=False) as http:
        for door, (method, path, _) in described().items():
            needed = NEEDED.get(door, Role.READ)
            url = f"{host.url}/api{path}".replace("{vault}", vault).replace("{name}", "www").replace("{id}", "x")
            below, own = (
                principal(*([NAMES[role]] if role in NAMES else [])) for role in (Role(max(needed - 1, 0)), needed)
            )
            refused = http.request(method, url, headers={"X-MS-CLIENT-PRINCIPAL": below}).status
            passed = http.request(method, url, headers={"X-MS-CLIENT-PRINCIPAL": own}).status
            if needed is not Role.NOBODY and platform == "true":
                signer = http.request(method, url, headers={"X-MS-CLIENT-PRINCIPAL": principal("Perennial.Sign")})
                assert (signer.status != 403) == (door in SIGNERS), door
            if needed is Role.NOBODY:
                assert (refused, passed) == (200, 200), door
            elif platform == "true":
                assert refused == 403, door
                assert passed not in (401, 403, 500, 503), door
            else:
                assert (refused, passed) == (503, 503), door
