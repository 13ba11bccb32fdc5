"""host.json, its overrides, and app settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localazure.host.hostjson import HostOptions, QueueOptions, parse_span, read_host_json
from localazure.host.settings import AppSettings, BadSetting, Connection


def _read(folder: Path, document: object, **settings: str) -> tuple[HostOptions, list[str]]:
    """Read a host.json and return the options and the faults."""
    (folder / "host.json").write_text(json.dumps(document))
    faults: list[str] = []
    return read_host_json(folder, AppSettings(settings), faults), faults


def test_the_defaults_are_azures(tmp_path: Path) -> None:
    """An empty host.json means what the extensions' documentation says."""
    assert _read(tmp_path, {"version": "2.0"}) == (HostOptions(1800, "api", QueueOptions()), [])


def test_members_and_overrides(tmp_path: Path) -> None:
    """Names are compared without case; a setting wins over the file; half a batch is the default threshold."""
    document = {
        "functionTimeout": "00:10:00",
        "extensions": {"http": {"routePrefix": ""}, "queues": {"batchSize": 4, "messageEncoding": "none"}},
        "logging": {"applicationInsights": {"samplingSettings": {"isEnabled": True}}},
    }
    options, faults = _read(
        tmp_path,
        document,
        AzureFunctionsJobHost__extensions__queues__batchSize="6",
        AZUREFUNCTIONSJOBHOST__EXTENSIONS__QUEUES__VISIBILITYTIMEOUT="00:01:30",
        AzureFunctionsJobHost__extensions__queues__maxPollingInterval="00:00:02.5",
    )
    assert faults == []
    assert options == HostOptions(600, "", QueueOptions(6, 3, 5, 90, 2.5, base64=False))


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        ({"extensions": {"queues": {"newSetting": 1}}}, "extensions.queues.newsetting: this host does not play it"),
        ({"extensions": {"queues": {"maxDequeueCount": "many"}}}, "extensions.queues.maxdequeuecount: invalid literal"),
        ({"extensions": {"queues": {"messageEncoding": "hex"}}}, "'hex' is neither base64 nor none"),
        ({"functionTimeout": "10 minutes"}, "functiontimeout: '10 minutes' is no time span"),
        ({"customHandler": {"x": 1}}, "customhandler.x: this host does not play it"),
        ({"concurrency": {"dynamicConcurrencyEnabled": True}}, "does not play dynamic concurrency"),
    ],
)
def test_faults_in_host_json(tmp_path: Path, document: object, fault: str) -> None:
    """The member is named with what is wrong."""
    _, faults = _read(tmp_path, document)
    assert len(faults) == 1
    assert fault in faults[0]


def test_no_limit_on_the_time(tmp_path: Path) -> None:
    """A functionTimeout of -1 is none."""
    assert _read(tmp_path, {"functionTimeout": "-1"})[0].function_timeout is None


@pytest.mark.parametrize(("text", "seconds"), [("00:00:05", 5), ("1.01:00:00", 90_000), ("00:00:00.2", 0.2)])
def test_time_spans(text: str, seconds: float) -> None:
    """Days and fractions are optional."""
    assert parse_span(text) == seconds


def test_percent_names_are_resolved() -> None:
    """Anywhere in the text; a name that is no setting is refused."""
    settings = AppSettings({"QUEUE": "looks", "Half": "b"})
    assert settings.resolve("%queue%") == "looks"
    assert settings.resolve("a-%HALF%-c") == "a-b-c"
    with pytest.raises(BadSetting, match="there is no app setting NONE"):
        settings.resolve("%NONE%")


def test_connections() -> None:
    """A service URI, or an account name; with or without the prefix AzureWebJobs; with or without a client id."""
    settings = AppSettings(
        {
            "Jobs__queueServiceUri": "https://127.0.0.1:1/a/",
            "Jobs__credential": "managedidentity",
            "Jobs__clientId": "id-1",
            "AzureWebJobsOther__accountName": "stother",
        }
    )
    assert settings.connection("Jobs", "queue") == Connection("https://127.0.0.1:1/a", "id-1")
    assert settings.connection("Other", "queue") == Connection("https://stother.queue.core.windows.net", None)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, "connection Jobs: there is no app setting Jobs__queueServiceUri"),
        ({"Jobs__tableServiceUri": "https://x"}, "there is no app setting Jobs__queueServiceUri"),
        ({"Jobs": "UseDevelopmentStorage=true"}, "Jobs is a connection string"),
        ({"Jobs__queueServiceUri": "https://x", "Jobs__credential": "key"}, "Jobs__credential is 'key'"),
    ],
)
def test_connections_that_are_refused(settings: dict[str, str], fault: str) -> None:
    """The setting is named."""
    with pytest.raises(BadSetting, match=fault):
        AppSettings(settings).connection("Jobs", "queue")
