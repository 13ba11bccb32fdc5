"""A small app with one function of each kind; what it gets it writes to the log as one JSON object a line."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from typing import Any, List, cast

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
_pause = threading.Event()


def _log(**fields: object) -> None:
    logging.info(json.dumps(fields))


@app.event_grid_trigger(arg_name="event")
def on_event(event: str) -> None:
    """Log an event, or fail as it asks."""
    parsed = json.loads(event)
    _log(event=parsed["id"], text=event)
    _pause.wait(parsed.get("sleep", 0))
    if parsed.get("fail"):
        raise ValueError(f"event {parsed['id']} asks\nfor failure")


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="out", queue_name="work", connection="Jobs")
def on_event_enqueue(event: str, out: func.Out[str]) -> None:
    """Queue what the event holds as `text`."""
    out.set(json.loads(event)["text"])


@app.event_grid_trigger(arg_name="event")
def on_event_exit(event: str) -> None:
    """Raise SystemExit."""
    sys.exit(3)


@app.queue_trigger(arg_name="msg", queue_name="work", connection="Jobs")
def on_work(msg: func.QueueMessage) -> None:
    """Log a message with its metadata; fail, or take time, as it asks."""
    text = msg.get_body().decode()
    _log(
        work=text,
        id=msg.id,
        count=msg.dequeue_count,
        receipt=bool(msg.pop_receipt),
        inserted=str(msg.insertion_time),
        expires=str(msg.expiration_time),
        visible=str(msg.time_next_visible),
    )
    if text.startswith("sleep "):
        _pause.wait(float(text.split()[1]))
        _log(slept=text)
    if text.startswith("fail"):
        raise RuntimeError(f"no luck with {text}")


@app.queue_trigger(arg_name="msg", queue_name="raw", connection="Jobs")
def on_raw(msg: func.QueueMessage) -> None:
    """Log a message."""
    _log(raw=msg.get_body().decode())


@app.queue_trigger(arg_name="msg", queue_name="work-poison", connection="Jobs")
def on_poison(msg: func.QueueMessage) -> None:
    """Log a poisoned message, and fail where it asks for that too."""
    text = msg.get_body().decode()
    _log(poison=text, count=msg.dequeue_count)
    if text == "fail for ever":
        raise RuntimeError(text)


@app.timer_trigger(arg_name="timer", schedule="%TICK%", run_on_startup=False, use_monitor=True)
def on_tick(timer: func.TimerRequest) -> None:
    """Log a tick, and take as long as the setting says."""
    request: Any = timer  # the abstract class lacks what the worker's has
    _log(tick=time.time(), past_due=timer.past_due, status=request.schedule_status, schedule=request.schedule)
    _pause.wait(float(os.environ.get("TICK_TAKES", "0")))
    _log(tock=time.time())


@app.route(route="echo/{vault}/{name?}", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with what arrived."""
    seen = {
        "method": req.method,
        "url": req.url,
        "params": dict(req.route_params),
        "query": dict(req.params),
        "headers": dict(req.headers),
        "body": req.get_body().decode(),
    }
    headers = {"X-Seen": "yes", "Set-Cookie": "a=b; Path=/; HttpOnly; SameSite=Lax"}
    return func.HttpResponse(json.dumps(seen), status_code=207, headers=headers, mimetype="application/seen+json")


@app.route(route="echo/fixed/{name}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def echo_fixed(req: func.HttpRequest) -> str:
    """Answer with text: the more literal of two templates."""
    return f"fixed {req.route_params['name']}"


@app.route(route="parse", methods=["POST"])
def parse(req: func.HttpRequest) -> func.HttpResponse:
    """Fail on a body that is not JSON; otherwise answer 204."""
    req.get_json()
    return func.HttpResponse(status_code=204)


@app.route(route="nothing", methods=["GET"])
def nothing(req: func.HttpRequest) -> func.HttpResponse:
    """Return None, which no HTTP function may."""
    return cast("func.HttpResponse", None)


@app.route(route="numbers/{id:int}", auth_level=func.AuthLevel.ADMIN)
@app.queue_output(arg_name="out", queue_name="numbers", connection="Jobs")
def numbers(req: func.HttpRequest, out: func.Out[List[str]]) -> func.HttpResponse:
    """Queue as many messages as asked for."""
    out.set([json.dumps({"n": n}) for n in range(int(req.route_params["id"]))])
    return func.HttpResponse("queued", status_code=202)
