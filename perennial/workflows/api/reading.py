"""What a caller sent, read strictly: an unknown name or a wrong value is refused, named, with the fix."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from perennial.errors import BadInput
from perennial.model.certificate import CertificateRef
from perennial.workflows.api.http import Request, not_found

# Key Vault REST: a vault's name has 3 to 24, a certificate's 1 to 127 letters, digits and dashes.
VAULT = re.compile(r"[a-z][a-z0-9-]{2,23}")
CERTIFICATE = re.compile(r"[a-z0-9-]{1,127}")
RULE = re.compile(r"[a-z0-9-]{1,64}")
GLOB = re.compile(r"[a-z0-9*?\[\]!-]{1,127}")

# The Functions host takes a key from these parameters and hands them on with the rest.
OF_THE_HOST = frozenset({"code", "clientId"})

LONGEST_BODY = 64 * 1024
LONGEST_ACTOR = 80
LONGEST_REASON = 500


class Body(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A JSON body; unknown members are refused."""


def query(request: Request, *known: str) -> Mapping[str, str]:
    """Return the query parameters; one that is not known is refused."""
    unknown = sorted(set(request.query) - set(known) - OF_THE_HOST)
    if unknown:
        takes = f"this takes {', '.join(known)}" if known else "this takes none"
        raise BadInput(unknown[0], f"there is no such query parameter; {takes}")
    return request.query


def body[B: Body](request: Request, shape: type[B]) -> B:
    """Decode the JSON body into its shape; what is wrong is named by its path."""
    if len(request.body) > LONGEST_BODY:
        raise BadInput("", f"the body is longer than {LONGEST_BODY} bytes")
    try:
        return msgspec.json.decode(request.body or b"{}", type=shape)
    except msgspec.ValidationError as error:
        raise BadInput(_field_of(str(error)), str(error).partition(" - at `")[0]) from error
    except ValueError as error:  # msgspec.DecodeError and UnicodeDecodeError are such
        raise BadInput("", f"the body is not JSON: {error}") from error


def _field_of(text: str) -> str:
    """Find the member that msgspec complains about: "… - at `$.kinds[0]`", or "… field `reason`"."""
    found = re.search(r" - at `\$\.(.*)`$", text) or re.search(r"field `(.*?)`", text)
    return found.group(1) if found else ""


def certificate(request: Request) -> CertificateRef:
    """Return the certificate that the route names; a name that cannot be one is not found."""
    vault, name = request.route.get("vault", "").lower(), request.route.get("name", "").lower()
    if not VAULT.fullmatch(vault) or not CERTIFICATE.fullmatch(name):
        raise not_found("no vault or certificate can have that name", "GET /api/certificates lists what there is")
    return CertificateRef(vault, name)


def reason(text: str) -> str:
    """Return a person's reason, which must say something and fit a row and a line."""
    text = text.strip()
    if not text or len(text) > LONGEST_REASON or not text.isprintable():
        raise BadInput("reason", f"say why in 1 to {LONGEST_REASON} printable characters: it is kept")
    return text


def actor(request: Request) -> str:
    """Name who asks. The header is a hint: whoever holds a key may write any name there."""
    hint = request.actor.strip()
    if len(hint) > LONGEST_ACTOR or not hint.isprintable():
        raise BadInput("X-Perennial-Actor", f"a name of at most {LONGEST_ACTOR} printable characters")
    return f"api ({hint})" if hint else "api"


def vault(given: Mapping[str, str]) -> str:
    """Return the filter `vault`; empty: every vault."""
    name = given.get("vault", "").lower()
    if "vault" in given and not VAULT.fullmatch(name):
        raise BadInput("vault", "the name of a vault: 3 to 24 letters, digits and dashes")
    return name


def glob(field: str, text: str) -> str:
    """Return a glob over lower-cased names."""
    if not GLOB.fullmatch(text):
        raise BadInput(field, "a lower-case name with * ? [] where anything may stand, at most 127 characters")
    return text


def word(given: Mapping[str, str], field: str) -> str:
    """Return a filter that must equal a column; empty: not given."""
    text = given.get(field, "")
    if field in given and (not text or len(text) > 256 or not text.isprintable()):
        raise BadInput(field, "1 to 256 printable characters")
    return text


def choice(given: Mapping[str, str], field: str, among: Iterable[str], default: str = "") -> str:
    """Return a filter that is one of a few words."""
    text, words = given.get(field, default), tuple(among)
    if field in given and text not in words:
        raise BadInput(field, f"one of {', '.join(words)}")
    return text


def instant(given: Mapping[str, str], field: str) -> datetime | None:
    """Return an instant, in UTC; one without an offset is refused."""
    if field not in given:
        return None
    try:
        read = datetime.fromisoformat(given[field])
        at = read.astimezone(UTC) if read.tzinfo else None
    except (ValueError, OverflowError):
        at = None
    # Table Storage knows no date before 1601.
    if at is None or at.year < 1601:
        raise BadInput(field, "an instant as 2026-12-31T00:00:00Z (a + in an address must be written %2B)")
    return at
