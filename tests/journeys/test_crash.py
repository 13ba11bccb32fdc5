"""A host that is killed right after the vault accepted its create: the next host goes on, and there is one new version."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from azure.data.tables import UpdateMode

from localazure.client import await_until
from tests.journeys.running import PATIENCE, Journey, near_expiry

DAY = timedelta(days=1)


def _let_leases_end(journey: Journey, partition: str, vault: str, name: str) -> None:
    """Be the journey's time machine: turn back what a dead host's look had written ahead, as if its twelve minutes were over."""
    past = datetime.now(UTC) - timedelta(minutes=1)
    ended = {"held_until": past, "next_step": past, "earliest": past}
    with journey.table("renewals") as table:
        rows = list(table.query_entities("PartitionKey eq @p", parameters={"p": partition}))
        assert [row["checkpoint"] for row in rows] == ['{"step":"sending","memory":{}}']
        table.update_entity({**_key(rows[0]), **ended}, mode=UpdateMode.MERGE)
    with journey.table("inventory") as table:
        row = {"PartitionKey": vault, "RowKey": name, "next_check": past}
        table.update_entity(row, mode=UpdateMode.MERGE)


def _key(row: Mapping[str, object]) -> dict[str, object]:
    return {"PartitionKey": row["PartitionKey"], "RowKey": row["RowKey"]}


def test_a_host_killed_between_create_and_record_leaves_one_version(journey: Journey) -> None:
    """Self has issued by the time that the next host looks; the CA is still at work: neither is asked to create again."""
    quick, slow = journey.vault("quick"), journey.vault("slow")
    ca = journey.integrated_ca(slow, delay=8)
    journey.operator.seed(quick, "www", left=20 * DAY)
    journey.operator.seed(slow, "shop", left=20 * DAY, issuer=ca, signed_by=journey.ca())
    modes = {quick: "renew", slow: "renew"}
    journey.azure.fault("keyvault", method="POST", path="/certificates/*/create", after_effect=True, delay=7, times=2)
    with journey.app(modes, hear=[]) as first:
        first.notify("certificate_near_expiry", near_expiry(quick, "www"))
        first.notify("certificate_near_expiry", near_expiry(slow, "shop"))
        await_until(lambda: journey.versions(quick, "www") == 2 and journey.is_pending(slow, "shop"), PATIENCE)
        first.kill()
    with journey.app(modes) as second:
        _let_leases_end(journey, f"{quick}:www", quick, "www")
        _let_leases_end(journey, f"{slow}:shop", slow, "shop")
        second.tick()
        await_until(lambda: "issued" in second.kinds(quick, "www"), PATIENCE)
        await_until(lambda: "adopted-after-crash" in second.kinds(slow, "shop"), PATIENCE)
        await_until(lambda: "issued" in second.kinds(slow, "shop"), PATIENCE)
        assert _gets(journey, quick) == ["GET /certificates/www/"] * 2
        assert _gets(journey, slow)[:3] == [*["GET /certificates/shop/"] * 2, "GET /certificates/shop/pending"]
    await_until(lambda: all(journey.creates(vault) for vault in modes), PATIENCE)  # logged when the answer is given up
    for vault, name in ((quick, "www"), (slow, "shop")):
        assert journey.versions(vault, name) == 2
        assert len(journey.creates(vault)) == 1


def _gets(journey: Journey, vault: str) -> list[str]:
    """Return the reads of certificates, the tick's own walk of the list apart."""
    return [one for one in journey.asked(vault) if one.startswith("GET /certificates/")]
