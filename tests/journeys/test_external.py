"""A CSR for somebody else to sign, to its end: notice, an agent beside a CA of OpenSSL, its chain, the merge, the new version's notice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cryptography.hazmat.primitives.serialization import Encoding

from localazure.client import await_until
from localazure.opensslca import OpenSslCa, agent, openssl
from tests.journeys.running import PATIENCE, App, Journey
from tests.journeys.signing import DAY, current

AUTHORITIES = json.dumps(
    [{"name": "corp", "kind": "external", "instructions": "template WebServer", "root": "Corp Root"}]
)


def asked(journey: Journey, vault: str, name: str) -> list[dict[str, Any]]:
    """Return the requests in the notices that ask for a signature."""
    told = [event["data"] for event in journey.told(vault, name, "ActionNeeded")]
    return [data["request"] for data in told if data["code"] == "signature-needed"]


def due(journey: Journey, vault: str, name: str) -> None:
    """Put a due certificate into a vault, from a CA of the past, whose tag names the external one."""
    tags = {"perennial-issuer": "corp"}
    journey.operator.seed(vault, name, left=20 * DAY, issuer="Unknown", signed_by=journey.ca("Corp Old CA"), tags=tags)


def test_an_agent_beside_openssl_renews_what_nobody_else_can(journey: Journey, tmp_path: Path) -> None:
    """From the notice to the next: the script of the manual has the CSR signed, posts the chain, and may come again as often as it likes."""
    vault, ca, state = journey.vault(), OpenSslCa(tmp_path / "ca"), tmp_path / "state"
    due(journey, vault, "www")
    with journey.app({vault: "renew"}, settings={"PERENNIAL_AUTHORITIES": AUTHORITIES}) as app:
        app.subscribe()
        app.sweep()
        await_until(lambda: asked(journey, vault, "www"), PATIENCE)
        (request,) = asked(journey, vault, "www")
        assert request["csr"] == app.get(f"requests/{vault}/www")["csr"]
        assert '"state":"received"' in agent(app.url, "corp", ca, state)
        await_until(lambda: app.announced(vault, "www"), PATIENCE)
        assert agent(app.url, "corp", ca, state) == ""
        assert ca.issued == 1
        assert journey.versions(vault, "www") == 2
        mine = next(state.glob("*.pem")).read_bytes()
        assert current(journey, vault, "www").public_bytes(Encoding.PEM) == mine
        await_until(lambda: journey.told(vault, "www", "NewVersion"), PATIENCE)
        kinds = app.kinds(vault, "www")
        assert (kinds.count("chain-received"), kinds.count("issued")) == (1, 1)
        assert [one.rpartition("/")[2] for one in journey.asked(vault) if one.startswith("POST")] == ["create", "merge"]


def test_a_person_brings_pkcs7_after_every_mistake(journey: Journey, tmp_path: Path) -> None:
    """The CSR itself, a bare leaf of another root, a certificate for another key: each refused by name; PKCS#7 of OpenSSL is merged."""
    vault, ca, other = journey.vault(), OpenSslCa(tmp_path / "ca"), OpenSslCa(tmp_path / "other")
    due(journey, vault, "api")
    with journey.app({vault: "renew"}, settings={"PERENNIAL_AUTHORITIES": AUTHORITIES}) as app:
        app.sweep()
        await_until(lambda: app.ask("GET", "requests")[1].get("items"), PATIENCE)
        (request,) = app.get("requests")["items"]
        key = (
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            str(tmp_path / "strange.key"),
            "-subj",
            "/CN=api.example.com",
        )
        strange = openssl("req", "-new", *key).decode()
        wrong = {
            "not-a-certificate": request["csr"].encode(),
            "other-key": ca.sign(strange) + ca.chain.read_bytes(),
            "incomplete-chain": ca.sign(request["csr"]),
            "broken-link": ca.sign(request["csr"]) + other.chain.read_bytes(),
        }
        said = {name: post(app, request["post_to"], raw) for name, raw in wrong.items()}
        assert said == {name: (422, f"urn:perennial:problem:{name}") for name in wrong}
        leaf = tmp_path / "leaf.pem"
        leaf.write_bytes(ca.sign(request["csr"]))
        files = ("-certfile", str(ca.chain), "-certfile", str(leaf))
        bundle = openssl("crl2pkcs7", "-nocrl", *files, "-outform", "DER")
        assert post(app, request["post_to"], bundle)[0] == 202
        await_until(lambda: app.announced(vault, "api"), PATIENCE)
        assert current(journey, vault, "api").public_bytes(Encoding.PEM) == leaf.read_bytes()
        assert post(app, request["post_to"], bundle)[0] == 200
        assert app.get("requests")["items"] == []


def post(app: App, path: str, raw: bytes) -> tuple[int, str]:
    """Post bytes to a path of the app; return status and type of the answer."""
    answer = urllib3.request("POST", f"{app.url}{path}", body=raw, retries=False)
    return answer.status, str(json.loads(answer.data).get("type", ""))


@pytest.mark.parametrize("named", ["corporate", ""])
def test_a_ca_that_the_settings_do_not_name_gives_no_request(journey: Journey, named: str) -> None:
    """Without the CA in the settings nothing is created, and a person hears what is missing."""
    vault = journey.vault()
    due(journey, vault, "www")
    settings = {"PERENNIAL_AUTHORITIES": AUTHORITIES.replace('"corp"', f'"{named}"')} if named else {}
    with journey.app({vault: "renew"}, settings=settings) as app:
        app.sweep()
        await_until(lambda: app.certificate(vault, "www").get("decision"), PATIENCE)
        assert app.certificate(vault, "www")["reason"]["code"] == "no-issuer"
        assert app.get("requests")["items"] == []
        assert journey.creates(vault) == []
