"""Lists, errors and API versions, by the Azure SDK's own certificate tests, each through both of the real clients: sync and aio."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.keyvault.certificates import (
    ApiVersion,
    CertificateClient,
    WellKnownIssuerNames,
)

from tests.localazure.keyvault.house import Room
from tests.localazure.keyvault.sdk.entrance import Entrance
from tests.localazure.keyvault.sdk.scenario import FAST, Opening, create, facts, policy


def test_lists_over_several_pages(client: CertificateClient, entrance: Entrance, room: Room) -> None:
    """The client follows every link; versions are listed too."""
    end = entrance.house.clock() + timedelta(days=90)
    made = entrance.house.loop.run(entrance.house.vaults.fill(room.vault.name, 60, end))
    assert [listed.name for listed in client.list_properties_of_certificates()] == made
    pages = list(client.list_properties_of_certificates(max_page_size=7).by_page())
    assert len([list(page) for page in pages]) == 9
    create(client)
    newest = facts(create(client)).version
    versions = [one.version for one in client.list_properties_of_certificate_versions("www")]
    assert newest in versions
    assert len(versions) == 2


def test_the_unfinished_are_listed_on_the_first_page_only(
    client: CertificateClient, entrance: Entrance, room: Room
) -> None:
    """The link does not repeat include_pending, so what is unfinished on a later page stays unseen."""
    end = entrance.house.clock() + timedelta(days=90)
    entrance.house.loop.run(entrance.house.vaults.fill(room.vault.name, 30, end))
    for name in ("early", "a-first"):
        client.begin_create_certificate(name, policy(WellKnownIssuerNames.unknown), **FAST).result()
    listed = {one.name for one in client.list_properties_of_certificates(include_pending=True)}
    assert listed - {one.name for one in client.list_properties_of_certificates()} == {"a-first"}


def test_versions_over_several_pages(client: CertificateClient) -> None:
    """Pages are as large as asked, and together they hold every version once."""
    made = {facts(create(client)).version for _ in range(3)}
    pages = client.list_properties_of_certificate_versions("www", max_page_size=1).by_page()
    found = [[one.version for one in page] for page in pages]
    assert max(len(page) for page in found) == 1
    assert sorted(str(version) for page in found for version in page) == sorted(str(version) for version in made)


def test_what_is_not_there_is_not_found(client: CertificateClient) -> None:
    """Deleting, recovering, reading and merging a name that nobody used; its versions are an empty list."""
    asks: list[Callable[[], object]] = [
        lambda: client.begin_delete_certificate("nope", **FAST),
        lambda: client.begin_recover_deleted_certificate("nope", **FAST),
        lambda: client.get_deleted_certificate("nope"),
        lambda: client.get_certificate_policy("nope"),
        lambda: client.get_certificate_operation("nope"),
        lambda: client.backup_certificate("nope"),
        lambda: client.update_certificate_properties("nope", tags={}),
        lambda: client.get_issuer("nope"),
    ]
    for ask in asks:
        with pytest.raises(ResourceNotFoundError):
            ask()
    assert list(client.list_properties_of_certificate_versions("nope")) == []


def test_a_backup_that_is_none(client: CertificateClient) -> None:
    """Restoring what no vault has written is refused with 400."""
    with pytest.raises(HttpResponseError) as refused:
        client.restore_certificate_backup(b"barney")
    assert refused.value.status_code == 400


def test_a_request_of_ones_own(client: CertificateClient) -> None:
    """`send_request` goes through the same pipeline: it authenticates, and an error is a response."""
    create(client)
    answer = client.send_request(HttpRequest("GET", "certificates"))
    assert [item["id"].rpartition("/")[2] for item in answer.json()["value"]] == ["www"]
    assert client.send_request(HttpRequest("GET", "certificates/nope/")).status_code == 404


def test_every_api_version_of_the_sdk(client: CertificateClient, opening: Opening, room: Room) -> None:
    """A certificate reads alike by all of them, but that the recoverable days came with 7.1."""
    made = create(client)
    for version in ApiVersion:
        with opening(room, api_version=version) as one:
            read = one.get_certificate("www")
            assert (read.id, read.cer) == (made.id, made.cer)
            assert (facts(read).recoverable_days is None) is (version in {ApiVersion.V7_0, ApiVersion.V2016_10_01})
            assert [listed.name for listed in one.list_properties_of_certificates()] == ["www"]


def test_errors_arrive_as_the_kinds_of_the_sdk(client: CertificateClient, opening: Opening, room: Room) -> None:
    """404, 409 with code Forbidden, and 403 with an inner error as a plain dict."""
    with pytest.raises(ResourceNotFoundError):
        client.get_certificate("nope")
    client.begin_create_certificate("www", policy(WellKnownIssuerNames.unknown), **FAST).result()
    with pytest.raises(ResourceExistsError) as pending:
        client.begin_create_certificate("www", policy(), **FAST)
    assert pending.value.error
    assert pending.value.error.code == "Forbidden"
    with opening(room, "stranger") as stranger, pytest.raises(HttpResponseError) as refused:
        stranger.get_certificate("www")
    assert refused.value.error
    assert (refused.value.status_code, refused.value.error.innererror) == (403, {"code": "ForbiddenByRbac"})
