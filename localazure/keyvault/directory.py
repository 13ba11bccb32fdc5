"""Issuers and contacts: they belong to the whole vault."""

from __future__ import annotations

from localazure.keyvault import errors
from localazure.keyvault.ask import Answer, Ask, Json
from localazure.keyvault.operations import enabled_of
from localazure.keyvault.store import CONTACTS, Issuer

CONTACT = ("email", "name", "phone")
ADMIN = ("first_name", "last_name", "email", "phone")


def shown(ask: Ask, issuer: Issuer) -> Json:
    """Return an issuer; `pwd` never comes back, absent parts stay absent (recorded)."""
    body: Json = {"id": f"{ask.root}/certificates/issuers/{issuer.name}", "provider": issuer.provider}
    if issuer.credentials is not None:
        body["credentials"] = {key: value for key, value in issuer.credentials.items() if key != "pwd"}
    if issuer.org_details is not None:
        body["org_details"] = issuer.org_details
    body["attributes"] = {"enabled": issuer.enabled, "created": issuer.created, "updated": issuer.updated}
    return body


def organisation(sent: Json, before: Json | None) -> Json:
    """Return `org_details`: what was sent over what was there, a list of admins replaced, and `zip: 0` (recorded)."""
    parts = (before or {}) | {key: value for key, value in sent.items() if value is not None}
    body: Json = {"id": parts["id"]} if "id" in parts else {}
    body["zip"] = parts.get("zip", 0)
    if "admin_details" in parts:
        admins = parts["admin_details"] or []
        body["admin_details"] = [{key: admin[key] for key in ADMIN if admin.get(key)} for admin in admins]
    return body


def found(ask: Ask) -> Issuer:
    """Return the issuer that the path names. Raises Refused."""
    issuer = ask.vault.issuers.get(ask.name.lower())
    if issuer is None:
        raise errors.no_issuer()
    return issuer


async def read_issuer(ask: Ask) -> Answer:
    """GET /certificates/issuers/{name}."""
    return Answer(shown(ask, found(ask)))


async def put_issuer(ask: Ask) -> Answer:
    """PUT /certificates/issuers/{name}: 200 for new and old, `created` stays (recorded)."""
    provider = ask.body.get("provider")
    if not isinstance(provider, str) or not provider:
        raise errors.bad_parameter("Property provider has invalid value. A provider is required.\r\n")
    before, now = ask.vault.issuers.get(ask.name.lower()), ask.world.now
    issuer = Issuer(before.name if before else ask.name, provider, before.created if before else now, now)
    take(issuer, ask.body)
    ask.vault.issuers[ask.name.lower()] = issuer
    return Answer(shown(ask, issuer))


def take(issuer: Issuer, body: Json) -> None:
    """Take over what a request says of an issuer."""
    if body.get("credentials") is not None:
        issuer.credentials = dict(body["credentials"])
    if body.get("org_details") is not None:
        issuer.org_details = organisation(body["org_details"], issuer.org_details)
    issuer.enabled = enabled_of(body, issuer.enabled)


async def patch_issuer(ask: Ask) -> Answer:
    """PATCH /certificates/issuers/{name}: parts merge by key; its 404 names the issuer (recorded)."""
    issuer = ask.vault.issuers.get(ask.name.lower())
    if issuer is None:
        raise errors.no_issuer(ask.name)
    issuer.provider = ask.body.get("provider") or issuer.provider
    take(issuer, ask.body)
    issuer.updated = ask.world.now
    return Answer(shown(ask, issuer))


async def delete_issuer(ask: Ask) -> Answer:
    """DELETE /certificates/issuers/{name}: the issuer as it was."""
    issuer = found(ask)
    del ask.vault.issuers[ask.name.lower()]
    return Answer(shown(ask, issuer))


def contacts_shown(ask: Ask) -> Json:
    """Return the contacts, or refuse if there are none."""
    if not ask.vault.contacts:
        raise errors.no_contacts()
    return {"id": f"{ask.root}/certificates/contacts", "contacts": ask.vault.contacts}


async def read_contacts(ask: Ask) -> Answer:
    """GET /certificates/contacts."""
    return Answer(contacts_shown(ask))


async def put_contacts(ask: Ask) -> Answer:
    """PUT /certificates/contacts: replaces the list; a contact keeps only the fields sent (recorded)."""
    sent = ask.body.get("contacts") or []
    ask.vault.contacts = [{key: one[key] for key in CONTACT if one.get(key)} for one in sent]
    if not ask.vault.contacts:
        raise errors.bad_parameter("Property contacts has invalid value. At least one contact is required.\r\n")
    ask.vault.enter(CONTACTS)
    return Answer(contacts_shown(ask))


async def delete_contacts(ask: Ask) -> Answer:
    """DELETE /certificates/contacts: the contacts as they were."""
    body = contacts_shown(ask)
    ask.vault.contacts = []
    ask.vault.leave(CONTACTS)
    return Answer(body)
