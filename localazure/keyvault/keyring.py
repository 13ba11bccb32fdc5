"""Keys that are no certificate's: made, read, listed, changed, deleted (Key Vault REST: /keys)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from localazure.keyvault import errors, lists, objects
from localazure.keyvault.ask import Answer, Ask, Json
from localazure.keyvault.keys import BITS, CURVES, PrivateKey, jwk
from localazure.keyvault.store import RETENTION, new_id

DAY = 86400
LOST = (
    "was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct "
    "recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
)
TYPES = ("EC", "EC-HSM", "RSA", "RSA-HSM")
SIZES = (2048, 3072, 4096)


@dataclass(slots=True)
class KeyVersion:
    """One version of a key."""

    id: str
    created: int
    updated: int
    kty: str
    ops: list[str]
    key: PrivateKey
    enabled: bool = True
    nbf: int | None = None
    exp: int | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Key:
    """A name and its versions, oldest first."""

    name: str
    versions: dict[str, KeyVersion] = field(default_factory=dict)
    deleted_at: int = 0

    @property
    def latest(self) -> KeyVersion:
        """The newest version."""
        return next(reversed(self.versions.values()))


def not_there(ask: Ask) -> errors.Refused:
    """Name a key that is not there."""
    asked = f"{ask.name}/{ask.version}" if ask.version else ask.name
    return errors.Refused(404, "KeyNotFound", f"A key with (name/id) {asked} {LOST}")


def chosen(ask: Ask) -> tuple[Key, KeyVersion]:
    """Return the key and the version that the path names, or the latest. Raises Refused."""
    found = ask.vault.keys.get(ask.name.lower())
    if found is None:
        raise not_there(ask)
    version = found.versions.get(ask.version.lower()) if ask.version else found.latest
    if version is None:
        raise not_there(ask)
    return found, version


def shown(ask: Ask, key: Key, version: KeyVersion) -> Json:
    """Return a version: its public half alone."""
    kid = f"{ask.root}/keys/{key.name}/{version.id}"
    public = {"kid": kid, "kty": version.kty, "key_ops": version.ops} | jwk(version.key.public_key())
    body: Json = {"key": public, "attributes": attributes(version)}
    return body | ({"tags": version.tags} if version.tags else {})


def attributes(version: KeyVersion) -> Json:
    """Return a version's attributes; no key here is exportable."""
    dates = {name: value for name, value in (("nbf", version.nbf), ("exp", version.exp)) if value is not None}
    times = {"created": version.created, "updated": version.updated}
    level = {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": RETENTION}
    return {"enabled": version.enabled} | dates | times | level | {"exportable": False}


async def create(ask: Ask) -> Answer:
    """POST /keys/{name}/create: a new key, or a new version of it."""
    props, ops = _key_props(ask.body), ask.body.get("key_ops")
    if ask.name.lower() in ask.vault.live:
        raise errors.Refused(409, "Conflict", f"Key {ask.name} is managed by the certificate of the same name.")
    if ask.name.lower() in ask.vault.deleted_keys:
        text = f"Key {ask.name} is currently in a deleted but recoverable state, and its name cannot be reused"
        raise errors.Refused(409, "Conflict", text, "ObjectIsDeletedButRecoverable")
    known = objects.OPERATIONS[props["kty"].removesuffix("-HSM")]
    if ops is not None and not (isinstance(ops, list) and set(ops) <= set(known)):
        raise errors.bad_property("key_ops", f"{ops} are not all possible for {props['kty']}.")
    forged = await ask.world.forge.make(props)
    version = KeyVersion(new_id(), ask.world.now, ask.world.now, props["kty"], list(ops or known), forged)
    _change(version, ask.body)
    key = ask.vault.keys.setdefault(ask.name.lower(), Key(ask.name))
    key.versions[version.id] = version
    return Answer(shown(ask, key, version))


def _key_props(body: Json) -> Json:
    """Return the type and size or curve that a body asks for. Raises Refused."""
    kind = body.get("kty")
    if kind not in TYPES:
        raise errors.bad_property("kty", f"{kind} is not one of {', '.join(TYPES)}.")
    if (body.get("attributes") or {}).get("exportable") or body.get("release_policy"):
        raise errors.bad_parameter("Exportable keys must be HSM keys with a release policy; this vault makes none.")
    curve, size = body.get("crv") or "P-256", body.get("key_size") or SIZES[0]
    if kind.startswith("EC") and curve not in CURVES:
        raise errors.bad_property("crv", f"{curve} is not supported.")
    if kind.startswith("RSA") and size not in SIZES:
        raise errors.bad_property("key_size", f"{size} is not supported.")
    return {"kty": kind, "crv": curve, "key_size": BITS[curve] if kind.startswith("EC") else size}


def _change(version: KeyVersion, body: Json) -> None:
    """Set the attributes and tags that a body carries."""
    given = body.get("attributes") or {}
    version.enabled = bool(given.get("enabled", version.enabled))
    version.nbf, version.exp = given.get("nbf", version.nbf), given.get("exp", version.exp)
    version.tags = dict(body["tags"]) if body.get("tags") is not None else version.tags


async def read(ask: Ask) -> Answer:
    """GET /keys/{name}[/{version}]: the public half, of a key or of a certificate's key; a disabled one is shown too."""
    if ask.name.lower() in ask.vault.live and ask.name.lower() not in ask.vault.keys:
        return await objects.read_key(ask)
    return Answer(shown(ask, *chosen(ask)))


async def update(ask: Ask) -> Answer:
    """PATCH /keys/{name}/{version}: attributes, operations and tags."""
    key, version = chosen(ask)
    _change(version, ask.body)
    if isinstance(ask.body.get("key_ops"), list):
        version.ops = list(ask.body["key_ops"])
    version.updated = ask.world.now
    return Answer(shown(ask, key, version))


async def versions(ask: Ask) -> Answer:
    """GET /keys/{name}/versions: by id; empty for a name that does not exist, as for certificates."""
    key = ask.vault.keys.get(ask.name.lower())
    known = key.versions if key else {}

    def show(row: str) -> Json:
        """Show a version."""
        return _item(ask, f"{ask.name}/{row.lower()}", known[row.lower()])

    rows = sorted(one.upper() for one in known)
    return lists.page(ask, f"keys/{ask.name}/versions", f"key/{ask.name.upper()}/VERSIONS/", rows, show)


async def everything(ask: Ask) -> Answer:
    """GET /keys: the keys that are no certificate's."""

    def show(row: str) -> Json:
        """Show a key's latest version, by the key's own id."""
        key = ask.vault.keys[row.lower()]
        return _item(ask, key.name, key.latest)

    return lists.page(ask, "keys", "key/", sorted(name.upper() for name in ask.vault.keys), show)


def _item(ask: Ask, path: str, version: KeyVersion) -> Json:
    body: Json = {"kid": f"{ask.root}/keys/{path}", "attributes": attributes(version)}
    return body | ({"tags": version.tags} if version.tags else {})


async def delete(ask: Ask) -> Answer:
    """DELETE /keys/{name}: recoverable; here it is among the deleted ones at once."""
    key, _ = chosen(ask)
    del ask.vault.keys[key.name.lower()]
    key.deleted_at = ask.world.now
    ask.vault.deleted_keys[key.name.lower()] = key
    return Answer(_deleted(ask, key))


def _deleted(ask: Ask, key: Key) -> Json:
    purge = {"deletedDate": key.deleted_at, "scheduledPurgeDate": key.deleted_at + RETENTION * DAY}
    return {"recoveryId": f"{ask.root}/deletedkeys/{key.name}"} | purge | shown(ask, key, key.latest)


def _chosen_deleted(ask: Ask) -> Key:
    key = ask.vault.deleted_keys.get(ask.name.lower())
    if key is None:
        raise errors.Refused(404, "KeyNotFound", f"Deleted Key not found: {ask.name}")
    return key


async def read_deleted(ask: Ask) -> Answer:
    """GET /deletedkeys/{name}."""
    return Answer(_deleted(ask, _chosen_deleted(ask)))


async def recover(ask: Ask) -> Answer:
    """POST /deletedkeys/{name}/recover."""
    key = _chosen_deleted(ask)
    ask.vault.keys[key.name.lower()] = ask.vault.deleted_keys.pop(key.name.lower())
    return Answer(shown(ask, key, key.latest))


async def purge(ask: Ask) -> Answer:
    """DELETE /deletedkeys/{name}."""
    del ask.vault.deleted_keys[_chosen_deleted(ask).name.lower()]
    return Answer(None, 204)


async def back_up(ask: Ask) -> Answer:
    """POST /keys/{name}/backup: an opaque text; nothing here restores it."""
    key, _ = chosen(ask)
    sealed = base64.urlsafe_b64encode(f"localazure backup of {key.name}".encode()).rstrip(b"=").decode()
    return Answer({"value": sealed})


async def release(ask: Ask) -> Answer:
    """POST /keys/{name}/{version}/release: no key here is exportable, so none is ever released."""
    chosen(ask)
    raise errors.Refused(403, "Forbidden", "Operation release is not permitted on this key: it is not exportable.")
