"""One canonical line per unit of work: a JSON object, so that a query reads its members as columns."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

LOGGER = logging.getLogger("perennial")

_listeners: list[Callable[[str, Mapping[str, object]], None]] = []


def listen(listener: Callable[[str, Mapping[str, object]], None]) -> None:
    """Let every line be heard too, by what measures them."""
    _listeners.append(listener)


def line(event: str, *, level: int = logging.INFO, **facts: object) -> None:
    """Log one line about a unit of work. Facts never hold a secret, a token or a key."""
    import msgspec

    for listen in _listeners:
        listen(event, facts)
    LOGGER.log(level, "%s", msgspec.json.encode({"event": event, **facts}, enc_hook=str).decode())


def warn(event: str, **facts: object) -> None:
    """Log a line that a person should see."""
    line(event, level=logging.WARNING, **facts)


def quiet_sdks() -> None:
    """Keep the SDKs' lines about every request and token out of the log: at thousands of calls a day they are its whole cost."""
    for name in ("azure.core", "azure.identity"):
        logging.getLogger(name).setLevel(logging.WARNING)
