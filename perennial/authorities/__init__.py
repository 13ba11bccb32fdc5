"""How a CSR becomes a chain: an authority is one file here and one line in the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from perennial.ports.authority import Authority

AUTHORITIES: Mapping[str, Callable[[], Authority]] = {}
"""Makers by the name that the tag perennial-issuer may say. None ships yet; certificates are renewed by their vault."""


def build() -> Mapping[str, Authority]:
    """Return every authority by its name."""
    return {name: make() for name, make in AUTHORITIES.items()}
