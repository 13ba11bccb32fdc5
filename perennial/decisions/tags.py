"""What a certificate's own tags ask for. A bad value is a fault to report, and the default applies."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

PREFIX = "perennial-"
VAULT_ISSUER = "vault"  # Key Vault itself, with the issuer of the certificate's policy
KNOWN = frozenset({"renew", "issuer", "renew-at", "owner", "pause-until", "by", "renewal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The tags with the prefix `perennial-`, read."""

    renew: bool | None = None  # always, never; None: as the vault's mode says
    issuers: tuple[str, ...] = ()  # names of authorities, in order; or "vault" alone
    renew_before: timedelta | None = None  # `30d`: before expiry
    renew_share: float | None = None  # `33%`: of the lifetime left
    owner: str = ""
    pause_until: datetime | None = None
    faults: tuple[str, ...] = ()


_NO_TIME: tuple[timedelta | None, float | None] = (None, None)


class _Bad(ValueError):
    """A tag's value cannot be read; the text says what is expected."""


def _renew(text: str) -> bool | None:
    try:
        return {"always": True, "never": False}[text.lower()]
    except KeyError:
        raise _Bad("write always or never") from None


def _renew_at(text: str) -> tuple[timedelta | None, float | None]:
    match = re.fullmatch(r"(\d{1,4})\s*([d%])", text)
    if not match or int(match[1]) == 0:
        raise _Bad("write days before expiry, like 30d, or the share of the lifetime left, like 33%")
    number = int(match[1])
    if match[2] == "d":
        return timedelta(days=number), None
    if number >= 100:
        raise _Bad("write a share below 100%")
    return None, number / 100


def _pause(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _Bad("write a date like 2027-01-31, or an instant like 2027-01-31T08:00:00Z") from None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _issuers(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(re.split(r"[\s,]+", text.lower().strip(" ,"))))
    if len(names) > 1 and VAULT_ISSUER in names:
        raise _Bad("name either vault alone, or CAs that sign a CSR: one policy cannot serve both")
    return names


def wishes(tags: Mapping[str, str]) -> Wishes:
    """Read the tags of a certificate; names are compared without case."""
    return _read(tuple(item for item in tags.items() if _ours(item[0])))


@lru_cache(maxsize=2048)  # a look asks some ten times, and a fleet's certificates carry much the same tags
def _read(tags: tuple[tuple[str, str], ...]) -> Wishes:
    mine = {name.lower().removeprefix(PREFIX): (name, text.strip()) for name, text in tags}
    faults = [f"{name}: no such tag; known are {_known()}" for key, (name, _) in mine.items() if key not in KNOWN]

    def read[T](key: str, parse: Callable[[str], T], default: T) -> T:
        name, text = mine.get(key, ("", ""))
        if not text:
            return default
        try:
            return parse(text)
        except _Bad as bad:
            faults.append(f"{name}: {text!r} is not understood; {bad}")
            return default

    before, part = read("renew-at", _renew_at, _NO_TIME)
    return Wishes(
        renew=read("renew", _renew, None),
        issuers=read("issuer", _issuers, ()),
        renew_before=before,
        renew_share=part,
        owner=mine.get("owner", ("", ""))[1],
        pause_until=read("pause-until", _pause, None),
        faults=tuple(faults),
    )


def _ours(name: str) -> bool:
    return name.lower().startswith(PREFIX)


def _known() -> str:
    return ", ".join(PREFIX + name for name in sorted(KNOWN - {"by", "renewal"}))
