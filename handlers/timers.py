"""Doors for the timers."""

import azure.functions as func

from perennial import wiring
from perennial.workflows import due
from perennial.workflows import sweep as sweeps

doors = func.Blueprint()


@doors.function_name("find_due")
@doors.timer_trigger("timer", schedule="%PERENNIAL_DUE_SCHEDULE%", run_on_startup=False, use_monitor=True)
def find_due(timer: func.TimerRequest) -> None:
    """Queue a look for every certificate whose next check has come."""
    due.find_due(wiring.world())


@doors.function_name("sweep")
@doors.timer_trigger("timer", schedule="%PERENNIAL_SWEEP_SCHEDULE%", run_on_startup=False, use_monitor=True)
def sweep(timer: func.TimerRequest) -> None:
    """Begin a sweep of every vault."""
    sweeps.start_scheduled(wiring.world())
