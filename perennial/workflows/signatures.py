"""A CSR that somebody else must sign: how it is shown, and who is told of it."""

from __future__ import annotations

from perennial.decisions import chains
from perennial.model.certificate import CertificateRef
from perennial.model.inventory import Entry
from perennial.model.renewal import Ask, Renewal
from perennial.model.signing import SignatureRequest, request_of
from perennial.workflows import announce, notices
from perennial.workflows.api import rows
from perennial.workflows.api.http import PREFIX
from perennial.workflows.sight import Sight
from perennial.workflows.world import World


def ask(sight: Sight, row: Renewal, wanted: Ask) -> None:
    """Tell whoever can have a CSR signed, before the row says that it waits: the notice's id comes from CSR and rung, so a repeat is the same."""
    request = request_of(row)
    if request is None:
        return
    shown = about(request, sight.entry, sight.world, what=wanted.what)
    announce.tell(sight.world, notices.signature_needed(sight.entry, request, wanted.rung, shown, sight.world.now))
    sight.did.append("asked-for-a-signature")


def about(request: SignatureRequest, entry: Entry, world: World, *, what: str = "") -> dict[str, object]:
    """Show a request as notices and the API do: the CSR, what it asks for, what to order, and where the chain goes."""
    wanted = chains.wanted(request.csr)
    ordered = next((one.instructions for one in world.settings.authorities if one.name == request.issuer), what)
    return {
        "id": request.id,
        "issuer": request.issuer,
        "names": list(wanted.names),
        "subject": wanted.subject,
        "key": wanted.key,
        "csr": chains.pem(request.csr),
        "instructions": ordered or None,
        "post_to": address(request.certificate),
        "since": rows.instant(request.since),
        "needed_by": rows.instant(entry.not_after),
    }


def address(ref: CertificateRef) -> str:
    """Return where a certificate's request is shown, and its chain posted."""
    return f"{PREFIX}/requests/{ref.vault}/{ref.name}"
