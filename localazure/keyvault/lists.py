"""Lists, page by page over the sorted index, as the recorded continuations show it."""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_left
from collections.abc import Callable, Sequence

from localazure.keyvault import errors, shapes
from localazure.keyvault.ask import Answer, Ask, Json
from localazure.keyvault.store import CONTACTS

LARGEST = 25
FOREVER = "9999-12-31T23:59:59.9999999Z"  # the second part of every recorded marker


def marker(row: str) -> str:
    """Return the continuation token of the row that the next page begins with."""
    parts = "".join(f"{len(part):06}!{part}!" for part in (row, FOREVER))
    inner = base64.urlsafe_b64encode(parts.encode()).decode().replace("=", "-")
    text = json.dumps({"NextMarker": f"2!{len(inner)}!{inner}", "TargetLocation": 0}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def row_of(token: str) -> str:
    """Return the row of a continuation token. Raises Refused."""
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        inner = json.loads(text)["NextMarker"].split("!", 2)[2]
        padding = len(inner) - len(inner.rstrip("-"))
        octets = base64.urlsafe_b64decode(inner[: len(inner) - padding] + "=" * padding).decode()
        return octets[7 : 7 + int(octets[:6])]
    except (binascii.Error, ValueError, KeyError, IndexError, TypeError, AttributeError) as refused:
        raise errors.bad_parameter("The value of the parameter $skiptoken is not valid.") from refused


def page_size(ask: Ask) -> int:
    """Return `maxresults`, 25 at most and by default. Raises Refused."""
    text = ask.query.get("maxresults", str(LARGEST))
    if not text.isdecimal() or int(text) < 1:
        raise errors.bad_parameter("The value of the parameter maxresults must be between 1 and 25.")
    return min(int(text), LARGEST)


def page(ask: Ask, path: str, prefix: str, rows: Sequence[str], show: Callable[[str], Json | None]) -> Answer:
    """Return a page: so many rows are looked at, and those that don't belong are left out, so a page may be empty."""
    size, token = page_size(ask), ask.query.get("$skiptoken")
    begin = bisect_left(rows, row_of(token).removeprefix(prefix)) if token else 0
    items = [item for row in rows[begin : begin + size] if (item := show(row)) is not None]
    link = None
    if begin + size < len(rows):
        query = f"api-version={ask.api}&$skiptoken={marker(prefix + rows[begin + size])}&maxresults={size}"
        link = f"{ask.root}/{path}?{query}"
    return Answer({"value": items, "nextLink": link})


async def certificates(ask: Ask) -> Answer:
    """GET /certificates: the unfinished only with `includePending`, which the next link does not repeat (recorded)."""
    pending = ask.query.get("includePending", "").lower() == "true"

    def show(row: str) -> Json | None:
        """Show a name's latest version."""
        certificate = ask.vault.live.get(row.lower()) if row != CONTACTS else None
        version = certificate.latest if certificate and not certificate.state else None
        if certificate is None or version is None or not (version.der or pending):
            return None
        return shapes.item(ask, certificate, version, versioned=False)

    return page(ask, "certificates", "certificate/", ask.vault.index, show)


async def deleted_certificates(ask: Ask) -> Answer:
    """GET /deletedcertificates: pages over the same rows as the live ones, what is being deleted included (recorded)."""

    def show(row: str) -> Json | None:
        """Show what is deleted, or being deleted."""
        certificate = ask.vault.deleted.get(row.lower()) or ask.vault.live.get(row.lower())
        if certificate is None or certificate.state not in ("deleting", "deleted") or certificate.latest is None:
            return None
        return shapes.deleted_item(ask, certificate, certificate.latest)

    return page(ask, "deletedcertificates", "certificate/", ask.vault.index, show)


async def versions(ask: Ask) -> Answer:
    """GET /certificates/{name}/versions: by id; empty for a name that does not exist (recorded)."""
    certificate = ask.vault.live.get(ask.name.lower())
    known = certificate.versions if certificate and not certificate.state else {}

    def show(row: str) -> Json | None:
        """Show a version."""
        assert certificate
        return shapes.item(ask, certificate, known[row.lower()], versioned=True)

    rows = sorted(version.upper() for version in known)
    path = f"certificates/{ask.name}/versions"
    return page(ask, path, f"certificate/{ask.name.upper()}/VERSIONS/", rows, show)


async def issuers(ask: Ask) -> Answer:
    """GET /certificates/issuers: id and provider only (recorded)."""

    def show(row: str) -> Json | None:
        """Show an issuer."""
        issuer = ask.vault.issuers[row.lower()]
        return {"id": f"{ask.root}/certificates/issuers/{issuer.name}", "provider": issuer.provider}

    rows = sorted(name.upper() for name in ask.vault.issuers)
    return page(ask, "certificates/issuers", "issuer/", rows, show)
