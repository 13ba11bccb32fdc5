"""What notices are about: a version, a renewal that fails, a finding, a delivery."""

from __future__ import annotations

from perennial.model.certificate import Version
from perennial.model.findings import Finding, Severity
from perennial.model.notices import Delivery, NoticeKind
from perennial.model.renewal import Renewal
from tests.workflows.telling import DAY, HOUR, START, WEB, make_version

VERSION = make_version(1)
BARE = Version(id=VERSION.id, created=START, not_before=START, not_after=START + DAY)
RENEWAL = Renewal(
    certificate=WEB,
    replacing=VERSION.id,
    issuer="vault",
    opened=START,
    next_step=START + HOUR,
    earliest=START,
    failures=2,
    error="the CA said no",
)
FINDING = Finding(
    vault="kv-orders",
    certificate="web",
    rule="no-owner",
    severity=Severity.LOW,
    opened=START,
    last_seen=START,
    evidence={"tags": "none"},
)
DELIVERY = Delivery(
    subject="kv-orders:web",
    notice="n",
    subscription="orders",
    kind=NoticeKind.NEW_VERSION,
    opened=START,
    body="{}",
    time=START,
)
