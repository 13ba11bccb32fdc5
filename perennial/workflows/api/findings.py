"""GET findings: what compliance rules found, with what to do."""

from __future__ import annotations

from perennial.model.findings import Finding, Severity
from perennial.ports.tables import FINDINGS, Query
from perennial.workflows.api import paging, reading
from perennial.workflows.api.http import Request, Response
from perennial.workflows.api.rows import instant
from perennial.workflows.world import World

STATES = ("open", "resolved", "all")
SEVERITIES = {severity.name.lower(): severity for severity in Severity}


def listed(request: Request, world: World) -> Response:
    """List findings by vault and certificate; open ones unless asked otherwise."""
    given = reading.query(request, "vault", "rule", "severity", "owner", "state", "limit", "cursor")
    state = reading.choice(given, "state", STATES, "open")
    severity = reading.choice(given, "severity", SEVERITIES)
    equal = {
        "state": "" if state == "all" else state,
        "rule": reading.word(given, "rule"),
        "owner": reading.word(given, "owner"),
    }
    query = Query(partition=reading.vault(given), equal={column: text for column, text in equal.items() if text})
    keep = (lambda finding: finding.severity is SEVERITIES[severity]) if severity else None
    part = paging.gather(world.tables.findings, FINDINGS, query, paging.paging(given), keep=keep)
    return Response(200, part.body(shape))


def shape(finding: Finding) -> dict[str, object]:
    """Show a finding."""
    return {
        "vault": finding.vault,
        "certificate": finding.certificate or None,
        "rule": finding.rule,
        "severity": finding.severity.name.lower(),
        "state": finding.state,
        "owner": finding.owner or None,
        "opened": instant(finding.opened),
        "last_seen": instant(finding.last_seen),
        "resolved": instant(finding.resolved),
        "waived_until": instant(finding.waived_until),
        "waived_by": finding.waived_by or None,
        "waived_why": finding.waived_why or None,
        "times": finding.times,
        "evidence": dict(finding.evidence),
        "what_to_do": finding.fix or None,
    }
