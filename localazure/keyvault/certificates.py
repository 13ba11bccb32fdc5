"""Reading and updating certificates and their policies."""

from __future__ import annotations

from localazure.keyvault import errors, issuance, policy, shapes
from localazure.keyvault.ask import Answer, Ask, Json
from localazure.keyvault.operations import enabled_of, tags_of
from localazure.keyvault.store import Certificate


async def read(ask: Ask) -> Answer:
    """GET /certificates/{name}[/{version}]: with a version there is neither policy nor pending (recorded)."""
    certificate, version = ask.chosen()
    whole = not ask.version
    return Answer(shapes.bundle(ask, certificate, version, with_policy=whole, with_pending=whole))


async def update(ask: Ask) -> Answer:
    """PATCH /certificates/{name}[/{version}]: `enabled` and tags change, `nbf` and `exp` are ignored (recorded)."""
    certificate, version = ask.chosen()
    tags = tags_of(ask.body)
    if patch := ask.body.get("policy"):
        certificate.policy = patched(ask, certificate, patch)
    if version.der:
        version.enabled = enabled_of(ask.body, version.enabled)
    elif certificate.operation:
        certificate.operation.enabled = enabled_of(ask.body, certificate.operation.enabled)
    if ask.body.get("tags") is not None:
        version.tags = tags
    version.updated = ask.world.now
    return Answer(shapes.bundle(ask, certificate, version, with_policy=not ask.version))


def patched(ask: Ask, certificate: Certificate, patch: Json) -> Json:
    """Return the policy with a PATCH in it. Raises Refused."""
    if not isinstance(patch, dict):
        raise errors.bad_property("policy", "An object is expected.")
    rules = policy.merged(certificate.policy, patch, ask.world.now)
    policy.check(rules)
    issuance.check_issuer(ask.vault, rules)
    return rules


async def read_policy(ask: Ask) -> Answer:
    """GET /certificates/{name}/policy."""
    return Answer(shapes.policy(ask, ask.certificate()))


async def update_policy(ask: Ask) -> Answer:
    """PATCH /certificates/{name}/policy: allowed while an operation is pending (recorded)."""
    certificate = ask.certificate()
    certificate.policy = patched(ask, certificate, ask.body)
    return Answer(shapes.policy(ask, certificate))
