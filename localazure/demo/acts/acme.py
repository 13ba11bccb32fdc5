"""Act 3: a CA that speaks ACME issues apex and wildcard, proved in a zone of Perennial's own, to which a CNAME leads."""

from __future__ import annotations

from collections import Counter

from localazure.client import Json
from localazure.demo.fleet import ORDERS, OWNER, Seed
from localazure.demo.signers import DOMAIN, KEYS, PROOFS, PUBLIC
from localazure.demo.stage import Stage
from localazure.demo.story import Story

NAME = "homepage"
NAMES = (DOMAIN, f"*.{DOMAIN}")
UNSIGNED = {
    "directory",
    "new-nonce",
    "renewal-info",
}  # requests that carry no signature (RFC 8555 §7.1, §7.2, RFC 9773 §4.1)


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    story.act(
        "3",
        "A CA that Key Vault cannot talk to",
        f"{ORDERS}/{NAME}, for {' and '.join(NAMES)}, comes from a CA that speaks ACME. Nobody writes to the zone {DOMAIN}: its "
        f"_acme-challenge is a CNAME into {PROOFS}, the only zone that Perennial may write to.",
    )
    story.say(f"the CA is {stage.signers.public.what}")
    tags = {**OWNER, "perennial-issuer": PUBLIC}
    stage.comes_near_its_end(
        Seed(ORDERS, NAME, "by an ACME CA", 20, issuer="Unknown", signed="public", tags=tags, names=NAMES), story
    )
    took = stage.renewed(ORDERS, NAME, story)
    current = stage.current(ORDERS, NAME)
    story.claim(
        "it is renewed by that CA, for the apex and the wildcard",
        stage.names(current) == set(NAMES) and stage.versions(ORDERS, NAME) == 2,
        f"{current.issuer.rfc4514_string()}, {took:.1f} s after the event",
    )
    _proved(stage, story)
    _keys(stage, story)


def _proved(stage: Stage, story: Story) -> None:
    """See what was written to the DNS, and that it is gone."""
    written = [one for one in stage.azure.requests("arm") if one["method"] in ("PUT", "DELETE")]
    strange = [one["path"] for one in written if f"/dnszones/{PROOFS}/" not in one["path"].lower()]
    left = stage.azure.dns.sets(PROOFS)
    story.claim(
        "both names were proved in the zone of proofs, and no value is left there",
        len(written) >= 3 and not strange and not left,
        f"{sum(one['method'] == 'PUT' for one in written)} TXT writes, {sum(one['method'] == 'DELETE' for one in written)} deleted, {len(left)} left",
    )


def _keys(stage: Stage, story: Story) -> None:
    """See that keys stay where they are: the certificate's in its vault, the account's in the app's own."""
    calls = [one["path"].rpartition("/")[2] for one in stage.asked(ORDERS, "POST", f"/certificates/{NAME}/")]
    story.claim(
        "the certificate's key never left its vault: Key Vault made the CSR and took the chain",
        calls == ["create", "merge"],
        f"calls that write: {', '.join(calls)}",
    )
    requests = stage.signers.public.requests()
    story.say(f"the CA was asked: {', '.join(f'{kind} {count}×' for kind, count in requests.items())}")
    signed = sum(count for kind, count in requests.items() if kind not in UNSIGNED)
    kinds = Counter(_last(one) for one in stage.asked(KEYS) if one["method"] == "POST")
    story.claim(
        f"the account's key was made in {KEYS}, and each request to the CA was signed there",
        kinds == {"create": 1, "sign": signed},
        f"{kinds['create']} key; {kinds['sign']} signatures for {signed} signed requests",
    )


def _last(request: Json) -> str:
    return str(request["path"]).rpartition("/")[2]
