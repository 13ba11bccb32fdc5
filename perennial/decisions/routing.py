"""Who is told: which subscriptions get a notice, and what a subscription may say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from perennial.errors import BadInput
from perennial.model.notices import Notice, NoticeKind, Subscription

ROUTED = frozenset(kind for kind in NoticeKind if kind is not NoticeKind.TEST)
"""What a subscription may name; a test goes to the one that asked for it."""

OPERATOR_KINDS = ROUTED - {NoticeKind.NEW_VERSION, NoticeKind.FINDING_OPENED, NoticeKind.FINDING_RESOLVED}
"""What must reach a person: when nobody is subscribed, the log says it."""

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
GLOB = re.compile(r"[a-z0-9*?!\[\]-]{1,127}")  # vault and certificate names are letters, digits and hyphens


def recipients(notice: Notice, subscriptions: Iterable[Subscription]) -> tuple[Subscription, ...]:
    """Return the subscriptions that want a notice, in their order.

    What is told about a vault has an empty certificate, and about the fleet an empty vault too: only globs that match nothing as well as
    something (`*`) get those, so a subscription to `web-*` hears of its certificates alone.
    """
    return tuple(subscription for subscription in subscriptions if wants(subscription, notice))


def wants(subscription: Subscription, notice: Notice) -> bool:
    """Tell whether a subscription wants a notice; an empty list of kinds wants every kind."""
    if notice.kind not in ROUTED or (subscription.kinds and notice.kind not in subscription.kinds):
        return False
    return covers(subscription, notice.vault, notice.certificate)


def covers(subscription: Subscription, vault: str, certificate: str) -> bool:
    """Tell whether a subscription's globs match a vault and a certificate, whatever their case."""
    return fnmatchcase(vault.lower(), subscription.vaults.lower()) and fnmatchcase(
        certificate.lower(), subscription.certificates.lower()
    )


def check(subscription: Subscription) -> None:
    """Raise BadInput for the first member that no routing can follow."""
    if not NAME.fullmatch(subscription.name):
        raise BadInput("name", "use 1 to 63 lower-case letters, digits and hyphens, a letter or digit at both ends")
    for field, glob in (("vaults", subscription.vaults), ("certificates", subscription.certificates)):
        if problem := _wrong_with_glob(glob.lower()):
            raise BadInput(field, problem)
    unknown = [kind for kind in subscription.kinds if kind not in ROUTED]
    if unknown:
        raise BadInput("kinds", f"{unknown[0]!r} is not a kind of notice; use {', '.join(sorted(ROUTED))}")


def _wrong_with_glob(glob: str) -> str:
    """Say why a glob could never match a name of Key Vault's, or not what its writer means; empty: nothing."""
    if not GLOB.fullmatch(glob):
        return "use up to 127 letters, digits and hyphens, with * ? and [...] as wildcards; * alone for all"
    # fnmatch takes an unclosed bracket as itself, which no name contains: the subscription would be silent.
    if re.sub(r"\[!?[a-z0-9-]+\]", "", glob).translate(
        str.maketrans("", "", "abcdefghijklmnopqrstuvwxyz0123456789-*?")
    ):
        return "a bracket is not closed, is empty, or ! stands outside of one"
    return ""
