"""Every operation: its method and path, the data action it needs, the limit it counts against."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from localazure.keyvault import (
    backup,
    certificates,
    deletion,
    directory,
    errors,
    imports,
    keyring,
    keysigning,
    lists,
    merging,
    objects,
    operations,
)
from localazure.keyvault.ask import Answer, Ask
from localazure.keyvault.rights import CREATE, DATA, KEY_CREATE, KEY_READ, KEY_SIGN, READ, UPDATE
from localazure.keyvault.throttle import IMPORTS, KEY_CREATION, OTHER

NAME = re.compile(r"[0-9A-Za-z-]{1,127}")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation; `{n}` in the pattern is a name, `{v}` a version."""

    method: str
    pattern: str
    handler: Callable[[Ask], Awaitable[Answer]]
    action: str
    limit: str = OTHER


ISSUERS = f"{DATA}certificatecas/"
CONTACTS = f"{DATA}certificatecontacts/write"
ROUTES = (
    Route("GET", "certificates", lists.certificates, READ),
    Route("POST", "certificates/restore", backup.restore, f"{DATA}certificates/restore/action"),
    Route("GET", "certificates/contacts", directory.read_contacts, READ),
    Route("PUT", "certificates/contacts", directory.put_contacts, CONTACTS),
    Route("DELETE", "certificates/contacts", directory.delete_contacts, CONTACTS),
    Route("GET", "certificates/issuers", lists.issuers, f"{ISSUERS}read"),
    Route("GET", "certificates/issuers/{n}", directory.read_issuer, f"{ISSUERS}read"),
    Route("PUT", "certificates/issuers/{n}", directory.put_issuer, f"{ISSUERS}write"),
    Route("PATCH", "certificates/issuers/{n}", directory.patch_issuer, f"{ISSUERS}write"),
    Route("DELETE", "certificates/issuers/{n}", directory.delete_issuer, f"{ISSUERS}delete"),
    Route("POST", "certificates/{n}/create", operations.create, CREATE, KEY_CREATION),
    Route("POST", "certificates/{n}/import", imports.import_certificate, f"{DATA}certificates/import/action", IMPORTS),
    Route("POST", "certificates/{n}/backup", backup.back_up, f"{DATA}certificates/backup/action"),
    Route("GET", "certificates/{n}/versions", lists.versions, READ),
    Route("GET", "certificates/{n}/policy", certificates.read_policy, READ),
    Route("PATCH", "certificates/{n}/policy", certificates.update_policy, UPDATE),
    Route("GET", "certificates/{n}/pending", operations.read, READ),
    Route("PATCH", "certificates/{n}/pending", operations.request_cancellation, UPDATE),
    Route("DELETE", "certificates/{n}/pending", operations.delete, UPDATE),
    Route("POST", "certificates/{n}/pending/merge", merging.merge, CREATE),
    Route("GET", "certificates/{n}", certificates.read, READ),
    Route("PATCH", "certificates/{n}", certificates.update, UPDATE),
    Route("DELETE", "certificates/{n}", deletion.delete, f"{DATA}certificates/delete"),
    Route("GET", "certificates/{n}/{v}", certificates.read, READ),
    Route("PATCH", "certificates/{n}/{v}", certificates.update, UPDATE),
    Route("GET", "deletedcertificates", lists.deleted_certificates, READ),
    Route("GET", "deletedcertificates/{n}", deletion.read, READ),
    Route("DELETE", "deletedcertificates/{n}", deletion.purge, f"{DATA}certificates/purge/action"),
    Route("POST", "deletedcertificates/{n}/recover", deletion.recover, f"{DATA}certificates/recover/action"),
    Route("GET", "secrets/{n}", objects.read_secret, f"{DATA}secrets/getSecret/action"),
    Route("GET", "secrets/{n}/{v}", objects.read_secret, f"{DATA}secrets/getSecret/action"),
    Route("GET", "keys", keyring.everything, KEY_READ),
    Route("POST", "keys/{n}/create", keyring.create, KEY_CREATE, KEY_CREATION),
    Route("POST", "keys/{n}/backup", keyring.back_up, f"{DATA}keys/backup/action"),
    Route("GET", "keys/{n}/versions", keyring.versions, KEY_READ),
    Route("GET", "keys/{n}", keyring.read, KEY_READ),
    Route("DELETE", "keys/{n}", keyring.delete, f"{DATA}keys/delete"),
    Route("GET", "keys/{n}/{v}", keyring.read, KEY_READ),
    Route("PATCH", "keys/{n}/{v}", keyring.update, f"{DATA}keys/update/action"),
    Route("POST", "keys/{n}/{v}/sign", keysigning.sign, KEY_SIGN),
    Route("POST", "keys/{n}/{v}/verify", keysigning.verify, f"{DATA}keys/verify/action"),
    Route("POST", "keys/{n}/{v}/release", keyring.release, f"{DATA}keys/release/action"),
    Route("GET", "deletedkeys/{n}", keyring.read_deleted, KEY_READ),
    Route("DELETE", "deletedkeys/{n}", keyring.purge, f"{DATA}keys/purge/action"),
    Route("POST", "deletedkeys/{n}/recover", keyring.recover, f"{DATA}keys/recover/action"),
)
PATTERNS = [(route, route.pattern.split("/")) for route in ROUTES]
VERSIONED = ("certificates", "secrets", "keys")


def match(method: str, path: str) -> tuple[Route, str, str]:
    """Return the operation of a request, and the name and version in its path. Raises Refused."""
    parts = path.strip("/").split("/") if path.count("/") < 3 else path.removeprefix("/").split("/")
    if len(parts) == 3 and not parts[2] and parts[0] in VERSIONED:
        parts.pop()  # an empty version is the latest: what the SDKs really send
    same_path = False
    for route, pattern in PATTERNS:
        if len(pattern) != len(parts) or not all(
            wanted == part or wanted in ("{n}", "{v}") for wanted, part in zip(pattern, parts, strict=True)
        ):
            continue
        same_path = True
        if route.method == method:
            return route, *_named(pattern, parts, method)
    if same_path or parts[0] in (*VERSIONED, "deletedcertificates", "deletedkeys"):
        raise errors.not_allowed(method)
    raise errors.Refused(404, "NotFound", "The requested resource was not found.")


def _named(pattern: list[str], parts: list[str], method: str) -> tuple[str, str]:
    found = dict(zip(pattern, parts, strict=True))
    name, version = found.get("{n}", ""), found.get("{v}", "")
    if "{n}" in found and not name:
        raise errors.not_allowed(method)
    if "{n}" in found and not NAME.fullmatch(name):
        raise errors.bad_parameter(f"The request URI contains an invalid name: {name}")
    return name, version
