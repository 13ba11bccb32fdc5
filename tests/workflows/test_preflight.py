"""Looking ahead: daily, without the vault; a finding at once, and a notice once the renewal is near."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from perennial.errors import IssuerError
from perennial.model.authority import Obstacle
from perennial.model.certificate import CertificateRef
from perennial.model.findings import Finding, Severity
from perennial.model.mode import Mode
from perennial.ports.tables import Query
from tests.memory.authority import SlowAuthority
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, SELF
from tests.workflows.signed_stage import place, signed_stage

CAA = Obstacle(code="caa-forbids", what="the CAA record of www.example names other.example", fix="add ca.example to it")
ZONE = Obstacle(code="dns-not-ours", what="no provider serves www.example", fix="delegate _acme-challenge.www.example")


def seeing(*obstacles: Obstacle) -> SlowAuthority:
    """Return a CA that would refuse for these reasons."""
    return SlowAuthority(prompt=True, obstructs=obstacles)


def finding(on: Stage) -> Finding:
    """Return the finding."""
    rows = on.tables.findings.select(Query(partition="kv-orders")).items
    (row,) = [stored.value for stored in rows if stored.value.rule == "issuance-blocked"]
    return row


def test_it_is_looked_ahead_daily_without_the_vault() -> None:
    """The names of certificate and policy, at an hour of this certificate's own; the second of the list is not asked."""
    first, second = seeing(), seeing()
    on = signed_stage(first=first, second=second)
    on.look("www")
    on.run(10 * DAY)
    assert [names for _, names in first.looked] == [("www.example",)] * len(first.looked)
    assert len(first.looked) == 10
    assert second.looked == []
    assert on.vaults.calls["get"] == 2, "the first sight, and the weekly read"


def test_a_fleet_is_not_looked_at_in_one_hour() -> None:
    """Each certificate has its own place in the day."""
    on = signed_stage(first=seeing())
    hours = set()
    for number in range(40):
        ref = CertificateRef("kv-orders", f"c{number}")
        place(on, ref, left=80 * DAY)
        at = on.look(ref.name).preflight_at
        assert at is not None
        assert NOW <= at < NOW + DAY
        hours.add(at.hour)
    assert len(hours) > 12


def test_what_stands_in_the_way_is_a_finding_long_before_and_a_notice_when_it_is_near() -> None:
    """Medium while there is time, high within a sixth of the life; one notice, also when a second obstacle comes to it."""
    first = seeing(CAA)
    on = signed_stage(first=first)
    on.look("www")
    on.run(DAY)
    row = finding(on)
    assert (row.severity, row.evidence) == (Severity.MEDIUM, {"code": CAA.code, "what": CAA.what, "fix": CAA.fix})
    due = on.entry("www").due_at
    assert due is not None
    on.run(due - on.now - 10 * DAY)
    assert finding(on).severity is Severity.HIGH
    assert on.told("action-needed", code="issuance-blocked") == []
    first.obstructs = (CAA, ZONE)
    on.run(4 * DAY)
    assert len(on.told("action-needed", code="issuance-blocked")) == 1
    assert finding(on).evidence["code"] == "caa-forbids, dns-not-ours"


def test_what_was_mended_is_no_finding_and_comes_again_as_a_new_occasion() -> None:
    """Resolved at the next look ahead; a second time it is told a second time."""
    first = seeing(CAA)
    on = signed_stage(left=38 * DAY, first=first)
    on.look("www")
    on.run(DAY)
    assert len(on.told("action-needed", code="issuance-blocked")) == 1
    first.obstructs = ()
    on.run(DAY)
    assert finding(on).state == "resolved"
    first.obstructs = (CAA,)
    on.run(DAY)
    assert finding(on).state == "open"
    assert len(on.told("action-needed", code="issuance-blocked")) == 2


def test_a_check_that_cannot_be_made_is_no_obstacle_and_removes_none() -> None:
    """It is made again an hour or two later."""
    first = seeing(CAA)
    on = signed_stage(first=first)
    on.look("www")
    on.run(DAY)
    first.obstructs = IssuerError("ca-down", "503")
    first.looked.clear()
    on.run(2 * DAY)
    assert 12 < len(first.looked) < 35
    assert on.entry("www").obstacles == (CAA,)
    first.obstructs = IssuerError("ca-down", "503", retry_after=3 * DAY)
    on.run(2 * HOUR)
    first.looked.clear()
    on.run(2 * DAY)
    assert first.looked == []


def test_only_what_an_authority_is_to_sign_is_looked_at() -> None:
    """Not what the vault renews, nor what is left to die; what is observed is, so that it is known before the vault is switched on."""
    first = seeing(CAA)
    on = signed_stage(mode=Mode.OBSERVE, first=first)
    own, dying = CertificateRef("kv-orders", "own"), CertificateRef("kv-orders", "dying")
    place(on, own, left=80 * DAY, policy=replace(SELF, subject="CN=own", names=("own",)))
    place(on, dying, left=80 * DAY, tags={"perennial-renew": "never"})
    for name in ("www", "own", "dying"):
        on.look(name)
    on.run(70 * DAY)
    assert {names for _, names in first.looked} == {("www.example",)}
    assert finding(on).severity is Severity.HIGH
    assert on.told("action-needed", code="issuance-blocked") == [], "nobody chose it for renewal"
    on.settings = replace(on.settings, issuers=())
    on.run(2 * DAY)
    entry = on.entry("www")
    assert (entry.preflight_at, entry.obstacles, entry.obstructed_since) == (None, (), None)


def test_a_renewal_that_ended_well_had_no_obstacle() -> None:
    """What the day's look found is over when the CA has issued all the same."""
    first = seeing(CAA)
    on = signed_stage(left=36 * DAY, first=first)
    on.look("www")
    on.run(DAY)
    assert on.entry("www").obstacles
    first.obstructs = ()
    on.run(timedelta(days=6))
    assert on.claims("www")
    assert on.entry("www").obstacles == ()
