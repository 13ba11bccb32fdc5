"""Everything that the demo runs: the local Azure, a person, a dependent service, and the app in its host."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import msgspec
from cryptography import x509

from localazure.client import ROOT, Json, LocalAzure
from localazure.demo.api import Api
from localazure.demo.fleet import BILLING, CA, ORDERS, Planter, Seed
from localazure.demo.signers import Signers, signers
from localazure.demo.story import Story
from localazure.operator import Operator
from localazure.receiver import Received, Receiver

LOG = ROOT / ".local" / "demo" / "host.log"
DELEGATED = (
    "_acme-challenge",
    "_acme-challenge.partners",
)  # names of the domain that are CNAMEs into the zone of proofs
SERVICE, OPERATORS = "/orders", "/operators"  # two receivers: a service that uses certificates, and the people on duty

# Seconds: where Azure takes ten seconds to hours, this Key Vault takes two. Not less: the notice of a certificate that is new to Perennial
# is then delivered before that of its successor is due; where two meet at one subscriber, they give way to each other for a minute or two.
PACE = {"self_issuance": 2, "issuer": 2, "near_expiry": 0.6, "retry_after": 2}
NOTICE = 150.0  # seconds within which a notice must come even so

# What a person would wait for: the clock ticks each second (in Azure each minute), a failed renewal is tried again after seconds.
QUICK = {
    "PERENNIAL_DUE_SCHEDULE": "* * * * * *",
    "PERENNIAL_RENEWAL_LADDER": "2s 3s 1m",
    "PERENNIAL_WEBHOOK_RANGES": "127.0.0.0/8",
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.4000000",
}


class Stage:
    """The running whole; an act may stop the app and start it with other settings."""

    def __init__(
        self, azure: LocalAzure, person: Operator, receiver: Receiver, signers: Signers, signing: Mapping[str, str]
    ) -> None:
        self.azure = azure
        self.person = person
        self.receiver = receiver
        self.signers = signers
        self.planter = Planter(person)
        self._signing = signing
        self._app = ExitStack()
        self._api: Api | None = None
        self._port = 0

    @property
    def app(self) -> Api:
        """The app's HTTP API. Raises RuntimeError while no app runs."""
        if self._api is None:
            raise RuntimeError("the app is not running")
        return self._api

    def start_app(self, modes: Mapping[str, str]) -> None:
        """Run the app with these modes of the vaults, on the port that it had before, and let the vaults' events go to it."""
        variables = self.azure.environment(vaults=modes, settings={**QUICK, **self._signing, **self.signers.settings()})
        host = self._app.enter_context(self.azure.host(ROOT, variables, port=self._port, log=LOG))
        self._api = Api(host.url)
        self._app.callback(self._api.close)
        self._port = int(host.url.rpartition(":")[2])
        for vault in modes:
            self.azure.create_vault(vault, deliver_to=host.url)

    def stop_app(self) -> None:
        """Stop the app and its host."""
        self._app.close()
        self._api = None

    @contextmanager
    def events_dropped(self, vault: str) -> Iterator[None]:
        """Let Event Grid lose every event of a vault until the block ends."""
        self.azure.delivery(vault=vault, drop=True)
        try:
            yield
        finally:
            self.azure.delivery(vault=vault)

    def asked(self, vault: str, method: str = "", path: str = "") -> list[Json]:
        """Return what the app asked of a vault, oldest first, confined to a method and to a path's beginning."""
        seen = self.azure.requests("keyvault", host=f"{vault}.vault.azure.net", authenticated=True)
        return [
            one
            for one in seen
            if one["identity"] == "perennial" and method in ("", one["method"]) and one["path"].startswith(path)
        ]

    def creates(self, vault: str, name: str = "") -> list[Json]:
        """Return the creates that the app sent and the vault accepted, of one certificate or of all."""
        sent = self.asked(vault, "POST", f"/certificates/{name}/create" if name else "/certificates/")
        return [one for one in sent if one["status"] == 202]

    def versions(self, vault: str, name: str) -> int:
        """Return how many versions a certificate has, as its vault says."""
        return len(self.person.versions(vault, name))

    def replaced(self, vault: str, name: str) -> list[str]:
        """Return which version each version that Perennial made replaces, as the vault's tags say."""
        listed = self.person.client(vault).list_properties_of_certificate_versions(name)
        return [str(one.tags["perennial-renewal"]) for one in listed if one.tags and "perennial-renewal" in one.tags]

    def current(self, vault: str, name: str) -> x509.Certificate:
        """Return the certificate that a vault serves."""
        return x509.load_der_x509_certificate(bytes(self.person.client(vault).get_certificate(name).cer or b""))

    def names(self, certificate: x509.Certificate) -> set[str]:
        """Return a certificate's DNS names."""
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return set(found.get_values_for_type(x509.DNSName))

    def reason(self, vault: str, name: str) -> str:
        """Return the code of the app's reason for what it decided about a certificate."""
        known = self.app.certificate(vault, name)
        return str(known["reason"]["code"]) if known and known["reason"] else ""

    def at_topic(self, vault: str, name: str, version: str) -> list[str]:
        """Return the ids under which the Event Grid topic's subscriber was told of a version."""
        events = [one for one in self.azure.topic() if one["type"].endswith(".NewVersion")]
        return [
            one["id"] for one in events if one["subject"] == f"{vault}/{name}" and one["data"]["version"] == version
        ]

    def at_service(self, vault: str, name: str, version: str) -> list[Received]:
        """Return what the service's webhook was told of a version."""
        told = self.receiver.received(SERVICE, "NewVersion", f"{vault}/{name}")
        return [one for one in told if one.event["data"]["version"] == version]

    def comes_near_its_end(self, seed: Seed, story: Story) -> Json:
        """Let a certificate be near its end, and Key Vault say so: one event, as if all that came before it were long gone."""
        with self.events_dropped(seed.vault):
            self.planter.plant(seed)
            event = story.wait("Key Vault's near-expiry event", lambda: self.near_expiry(seed.vault, seed.name), 15)
        self.azure.redeliver(event["id"])
        story.say(f"Event Grid delivers CertificateNearExpiry of {seed.vault}/{seed.name}")
        return event

    def renewed(self, vault: str, name: str, story: Story, versions: int = 2, patience: float = 75) -> float:
        """Wait for a renewal, then for the end of its look; return the seconds until the version was there."""
        began = story.seconds
        story.wait(f"the renewal of {vault}/{name}", lambda: self.versions(vault, name) == versions, patience)
        took = story.seconds - began
        story.wait("the end of the look", lambda: self.reason(vault, name) == "not-due", 20)
        return took

    def near_expiry(self, vault: str, name: str) -> Json | None:
        """Return the vault's near-expiry event of a certificate, once there is one."""
        found = self.azure.events(vault=vault, type="CertificateNearExpiry", name=name)
        return found[-1] if found else None

    def looks(self, vault: str, name: str, cause: str) -> list[Json]:
        """Return the looks at a certificate that the app's log tells of, for one cause."""
        lines = LOG.read_text(errors="replace").splitlines()
        found = [msgspec.json.decode(line) for line in lines if line.startswith('{"event":"look"')]
        return [one for one in found if one["certificate"] == f"{vault}/{name}" and one["cause"] == cause]

    def sweep(self) -> str:
        """Ask for a sweep; return its tick."""
        return str(self.app.post("sweeps", {"reason": "the demo wants to see it"})["tick"])

    def swept(self, tick: str) -> Json | None:
        """Return a sweep's numbers once it has ended."""
        runs = [one for one in self.app.everything("sweeps") if one["tick"] == tick and one["ended"]]
        return runs[0] if runs else None


@contextmanager
def stage(*, plain: bool = False) -> Iterator[Stage]:
    """Set everything up but the app; nothing is left when the block ends. `plain`: as on a machine without Pebble and OpenSSL."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    LOG.write_text("")
    signing = {path: f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}" for path in (SERVICE, OPERATORS)}
    settings = {f"PERENNIAL_SECRET_{path.strip('/').upper()}": secret for path, secret in signing.items()}
    with ExitStack() as stack:
        azure = stack.enter_context(LocalAzure.start(vault_pace=PACE))
        receiver = stack.enter_context(Receiver(signing).serving(azure.ready.certificate, azure.ready.key))
        person = stack.enter_context(Operator(azure))
        for vault in (ORDERS, BILLING):
            azure.create_vault(vault)
            person.client(vault).create_issuer(CA, "Test", account_id="demo", password="unused")
        found = Stage(azure, person, receiver, stack.enter_context(signers(azure, DELEGATED, plain=plain)), settings)
        stack.callback(found.stop_app)
        yield found
