"""Azure DNS by Resource Manager: other tools' values, and who was slower."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from perennial.dns.arm import Answer, Arm
from perennial.dns.azure import AzureZone
from perennial.model.clouds import CLOUDS
from tests.dns.arm_stage import THEIRS, A, B, Stage, refusal
from tests.dns.places import GROUP, SUBSCRIPTION, nobody, setting


def test_a_new_set_is_made_once(stage: Stage) -> None:
    """One read, one write, sixty seconds of life."""
    stage.over().present(stage.at("_acme-challenge.www"), A)
    assert stage.asked() == [("GET", 404), ("PUT", 201)]
    found = stage.azure.dns.sets(stage.name)["_acme-challenge.www"]
    assert found["TTL"] == 60
    assert found["metadata"] == {"owner": "perennial"}


def test_a_value_that_is_there_is_not_written_again(stage: Stage) -> None:
    """A repeat is one read."""
    stage.over().present(stage.at("x"), A)
    stage.over().present(stage.at("x"), A)
    assert stage.asked() == [("GET", 404), ("PUT", 201), ("GET", 200)]


def test_the_name_of_the_zone_itself_is_its_apex(stage: Stage) -> None:
    """Resource Manager calls it @; a validation zone may be one name."""
    stage.over().present(stage.name, A)
    assert stage.values("@") == [A]


def test_ttl_and_metadata_of_anothers_set_stay(stage: Stage) -> None:
    """Through present and clean."""
    stage.put("x", THEIRS, TTL=1234, metadata={"tool": "another"})
    stage.over().present(stage.at("x"), A)
    stage.over().clean(stage.at("x"), A)
    found = stage.azure.dns.sets(stage.name)["x"]
    assert found["TTL"] == 1234
    assert found["metadata"] == {"tool": "another"}
    assert stage.values("x") == [THEIRS]


def test_a_value_in_several_strings_stays_so(stage: Stage) -> None:
    """Another tool's long value is written back as it was read."""
    long = [{"value": ["k" * 255, "l" * 100]}]
    stage.put("x", TXTRecords=long)
    stage.over().present(stage.at("x"), A)
    assert stage.azure.dns.sets(stage.name)["x"]["TXTRecords"] == [*long, {"value": [A]}]


def test_the_ttl_of_a_new_set_is_the_options(stage: Stage) -> None:
    """Where it is given."""
    stage.over(ttl="5").present(stage.at("x"), A)
    assert stage.azure.dns.sets(stage.name)["x"]["TTL"] == 5


def test_a_set_with_nothing_but_ours_is_deleted(stage: Stage) -> None:
    """And one with more is not."""
    stage.over().present(stage.at("x"), A)
    stage.over().present(stage.at("x"), B)
    stage.over().clean(stage.at("x"), A)
    assert stage.values("x") == [B]
    stage.over().clean(stage.at("x"), B)
    assert "x" not in stage.azure.dns.sets(stage.name)
    assert [method for method, _ in stage.asked()].count("DELETE") == 1


def test_many_orders_at_once_all_survive(stage: Stage) -> None:
    """Each reads again after a 412 until its own value is in, and takes away only that."""
    values = [f"{number:043}" for number in range(4)]
    with ThreadPoolExecutor(len(values)) as at_once:
        list(at_once.map(lambda value: stage.over().present(stage.at("x"), value), values))
    assert sorted(stage.values("x")) == values
    assert ("PUT", 412) in stage.asked() or stage.asked().count(("PUT", 200)) == len(values) - 1
    with ThreadPoolExecutor(2) as at_once:
        list(at_once.map(lambda value: stage.over().clean(stage.at("x"), value), values[:2]))
    assert sorted(stage.values("x")) == values[2:]


class Slow(Arm):
    """Lets another tool change the set after each of the first reads."""

    def __init__(self, stage: Stage, times: int, *kept: str) -> None:
        super().__init__(stage.tools.credential, stage.tools.cloud)
        self.stage = stage
        self.times = times
        self.kept = kept

    def send(self, method: str, path: str, body: Any, headers: Any) -> Answer:
        """Send, and disturb."""
        answer = super().send(method, path, body, headers)
        if method == "GET" and self.times:
            self.times -= 1
            self.stage.put("x", *self.kept, THEIRS, f"{self.times}")
        return answer


def slow(stage: Stage, times: int, *kept: str) -> AzureZone:
    """Return the provider with such a disturber."""
    told = setting(stage.name, "azure", subscription=SUBSCRIPTION, resource_group=GROUP)
    return AzureZone(told, Slow(stage, times, *kept))


def test_who_was_slower_reads_again(stage: Stage) -> None:
    """A set made meanwhile, or changed meanwhile, is joined: present and clean."""
    slow(stage, 2).present(stage.at("x"), A)
    assert stage.values("x") == [THEIRS, "0", A]
    slow(stage, 1).clean(stage.at("x"), A)
    assert stage.values("x") == [THEIRS, "0"]
    assert stage.asked().count(("PUT", 412)) == 3


def test_a_value_that_vanished_meanwhile_is_clean(stage: Stage) -> None:
    """Another tool wrote the set without it between our read and our write."""
    stage.put("x", THEIRS, A)
    slow(stage, 1).clean(stage.at("x"), A)
    assert stage.values("x") == [THEIRS, "0"]


def test_who_is_always_slower_gives_way(stage: Stage) -> None:
    """It ends after some turns, as dns-busy."""
    assert refusal(lambda: slow(stage, 99).present(stage.at("x"), A)).code == "dns-busy"
    assert A not in stage.values("x")
    stage.put("x", A)
    assert refusal(lambda: slow(stage, 99, A).clean(stage.at("x"), A)).code == "dns-busy"
    assert A in stage.values("x")


def test_a_netrc_does_not_take_the_tokens_place(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Requests would put its password there."""
    (tmp_path / "netrc").write_text("machine management.azure.com login ada password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    stage.over().present(stage.at("x"), A)
    assert stage.values("x") == [A]


class Written(Arm):
    """Resource Manager that answers nothing but what it is asked for."""

    def __init__(self) -> None:
        super().__init__(nobody, CLOUDS["public"])
        self.paths: list[str] = []

    def send(self, method: str, path: str, body: Any, headers: Any) -> Answer:
        """Note the path."""
        del method, body, headers
        self.paths.append(path)
        return Answer(status=404, code="NotFound")


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("_acme-challenge.www", "_acme-challenge.www"),
        ("*", "*"),
        ("a?b", "a%3Fb"),
        ("a/b", "a%2Fb"),
        ("a/\\.\\./b", "a%2F%5C.%5C.%2Fb"),
        ("a#b", "a%23b"),
        ("a%2fb", "a%252fb"),
    ],
)
def test_a_name_is_one_part_of_the_address(label: str, written: str) -> None:
    """A CNAME that somebody else keeps may lead to any label: it names a record set of this zone, no other resource and no option of the request."""
    arm = Written()
    AzureZone(setting("example.net", "azure", subscription=SUBSCRIPTION, resource_group=GROUP), arm).clean(
        f"{label}.example.net", A
    )
    assert [path.partition("/TXT/")[2] for path in arm.paths] == [f"{written}?api-version=2018-05-01"]
