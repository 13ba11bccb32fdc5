"""Creating a certificate, and the pending operation that this leaves."""

from __future__ import annotations

from functools import partial

from localazure.keyvault import errors, issuance, policy, shapes
from localazure.keyvault.ask import Answer, Ask, Json
from localazure.keyvault.store import IN_PROGRESS, Certificate, Operation, new_id


def asked_again(ask: Ask) -> dict[str, str]:
    """Return the header that rides on a pending operation: `Retry-After: 10` (recorded), unless the pace says otherwise."""
    return {"Retry-After": f"{ask.world.pace.retry_after:.0f}"}


def tags_of(body: Json) -> dict[str, str]:
    """Return the tags of a request body. Raises Refused."""
    tags = body.get("tags") or {}
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise errors.bad_property("tags", "Tags are a map of strings.")
    return dict(tags)


def enabled_of(body: Json, otherwise: bool) -> bool:
    """Return `attributes.enabled` of a request body."""
    value = (body.get("attributes") or {}).get("enabled")
    return otherwise if value is None else bool(value)


def rules_for(ask: Ask, certificate: Certificate | None) -> Json:
    """Return the policy of a create: the one sent, else the stored one, untouched. Raises Refused."""
    if sent := ask.body.get("policy"):
        rules = policy.complete(sent, ask.world.now)
        if certificate:
            rules["attributes"]["created"] = certificate.policy["attributes"]["created"]
    elif certificate:
        rules = certificate.policy
    else:
        raise errors.bad_parameter("Property policy has invalid value. The first version needs a policy.\r\n")
    policy.check(rules)
    issuance.check_issuer(ask.vault, rules)
    return rules


async def create(ask: Ask) -> Answer:
    """POST /certificates/{name}/create: 202, `Location` and `Retry-After: 10` (recorded)."""
    vault, world = ask.vault, ask.world
    issuance.check_name_is_free(vault, ask.name)
    rules, tags = rules_for(ask, vault.live.get(ask.name.lower())), tags_of(ask.body)
    key = await issuance.new_key(world, rules, vault.live.get(ask.name.lower()))
    csr = await issuance.signing_request(key, rules)
    issuance.check_name_is_free(vault, ask.name)  # again: another create may have come in between
    certificate = vault.live.get(ask.name.lower())
    if certificate is None:
        certificate = Certificate(ask.name, rules)
        vault.add(certificate)
    certificate.policy = rules
    unfinished = issuance.draft(world, rules, tags, ask.body.get("preserveCertOrder"))
    operation = Operation(
        new_id(),
        rules["issuer"]["name"],
        csr,
        key,
        rules["x509_props"],
        unfinished,
        enabled=enabled_of(ask.body, otherwise=True),
    )
    issuance.begin(world, vault, certificate, operation)
    query = f"api-version={ask.api}&request_id={operation.request_id}"
    location = f"{ask.root}/certificates/{certificate.name}/pending?{query}"
    return Answer(shapes.operation(ask, certificate, operation), 202, {"Location": location} | asked_again(ask))


def pending_of(ask: Ask) -> tuple[Certificate, Operation]:
    """Return the operation that the path names; `request_id` filters. Raises Refused."""
    certificate = ask.vault.live.get(ask.name.lower())
    operation = certificate.operation if certificate and not certificate.state else None
    wanted = ask.query.get("request_id")
    if certificate is None or operation is None or (wanted and wanted != operation.request_id):
        raise errors.no_pending(ask.name)
    return certificate, operation


async def read(ask: Ask) -> Answer:
    """GET /certificates/{name}/pending: `Retry-After` only while it is in progress (recorded)."""
    certificate, operation = pending_of(ask)
    headers = asked_again(ask) if operation.status == IN_PROGRESS else {}
    return Answer(shapes.operation(ask, certificate, operation), 200, dict(headers))


async def request_cancellation(ask: Ask) -> Answer:
    """PATCH /certificates/{name}/pending: still `inProgress` in the answer; 403 once it has ended (recorded)."""
    certificate, operation = pending_of(ask)
    if operation.status != IN_PROGRESS:
        raise errors.not_in_progress()
    if ask.body.get("cancellation_requested") and not operation.cancellation_requested:
        operation.cancellation_requested = True
        deed = partial(issuance.cancel, ask.vault, certificate, operation)
        ask.world.agenda.after(ask.world.pace.cancellation, deed)
    return Answer(shapes.operation(ask, certificate, operation))


async def delete(ask: Ask) -> Answer:
    """DELETE /certificates/{name}/pending: answers with the operation as it last was; the key is gone (recorded)."""
    certificate, operation = pending_of(ask)
    body = shapes.operation(ask, certificate, operation)
    certificate.operation = None
    return Answer(body)
