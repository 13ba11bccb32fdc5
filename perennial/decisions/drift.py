"""In what a certificate is not what its policy and tags ask for: a reason to renew it, if a renewal can change it."""

from __future__ import annotations

from perennial.decisions.matching import common_name
from perennial.model.certificate import IssuancePolicy, Leaf

#: Key Vault's names of key types whose keys live in hardware: the certificate does not show where its key lives.
HARDWARE = "-HSM"


def drift(policy: IssuancePolicy, leaf: Leaf, through: str, issuers: tuple[str, ...]) -> str:
    """Say in what a certificate differs; empty: in nothing. The same difference is always said in the same words.

    `through`: the authority that signed it for us, empty where that is not known; `issuers`: who may. Names that the certificate has and the
    policy does not ask for are no drift: to lose a name is a person's decision (the check `policy_mismatch` asks).
    """
    found = (_lacking(policy, leaf), _other_key(policy, leaf), _other_authority(through, issuers))
    return "; ".join(one for one in found if one)


def _lacking(policy: IssuancePolicy, leaf: Leaf) -> str:
    has = {name.lower() for name in (*leaf.names, leaf.common_name)}
    title = common_name(policy.subject)
    host = {title} if "." in title and " " not in title else set()  # a private CA may write another title
    lacking = sorted(({name.lower() for name in policy.names} | host) - has)
    return f"it does not name {', '.join(lacking)}" if lacking else ""


def _other_key(policy: IssuancePolicy, leaf: Leaf) -> str:
    if policy.reuse_key:  # a renewal would keep the key that is there
        return ""
    asked, has = _key(policy.key_type, policy.key_size, policy.curve), _key(leaf.key_type, leaf.key_size, leaf.curve)
    return f"its key is {has}, asked for is {asked}" if asked and leaf.key_size and asked != has else ""


def _key(key_type: str, size: int, curve: str) -> str:
    kind = key_type.upper().removesuffix(HARDWARE)
    if kind == "EC":
        return f"EC {curve.upper()}" if curve else ""  # a row of before curves were kept
    return f"{kind} {size}"


def _other_authority(through: str, issuers: tuple[str, ...]) -> str:
    if not through or through in issuers:
        return ""
    return f"{through} signed it, asked for is {' or '.join(issuers)}"
