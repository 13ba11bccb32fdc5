"""Receiving an event: it is stored as one message before it is acknowledged. An event is a hint; the look decides."""

from __future__ import annotations

import re

from perennial import events
from perennial.errors import BadInput
from perennial.log import line, warn
from perennial.model.certificate import CertificateRef
from perennial.model.messages import EventSeen, Look
from perennial.ports.queue import Intake
from perennial.settings import Settings

NAME = re.compile(r"[0-9a-z-]{1,127}")
FIRST_BYTES = 4096


def receive(event: str, settings: Settings, intake: Intake) -> None:
    """Queue a look for an event about a certificate in a vault of ours; log and acknowledge everything else.

    What can't be parsed never can be: raising would only make Event Grid deliver it for a day.
    """
    try:
        parsed = events.parse(event)
    except BadInput as bad:
        warn("event-not-understood", problem=str(bad), event_text=event[:FIRST_BYTES])
        return
    for one in parsed:
        why = one.why if isinstance(one, events.NotOurs) else _refusal(one, settings)
        if isinstance(one, events.NotOurs) or why:
            line("event-not-ours", why=why)
            continue
        _queue(one, intake)


def _refusal(event: events.CertificateEvent, settings: Settings) -> str:
    if event.vault not in settings.vaults:
        return f"vault {event.vault[:50]} is not in the settings"
    return "" if NAME.fullmatch(event.name) else f"certificate name {event.name[:50]!r} is none"


def _queue(event: events.CertificateEvent, intake: Intake) -> None:
    seen = EventSeen(id=event.id, kind=event.kind, time=event.time)
    certificate = CertificateRef(event.vault, event.name)
    intake.put(Look(certificate=certificate, cause=event.kind, version=event.version, event=seen))
    line("event-received", certificate=str(certificate), kind=event.kind, version=event.version, id=event.id)
