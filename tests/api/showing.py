"""Values whose every member an answer shows."""

from __future__ import annotations

from perennial.model.certificate import IssuerClass, Leaf, Version
from perennial.model.reasons import Reason, ReasonCode
from tests.api.stocking import DAY, NOW

AT = "2026-11-24T08:00:00Z"
NEXT = "2026-11-25T08:00:00Z"
LATER = NOW + DAY
REASON = Reason(ReasonCode.GONE)
SHOWN_REASON = {"code": "gone", "sentence": REASON.sentence}
LEAF = Leaf(
    sha256="aa",
    sha1="bb",
    serial="4f",
    subject="CN=web",
    issuer="CN=ca",
    names=("web.example",),
    issuer_class=IssuerClass.PRIVATE,
    key_type="EC",
    key_size=256,
    signature_hash="sha256",
)
VERSION = Version(id="v1", created=NOW, not_before=NOW, not_after=LATER, leaf=LEAF, made_by="ada", enabled=False)
BARE = Version(id="v1", created=NOW, not_before=NOW, not_after=LATER)
