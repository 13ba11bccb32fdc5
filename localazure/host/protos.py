"""The messages of FunctionRpc.proto as plain classes: the worker library takes any namespace that has them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar


class Message:
    """A message: its fields are those that were given, the others are None."""

    fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **given: Any) -> None:
        unknown = given.keys() - set(self.fields)
        if unknown:
            raise ValueError(f"{type(self).__name__} has no field {', '.join(sorted(unknown))}")
        for name in self.fields:
            setattr(self, name, given.get(name))

    def __getattr__(self, name: str) -> Any:
        """Refuse what is no field; only here so that a type checker lets fields be read."""
        raise AttributeError(f"{type(self).__name__} has no field {name}")

    def WhichOneof(self, group: str) -> str | None:
        """Return which field of a oneof is set; every message here has at most one oneof."""
        del group
        return next((name for name in self.fields if getattr(self, name) is not None), None)


class TypedData(Message):
    """A value on its way in or out."""

    fields = ("string", "json", "bytes", "http", "int", "double")


class ParameterBinding(Message):
    """A named value."""

    fields = ("name", "data")

    def WhichOneof(self, group: str) -> str | None:
        """Say that the value is data, never shared memory."""
        del group
        return "data"


class RpcHttp(Message):
    """An HTTP request or response."""

    fields = (
        *("method", "url", "headers", "query", "params", "body"),
        *("status_code", "cookies", "enable_content_negotiation"),
    )


class SameSite:
    """The values of a cookie's SameSite attribute."""

    Lax = "Lax"
    Strict = "Strict"
    ExplicitNone = "None"


setattr(SameSite, "None", None)  # the enumeration's zero: attribute not sent


class RpcHttpCookie(Message):
    """A cookie of an HTTP response."""

    SameSite = SameSite
    fields = ("name", "value", "domain", "path", "expires", "secure", "http_only", "same_site", "max_age")


class StatusResult(Message):
    """Whether a request to the worker succeeded."""

    Failure = 0
    Success = 1
    fields = ("status", "exception")


class BindingInfo(Message):
    """Type and direction of a binding."""

    undefined = 0
    inout = 2
    out = 1
    fields = ("type", "data_type", "direction")


def _message(name: str, *fields: str) -> type[Message]:
    """Return a message class that has nothing but fields."""
    return type(name, (Message,), {"fields": fields})


Request = _message("Request", "request", "properties")
Stream = _message("Stream", "worker_init_request", "functions_metadata_request", "invocation_request")
Init = _message("Init", "capabilities", "function_app_directory")
Trace = _message("Trace", "trace_parent", "trace_state", "attributes")
Retry = _message("Retry", "retry_count", "max_retry_count", "exception")
Invocation = _message(
    "Invocation", "invocation_id", "function_id", "input_data", "trigger_metadata", "trace_context", "retry_context"
)

PROTOS = SimpleNamespace(
    TypedData=TypedData,
    ParameterBinding=ParameterBinding,
    RpcHttp=RpcHttp,
    RpcHttpCookie=RpcHttpCookie,
    StatusResult=StatusResult,
    BindingInfo=BindingInfo,
    RpcException=_message("RpcException", "message", "stack_trace"),
    WorkerInitResponse=_message("WorkerInitResponse", "capabilities", "worker_metadata", "result"),
    WorkerMetadata=_message(
        "WorkerMetadata", "runtime_name", "runtime_version", "worker_version", "worker_bitness", "custom_properties"
    ),
    FunctionMetadataResponse=_message(
        "FunctionMetadataResponse", "use_default_metadata_indexing", "function_metadata_results", "result"
    ),
    FunctionLoadResponse=_message("FunctionLoadResponse", "function_id", "result"),
    RpcFunctionMetadata=_message(
        "RpcFunctionMetadata",
        *("name", "function_id", "managed_dependency_enabled", "directory", "script_file", "entry_point", "is_proxy"),
        *("language", "bindings", "raw_bindings", "retry_options", "properties"),
    ),
    RpcRetryOptions=_message(
        "RpcRetryOptions", "max_retry_count", "retry_strategy", "delay_interval", "minimum_interval", "maximum_interval"
    ),
    InvocationResponse=_message("InvocationResponse", "invocation_id", "return_value", "result", "output_data"),
    NullableString=_message("NullableString", "value"),
    NullableBool=_message("NullableBool", "value"),
    NullableDouble=_message("NullableDouble", "value"),
    NullableTimestamp=_message("NullableTimestamp", "value"),
    Timestamp=_message("Timestamp", "seconds"),
)
