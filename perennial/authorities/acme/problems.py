"""What a CA's refusal, a DNS that does not follow, or a missing setting means: one table of failures, for who must act and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from perennial.authorities.acme.answers import Problem, bounded
from perennial.authorities.acme.network import NoAnswer, Refusal
from perennial.errors import DnsError, IssuerError, VaultError

NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Failure:
    """A kind of failure."""

    who: str  # must act
    fix: str
    permanent: bool = False  # only another policy or tag can help, and that reopens the renewal

    @property
    def advice(self) -> str:
        """Who must act, and what they do."""
        return self.fix if self.who == NOBODY else f"{self.who}: {self.fix}"


FAILURES: Mapping[str, Failure] = {
    "dns-not-ours": Failure(
        "whoever keeps the DNS",
        "name its zone in PERENNIAL_ZONES, or make _acme-challenge of the name a CNAME into a zone that stands there",
    ),
    "not-delegated": Failure("whoever keeps the DNS", "delegate the zone to the servers that Perennial writes to"),
    "caa-forbids": Failure("whoever keeps the DNS", "add a CAA record that allows this CA, or choose another CA"),
    "dnssec-broken": Failure(
        "whoever keeps the DNS", "mend the zone's DNSSEC: its DS record and its keys do not agree"
    ),
    "not-served": Failure("whoever keeps the DNS", "see why these servers do not serve the TXT record"),
    "validation-failed": Failure("whoever keeps the DNS", "see what the CA says that it saw in the DNS"),
    "no-dns-challenge": Failure(
        "whoever keeps the certificate",
        "the CA offers no DNS-01 for this name: choose another CA, or leave the name out",
        True,
    ),
    "rate-limited": Failure(NOBODY, "Perennial waits as long as the CA says"),
    "ca-down": Failure("the CA", "Perennial tries again; name a second CA in the tag perennial-issuer if it lasts"),
    "no-directory": Failure("an administrator", "correct directory in PERENNIAL_AUTHORITIES"),
    "ca-slow": Failure("the CA", "Perennial goes on asking; name a second CA in the tag perennial-issuer if it lasts"),
    "account-gone": Failure(
        "an administrator",
        "see at the CA why; ask for another account with POST /api/authorities/{name}/account, action remake",
    ),
    "account-key": Failure(
        "an administrator", "give the app its role on the vault of PERENNIAL_KEYS, and see that the key is enabled"
    ),
    "account-refused": Failure(
        "an administrator", "see what the CA says, and correct the contact in PERENNIAL_AUTHORITIES"
    ),
    "terms-not-agreed": Failure(
        "an administrator", "read the CA's terms of service and set agree_terms in PERENNIAL_AUTHORITIES"
    ),
    "terms-changed": Failure("an administrator", "open the address that the CA names, and agree there"),
    "eab-missing": Failure(
        "an administrator",
        "set eab_key_id and eab_secret in PERENNIAL_AUTHORITIES, and the secret that they name (base64url)",
    ),
    "eab-refused": Failure(
        "an administrator", "see that eab_key_id in PERENNIAL_AUTHORITIES and the secret are what the CA gave you"
    ),
    "name-refused": Failure(
        "whoever keeps the certificate", "take the name out of the policy, or choose another CA", True
    ),
    "bad-csr": Failure(
        "whoever keeps the certificate",
        "correct key type, size and names in the policy: the CA does not accept them",
        True,
    ),
    "bad-public-key": Failure("whoever keeps the certificate", "choose another key type or size in the policy", True),
    "profile-unknown": Failure("an administrator", "correct profile in PERENNIAL_AUTHORITIES"),
    "order-expired": Failure(NOBODY, "Perennial places another order"),
    "order-failed": Failure("the CA", "see what the CA says"),
    "incomplete-chain": Failure(
        "the CA",
        "see why the CA leaves its intermediate out; if the root itself signs, name it as chain in PERENNIAL_AUTHORITIES",
    ),
    "already-revoked": Failure(NOBODY, "Perennial renews the certificate"),
    "refused": Failure("the CA", "see what the CA says"),
}
"""Failures by their code, which stands in history, notices and obstacles."""

OF_PROBLEM: Mapping[str, str] = {
    "accountDoesNotExist": "account-gone",
    "alreadyRevoked": "already-revoked",
    "badCSR": "bad-csr",
    "badPublicKey": "bad-public-key",
    "badSignatureAlgorithm": "account-key",
    "caa": "caa-forbids",
    "connection": "validation-failed",
    "dns": "validation-failed",
    "dnssec": "dnssec-broken",
    "externalAccountRequired": "eab-missing",
    "incorrectResponse": "validation-failed",
    "invalidContact": "account-refused",
    "invalidProfile": "profile-unknown",
    "rateLimited": "rate-limited",
    "rejectedIdentifier": "name-refused",
    "serverInternal": "ca-down",
    "tls": "validation-failed",
    "unsupportedContact": "account-refused",
    "unsupportedIdentifier": "name-refused",
    "userActionRequired": "terms-changed",
}
"""Codes by the type of an ACME problem (RFC 8555 §6.7, RFC 9773 §7.4, draft-ietf-acme-profiles); another type is `refused`."""

OF_DNS: Mapping[str, str] = {"no-provider": "dns-not-ours"}  # other codes of a DnsError stay

#: Let's Encrypt says when in its text, to the second, and boulder's header may be missing from a problem inside an order.
UNTIL = re.compile(r"retry after (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?: ?UTC|Z)", re.IGNORECASE)


def failure(code: str, what: str, *, fix: str = "", retry_after: timedelta | None = None) -> IssuerError:
    """Return the typed failure of this code."""
    kind = FAILURES[code]
    return IssuerError(code, what, fix=fix or kind.advice, permanent=kind.permanent, retry_after=retry_after)


def of_refusal(refusal: Refusal, now: datetime) -> IssuerError:
    """Say what a CA's error answer means."""
    wait = said_wait(refusal.problem.text, now) if refusal.wait is None else refusal.wait
    if refusal.status == 429:
        return failure("rate-limited", refusal.problem.text, retry_after=wait)
    if refusal.status >= 500 and refusal.problem.code in ("", "about:blank", "serverInternal"):
        return failure("ca-down", f"{refusal.status}: {refusal.problem.text}", retry_after=wait)
    return of_problem(refusal.problem, now, wait)


def of_problem(problem: Problem, now: datetime, wait: timedelta | None = None) -> IssuerError:
    """Say what a problem document means; where it only sums up, its first subproblem does (RFC 8555 §6.7.1)."""
    telling = problem
    if problem.subproblems and problem.code in ("compound", "malformed", "unauthorized", ""):
        telling = problem.subproblems[0]
    code = OF_PROBLEM.get(telling.code, "refused")
    return failure(code, problem.text, retry_after=said_wait(problem.text, now) if wait is None else wait)


def of_silence(silence: NoAnswer) -> IssuerError:
    """Say what it means that a CA does not answer."""
    return failure("ca-down", str(silence))


def of_dns(error: DnsError) -> IssuerError:
    """Say what an error of the DNS means to a renewal; a zone that nobody serves yet may be named tomorrow, so it is never permanent."""
    code = OF_DNS.get(error.code, error.code)
    fix = error.fix or (FAILURES[code].advice if code in FAILURES else "")
    return IssuerError(code, error.what, fix=fix, retry_after=error.retry_after)


def of_keys(error: VaultError) -> IssuerError:
    """Say what it means that the vault of the account's key does not sign: it is not the certificate's vault that failed."""
    return failure("account-key", str(error), retry_after=error.retry_after)


def said_wait(text: str, now: datetime) -> timedelta | None:
    """Read "retry after 2026-11-24 10:00:00 UTC" out of a CA's text."""
    found = UNTIL.search(text)
    if found is None:
        return None
    try:
        until = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
    except ValueError:
        return None
    return bounded(until - now)
