"""The forecast over the API: orders by day and domain, and the first day on which a limit would hold them up."""

from __future__ import annotations

from dataclasses import replace

from perennial.model.authority import AuthorityKind, AuthoritySetting, Usage
from perennial.model.certificate import CertificateRef, IssuancePolicy
from perennial.model.inventory import Entry
from perennial.model.limits import keeper
from perennial.ports.tables import Page, Query
from perennial.workflows.world import World
from tests.api.calling import Api
from tests.api.stocking import DAY, NOW, stock
from tests.memory.world import SETTINGS, make_world
from tests.workflows.racing import Over

LE = AuthoritySetting(name="le", directory="https://acme-v02.api.letsencrypt.org/directory", agree_terms=True)
HAND = AuthoritySetting(name="hand", kind=AuthorityKind.EXTERNAL)


def world(acme: AuthoritySetting = LE) -> World:
    """Return a world with a CA by ACME and one that a person asks."""
    made = make_world(NOW, settings=replace(SETTINGS, authorities=(acme, HAND), issuers=("le",)))
    return replace(made, issuers=dict.fromkeys(("vault", "le", "hand"), made.issuers["vault"]))


def signed(made: World, name: str, *, vault: str = "kv-orders", issuer: str = "", through: str = "") -> Entry:
    """Put a certificate of 300 days there that is due in some days: 100 are left of it in 150."""
    host = f"{name}.example.com"
    tags = {"perennial-issuer": issuer} if issuer else {}
    policy = IssuancePolicy(issuer="Unknown", subject=f"CN={host}", names=(host,), fingerprint="f")
    entry = stock(made, CertificateRef(vault, name), left=150 * DAY, policy=policy, tags=tags)
    entry = replace(entry, issued_through=through)
    made.tables.inventory.put(entry)
    return entry


def test_orders_stand_under_their_day_and_domain() -> None:
    """Each certificate's order on the day when it is due; a CA without limits of its own is told of too."""
    made = world()
    due = signed(made, "web").due_at
    signed(made, "hand", issuer="hand")
    assert due
    le, hand = Api(made).call("get_forecast").one("authorities")
    assert le["days"] == [{"day": due.date().isoformat(), "orders": 1, "counted": 1}]
    assert le["domains"] == [{"domain": "example.com", "certificates": 1, "orders": 1, "counted": 1}]
    assert (le["orders"], le["first_reached"], le["reached"]) == (1, None, [])
    assert (hand["authority"], hand["orders"], hand["reached"]) == ("hand", 1, [])


def test_what_nobody_chose_for_renewal_is_counted_apart() -> None:
    """A vault that is only observed places no order."""
    made = world()
    signed(made, "web", vault="kv-watched")
    found = Api(made).call("get_forecast")
    assert (found.one("not_managed"), found.one("authorities", 0, "certificates")) == (1, 0)


def test_the_first_limit_that_holds_orders_up_is_named_with_them() -> None:
    """Four of 60 days, two of them spent already: the third certificate would wait, and with it what comes on that day."""
    made = world(replace(LE, limits={"domain": "4/60d"}))
    made.tables.usages.put(Usage(authority=keeper(LE, "domain"), bucket="domain:example.com", spent=(NOW, NOW)))
    entries = sorted((signed(made, f"n{number}") for number in range(4)), key=lambda entry: str(entry.due_at))
    third = entries[2].due_at
    assert third
    le = Api(made).call("get_forecast").one("authorities", 0)
    (reached,) = le["reached"]
    assert le["first_reached"] == reached["at"] == third.isoformat().replace("+00:00", "Z")
    assert (reached["limit"], reached["of"], reached["most"], reached["span"]) == ("domain", "example.com", 4, "60d")
    assert reached["certificates"][0] == str(entries[2].ref)
    assert reached["waiting"] == len(reached["certificates"]) >= 1


def test_a_renewal_of_the_same_names_counts_for_its_set() -> None:
    """What the account issued before needs no room among orders and domains."""
    made = world()
    signed(made, "web", through="le")
    le = Api(made).call("get_forecast").one("authorities", 0)
    assert (le["orders"], le["days"][0]["counted"], le["domains"][0]["counted"]) == (1, 0, 0)


def test_the_forecast_says_how_far_it_looks_and_what_it_does_not_know() -> None:
    """Ninety days; what has no version yet, or none with a certificate, places no order."""
    made = world()
    bare, unfinished = signed(made, "bare"), signed(made, "unfinished")
    assert unfinished.version is not None
    made.tables.inventory.put(replace(bare, version=None))
    made.tables.inventory.put(replace(unfinished, version=replace(unfinished.version, leaf=None)))
    found = Api(made).call("get_forecast")
    assert (found.one("at"), found.one("until")) == ("2026-11-24T08:00:00Z", "2027-02-22T08:00:00Z")
    assert (found.one("authorities", 0, "certificates"), found.one("not_managed")) == (0, 0)


def test_an_order_inside_its_cas_window_counts_in_no_limit() -> None:
    """RFC 9773: the CA itself asked for it."""
    made = world()
    entry = signed(made, "web")
    made.tables.inventory.put(replace(entry, suggested_at=NOW + DAY))
    (day,) = Api(made).call("get_forecast").one("authorities", 0, "days")
    assert (day["orders"], day["counted"]) == (1, 0)


def test_names_come_from_the_policy_or_from_the_certificate() -> None:
    """Where the policy names none."""
    made = world()
    entry = signed(made, "web")
    made.tables.inventory.put(replace(entry, policy=replace(entry.policy, names=())))
    domains = Api(made).call("get_forecast").one("authorities", 0, "domains")
    assert [one["domain"] for one in domains] == ["web.example"]


def test_the_domain_of_most_orders_stands_first() -> None:
    """Of two alike the one whose name comes first; a hundred are shown, and of a limit that is reached a hundred certificates."""
    made = world(replace(LE, limits={"orders": "1/60d"}))
    for name in ("z1", "z2", "b", "a"):
        entry = signed(made, name)
        host = "z.net" if name.startswith("z") else f"{name}.com"
        made.tables.inventory.put(replace(entry, policy=replace(entry.policy, names=(host,))))
    le = Api(made).call("get_forecast").one("authorities", 0)
    assert [one["domain"] for one in le["domains"]] == ["z.net", "a.com", "b.com"]
    (reached,) = le["reached"]
    assert (reached["limit"], reached["of"]) == ("orders", None)
    for number in range(102):
        policy = replace(signed(made, "a").policy, names=(f"n{number}.org",))
        stock(made, CertificateRef("kv-orders", f"n{number}"), left=50 * DAY, policy=policy)  # overdue: all on one day
    le = Api(made).call("get_forecast").one("authorities", 0)
    assert (len(le["domains"]), le["domains_not_shown"]) == (100, 5)
    (reached,) = le["reached"]
    assert reached["waiting"] > 100
    assert len(reached["certificates"]) == 100


def test_a_person_has_no_limits() -> None:
    """Whatever its setting says, nothing is asked about what was used of it, and no order waits."""
    made = world()
    person = replace(HAND, limits={"orders": "1/60d"})
    usages = Counted(made.tables.usages)
    made = replace(
        made,
        settings=replace(made.settings, authorities=(person,)),
        tables=replace(made.tables, usages=usages),
    )
    for name in ("a", "b"):
        signed(made, name, issuer="hand")
    (hand,) = Api(made).call("get_forecast").one("authorities")
    assert (hand["orders"], hand["reached"], usages.calls) == (2, [], 0)


class Counted(Over[Usage]):
    """Usages that count how often they are read."""

    calls = 0

    def select(self, query: Query, more: str | None = None) -> Page[Usage]:
        """Count it."""
        self.calls += 1
        return super().select(query, more)
