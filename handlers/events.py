"""Doors for Event Grid. `event: str`: the worker's own converter fails on a malformed event before any code of ours runs."""

import azure.functions as func

from perennial import wiring
from perennial.workflows import intake

doors = func.Blueprint()


@doors.function_name("certificate_near_expiry")
@doors.event_grid_trigger("event")
@doors.queue_output("looks", queue_name="looks", connection="AzureWebJobsStorage")
def certificate_near_expiry(event: str, looks: func.Out[str]) -> None:
    """Key Vault says that a certificate has thirty days left, or less at birth."""
    intake.receive(event, wiring.settings(), wiring.intake(looks.set))


@doors.function_name("certificate_new_version")
@doors.event_grid_trigger("event")
@doors.queue_output("looks", queue_name="looks", connection="AzureWebJobsStorage")
def certificate_new_version(event: str, looks: func.Out[str]) -> None:
    """Key Vault says that a certificate has a new version, whoever made it."""
    intake.receive(event, wiring.settings(), wiring.intake(looks.set))


@doors.function_name("certificate_expired")
@doors.event_grid_trigger("event")
@doors.queue_output("looks", queue_name="looks", connection="AzureWebJobsStorage")
def certificate_expired(event: str, looks: func.Out[str]) -> None:
    """Key Vault says that a certificate's current version has expired."""
    intake.receive(event, wiring.settings(), wiring.intake(looks.set))
