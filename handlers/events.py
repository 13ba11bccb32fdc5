"""Doors for Key Vault's events: pushed by Event Grid, or by a storage queue where it may not push (private endpoints, platform sign-in).

`event: str`: the worker's own converter fails on a malformed event before any code of ours runs.
"""

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


@doors.function_name("vault_event")
@doors.queue_trigger("event", queue_name="vault-events", connection="AzureWebJobsStorage")
@doors.queue_output("looks", queue_name="looks", connection="AzureWebJobsStorage")
def vault_event(event: func.QueueMessage, looks: func.Out[str]) -> None:
    """Event Grid left an event of a vault in the storage queue."""
    intake.receive(event.get_body().decode(errors="replace"), wiring.settings(), wiring.intake(looks.set))


@doors.function_name("abandon_event")
@doors.queue_trigger("event", queue_name="vault-events-poison", connection="AzureWebJobsStorage")
@doors.queue_output("looks", queue_name="looks", connection="AzureWebJobsStorage")
def abandon_event(event: func.QueueMessage, looks: func.Out[str]) -> None:
    """An event could not be stored in five tries; a poison queue has none of its own, so it is tried until it is."""
    intake.receive(event.get_body().decode(errors="replace"), wiring.settings(), wiring.intake(looks.set))
