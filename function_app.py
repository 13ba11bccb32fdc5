"""Every way in which this app can be woken."""

import azure.functions as func

from handlers import api, events, timers, work
from perennial import wiring

app = func.FunctionApp()
app.register_functions(events.doors)  # Event Grid: near expiry, new version, expired
app.register_functions(work.doors)  # storage queues: looks, notices, vault walks, and what they could not handle
app.register_functions(timers.doors)  # the clock, and the compliance sweep
app.register_functions(api.doors)  # HTTP: what people and scripts ask

wiring.report_faults()
wiring.measure()
