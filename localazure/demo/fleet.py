"""The mixed fleet that Perennial is installed into: what is in two vaults, and what is right to say of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from localazure.minting import Issuer, certificate_authority
from localazure.operator import Operator

ORDERS, BILLING = "kv-orders", "kv-billing"
CA = "corp-ca"  # the integrated CA's name in both vaults
OWNER = {"perennial-owner": "shop-team@example.com"}


@dataclass(frozen=True, slots=True)
class Seed:
    """A certificate as a person left it, and what Perennial is to make of it."""

    vault: str
    name: str
    what: str  # for the reader
    left: int  # days
    lifetime: int = 90  # days
    observed: str = "not-due"  # the reason that is right while its vault is observed
    finding: str = ""  # a rule that it breaks
    issuer: str = "Self"
    signed: str = ""  # by which CA; empty: self-signed
    auto_renew: bool = False
    enabled: bool = True
    tags: dict[str, str] = field(default_factory=lambda: dict(OWNER))
    names: tuple[str, ...] = ()  # none: its own under example.com

    @property
    def due(self) -> bool:
        """Whether it would be renewed at once if its vault were set to renew."""
        return self.observed == "observed"


# Names matter a little: where several creates meet in one second, Perennial spreads them over a minute by a hash of the name.
FLEET = (
    Seed(ORDERS, "crm", "self-signed", 20, observed="observed"),
    Seed(ORDERS, "payments", "self-signed", 12, observed="observed"),
    Seed(ORDERS, "wiki", "self-signed, a year", 60, 365, observed="observed"),
    Seed(ORDERS, "portal", "self-signed", 80),
    Seed(ORDERS, "accounts", "self-signed, a year", 300, 365),
    Seed(ORDERS, "shipping", "by the integrated CA", 200, 365, issuer=CA, signed="corp"),
    Seed(ORDERS, "intranet", "Key Vault renews it", 20, observed="supervised", auto_renew=True),
    Seed(
        ORDERS,
        "storefront",
        "public, imported over a Self policy",
        20,
        observed="policy-does-not-match-certificate",
        finding="policy-does-not-match-certificate",
        signed="public",
    ),
    Seed(
        ORDERS,
        "sftp",
        "issuer Unknown",
        15,
        observed="no-issuer",
        finding="nothing-will-renew-it",
        issuer="Unknown",
        signed="corp",
    ),
    Seed(ORDERS, "old-site", "disabled", 10, observed="disabled", finding="current-version-disabled", enabled=False),
    Seed(ORDERS, "legacy", "expired", -5, observed="expired-when-first-seen", finding="expired-but-enabled"),
    Seed(ORDERS, "mail", "tagged never", 12, observed="never", tags={**OWNER, "perennial-renew": "never"}),
    Seed(BILLING, "ledger", "self-signed", 20, observed="observed", finding="expiring-with-nothing-in-progress"),
    Seed(BILLING, "invoices", "self-signed", 70),
    Seed(BILLING, "erp", "by the integrated CA", 50, 365, observed="observed", issuer=CA, signed="corp"),
    Seed(
        BILLING,
        "bank",
        "public, 500 days",
        300,
        500,
        finding="validity-above-maximum",
        issuer="Unknown",
        signed="public",
    ),
    Seed(BILLING, "dunning", "Acmebot's", 20, observed="foreign-manager", tags={**OWNER, "Acmebot": "managed"}),
    Seed(BILLING, "reports", "expired", -30, observed="expired-when-first-seen", finding="expired-but-enabled"),
    Seed(
        BILLING,
        "tax",
        "a tag that cannot be read",
        70,
        finding="bad-tag-value",
        tags={**OWNER, "perennial-renew-at": "soon"},
    ),
    Seed(BILLING, "hr", "nobody's", 75, finding="no-owner", tags={}),
)


class Planter:
    """Puts certificates into vaults as people do: with CAs of their own."""

    def __init__(self, person: Operator) -> None:
        self._person = person
        now = datetime.now(UTC).replace(microsecond=0)
        span = (now - timedelta(days=3000), now + timedelta(days=3000))
        self._authorities: dict[str, Issuer] = {
            "corp": certificate_authority("Example Corporation CA", *span),
            "public": certificate_authority("Example Public Trust CA", *span),
        }

    def plant(self, seed: Seed) -> str:
        """Put one certificate into its vault; return its version."""
        made = self._person.seed(
            seed.vault,
            seed.name,
            left=timedelta(days=seed.left),
            lifetime=timedelta(days=seed.lifetime),
            issuer=seed.issuer,
            auto_renew=seed.auto_renew,
            signed_by=self._authorities.get(seed.signed),
            public=seed.signed == "public",
            enabled=seed.enabled,
            tags=seed.tags,
            names=seed.names,
        )
        return str(made.properties.version if made.properties else "")
