"""CAs that answer what they should not: each answer is a typed failure in the history and a notice, and nothing of it reaches the vault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from localazure.acme.client import LocalCa
from localazure.client import await_until
from tests.journeys import signing
from tests.journeys.running import PATIENCE, App, Journey
from tests.journeys.signing import Signing


@dataclass(frozen=True)
class Case:
    """What a CA does wrong, and how its failure begins."""

    said: str
    chain: str = ""
    problem: tuple[str, str, int] | None = None  # on which kind of request, type, status


CASES = {
    "wrong-order": Case("bad-chain: the first certificate is for another key", chain="wrong-order"),
    "expired": Case("bad-chain: the certificate expired at", chain="expired"),
    "other-key": Case("bad-chain: the first certificate is for another key", chain="other-key"),
    "no-intermediate": Case("incomplete-chain: the CA sent the certificate without", chain="no-intermediate"),
    "other-names": Case("bad-chain: the certificate does not name other-names.", chain="other-names"),
    "rejected": Case("name-refused", problem=("new-order", "rejectedIdentifier", 400)),
    "caa": Case("caa-forbids", problem=("validation", "caa", 403)),
    "bad-csr": Case("bad-csr", problem=("finalize", "badCSR", 400)),
    "broken": Case("ca-down", problem=("issuance", "serverInternal", 500)),
    "limited": Case("rate-limited", problem=("new-order", "rateLimited", 429)),
}


def failed(app: App, journey: Journey, vault: str, name: str) -> str:
    """Wait for a failure, in the history and told; return its words, which both say, with what to do."""

    def records() -> list[dict[str, object]]:
        return [one for kind in ("failed", "given-up") for one in signing.history(app, vault, name, kind)]

    await_until(records, 2 * PATIENCE)
    await_until(lambda: journey.told(vault, name, "RenewalFailed"), PATIENCE)
    told = journey.told(vault, name, "RenewalFailed")[0]["data"]
    assert told["error"] == records()[0]["error"]
    assert told["fix"]
    return str(told["error"])


def hostile(signer: Signing, name: str, case: Case) -> LocalCa:
    """Make the CA of a case."""
    ca = signer.ca(name, chain=case.chain)
    if case.problem is not None:
        on, kind, status = case.problem
        ca.problem(on, kind, status, times=None)
    return ca


def test_what_a_hostile_ca_answers_is_told_and_never_merged(journey: Journey, signer: Signing) -> None:
    """Each in its own words, with what to do; no second version, no TXT value left, and one merge once a CA is mended."""
    vaults = {name: journey.vault() for name in CASES}
    signer.delegate(*CASES)
    cas = {name: hostile(signer, name, case) for name, case in CASES.items()}
    for name, vault in vaults.items():
        signer.plant(vault, name, name, f"{name}.{signer.domain}")
    settings = signer.settings({name: ca.directory for name, ca in cas.items()})
    with journey.app(dict.fromkeys(vaults.values(), "renew"), settings=settings) as app:
        app.subscribe()
        assert app.ask("POST", "sweeps")[0] == 202
        said = {name: failed(app, journey, vault, name) for name, vault in vaults.items()}
        wrong = {name: error for name, error in said.items() if not error.startswith(CASES[name].said)}
        assert not wrong
        assert [write for vault in vaults.values() for write in signing.writes(journey, vault)] == ["create"] * len(
            CASES
        )
        assert {name: journey.versions(vault, name) for name, vault in vaults.items()} == dict.fromkeys(CASES, 1)
        assert signer.proofs_left() == {}
        cas["other-key"].behave(chain="")
        mended = vaults["other-key"]
        app.renew(mended, "other-key", "the CA is mended")
        await_until(lambda: journey.versions(mended, "other-key") == 2, PATIENCE)
        assert signing.writes(journey, mended) == ["create", "merge"]


def test_garbled_renewal_information_moves_nothing(journey: Journey, signer: Signing) -> None:
    """No JSON, a window of words, a list: the lifetime rule decides, and nothing is renewed because of it."""
    bodies = {"prose": "no JSON", "words": '{"suggestedWindow": {"start": "soon", "end": "later"}}', "list": "[]"}
    cas, vaults = {name: signer.ca(name) for name in bodies}, {name: journey.vault() for name in bodies}
    signer.delegate(*bodies)
    for name, body in bodies.items():
        cas[name].window(body=body)
        signer.plant(vaults[name], name, name, f"{name}.{signer.domain}")
    settings = signer.settings({name: ca.directory for name, ca in cas.items()})
    with journey.app(dict.fromkeys(vaults.values(), "renew"), settings=settings) as app:
        app.sweep(len(vaults))

        def asked_in_vain(name: str) -> bool:
            new = (one for one in app.looks(vaults[name], name) if one["reason"] == "not-due")
            return any("not-told-when: ca-down" in one["did"] for one in new)

        await_until(lambda: all(map(asked_in_vain, bodies)), 2 * PATIENCE)
        for name, vault in vaults.items():
            known = app.certificate(vault, name)
            assert (known["reason"]["code"], known["suggested_at"]) == ("not-due", None)
            assert signing.history(app, vault, name, "window") == []
            assert journey.versions(vault, name) == 2


def test_a_lost_account_is_made_again_when_a_person_says_so(journey: Journey, signer: Signing) -> None:
    """A CA that no longer knows the account: told, no other is made however often it is tried, until a person asks for one."""
    vault, ca = journey.vault(), signer.ca("forgetful")
    signer.plant(vault, "web", "le")
    settings = signer.settings({"le": ca.directory}) | {"PERENNIAL_RENEWAL_LADDER": "1s 1s 1s 1h"}
    with journey.app({vault: "renew"}, settings=settings) as app:
        app.subscribe()
        app.sweep()
        await_until(lambda: app.announced(vault, "web"), 2 * PATIENCE)
        assert len(ca.report()["accounts"]) == 1
        ca.forget("accounts")
        app.renew(vault, "web", "a drill")
        assert failed(app, journey, vault, "web").startswith("account-gone")

        def ticked(holds: Callable[[], bool]) -> bool:
            app.tick()
            return holds()

        await_until(lambda: ticked(lambda: len(signing.history(app, vault, "web", "failed")) >= 3), PATIENCE)
        assert ca.report()["accounts"] == []
        assert journey.versions(vault, "web") == 2
        wanted = {"action": "remake", "reason": "the CA lost it"}
        assert app.ask("POST", "authorities/le/account", wanted)[0] == 202
        await_until(lambda: ticked(lambda: journey.versions(vault, "web") == 3), 2 * PATIENCE)
        assert len(ca.report()["accounts"]) == 1
