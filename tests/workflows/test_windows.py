"""A CA's renewal windows in looks: when it is asked, what is kept, and a revocation of everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from perennial.errors import IssuerError
from perennial.model.authority import Suggestion
from perennial.model.certificate import CertificateRef, Version
from perennial.model.history import HistoryKind
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Outcome
from tests.memory.authority import SlowAuthority
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, SELF, UNKNOWN, WWW
from tests.workflows.signed_stage import place, signed_stage, window

PAGE = "https://ca.example/why"
ORDINARY = window(49 * DAY, 51 * DAY, explanation=PAGE)


class Calendar(SlowAuthority):
    """A CA whose window stands still, and which wants to be asked again every six hours."""

    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Answer as it is set, with the next time counted from now."""
        answer = super().suggest(ari_id, now)
        return replace(answer, ask_again=now + 6 * HOUR) if answer else None


def calendar(suggestion: Suggestion | IssuerError | None = ORDINARY) -> Calendar:
    """Return such a CA, which answers at once."""
    return Calendar(prompt=True, suggestion=suggestion, account="first|account 1")


def windows(on: Stage) -> list[dict[str, str]]:
    """Return the windows in the history, oldest first."""
    return [dict(row.facts) for row in reversed(on.history("www")) if row.kind is HistoryKind.WINDOW]


def test_a_window_is_kept_and_pulls_the_renewal_into_itself() -> None:
    """Its own instant in it, the page that says why, and the next time as the CA says; renewed at that instant."""
    first = calendar()
    on = signed_stage(first=first)
    entry = on.look("www")
    assert entry.suggested_at is not None
    assert NOW + 49 * DAY <= entry.suggested_at < NOW + 51 * DAY
    assert (entry.window_ends, entry.explanation, entry.ask_ca_at) == (NOW + 51 * DAY, PAGE, NOW + 6 * HOUR)
    assert entry.revoked_at is None
    assert entry.due_at is not None
    assert entry.due_at <= entry.suggested_at
    first.suggestion = window(10 * DAY, 12 * DAY)
    on.run(15 * DAY)
    claim = on.claims("www")[0]
    assert (claim.outcome, claim.trigger) == (Outcome.ISSUED, ReasonCode.SUGGESTED)
    assert NOW + 10 * DAY <= claim.opened < NOW + 12 * DAY + timedelta(minutes=2)


def test_the_instant_stays_while_the_window_stands_and_is_told_once() -> None:
    """Asked many times, written once; another window is another row of the history."""
    first = calendar()
    on = signed_stage(first=first)
    chosen = on.look("www").suggested_at
    on.run(5 * DAY)
    assert len(first.asked) > 15
    assert on.entry("www").suggested_at == chosen
    assert [one["explanation"] for one in windows(on)] == [PAGE]
    first.suggestion = window(45 * DAY, 46 * DAY)
    on.run(DAY)
    assert on.entry("www").suggested_at != chosen
    assert [one["end"] for one in windows(on)] == [(NOW + 51 * DAY).isoformat(), (NOW + 46 * DAY).isoformat()]


def test_asking_costs_no_call_to_the_vault() -> None:
    """Five days of looks that only ask: the one read is that of the first sight."""
    first = calendar()
    on = signed_stage(first=first)
    on.look("www")
    on.run(5 * DAY)
    assert len(first.asked) > 15
    sweeps = on.vaults.calls.pop("page")
    assert sweeps < 10
    assert dict(on.vaults.calls) == {"get": 1}


def test_the_ca_is_asked_right_after_issuance_and_never_again_of_the_one_before() -> None:
    """The next question is of the new version, within two minutes of its issuance."""
    first = calendar(window(timedelta(0), HOUR))
    on = signed_stage(first=first)
    before = on.look("www").version
    on.run(HOUR)
    first.suggestion = replace(ORDINARY, start=on.now + 50 * DAY, end=on.now + 52 * DAY)
    on.run(2 * DAY)
    (claim,) = on.claims("www")
    assert claim.closed is not None
    entry = on.entry("www")
    after = [(at, ari_id) for at, ari_id in first.asked if at >= claim.closed]
    assert before is not None
    assert before.leaf is not None
    assert after[0][0] - claim.closed <= timedelta(minutes=2)
    assert {ari_id for _, ari_id in after} == {ari(entry.version)}
    assert ari(before) not in {ari_id for _, ari_id in after}
    assert (entry.issued_by, entry.issued_through) == ("first|account 1", "first")


def ari(version: Version | None) -> str:
    """Return a version's identifier at its CA."""
    assert version is not None
    assert version.leaf is not None
    return version.leaf.ari_id


def test_a_claim_names_what_it_replaces_as_its_ca_does() -> None:
    """The identifier always; the account only where it issued the version replaced through us."""
    first = calendar(None)
    on = signed_stage(left=20 * DAY, first=first)
    old = on.vaults.current(WWW)
    on.look("www")
    on.run(70 * DAY)
    one, two = on.claims("www")
    assert (one.ari_id, one.issued_by) == (ari(old), "")
    assert two.issued_by == "first|account 1"
    assert two.ari_id


def test_a_version_by_somebody_else_forgets_who_issued_the_one_before() -> None:
    """Its account may not say that it replaces what another issued."""
    on = signed_stage(left=20 * DAY, first=calendar(None))
    on.look("www")
    on.run(DAY)
    assert on.entry("www").issued_by
    place(on, WWW, left=89 * DAY)
    on.look("www", version="another")
    entry = on.entry("www")
    assert (entry.issued_by, entry.issued_through) == ("", "")


def test_who_cannot_be_asked_is_asked_later_and_the_look_goes_on() -> None:
    """An hour or two, or as long as the CA says; the renewal comes by the lifetime rule."""
    first = calendar(IssuerError("ca-down", "503"))
    on = signed_stage(left=36 * DAY, first=first)
    entry = on.look("www")
    assert entry.ask_ca_at is not None
    assert NOW + HOUR <= entry.ask_ca_at < NOW + 2 * HOUR
    first.suggestion = IssuerError("ca-down", "503", retry_after=9 * HOUR)
    on.run(2 * HOUR)
    later = on.entry("www").ask_ca_at
    assert later is not None
    assert later >= NOW + 10 * HOUR
    on.run(7 * DAY)
    assert on.claims("www")[0].outcome is Outcome.ISSUED


def test_a_window_outlives_an_answer_that_does_not_come() -> None:
    """A CA that is down takes back nothing."""
    first = calendar()
    on = signed_stage(first=first)
    chosen = on.look("www").suggested_at
    first.suggestion = IssuerError("ca-down", "503")
    on.run(DAY)
    assert on.entry("www").suggested_at == chosen


@pytest.mark.parametrize("answer", [None, window(2 * DAY, 2 * DAY)], ids=["nothing", "an end before its start"])
def test_who_says_nothing_is_asked_daily(answer: Suggestion | None) -> None:
    """Its window, if there was one, is no more; the lifetime rule stands."""
    first = calendar()
    on = signed_stage(first=first)
    on.look("www")
    first.suggestion = answer
    on.run(6 * HOUR + timedelta(minutes=2))
    entry = on.entry("www")
    assert (entry.suggested_at, entry.window_ends, entry.explanation) == (None, None, "")
    first.asked.clear()
    on.run(3 * DAY)
    assert len(first.asked) == 3


def test_only_what_an_authority_may_have_signed_is_asked_about() -> None:
    """Not what the vault renews, nor what has expired; and what another CA is to sign now is forgotten."""
    first = calendar()
    on = signed_stage(first=first, left=-DAY)
    assert on.look("www").ask_ca_at is None
    place(on, CertificateRef("kv-orders", "own"), left=80 * DAY, policy=replace(SELF, subject="CN=own", names=("own",)))
    assert on.look("own").ask_ca_at is None
    assert first.asked == []
    place(on, CertificateRef("kv-orders", "www2"), left=80 * DAY)
    assert on.look("www2").ask_ca_at is not None
    on.settings = replace(on.settings, issuers=())
    after = on.look("www2")
    assert (after.ask_ca_at, after.suggested_at, after.window_ends) == (None, None, None)


def test_a_window_moved_into_the_past_means_revocation() -> None:
    """Renewed at once, past the loop guard and the brake, and told so."""
    first = calendar()
    on = signed_stage(left=20 * DAY, first=first)
    on.settings = replace(on.settings, max_renewals_per_day=1)
    on.look("www")
    on.run(DAY)
    first.suggestion = window(-2 * DAY, -DAY)
    on.run(DAY)
    assert [claim.trigger for claim in on.claims("www")] == [ReasonCode.DUE, ReasonCode.REVOKED]
    assert len(on.vaults.versions(WWW)) == 3
    on.run(5 * DAY)
    assert len(on.vaults.versions(WWW)) == 3, "the CA still says so of the new one, and the loop guard holds"


def test_an_ordinary_window_that_passed_is_no_revocation() -> None:
    """An old certificate in a fleet that is switched on waits for the brake like the others."""
    first = calendar(window(-11 * DAY, -9 * DAY))
    on = signed_stage(left=20 * DAY, first=first)
    place(on, CertificateRef("kv-orders", "www2"), left=20 * DAY)
    on.settings = replace(on.settings, max_renewals_per_day=1)
    on.look("www")
    entry = on.look("www2")
    assert entry.revoked_at is None
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.BRAKE


FLEET = 300


def test_a_revocation_of_everything_is_worked_off_worst_first(spoil: Callable[[Stage], None]) -> None:
    """Three hundred at once: all renewed within a quarter of an hour, never two creates within a second, the least life left first."""
    first = calendar()
    on = signed_stage(first=first)
    refs = [CertificateRef("kv-orders", f"c{number:03d}") for number in range(FLEET)]
    for number, ref in enumerate(refs):
        host = f"{ref.name}.example"
        policy = replace(UNKNOWN, subject=f"CN={host}", names=(host,))
        place(on, ref, left=(40 + number * 7919 % FLEET / 10) * DAY, policy=policy)
        on.look(ref.name)
    on.queues.sent.clear()
    spoil(on)
    first.suggestion = window(-2 * DAY, -DAY)
    on.run(6 * HOUR + timedelta(minutes=15))
    issued = {ref: on.claims(ref.name)[0] for ref in refs}
    assert {claim.outcome for claim in issued.values()} == {Outcome.ISSUED}
    assert {claim.trigger for claim in issued.values()} == {ReasonCode.REVOKED}
    instants = Counter(at for at, _ in on.vaults.creates)
    assert set(instants.values()) == {1}
    begun = sorted(refs, key=lambda ref: issued[ref].opened)
    left = [on.vaults.versions(ref)[0].not_after for ref in begun]
    assert left == sorted(left), "the worst first"
