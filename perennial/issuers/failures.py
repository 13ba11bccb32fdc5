"""What a failed operation of an integrated CA means: Key Vault's code, the CA's own words in its message, who must act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from perennial.errors import IssuerError
from perennial.model.certificate import Operation


@dataclass(frozen=True, slots=True)
class Meaning:
    """Who must do what; permanent: a repeat would meet the same until somebody has."""

    fix: str
    permanent: bool = False


CREDENTIALS = (
    "correct the credentials of the issuer in the vault (account and password or API key); the CA no longer takes them"
)

#: By code, lower-cased and without spaces: Key Vault writes phrases ("Request rejected", in recorded traffic) as well as words.
MEANINGS: Mapping[str, Meaning] = {
    # CAs' refusals and their outages alike have this code (recorded traffic; Key Vault REST: CertificateOperation.error): it may pass.
    "requestrejected": Meaning(
        "read what the CA says: an order that it refused (validation, funds, a name) is mended at the CA; an outage passes"
    ),
    "certificateissuererror": Meaning("see the CA's own status page and account; it is tried again by itself"),
    "invalidissuercredentials": Meaning(CREDENTIALS, permanent=True),
    "issuernotfound": Meaning(
        "create the issuer object that the policy names, or change the policy's issuer", permanent=True
    ),
}

#: What CAs say inside of it, as far as it was seen. It stays transient: credentials are mended in the vault, where no policy or tag changes.
WORDS: Mapping[str, str] = {
    "access_denied": CREDENTIALS,  # DigiCert, in recorded traffic
}


def explained(operation: Operation) -> IssuerError:
    """Return a failed operation as a failure that says who must act; of a code that is not known the CA's own text stays."""
    code = operation.error_code
    known = MEANINGS.get("".join(code.lower().split()), Meaning(""))
    said = next((fix for word, fix in WORDS.items() if word in operation.error_message.lower()), known.fix)
    return IssuerError(code, operation.error_message, fix=said, permanent=known.permanent)
