"""Doors for the storage queues."""

import azure.functions as func

from perennial import wiring
from perennial.workflows import abandon, deliver, look, walk

doors = func.Blueprint()


@doors.function_name("look_at_certificate")
@doors.queue_trigger("message", queue_name="looks", connection="AzureWebJobsStorage")
def look_at_certificate(message: func.QueueMessage) -> None:
    """Look at one certificate, and do whatever it needs now."""
    look.look_at(message.get_body().decode(), wiring.world())


@doors.function_name("deliver_notice")
@doors.queue_trigger("message", queue_name="notices", connection="AzureWebJobsStorage")
def deliver_notice(message: func.QueueMessage) -> None:
    """Attempt one delivery."""
    deliver.deliver(message.get_body().decode(), wiring.world())


@doors.function_name("sweep_vault")
@doors.queue_trigger("message", queue_name="sweeps", connection="AzureWebJobsStorage")
def sweep_vault(message: func.QueueMessage) -> None:
    """Walk one vault."""
    walk.walk_vault(message.get_body().decode(), wiring.world())


@doors.function_name("abandon_look")
@doors.queue_trigger("message", queue_name="looks-poison", connection="AzureWebJobsStorage")
def abandon_look(message: func.QueueMessage) -> None:
    """Keep a certificate in the schedule whose look failed for good."""
    abandon.abandon(message.get_body().decode(), "looks", wiring.world())


@doors.function_name("abandon_notice")
@doors.queue_trigger("message", queue_name="notices-poison", connection="AzureWebJobsStorage")
def abandon_notice(message: func.QueueMessage) -> None:
    """Keep a delivery in the schedule whose attempt failed for good."""
    abandon.abandon(message.get_body().decode(), "notices", wiring.world())


@doors.function_name("abandon_sweep")
@doors.queue_trigger("message", queue_name="sweeps-poison", connection="AzureWebJobsStorage")
def abandon_sweep(message: func.QueueMessage) -> None:
    """Record that a vault's walk failed for good at its place."""
    abandon.abandon(message.get_body().decode(), "sweeps", wiring.world())
