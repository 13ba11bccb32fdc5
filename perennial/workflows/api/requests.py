"""GET and POST requests: CSRs that wait for somebody else's signature, and the chains that answer them.

A chain is only kept here, in the claim that waits for it; the next look merges it. So nothing is lost while the vault is throttled, closed, or
may not be written to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from perennial import log
from perennial.decisions import chains, posted
from perennial.decisions.renewal import decide
from perennial.errors import Changed
from perennial.model.certificate import CertificateRef
from perennial.model.decision import Renew
from perennial.model.history import HistoryKind, Record
from perennial.model.ids import digest
from perennial.model.inventory import Entry
from perennial.model.messages import Look
from perennial.model.reasons import Reason
from perennial.model.renewal import Outcome, Renewal
from perennial.model.signing import SignatureRequest, answered, request_of, unanswered
from perennial.ports.tables import INVENTORY, Query, Stored
from perennial.workflows import sight, signatures
from perennial.workflows.api import certificates, facts, paging, reading, rows
from perennial.workflows.api.http import Declined, Request, Response, conflict, not_found
from perennial.workflows.inspection import snapshot_of
from perennial.workflows.world import World

SOON = timedelta(minutes=1)  # a lost look is made up for by the clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody says of the chain that they post."""

    actor: str
    id: str  # of the CSR that it answers; empty: of whichever waits
    incomplete: bool  # every client has the issuers that are missing


def listed(request: Request, world: World) -> Response:
    """List the CSRs that nobody has signed yet, by vault and name."""
    given = reading.query(request, "vault", "issuer", "limit", "cursor")
    issuer = reading.word(given, "issuer").lower()
    query = Query(partition=reading.vault(given), equal={"awaits_signature": True})
    waiting: dict[CertificateRef, SignatureRequest] = {}

    def waits(entry: Entry) -> bool:
        found = sight.newest_claim(world, entry) if entry.gone is None else None
        asked = unanswered(found.value) if found else None
        if asked is None or issuer not in ("", asked.issuer):
            return False
        waiting[entry.ref] = asked
        return True

    part = paging.gather(world.tables.inventory, INVENTORY, query, paging.paging(given), keep=waits)
    return Response(200, part.body(lambda entry: _shown(waiting[entry.ref], entry, world)))


def shown(request: Request, world: World) -> Response:
    """Show the CSR of one certificate that waits for a signature, or has got one and waits for the merge."""
    reading.query(request)
    ref = reading.certificate(request)
    entry = certificates.found(world, ref).value
    found = sight.newest_claim(world, entry)
    asked = request_of(found.value) if found else None
    if asked is None:
        raise not_found(f"no CSR of {ref} waits for a signature", "GET /api/requests lists those that do")
    return Response(200, _shown(asked, entry, world))


def answered_by(request: Request, world: World) -> Response:
    """Take the chain that answers a CSR, kept under the claim's ETag and merged by the look that is queued; the same chain again changes nothing."""
    given = reading.query(request, "id", "allow_incomplete")
    ref, actor = reading.certificate(request), reading.actor(request)
    answer = Answer(
        actor=actor,
        id=reading.word(given, "id"),
        incomplete=reading.choice(given, "allow_incomplete", ("true", "false")) == "true",
    )
    certificates.found(world, ref)
    if ref.vault not in world.settings.vaults:
        raise conflict("not-ours", f"the settings no longer name {ref.vault}", "add it to PERENNIAL_VAULTS")
    found = posted.read(request.body)
    if isinstance(found, posted.Refusal):
        raise _refused(ref, found, None)
    for _ in range(rows.TRIES):
        entry = certificates.found(world, ref).value
        claim = sight.newest_claim(world, entry)
        if claim is not None and _has(claim.value, found):
            return Response(200, _body(entry, world, claim.value, found))
        try:
            row = _take(_waiting(claim, entry), found, answer, world)
        except Changed:  # judged again: another chain may have come, or the CSR gone
            continue
        return Response(202, _body(_look_soon(ref, world), world, row, found))
    raise Changed


def _take(claim: Stored[Renewal], found: tuple[x509.Certificate, ...], answer: Answer, world: World) -> Renewal:
    """Keep a chain that answers the CSR; the history is written first, so that nothing is merged which it does not tell of."""
    chain = _judged(claim.value, found, answer, world)
    world.tables.history.put(_record(claim.value, chain, answer, world))
    return world.tables.renewals.save(Stored(answered(claim.value, chain.ders, world.now), claim.etag)).value


def _look_soon(ref: CertificateRef, world: World) -> Entry:
    """Queue a look, and let the clock make up for it should it be lost."""
    entry = rows.change(
        world.tables.inventory,
        lambda: certificates.found(world, ref),
        lambda one: replace(one, next_check=min(one.next_check, world.now + SOON)),
    )
    world.queues.send(Look(certificate=ref, cause="chain-received"))
    return entry


def _waiting(claim: Stored[Renewal] | None, entry: Entry) -> Stored[Renewal]:
    """Return the claim if it waits for a chain."""
    asked = request_of(claim.value) if claim else None
    if claim is None or asked is None:
        said = f": {entry.reason.sentence}" if entry.reason else ""
        fix = "GET /api/requests lists what waits; ask for a renewal if this certificate shall be replaced now"
        raise conflict("nothing-waits", f"no CSR of {entry.ref} waits for a signature{said}", fix)
    if asked.chain:
        taken = hashlib.sha256(asked.chain[0]).hexdigest()
        what = f"another chain was posted at {rows.instant(asked.received)}; its leaf has the SHA-256 {taken}"
        raise conflict("already-answered", what, "let it be merged; discard the pending operation if it must not be")
    return claim


def _judged(row: Renewal, found: tuple[x509.Certificate, ...], answer: Answer, world: World) -> chains.Chain:
    """Return the chain in order if it answers the CSR that waits."""
    asked = request_of(row)
    if asked is None:
        raise Changed
    if answer.id and answer.id != asked.id:
        raise _replaced(asked, f"the CSR that waits is {asked.id}, and this answers {answer.id}")
    root = next((one.root for one in world.settings.authorities if one.name == asked.issuer), "")
    chain = chains.judge(found, asked.csr, world.now, root=root, incomplete=answer.incomplete)
    if not isinstance(chain, posted.Refusal):
        return chain
    if chain.code == "other-key" and len(row.requests) > 1:
        raise _replaced(asked, f"{chain.what}; this renewal had another CSR before")
    raise _refused(row.certificate, chain, asked)


def _replaced(asked: SignatureRequest, what: str) -> Declined:
    fix = "have the CSR signed that stands in this answer, and post its certificate"
    found = Declined(409, "csr-replaced", "Another CSR waits by now", what, fix=fix)
    found.more = {"csr": chains.pem(asked.csr), "id": asked.id}
    return found


def _refused(ref: CertificateRef, why: posted.Refusal, asked: SignatureRequest | None) -> Declined:
    """Say why a chain is not taken; where it is for another key, with the CSR whose key it should be for."""
    log.warn("chain-refused", certificate=str(ref), code=why.code, what=why.what)
    status = 413 if why.code == "too-large" else 422
    found = Declined(status, why.code, "The chain is not taken", why.what, fix=why.fix)
    if asked is not None and why.code == "other-key":
        found.more = {"csr": chains.pem(asked.csr), "id": asked.id}
    return found


def _has(row: Renewal, found: tuple[x509.Certificate, ...]) -> bool:
    """Tell whether a claim has this very leaf already: kept, being merged, or merged."""
    asked = request_of(row)
    leaf = (
        hashlib.sha256(asked.chain[0]).hexdigest() if asked and asked.chain else row.checkpoint.memory.get("leaf", "")
    )
    return row.outcome in (Outcome.OPEN, Outcome.ISSUED) and leaf in {_thumbprint(one) for one in found}


def _record(row: Renewal, chain: chains.Chain, answer: Answer, world: World) -> Record:
    return Record(
        certificate=row.certificate,
        id=digest(str(row.certificate), row.replacing, chain.thumbprint, HistoryKind.CHAIN_RECEIVED),
        at=world.now,
        kind=HistoryKind.CHAIN_RECEIVED,
        trigger="api",
        actor=answer.actor,
        version=row.replacing,
        thumbprint=chain.thumbprint,
        facts={
            "certificates": str(len(chain.certificates)),
            **({"allowed": "incomplete"} if answer.incomplete else {}),
        },
    )


def _shown(asked: SignatureRequest, entry: Entry, world: World) -> dict[str, object]:
    named = {"vault": entry.vault, "certificate": entry.certificate, "owner": entry.owner or None}
    return named | signatures.about(asked, entry, world) | {"received": rows.instant(asked.received)}


def _body(entry: Entry, world: World, row: Renewal, found: tuple[x509.Certificate, ...]) -> dict[str, object]:
    """Show what became of a chain; `waits_for` is what keeps it from being merged now."""
    kept = request_of(row)
    order = kept.chain if kept else ()
    names: Mapping[bytes, str] = {_der(one): one.subject.rfc4514_string() for one in found}
    return {
        "vault": entry.vault,
        "certificate": entry.certificate,
        "state": "received" if row.is_open else "merged",
        "sha256": hashlib.sha256(order[0]).hexdigest() if order else row.checkpoint.memory.get("leaf", ""),
        "chain": [names.get(der, "") for der in order],
        "unused": [text for der, text in names.items() if order and der not in order],
        "new_version": row.new_version or None,
        "waits_for": facts.reason(_obstacle(entry, row, world)) if row.is_open else None,
    }


def _obstacle(entry: Entry, row: Renewal, world: World) -> Reason | None:
    """Decide from the rows as they stand: what the look will say, unless it merges."""
    policy = sight.renewal_policy(world, entry.vault, sight.fleet_row(world).value)
    decision = decide(snapshot_of(entry, row), policy, world.now)
    return None if isinstance(decision, Renew) else decision.reason


def _thumbprint(certificate: x509.Certificate) -> str:
    return hashlib.sha256(_der(certificate)).hexdigest()


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)
