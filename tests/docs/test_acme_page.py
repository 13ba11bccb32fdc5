"""docs/acme.md explains every member, option, limit and failure, and its values are those of the code."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from perennial.authorities.acme.problems import FAILURES
from perennial.dns import PROVIDERS
from perennial.model import limits
from perennial.model.authority import AuthoritySetting
from tests.architecture.source import modules
from tests.docs.pages import Page, page, rows


def acme() -> Page:
    """Read the page."""
    return page("docs/acme.md")


def spans(cell: str) -> set[str]:
    """Return the code spans of a cell."""
    return set(re.findall(r"`([^`]+)`", cell))


def first_cells(heading: str) -> set[str]:
    """Return the code spans in the first cells of a section's tables."""
    return {span for cells in rows(acme().section(heading)) for span in spans(cells[0])}


def test_every_member_of_a_ca_is_explained() -> None:
    """And no other."""
    assert first_cells("CAs") == {field.name for field in fields(AuthoritySetting)}


def test_every_option_of_every_provider_is_explained() -> None:
    """Each under its provider."""
    told: dict[str, set[str]] = {}
    provider = ""
    for cells in rows(acme().section("DNS")):
        provider = next(iter(spans(cells[0])), provider)
        told.setdefault(provider, set()).update(spans(cells[1]))
    assert told == {name: set(make().options) for name, make in PROVIDERS.items()}


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    """Read as the setting is read."""
    told = {kind: limits.read(cells[1]) for cells in rows(acme().section("Limits")) for kind in spans(cells[0])}
    assert told == {str(kind): limit for kind, limit in limits.LETS_ENCRYPT.items()}


def test_every_failure_is_explained() -> None:
    """Those of the CA's table, and those of the DNS that no entry of the table stands for."""
    texts = " ".join(path.read_text(encoding="utf-8") for path in _dns_modules())
    of_dns = set(re.findall(r'DnsError\(\s*"([a-z-]+)"', texts)) | set(re.findall(r'"(dns-[a-z]+)"', texts))
    assert first_cells("When it fails") == set(FAILURES) | of_dns - {"no-provider", "dns-not-ours"}


def _dns_modules() -> list[Path]:
    return [
        path for path in modules("perennial") if "dns" in path.parts or path.name in {"resolver.py", "authoritative.py"}
    ]
