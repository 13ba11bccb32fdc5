"""What Azure DNS refuses: rights, locks, limits, throttling, silence; and who must act."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError

from perennial.dns.needs import Tools
from perennial.model.clouds import CLOUDS
from tests.dns.arm_stage import A, B, Stage, refusal


def test_without_the_right_to_delete_the_last_value_stays(stage: Stage) -> None:
    """Clean is done all the same; the next order's values come and go without that right, and no more than one is left."""
    stage.azure.dns.rights("perennial", ["read", "write"], stage.name)
    for value in (A, B):
        stage.over().present(stage.at("x"), value)
        stage.over().clean(stage.at("x"), value)
        assert stage.values("x") == [A]
    assert stage.asked().count(("DELETE", 403)) == 1


def test_under_a_delete_lock_the_last_value_stays(stage: Stage) -> None:
    """Resource Manager answers 409 ScopeLocked."""
    stage.azure.dns.zone(stage.name, lock="CanNotDelete")
    stage.over().present(stage.at("x"), A)
    stage.over().clean(stage.at("x"), A)
    assert stage.values("x") == [A]
    assert stage.asked()[-1] == ("DELETE", 409)


@pytest.mark.parametrize("rights", [[], ["read"]])
def test_a_missing_role_names_zone_and_actions(stage: Stage, rights: list[str]) -> None:
    """403 to a read or to a write: dns-refused."""
    stage.azure.dns.rights("perennial", rights, stage.name)
    error = refusal(lambda: stage.over().present(stage.at("x"), A))
    assert error.code == "dns-refused"
    assert stage.name in error.fix
    assert "Microsoft.Network/dnsZones/TXT/read" in error.fix
    assert "AuthorizationFailed" in error.what


def test_a_read_only_lock_is_a_persons_to_lift(stage: Stage) -> None:
    """It says so."""
    stage.azure.dns.zone(stage.name, lock="ReadOnly")
    error = refusal(lambda: stage.over().present(stage.at("x"), A))
    assert error.code == "dns-refused"
    assert "lock" in error.fix


@pytest.mark.parametrize("options", [{"resource_group": "rg-other"}, {"subscription": "0" * 8}])
def test_a_zone_that_is_not_there_is_not_found(stage: Stage, options: dict[str, str]) -> None:
    """A set that is missing is another thing."""
    error = refusal(lambda: stage.over(**options).present(stage.at("x"), A))
    assert error.code == "zone-not-found"
    assert "PERENNIAL_ZONES" in error.fix


def test_a_full_set_takes_no_more(stage: Stage) -> None:
    """Known before Azure refuses: no write, and dns-full names the set."""
    stage.put("x", *(f"{number:03}" * 13 for number in range(104)))
    error = refusal(lambda: stage.over().present(stage.at("x"), A))
    assert error.code == "dns-full"
    assert stage.at("x") in error.fix
    assert stage.asked()[-1] == ("GET", 200)


@pytest.mark.parametrize(("method", "writes"), [("GET", 0), ("PUT", 1)])
def test_a_throttle_is_told_and_not_slept_out(stage: Stage, method: str, writes: int) -> None:
    """One request, and Retry-After in the error."""
    stage.azure.fault("arm", method=method, path=f"*/{stage.name}/*", status=429, retry_after=17)
    error = refusal(lambda: stage.over().present(stage.at("x"), A))
    assert (error.code, error.retry_after) == ("dns-throttled", timedelta(seconds=17))
    assert [name for name, _ in stage.asked()].count("PUT") == writes
    assert stage.asked()[-1] == (method, 429)


def test_a_write_of_unknown_effect_is_not_repeated(stage: Stage) -> None:
    """It took effect though its answer was lost: the next present reads it, and writes nothing."""
    stage.azure.fault("arm", method="PUT", path=f"*/{stage.name}/*", drop=True, after_effect=True, times=1)
    assert refusal(lambda: stage.over().present(stage.at("x"), A)).code == "dns-down"
    assert stage.values("x") == [A]
    stage.over().present(stage.at("x"), A)
    assert [method for method, _ in stage.asked()].count("PUT") == 1


@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 503}, {"drop": True}, {"delay": 2}, {"status": 200, "body": "<html>"}]
)
def test_no_usable_answer_is_down(stage: Stage, fault: dict[str, object]) -> None:
    """dns-down, after one request."""
    stage.azure.fault("arm", path=f"*/{stage.name}/*", **fault)
    assert refusal(lambda: stage.over().present(stage.at("x"), A)).code == "dns-down"
    assert len(stage.azure.requests("arm")) > 0


def test_what_azure_calls_wrong_is_told_in_its_words(stage: Stage) -> None:
    """A 400: dns-refused."""
    body = '{"error": {"code": "BadRequest", "message": "The zone is\\n suspended."}}'
    stage.azure.fault("arm", method="PUT", path=f"*/{stage.name}/*", status=400, body=body)
    error = refusal(lambda: stage.over().present(stage.at("x"), A))
    assert error.code == "dns-refused"
    assert error.what.endswith("400 BadRequest: The zone is suspended.")


class NoToken:
    """An identity that gets none."""

    def get_token(self, *_: str, **__: object) -> Any:
        """Fail as the identity library does."""
        raise ClientAuthenticationError("a text with a secret in it")


def test_without_a_token_nothing_is_asked(stage: Stage) -> None:
    """dns-down, and the library's text is not repeated."""
    without = replace(stage, tools=Tools(credential=NoToken, cloud=CLOUDS["public"], secret=lambda _: ""))
    error = refusal(lambda: without.over().present(stage.at("x"), A))
    assert error.code == "dns-down"
    assert "secret" not in str(error)
    assert stage.asked() == []


@pytest.mark.parametrize(
    ("cloud", "arm"),
    [
        ("public", "https://management.azure.com"),
        ("us-government", "https://management.usgovcloudapi.net"),
        ("china", "https://management.chinacloudapi.cn"),
    ],
)
def test_each_cloud_has_its_own_resource_manager(cloud: str, arm: str) -> None:
    """Its address is also what tokens are asked for."""
    assert CLOUDS[cloud].arm == arm
