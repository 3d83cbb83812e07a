"""What a process tells about itself: JSON log lines, spans, metrics; never personal data or secrets.

Spans go to an OTLP endpoint and to `<trace_dir>/<service>.jsonl`, each only when configured. Log lines go to
stderr with the trace id of what they are about, so that one call is followed by one id.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from sqlalchemy.exc import DBAPIError

from chassis.settings import ProcessSettings

tracer = trace.get_tracer("merkez")
"""Makes spans; usable at import time, effective once `setup_telemetry` ran."""

current_tenant: ContextVar[str] = ContextVar("merkez_tenant", default="")
"""Set by the rpc and fact edges so that log lines name the tenant."""

_REDACTED = "[redacted]"
_TRACE_FILE_BYTES = 64 * 1024 * 1024
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode  # `json.dumps` makes one for every line
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class _Log:
    """`log.info("offer made", contact_id=...)`: a fixed sentence and named fields, one JSON line."""

    def __init__(self) -> None:
        self.service = ""
        self.level = 20
        self._lock = threading.Lock()

    def debug(self, event: str, **fields: Any) -> None:
        """For the one who is looking for something."""
        self._write("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Something happened that an operator may want to know."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Something is off and is being handled."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Something is wrong; `exc_info=error` adds where."""
        self._write("error", event, fields)

    def exception(self, event: str, **fields: Any) -> None:
        """As error, with the exception being handled."""
        self._write("error", event, fields | {"exc_info": sys.exc_info()[1]})

    def _write(self, level: str, event: str, fields: dict[str, Any]) -> None:
        if _LEVELS[level] < self.level:
            return
        line: dict[str, Any] = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),  # noqa: TID251 - wall time labels only
            "level": level,
            "service": self.service,
            "event": event,
        }
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = f"{context.trace_id:032x}"
        if tenant := current_tenant.get():
            line["tenant_id"] = tenant
        error = fields.pop("exc_info", None)
        line.update({name: _printable(value) for name, value in fields.items()})
        if isinstance(error, BaseException):
            line["error"], line["stack"] = describe_error(error)
        with self._lock:
            sys.stderr.write(f"{_encode(line)}\n")
            sys.stderr.flush()


log = _Log()
"""The process's log."""


def safe(message: Message) -> dict[str, Any]:
    """A message as plain values with every field marked `sensitive` replaced, at any depth; for logs."""
    return {
        field.name: _REDACTED if _sensitive(field) else _safe_value(field, value)
        for field, value in message.ListFields()
    }


def describe_error(error: BaseException) -> tuple[str, str]:
    """What may be logged of an exception: its type, words and place. A database error's words often repeat values
    of columns, so of those only codes and names are kept, and words where no value can be."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    if not isinstance(error, DBAPIError):
        return f"{type(error).__name__}: {error}", frames
    cause = getattr(error.orig, "__cause__", None) or error.orig
    code = str(getattr(cause, "sqlstate", None) or "")
    names = [getattr(cause, name, None) for name in ("table_name", "column_name", "constraint_name")]
    words = [type(cause).__name__, code, *(name for name in names if name)]
    if code[:2] in ("08", "40", "42", "53", "57"):
        words.append(str(error.orig).split("\n", 1)[0])
    return " ".join(words), frames


def current_traceparent() -> str:
    """W3C traceparent of the current span; empty outside of one."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent", "")


def context_from(traceparent: str) -> Context:
    """The trace context a header carries; empty or malformed gives a fresh one."""
    return propagate.extract({"traceparent": traceparent} if traceparent else {}, context=Context())


def context_of_trace(trace_id: str) -> Context:
    """A context that goes on with a trace of which only the id was stored (32 hex digits): its spans hang at the
    trace's end without a parent that anybody recorded. Empty gives a fresh one."""
    return context_from(f"00-{trace_id}-{trace_id[16:]}-01" if trace_id else "")


def setup_telemetry(settings: ProcessSettings) -> None:
    """Configure log, spans and metrics of this process once, before anything is traced."""
    log.service = settings.service
    log.level = _LEVELS.get(settings.log_level.lower(), 20)
    logging.basicConfig(level=logging.WARNING, handlers=[_LibraryHandler()], force=True)
    resource = Resource.create({"service.name": settings.service, "deployment.region": settings.region})
    # Where nobody is told of spans they are ids alone: a line of the log still says which call it is of.
    told = bool(settings.trace_dir or settings.otlp_endpoint)
    provider = TracerProvider(resource=resource, sampler=None if told else ALWAYS_OFF)
    if settings.trace_dir:
        exporter = JsonLinesExporter(Path(settings.trace_dir) / f"{settings.service}.jsonl", settings.service)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=settings.otlp_endpoint)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        _setup_metrics(settings.otlp_endpoint, resource)
        data = Path(settings.data_dir)
        observed("merkez.disk.free", "1", "Share of the data folder's disk that is free", lambda: free_share(data))
    trace.set_tracer_provider(provider)


def shutdown_telemetry() -> None:
    """Write out what is still buffered. Safe to call twice."""
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        shutdown = getattr(provider, "shutdown", None)
        if shutdown is not None:
            with contextlib.suppress(Exception):
                shutdown()


def counter(name: str, description: str) -> metrics.Counter:
    """A number that only grows (`merkez.dead_letters`)."""
    return metrics.get_meter("merkez").create_counter(name, description=description)


def gauge(name: str, unit: str, description: str) -> Any:
    """A number that goes up and down (`merkez.outbox.lag`)."""
    return metrics.get_meter("merkez").create_gauge(name, unit=unit, description=description)


def histogram(name: str, unit: str, description: str, bounds: Sequence[float] | None = None) -> metrics.Histogram:
    """A distribution (`merkez.offer.latency`). `bounds` end its buckets; OpenTelemetry's go from 5 to 10,000."""
    return metrics.get_meter("merkez").create_histogram(
        name, unit=unit, description=description, explicit_bucket_boundaries_advisory=bounds
    )


def observed(name: str, unit: str, description: str, read: Callable[[], float]) -> None:
    """A number that is asked for whenever metrics are sent (`merkez.disk.free`)."""
    observe = [lambda _: [metrics.Observation(read())]]
    metrics.get_meter("merkez").create_observable_gauge(name, callbacks=observe, unit=unit, description=description)


class JsonLinesExporter(SpanExporter):
    """Appends one JSON object per finished span: the readable local view of a trace."""

    def __init__(self, path: Path, service: str):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._service = service
        self._path = path
        self._file = path.open("a", encoding="utf-8")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Called by the batch processor's thread."""
        if self._file.closed:
            return SpanExportResult.FAILURE
        for span in spans:
            self._file.write(json.dumps(self._line(span), default=str) + "\n")
        self._file.flush()
        if self._file.tell() > _TRACE_FILE_BYTES:  # keep one older file, so that a machine never fills up
            self._file.close()
            self._path.replace(self._path.with_suffix(".old.jsonl"))
            self._file = self._path.open("a", encoding="utf-8")
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        self._file.close()

    def _line(self, span: ReadableSpan) -> dict[str, Any]:
        context = span.get_span_context()
        start, end = span.start_time or 0, span.end_time or 0
        return {
            "service": self._service,
            "trace_id": f"{context.trace_id:032x}" if context else "",
            "span_id": f"{context.span_id:016x}" if context else "",
            "parent_id": f"{span.parent.span_id:016x}" if span.parent else "",
            "name": span.name,
            "kind": span.kind.name,
            "start": datetime.fromtimestamp(start / 1e9, UTC).isoformat(),
            "duration_ms": round((end - start) / 1e6, 3),
            "status": span.status.status_code.name,
            "attributes": dict(span.attributes or {}),
            "links": [f"{link.context.trace_id:032x}:{link.context.span_id:016x}" for link in span.links],
        }


class _LibraryHandler(logging.Handler):
    """Warnings of libraries come out in our format."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        level = "error" if record.levelno >= logging.ERROR else "warning"
        with contextlib.suppress(Exception):
            getattr(log, level)(record.getMessage(), logger=record.name, exc_info=error)


def free_share(folder: Path) -> float:
    """Of the disk a folder is on, or will be, 0 to 1."""
    while not folder.exists():
        folder = folder.parent
    found = shutil.disk_usage(folder)
    return found.free / found.total


def _setup_metrics(endpoint: str, resource: Resource) -> None:
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint))
    metrics.set_meter_provider(MeterProvider(resource=resource, metric_readers=[reader]))


def _sensitive(field: FieldDescriptor) -> bool:
    from merkez.type.v1 import annotations_pb2

    return bool(field.GetOptions().Extensions[annotations_pb2.sensitive])


def _safe_value(field: FieldDescriptor, value: Any) -> Any:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        shape = entry.fields_by_name["value"]
        return {str(key): _safe_value(shape, value[key]) for key in value}
    if isinstance(value, Message):
        return safe(value)
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [safe(item) if isinstance(item, Message) else item for item in value]
    return value


def _printable(value: Any) -> Any:
    if isinstance(value, Message):
        return safe(value)
    if isinstance(value, bytes):
        return f"[{len(value)} bytes]"
    if isinstance(value, Mapping):
        return {str(key): _printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_printable(item) for item in value]
    return value
