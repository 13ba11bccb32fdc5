"""Apps that do nothing, to measure ours against: what the platform costs by itself."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent

HEAD = "import azure.functions as func\n\napp = func.FunctionApp()\n"
HTTP = '@app.route("r{n}", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)\ndef f{n}(req: func.HttpRequest) -> str:\n    return ""\n'
FUNCTIONS: Mapping[str, str] = {
    "httptrigger": HTTP,
    "eventgridtrigger": (
        '@app.event_grid_trigger("event")\n@app.queue_output("out", queue_name="q", connection="AzureWebJobsStorage")\n'
        "def f{n}(event: str, out: func.Out[str]) -> None:\n    pass\n"
    ),
    "queuetrigger": (
        '@app.queue_trigger("message", queue_name="q{n}", connection="AzureWebJobsStorage")\n'
        "def f{n}(message: func.QueueMessage) -> None:\n    pass\n"
    ),
    "timertrigger": '@app.timer_trigger("timer", schedule="0 0 3 1 1 *")\ndef f{n}(timer: func.TimerRequest) -> None:\n    pass\n',
}
# One function that does what a door of ours does outside itself: it puts one message on a queue.
SENDER = HEAD + (
    '\n@app.event_grid_trigger("event")\n@app.queue_output("out", queue_name="noop", connection="AzureWebJobsStorage")\n'
    "def noop(event: str, out: func.Out[str]) -> None:\n    out.set({message!r})\n"
)


def empty_app(folder: Path, kinds: Mapping[str, int]) -> Path:
    """Write an app with so many functions of each kind of trigger, all empty."""
    wanted = [FUNCTIONS[kind] for kind, count in sorted(kinds.items()) for _ in range(count)]
    functions = (text.replace("{n}", str(number)) for number, text in enumerate(wanted))
    return _written(folder, "\n".join([HEAD, *functions]))


def sending_app(folder: Path, message: str) -> Path:
    """Write an app whose one function answers an event with a message."""
    return _written(folder, SENDER.format(message=message))


def _written(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "function_app.py").write_text(text, encoding="utf-8")
    shutil.copyfile(ROOT / "host.json", folder / "host.json")
    return folder
