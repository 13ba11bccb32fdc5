"""Key Vault through the SDK's pipeline: broken connections, odd answers, lists that lead elsewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http.client import RemoteDisconnected
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError, ServiceResponseError
from requests import exceptions as requests_errors
from urllib3 import exceptions as urllib3_errors

from localazure.client import LocalAzure
from perennial.adapters import clients
from perennial.adapters.answers import nothing_was_sent
from perennial.adapters.key_vault import PATIENCE, KeyVaults, Patience
from perennial.errors import Forbidden, Refused, Unclear, Unreachable
from perennial.model.certificate import CertificateRef
from perennial.model.clouds import CLOUDS
from tests.contract import local


@pytest.fixture
def vaults(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> KeyVaults:
    """The vaults as the app reaches them."""
    return local.vaults(local.app_identity(local.point_at(azure, monkeypatch)))


@pytest.fixture
def ref(azure: LocalAzure, vault: str) -> CertificateRef:
    """A certificate in a vault of its own."""
    name = azure.fill(vault, 1, datetime.now(UTC) + timedelta(days=30))[0]
    return CertificateRef(vault, name)


def asked(azure: LocalAzure, ref: CertificateRef, method: str) -> int:
    """Count the requests with a token."""
    seen = azure.requests("keyvault", host=f"{ref.vault}.vault.azure.net", authenticated=True)
    return len([one for one in seen if one["method"] == method])


def fault(azure: LocalAzure, ref: CertificateRef, **fields: object) -> None:
    """Disturb the certificate's vault."""
    azure.fault("keyvault", path=f"{ref.vault}.vault.azure.net/*", **fields)


def test_a_look_is_repeated_once_after_a_broken_connection(
    azure: LocalAzure, vaults: KeyVaults, ref: CertificateRef
) -> None:
    """One cut is overcome, two are not."""
    fault(azure, ref, drop=True, times=1)
    assert vaults.get(ref) is not None
    assert asked(azure, ref, "GET") == 2
    fault(azure, ref, drop=True, times=2)
    with pytest.raises(Unreachable):
        vaults.get(ref)
    assert asked(azure, ref, "GET") == 4


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_write_whose_connection_breaks_is_unclear_and_sent_once(
    azure: LocalAzure, vaults: KeyVaults, ref: CertificateRef, *, after_effect: bool
) -> None:
    """The SDK cannot know whether it took effect; the operation tells."""
    fault(azure, ref, method="POST", drop=True, after_effect=after_effect)
    with pytest.raises(Unclear):
        vaults.create(ref, {})
    assert asked(azure, ref, "POST") == 1
    azure.clear_faults()
    assert (vaults.pending(ref) is not None) is after_effect


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_write_is_unclear_after_every_status_that_hides_its_effect(
    azure: LocalAzure, vaults: KeyVaults, ref: CertificateRef, status: int
) -> None:
    """Also with a Retry-After, on which the pipeline would repeat it."""
    fault(azure, ref, method="POST", status=status, retry_after=0)
    with pytest.raises(Unclear):
        vaults.create(ref, {})
    assert asked(azure, ref, "POST") == 1
    azure.clear_faults()


@pytest.mark.parametrize("status", [400, 404, 412])
def test_a_clear_no_to_a_write_is_refused(
    azure: LocalAzure, vaults: KeyVaults, ref: CertificateRef, status: int
) -> None:
    """Nothing was done, and a repeat would be refused too."""
    fault(azure, ref, method="POST", status=status)
    with pytest.raises(Refused):
        vaults.create(ref, {})
    azure.clear_faults()


def test_an_answer_that_is_no_json_is_no_answer(azure: LocalAzure, vaults: KeyVaults, ref: CertificateRef) -> None:
    """A page of some proxy in between is not taken for a certificate, nor for an accepted create."""
    fault(azure, ref, status=200, body="<html>Please log in</html>", method="GET")
    with pytest.raises(Unreachable):
        vaults.get(ref)
    fault(azure, ref, status=202, body='{"status": 7}', method="POST")
    with pytest.raises(Unclear):
        vaults.create(ref, {})
    azure.clear_faults()


@pytest.mark.parametrize("link", ["https://kv-evil.example/certificates?x=1", "https://{host}/secrets?x=1"])
def test_a_list_that_goes_on_elsewhere_is_not_followed(
    azure: LocalAzure, vaults: KeyVaults, ref: CertificateRef, link: str
) -> None:
    """The token goes to the vault's own list only."""
    host = f"{ref.vault}.vault.azure.net"
    body = json.dumps({"value": [], "nextLink": link.format(host=host)})
    fault(azure, ref, status=200, body=body, method="GET")
    with pytest.raises(Unreachable):
        vaults.page(ref.vault)
    azure.clear_faults()


def test_a_continuation_that_the_vault_does_not_accept_is_refused(
    azure: LocalAzure, vaults: KeyVaults, ref: CertificateRef
) -> None:
    """A walk starts the vault again then; the same answer to a first page is the service's trouble."""
    fault(azure, ref, status=400, method="GET")
    with pytest.raises(Refused):
        vaults.page(ref.vault, "/certificates?api-version=7.4&$skiptoken=old")
    with pytest.raises(Unreachable):
        vaults.page(ref.vault)
    azure.clear_faults()


def test_the_services_words_and_code_are_kept(azure: LocalAzure, vaults: KeyVaults, ref: CertificateRef) -> None:
    """In one line, the inner code first."""
    error = {"code": "Forbidden", "message": "Client address\r\n is not", "innererror": {"code": "ForbiddenByFirewall"}}
    fault(azure, ref, status=403, body=json.dumps({"error": error}))
    with pytest.raises(Forbidden, match="Client address is not") as caught:
        vaults.get(ref)
    assert caught.value.code == "ForbiddenByFirewall"
    azure.clear_faults()


def test_a_challenge_for_another_audience_is_not_answered(monkeypatch: pytest.MonkeyPatch, azure: LocalAzure) -> None:
    """A name outside the proxy's is refused before anything is sent."""
    variables = local.point_at(azure, monkeypatch)
    identity = local.app_identity(variables)
    chinese = KeyVaults(lambda vault: clients.certificate_client(CLOUDS["china"], identity, vault))
    with pytest.raises(Unreachable):
        chinese.create(CertificateRef("kv-nowhere", "www"), {})


def test_a_call_ends_within_its_patience(
    azure: LocalAzure, ref: CertificateRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent vault is unreachable for a look, which is repeated once, and unclear for a write, which is not."""
    identity = local.app_identity(local.point_at(azure, monkeypatch))
    patience = Patience(connect=2, look=0.2, write=0.2)
    hasty = KeyVaults(lambda vault: clients.certificate_client(CLOUDS["public"], identity, vault), patience)
    assert hasty.pending(ref) is None  # the challenge is answered
    azure.clear_requests("keyvault")
    fault(azure, ref, delay=1)
    with pytest.raises(Unreachable):
        hasty.pending(ref)
    with pytest.raises(Unclear):
        hasty.discard(ref)
    azure.clear_faults()
    assert PATIENCE.longest < 30


class NoToken:
    """An identity that is not there."""

    def get_token(self, *_: str, **__: object) -> AccessToken:
        """Fail as the identity library does."""
        raise ClientAuthenticationError("secret details of an identity")


def test_without_a_token_the_vault_is_unreachable_and_nothing_is_told(
    azure: LocalAzure, ref: CertificateRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent, and the identity library's words stay out of the text."""
    local.point_at(azure, monkeypatch)
    vaults = local.vaults(NoToken())
    with pytest.raises(Unreachable) as caught:
        vaults.create(ref, {})
    assert "secret" not in str(caught.value)
    assert asked(azure, ref, "POST") == 0


def test_a_name_cannot_become_a_path(vaults: KeyVaults, azure: LocalAzure, vault: str) -> None:
    """A slash in a name is quoted, so the vault is asked for nothing but certificates."""
    with pytest.raises(Unreachable, match="405"):
        vaults.get(CertificateRef(vault, "a/../../secrets/x"))
    paths = {one["path"] for one in azure.requests("keyvault", host=f"{vault}.vault.azure.net")}
    assert all(path.startswith("/certificates/") for path in paths)


PROTOCOL = urllib3_errors.ProtocolError("Connection aborted.")
NOBODY: Any = None  # stands for a connection or pool, which these errors only name
UNCONNECTED = urllib3_errors.NewConnectionError(NOBODY, "refused")
BROKEN = urllib3_errors.SSLError("EOF occurred in violation of protocol")
UNTRUSTED = urllib3_errors.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")


def wrapped(reason: Exception) -> requests_errors.ConnectionError:
    """Wrap a cause as urllib3 and requests do."""
    return requests_errors.ConnectionError(urllib3_errors.MaxRetryError(NOBODY, "/", reason))


@pytest.mark.parametrize(
    ("inner", "certain"),
    [
        (UNCONNECTED, True),
        (wrapped(UNCONNECTED), True),
        (wrapped(UNTRUSTED), True),
        (wrapped(BROKEN), False),
        (requests_errors.ConnectTimeout(), True),
        (wrapped(urllib3_errors.ProxyError("x", UNCONNECTED)), True),
        (wrapped(urllib3_errors.ProxyError("x", OSError("Tunnel connection failed: 403"))), True),
        (requests_errors.ProxyError(urllib3_errors.ProxyError("x", RemoteDisconnected("no answer"))), False),
        (requests_errors.ReadTimeout(), False),
        (requests_errors.ConnectionError(PROTOCOL), False),
        (requests_errors.ConnectionError(OSError("reset")), False),
    ],
)
def test_only_what_never_connected_was_certainly_not_sent(inner: Exception, *, certain: bool) -> None:
    """The SDK's word for it, an error of the request, also covers a TLS break in the middle."""
    assert nothing_was_sent(ServiceRequestError("x", error=inner)) is certain


def test_without_a_cause_nothing_is_certain() -> None:
    """Neither without an inner error nor for another kind of error."""
    assert not nothing_was_sent(ServiceResponseError("x"))
    assert not nothing_was_sent(ValueError("x"))
