"""Act 8: a vault answers 429 to everything in the middle of two renewals; the other vault goes on, and nothing is lost."""

from __future__ import annotations

from functools import partial

from localazure.client import Json
from localazure.demo.fleet import BILLING, CA, ORDERS, OWNER, Seed
from localazure.demo.stage import NOTICE, Stage
from localazure.demo.story import Story

UNDER_WAY = ("login", "statements")
ELSEWHERE = "clearing"
ISSUING = 6.0  # seconds that the CA takes, so that the vault is throttled before it has issued
ASKED_TO_WAIT = 2  # seconds


def play(stage: Stage, story: Story) -> None:
    """Play it."""
    story.act(
        "8",
        "Throttled",
        f"Two renewals are under way in {ORDERS} when the vault begins to answer 429 to every request.",
    )
    stage.azure.issuer(ORDERS, CA, delay=ISSUING)
    for name in UNDER_WAY:
        stage.comes_near_its_end(Seed(ORDERS, name, "by the integrated CA", 20, issuer=CA, signed="corp"), story)
        story.wait(f"the create of {ORDERS}/{name}", partial(stage.creates, ORDERS, name), 75)
    began = story.seconds
    stage.azure.fault("keyvault", path=f"{ORDERS}.vault.azure.net/*", status=429, retry_after=ASKED_TO_WAIT)
    with_ca = [name for name in UNDER_WAY if not _issued(stage, name)]
    story.say(f"{' and '.join(with_ca)} are with the CA; now {ORDERS} answers 429, Retry-After: {ASKED_TO_WAIT}")
    _other_vault(stage, story)
    story.wait("both new versions in the vault", lambda: all(_issued(stage, name) for name in UNDER_WAY), 30)
    refused = story.wait("a third request that is refused", lambda: _refused(stage)[2:], 30)
    reasons = {name: stage.app.get(f"certificates/{ORDERS}/{name}")["reason"]["sentence"] for name in UNDER_WAY}
    story.say(f"{UNDER_WAY[0]}: “{reasons[UNDER_WAY[0]]}”")
    asked, lasted = len(_refused(stage)), story.seconds - began
    story.claim(
        "the vault is left alone for as long as it asks",
        bool(refused) and asked <= (lasted / ASKED_TO_WAIT + 1) * len(UNDER_WAY),
        f"{asked} requests in {lasted:.1f} s",
    )
    stage.azure.clear_faults()
    story.say(f"{ORDERS} answers again after {lasted:.1f} s")
    _nothing_lost(stage, story)


def _other_vault(stage: Stage, story: Story) -> None:
    """A certificate of the other vault, which only a tag has chosen, is renewed meanwhile."""
    tags = {**OWNER, "perennial-renew": "always"}
    stage.comes_near_its_end(Seed(BILLING, ELSEWHERE, "tagged always", 20, tags=tags), story)
    began = story.seconds
    story.wait(f"the renewal of {BILLING}/{ELSEWHERE}", lambda: stage.reason(BILLING, ELSEWHERE) == "not-due", 75)
    story.claim(
        "the other vault is not held up",
        stage.versions(BILLING, ELSEWHERE) == 2,
        f"{BILLING}/{ELSEWHERE}, chosen by its tag, renewed {story.seconds - began:.1f} s after its event",
    )


def _issued(stage: Stage, name: str) -> list[Json]:
    """Return the vault's events of the new version; the vault itself answers nobody."""
    return stage.azure.events(vault=ORDERS, type="CertificateNewVersionCreated", name=name)[1:]


def _refused(stage: Stage) -> list[Json]:
    return [one for one in stage.asked(ORDERS) if one["status"] == 429]


def _nothing_lost(stage: Stage, story: Story) -> None:
    """Both renewals end, once each, and are told."""
    began = story.seconds
    story.wait(
        "the end of both renewals", lambda: all(stage.reason(ORDERS, name) == "not-due" for name in UNDER_WAY), 60
    )
    versions = [stage.versions(ORDERS, name) for name in UNDER_WAY]
    creates = [len(stage.creates(ORDERS, name)) for name in UNDER_WAY]
    failures = [stage.app.get(f"certificates/{ORDERS}/{name}")["renewal"]["failures"] for name in UNDER_WAY]
    story.claim(
        "nothing is lost: both end well, each by one create, and being throttled is no failure",
        versions == [2, 2] and creates == [1, 1] and failures == [0, 0],
        f"{story.seconds - began:.1f} s after the vault was back",
    )
    told: list[str] = []
    for name in UNDER_WAY:
        current = stage.person.versions(ORDERS, name)[-1]
        heard = story.wait(f"the notice of {name}", partial(stage.at_service, ORDERS, name, current), NOTICE)
        told += [one.id for one in heard]
    letters = stage.azure.dead_letters()
    story.claim(
        "and told, once each; no event was given up",
        len(told) == 2 and not letters,
        f"{len(told)} notices, {len(letters)} dead letters",
    )
