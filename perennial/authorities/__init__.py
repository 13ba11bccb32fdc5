"""How a CSR becomes a chain: a kind of authority is one file or folder here and one line in the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from perennial.authorities.needs import Tools
from perennial.model.authority import AuthorityKind, AuthoritySetting
from perennial.ports.authority import Authority

type Maker = Callable[[AuthoritySetting, Tools], Authority]


def _acme(setting: AuthoritySetting, tools: Tools) -> Authority:
    from perennial.authorities.acme.authority import AcmeAuthority

    return AcmeAuthority(setting, tools)


def _external(setting: AuthoritySetting, tools: Tools) -> Authority:
    from perennial.authorities.external import ExternalAuthority

    del tools
    return ExternalAuthority(setting)


AUTHORITIES: Mapping[AuthorityKind, Maker] = {AuthorityKind.ACME: _acme, AuthorityKind.EXTERNAL: _external}
"""Makers by kind. Each imports what it needs when it is called: most invocations ask no CA."""


def build(settings: tuple[AuthoritySetting, ...], tools: Tools) -> Mapping[str, Callable[[], Authority]]:
    """Return a maker for every authority by its name, as the tag perennial-issuer may say it."""
    return {setting.name: _made_by(AUTHORITIES[setting.kind], setting, tools) for setting in settings}


def _made_by(make: Maker, setting: AuthoritySetting, tools: Tools) -> Callable[[], Authority]:
    return lambda: make(setting, tools)
