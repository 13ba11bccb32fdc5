"""The setting PERENNIAL_AUTHORITIES: CAs that sign our CSRs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from perennial.model import limits
from perennial.model.authority import AuthorityKind, AuthoritySetting
from perennial.settings.agreement import SECRET_NAME
from perennial.settings.objects import Objects, where
from perennial.settings.readers import Wrong, https_url, size

type Fault = tuple[str, str, str]  # member, problem, fix

BY_VAULT = "vault"  # what the tag perennial-issuer says for the vault's own issuer
NAME = re.compile(r"(?=.{1,40}$)[a-z0-9](-?[a-z0-9])*")
KEY_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")  # Key Vault REST: names of keys
MAILTO = re.compile(r"mailto:[^\s,?@]+@[^\s,?@]+")  # RFC 8555 §7.3: no hfields, one address
LONGEST = 200
ONLY: dict[AuthorityKind, frozenset[str]] = {
    AuthorityKind.ACME: frozenset(
        {
            "directory",
            "contact",
            "agree_terms",
            "profile",
            "chain",
            "key",
            "eab_key_id",
            "eab_secret",
            "limits",
        }
    ),
    AuthorityKind.EXTERNAL: frozenset({"instructions", "root"}),
}
"""Members that one kind alone has."""


def authorities(text: str) -> tuple[AuthoritySetting, ...]:
    """Read the CAs. Raises Wrong with every fault."""
    objects = Objects(text, "authorities")
    found = objects.read(AuthoritySetting)
    names: dict[str, int] = {}
    accounts: dict[tuple[str, str], int] = {}
    for place, one in found:
        for member, problem, fix in _faults(one):
            objects.fault(place, member, problem, fix)
        account = (one.directory.rstrip("/"), one.key or f"acme-{one.name}")
        if one.name in names:
            other = where("authorities", names[one.name], "name")
            objects.fault(place, "name", f"is that of {other} already", "give each CA a name of its own")
        elif one.kind is AuthorityKind.ACME and account in accounts:
            fix = "give each a key of its own: whoever rolls it over takes the account from the other"
            other = where("authorities", accounts[account], "")
            objects.fault(place, "key", f"is that of {other} already, with the same directory", fix)
        names.setdefault(one.name, place)
        accounts.setdefault(account, place)
    objects.ended()
    return tuple(one for _, one in found)


def _faults(one: AuthoritySetting) -> Iterator[Fault]:
    if one.name == BY_VAULT:
        yield "name", "vault is the vault's own issuer", "take another name"
    elif not NAME.fullmatch(one.name):
        yield (
            "name",
            f"is not a name ({size(one.name)})",
            "write lower-case letters, digits and single dashes, 40 at most",
        )
    plain = AuthoritySetting(name=one.name)
    for kind, members in ONLY.items():
        strange = sorted(name for name in members if getattr(one, name) != getattr(plain, name))
        for name in strange if kind is not one.kind else ():
            yield name, f"belongs to the kind {kind}, and this CA's is {one.kind}", "remove it, or correct kind"
    for name in ("profile", "chain", "eab_key_id", "instructions", "root"):
        if len(getattr(one, name)) > 5 * LONGEST or (name != "instructions" and len(getattr(one, name)) > LONGEST):
            yield name, f"has {size(getattr(one, name))}", "shorten it"
    if one.kind is AuthorityKind.ACME:
        yield from _acme_faults(one)


def _acme_faults(one: AuthoritySetting) -> Iterator[Fault]:
    if not one.directory:
        yield "directory", "is missing", "write the https address of the CA's ACME directory"
    else:
        try:
            https_url(one.directory)
        except Wrong as wrong:
            problem, _, fix = str(wrong).partition("; ")
            yield "directory", problem, fix
    for address in one.contact:
        if not MAILTO.fullmatch(address):
            yield (
                "contact",
                f"is not a mailto: address ({size(address)})",
                "write mailto:team@example.com, one address each",
            )
    if not one.agree_terms:
        yield (
            "agree_terms",
            "is not true",
            "read the CA's terms of service and write true: no account is made without",
        )
    if one.key and not KEY_NAME.fullmatch(one.key):
        yield "key", f"is not the name of a key ({size(one.key)})", "write letters, digits and dashes, 127 at most"
    yield from _eab_faults(one)
    yield from _limit_faults(one)


def _eab_faults(one: AuthoritySetting) -> Iterator[Fault]:
    if one.eab_secret and not SECRET_NAME.fullmatch(one.eab_secret):
        fix = "put the key into PERENNIAL_SECRET_NAME and write NAME here, in capitals, digits and _"
        yield "eab_secret", "is not the name of a secret", fix
    if bool(one.eab_key_id) != bool(one.eab_secret):
        missing = "eab_secret" if one.eab_key_id else "eab_key_id"
        yield missing, "is missing beside its other half", "a CA's external account binding is a key id and a key"


def _limit_faults(one: AuthoritySetting) -> Iterator[Fault]:
    for kind, text in one.limits.items():
        if kind not in tuple(limits.LimitKind):
            yield f"limits.{kind}", "there is no such limit", f"known are {', '.join(limits.LimitKind)}"
            continue
        try:
            limits.read(text)
        except ValueError as error:
            yield f"limits.{kind}", f"is not a limit ({size(text)})", str(error)
