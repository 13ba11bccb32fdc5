"""CAs through the local Azure: by the proxy, under their own names, and told what to do at the management port."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import urllib3
from acme import errors
from cryptography import x509

from localazure.acme.client import LocalCa
from localazure.acme.signing import ari_id
from localazure.client import LocalAzure, LocalAzureError
from tests.localazure.acme.subscriber import Subscriber, refused
from tests.localazure.outside import Outside

SERIAL = itertools.count(1)


@pytest.fixture
def local(azure: LocalAzure) -> LocalCa:
    """Make a CA that no other test uses."""
    return azure.ca(f"ca-{next(SERIAL)}")


@pytest.fixture
def subscriber(azure: LocalAzure, local: LocalCa) -> Iterator[Subscriber]:
    """Give an account at it, which comes through the proxy and trusts the throw-away CA."""
    one = Subscriber(local.directory, azure.ready.ca, proxy=f"http://127.0.0.1:{azure.ready.proxy}")
    one.register()
    yield one
    one.net.session.close()


def test_two_cas_stand_side_by_side(azure: LocalAzure, outside: Outside) -> None:
    """Each has its own directory, roots and issuer."""
    one, two = azure.ca("ca-one"), azure.ca("ca-two")
    found = [outside.http.request("GET", ca.directory).json() for ca in (one, two)]
    assert [one["newOrder"] for one in found] == [f"https://ca-{name}.example/new-order" for name in ("one", "two")]
    assert one.roots() != two.roots()
    assert len(x509.load_pem_x509_certificates(one.roots().encode())) == 2


def test_a_ca_that_nobody_made_is_not_played(outside: Outside) -> None:
    """The proxy lets no name through that is no CA's."""
    with pytest.raises(urllib3.exceptions.ProxyError, match="403"):
        outside.http.request("GET", "https://ca-nobody.example/directory")


def test_requests_are_logged_and_faults_strike(azure: LocalAzure, outside: Outside, local: LocalCa) -> None:
    """A CA is a service like the others: `acme`."""
    azure.fault("acme", path=f"{local.name}.example/*", status=502, times=1)
    assert outside.http.request("GET", local.directory).status == 502
    assert outside.http.request("GET", local.directory).status == 200
    seen = azure.requests("acme", host=f"{local.name}.example")
    assert [one["status"] for one in seen] == [502, 200]


def test_the_report_counts_what_was_done(local: LocalCa, subscriber: Subscriber) -> None:
    """Orders, certificates by name set, and requests by kind; and the counts can begin anew."""
    leaf, _ = subscriber.obtain("example.com", "*.example.com")
    assert local.issued() == {"*.example.com example.com": 1}
    counts = local.requests()
    assert [counts[kind] for kind in ("new-account", "new-order", "challenge", "finalize")] == [1, 1, 2, 1]
    (order,) = local.orders()
    assert (order["status"], order["names"]) == ("valid", ["*.example.com", "example.com"])
    (certificate,) = local.certificates()
    assert certificate["ari_id"] == ari_id(leaf)
    local.clear_requests()
    assert local.requests() == {}


def test_conduct_changes_one_member_at_a_time(local: LocalCa) -> None:
    """What is left out stays; making the CA again sets it all to the defaults."""
    local.behave(finalize_delay=5)
    local.behave(nonce_refusal=3)
    conduct = local.report()["conduct"]
    assert (conduct["finalize_delay"], conduct["nonce_refusal"]) == (5, 3)


@pytest.mark.parametrize(
    ("conduct", "field"),
    [
        ({"validation": "dns", "dns_server": "nowhere"}, "dns_server"),
        ({"profiles": ["tlsclient"]}, "profiles"),
        ({"limits": {"orders": {"count": 0, "seconds": 1}}}, "limits"),
        ({"nonsense": 1}, "nonsense"),
        ({"down": "up"}, "down"),
    ],
)
def test_bad_conduct_is_refused_by_its_field(local: LocalCa, conduct: dict[str, object], field: str) -> None:
    """The answer names what is wrong, and nothing changes."""
    before = local.report()["conduct"]
    with pytest.raises(LocalAzureError, match=field):
        local.behave(**conduct)
    assert local.report()["conduct"] == before


def test_problems_and_windows_are_ordered_and_taken_away(local: LocalCa, subscriber: Subscriber) -> None:
    """A problem strikes until it is used up or cleared; a window is answered until it is cleared."""
    leaf, _ = subscriber.obtain("www.example.com")
    local.problem("new-order", "rateLimited", 429, times=None, retry_after=60)
    with refused("rateLimited"):
        subscriber.order("www.example.com")
    local.clear_problems()
    subscriber.order("www.example.com")
    past = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    local.window(past - timedelta(hours=1), past)
    url = f"{subscriber.client.directory['renewalInfo']}/{ari_id(leaf)}"
    assert subscriber.net.get(url).json()["suggestedWindow"]["end"] == f"{past:%Y-%m-%dT%H:%M:%SZ}"
    local.clear_windows()
    assert subscriber.net.get(url).json()["suggestedWindow"]["end"] > f"{past:%Y-%m-%dT%H:%M:%SZ}"


def test_half_a_window_and_a_window_without_offset_are_refused(local: LocalCa) -> None:
    """Start needs end, and both their UTC offset."""
    now = datetime.now(UTC)
    with pytest.raises(LocalAzureError, match="start"):
        local.window(now)
    with pytest.raises(LocalAzureError, match="offset"):
        local.window(now.replace(tzinfo=None), now)


def test_a_ca_forgets_and_lets_expire(local: LocalCa, subscriber: Subscriber) -> None:
    """Open orders expire or are gone, finished ones stay; accounts are gone at once."""
    subscriber.obtain("www.example.com")
    order = subscriber.order("open.example.com")
    local.expire("orders")
    assert subscriber.client._post_as_get(order.uri).json()["status"] == "invalid"
    local.forget("orders")
    assert [one["names"] for one in local.orders()] == [["www.example.com"]]
    local.expire("authorizations")
    assert subscriber.order("www.example.com").body.status.name == "pending"
    local.forget("accounts")
    with refused("accountDoesNotExist"):
        subscriber.order("www.example.com")


@pytest.mark.parametrize(("end", "what"), [("expire", "accounts"), ("forget", "authorizations"), ("forget", "all")])
def test_what_cannot_end_is_refused(local: LocalCa, end: str, what: str) -> None:
    """Accounts do not expire, authorizations are not forgotten."""
    with pytest.raises(LocalAzureError, match="what"):
        getattr(local, end)(what)


def test_a_ca_revokes_by_itself(local: LocalCa, subscriber: Subscriber) -> None:
    """By name; the window of the revoked one lies in the past; a reason that no CA gives is refused."""
    leaf, _ = subscriber.obtain("www.example.com")
    subscriber.obtain("other.example.com")
    local.revoke(name="www.example.com", reason=1)
    assert [one["revoked"] for one in local.certificates()] == [1, None]
    url = f"{subscriber.client.directory['renewalInfo']}/{ari_id(leaf)}"
    assert subscriber.net.get(url).json()["suggestedWindow"]["end"] < f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    with pytest.raises(LocalAzureError, match="reason"):
        local.revoke(reason=2)


def test_a_ca_nobody_made_cannot_be_told_anything(azure: LocalAzure) -> None:
    """404 that names the CA; a name that is no host label is refused."""
    with pytest.raises(LocalAzureError, match="there is no CA ca-nobody"):
        LocalCa("ca-nobody", azure._ask).report()
    with pytest.raises(LocalAzureError, match="ca"):
        azure.ca("No_Name")


def test_a_ca_that_asks_the_dns_asks_the_local_one(azure: LocalAzure) -> None:
    """Without a server named, a CA validates by the local Azure's own DNS server."""
    found = azure.ca(f"ca-{next(SERIAL)}", validation="dns").report()["conduct"]
    assert found["dns_server"] == f"127.0.0.1:{azure.ready.dns}"


def test_replacement_is_seen_in_the_report(local: LocalCa, subscriber: Subscriber) -> None:
    """The replaced certificate names the order that replaces it."""
    leaf, _ = subscriber.obtain("www.example.com")
    subscriber.obtain("www.example.com", replaces=ari_id(leaf))
    first, second = local.certificates()
    assert first["replaced_by"] == local.orders()[-1]["id"]
    assert second["replaced_by"] == ""
    with pytest.raises(errors.ConflictError):
        subscriber.order("www.example.com", replaces=ari_id(leaf))
