"""Settings come from the environment once, into a frozen dataclass; nothing else reads `os.environ`.

A field `grpc_port` is read from `MERKEZ_GRPC_PORT`. The addresses of other services are `MERKEZ_ROUTING_ADDRESS`
and so on, collected in `peers`. A field with `metadata={"secret": True}` never shows in `repr`.
"""

from __future__ import annotations

import dataclasses
import os
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

SERVICES = (
    "tenancy", "telephony", "flows", "routing", "recording", "engagement", "billing", "analytics", "gateway",
)  # fmt: skip
"""Every deployable with Python code, in the order they start."""

_SETTINGS = TypeVar("_SETTINGS", bound="ProcessSettings")


class SettingsError(ValueError):
    """The environment is incomplete or malformed; the message names every variable at once, never a value."""


def secret(default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field that holds a secret: kept out of `repr`, so out of logs and tracebacks."""
    return field(default=default, repr=False, metadata={"secret": True})


@dataclass(frozen=True, kw_only=True)
class ProcessSettings:
    """What every process needs. Services subclass it and add their own fields, also with defaults."""

    service: str
    """The service's name; also the audience of its internal tokens and the name of its consumer."""
    grpc_host: str = "127.0.0.1"
    grpc_port: int = 0
    """0 takes a free port."""
    database_url: str = secret("")
    """SQLAlchemy URL of the app role (row level security applies), `postgresql+asyncpg` or `cockroachdb+asyncpg`."""
    system_database_url: str = secret("")
    """The same database by the system role, whose policy spans tenants."""
    nats_url: str = "nats://127.0.0.1:4222"
    """One URL or several with commas, own region first."""
    internal_key: str = ""
    """Path of the Ed25519 private JWK that signs and verifies calls between services."""
    trace_dir: str = ""
    """Folder for `<service>.jsonl` span files; empty writes none."""
    otlp_endpoint: str = ""
    """OTLP gRPC endpoint for traces and metrics; empty sends none."""
    log_level: str = "info"
    region: str = "local"
    data_dir: str = ".local"
    """Where the process may keep files of its own."""
    drain_seconds: float = 10.0
    """How long live work may finish after a stop signal."""
    stream_replicas: int = 1
    """Copies of each JetStream stream: 3 on a cluster."""
    peers: Mapping[str, str] = field(default_factory=dict)
    """Service name -> host:port."""


def load(cls: type[_SETTINGS], *, environ: Mapping[str, str] | None = None, **overrides: Any) -> _SETTINGS:
    """Build `cls` from `MERKEZ_*` variables; `overrides` win (the service's own name, tests)."""
    source = os.environ if environ is None else environ
    values: dict[str, Any] = {"peers": _peers(source)}
    problems: list[str] = []
    kinds = typing.get_type_hints(cls)
    for item in dataclasses.fields(cls):
        name = f"MERKEZ_{item.name.upper()}"
        if item.name in overrides:
            values[item.name] = overrides[item.name]
        elif item.name != "peers" and name in source:
            try:
                values[item.name] = _parse(kinds[item.name], source[name])
            except (ValueError, ArithmeticError):
                problems.append(f"{name} is not a {getattr(kinds[item.name], '__name__', kinds[item.name])}")
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            problems.append(f"{name} is missing")
    if problems:
        raise SettingsError("; ".join(problems))
    return cls(**values)


def _peers(source: Mapping[str, str]) -> dict[str, str]:
    found = {service: source.get(f"MERKEZ_{service.upper()}_ADDRESS", "") for service in SERVICES}
    return {service: address for service, address in found.items() if address}


def _parse(kind: Any, text: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        inner = [item for item in typing.get_args(kind) if item is not type(None)]
        return _parse(inner[0], text) if text else None
    if origin is tuple:
        item = typing.get_args(kind)[0]
        return tuple(_parse(item, part.strip()) for part in text.split(",") if part.strip())
    if kind is bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise ValueError
        return text.lower() in ("true", "1")
    if kind is timedelta:
        return timedelta(seconds=float(text))
    if kind in (str, int, float, Path, Decimal):
        return kind(text)
    raise ValueError
