"""Settings come from the environment once, into a frozen dataclass; nothing else reads `os.environ`.

A field `grpc_port` is read from `MERKEZ_GRPC_PORT`. The addresses of other services are `MERKEZ_ROUTING_ADDRESS`
and so on, collected in `peers`. A field with `metadata={"secret": True}` never shows in `repr`, and may be given in a
file that `MERKEZ_<FIELD>_FILE` names (`chassis.given` tells it while the process runs). What is malformed is
refused at once, in words that name the variable and say what to write; `wrong` says so of a service's own fields.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from kernel.ids import is_region

SERVICES = (
    "tenancy", "telephony", "flows", "routing", "recording", "engagement", "billing", "analytics", "wfm",
    "gateway",
)  # fmt: skip
"""Every deployable with Python code, in the order they start."""

_SETTINGS = TypeVar("_SETTINGS", bound="ProcessSettings")


SETTINGS_WRONG = 78
"""Exit code of a process whose settings are wrong (EX_CONFIG of sysexits.h): starting it again can't help."""

_LOG_LEVELS = ("debug", "info", "warning", "error")
_DATABASES = ("postgresql+asyncpg", "cockroachdb+asyncpg")
_ADDRESS = re.compile(r"\S+:\d{1,5}|(dns|xds|unix|ipv4|ipv6):\S+")


class SettingsError(ValueError):
    """The environment is incomplete or malformed; the message names every variable at once, never a value."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


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
    database_password_file: str = ""
    """File with the password of both roles, read again whenever a connection is opened; then the URLs need none. Of
    several lines each is tried, the first one first: the next password goes in before the database has it."""
    database_tls_authority: str = ""
    """PEM file of the authorities that sign the database's certificate, read again likewise. With it connections are
    encrypted, and refused unless the certificate is for the URL's host (libpq's verify-full); empty leaves it open."""
    nats_url: str = "nats://127.0.0.1:4222"
    """One URL or several with commas, own region first."""
    internal_key: str = ""
    """Path of the Ed25519 private JWK, or set of them, that signs and verifies calls between services; read again when
    it changes (`chassis.keyring`)."""
    tls_certificate: str = ""
    """PEM file of this process's own certificate, for its neighbours and NATS. With it, the key and the authority calls
    between services and to NATS are encrypted and both ends prove who they are; empty leaves them plain. The files
    are read again when they change: docs/mechanisms/mutual-tls.md."""
    health_port: int = 0
    """Answers the health check, and nothing else, without TLS: kubelets can't prove who they are. 0 for none."""
    tls_key: str = ""
    tls_authority: str = ""
    """PEM file of the authorities that sign neighbours' certificates; none but those are believed."""
    trace_dir: str = ""
    """Folder for `<service>.jsonl` span files; empty writes none."""
    otlp_endpoint: str = ""
    """OTLP gRPC endpoint for traces and metrics; empty sends none."""
    log_level: str = "info"
    region: str = "local"
    """Where this process is; also the domain of its region's JetStream."""
    regions: tuple[str, ...] = ()
    """Every region of the installation, this one among them; empty where there is only one."""
    data_dir: str = ".local"
    """Where the process may keep files of its own."""
    drain_seconds: float = 10.0
    """How long live work may finish after a stop signal."""
    stream_replicas: int = 1
    """Copies of each JetStream stream: 3 on a cluster."""
    peers: Mapping[str, str] = field(default_factory=dict)
    """Service name -> host:port."""
    secret_files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Field -> the file it was read from; of fields that hold secrets alone."""

    @property
    def other_regions(self) -> tuple[str, ...]:
        """The regions of the installation that aren't this one."""
        return tuple(each for each in self.regions if each != self.region)

    def wrong(self) -> Iterator[str]:
        """A sentence for each setting that can't work. A service's own settings add theirs to these."""
        if not all(map(is_region, (self.region, *self.regions))):
            yield f"{variable('region')} and {variable('regions')} must be names such as eu-west, with commas"
        elif self.regions and self.region not in self.regions:
            yield f"{variable('regions')} must have the region of {variable('region')} among them"
        for name in ("database_url", "system_database_url"):
            yield from url_wrong(name, getattr(self, name), _DATABASES, "user:password@host:5432/merkez")
        for url in self.nats_url.split(","):
            yield from url_wrong("nats_url", url.strip() or "-", ("nats", "tls"), "host:4222")
        yield from url_wrong("otlp_endpoint", self.otlp_endpoint, ("http", "https"), "host:4317")
        for name in ("internal_key", "database_password_file", "database_tls_authority"):
            if (path := getattr(self, name)) and not os.access(path, os.R_OK):
                yield f"{variable(name)} must be the path of a file that can be read"
        tls = {name: getattr(self, name) for name in ("tls_certificate", "tls_key", "tls_authority")}
        for name, path in tls.items():
            if path and not os.access(path, os.R_OK):
                yield f"{variable(name)} must be the path of a file that can be read"
            elif not path and any(tls.values()):
                yield f"{variable(name)} is missing: all three of {', '.join(map(variable, tls))} are needed, or none"
        for name in ("data_dir", "trace_dir"):
            if (path := Path(getattr(self, name))).exists() and not path.is_dir():
                yield f"{variable(name)} must be the path of a folder"
        if self.log_level.lower() not in _LOG_LEVELS:
            yield f"{variable('log_level')} must be one of {', '.join(_LOG_LEVELS)}"
        for service, address in self.peers.items():
            if not _ADDRESS.fullmatch(address):
                yield f"MERKEZ_{service.upper()}_ADDRESS must be host:port, such as {service}:7000"


def variable(name: str) -> str:
    """The variable a field is read from."""
    return f"MERKEZ_{name.upper()}"


def url_wrong(name: str, text: str, schemes: Sequence[str], example: str) -> Iterator[str]:
    """What to say when the field's `text` is set and not a URL with a host and one of `schemes`."""
    try:
        parts = urlsplit(text)
        # `port` raises for one that is no number up to 65535.
        fine = not text or (parts.scheme in schemes and bool(parts.hostname) and parts.port != 0)
    except ValueError:
        fine = False
    if not fine:
        yield f"{variable(name)} must be {' or '.join(f'{scheme}://{example}' for scheme in schemes)}"


def load(cls: type[_SETTINGS], *, environ: Mapping[str, str] | None = None, **overrides: Any) -> _SETTINGS:
    """Build `cls` from `MERKEZ_*` variables; `overrides` win (the service's own name, tests).

    Raises `SettingsError`.
    """
    source = os.environ if environ is None else environ
    files = _secret_files(cls, source)
    values: dict[str, Any] = {"peers": _peers(source), "secret_files": files}
    problems: list[str] = []
    kinds = typing.get_type_hints(cls)
    for item in dataclasses.fields(cls):
        name = variable(item.name)
        if item.name in overrides:
            values[item.name] = overrides[item.name]
        elif item.name in files:
            if name in source:
                problems.append(f"{name} and {name}_FILE say the same: one of the two")
            try:
                values[item.name] = Path(files[item.name]).read_text().strip()
            except (OSError, ValueError):
                problems.append(f"{name}_FILE must be the path of a file that can be read")
        elif item.name not in values and name in source:
            try:
                values[item.name] = _parse(kinds[item.name], source[name])
            except (ValueError, ArithmeticError):
                problems.append(f"{name} must be {_words(kinds[item.name])}{_example(item)}")
            else:
                problems += _out_of_range(item.name, values[item.name])
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            problems.append(f"{name} is missing")
    if problems:
        raise SettingsError(problems)
    settings = cls(**values)
    if problems := list(settings.wrong()):
        raise SettingsError(problems)
    return settings


def _peers(source: Mapping[str, str]) -> dict[str, str]:
    found = {service: source.get(f"MERKEZ_{service.upper()}_ADDRESS", "") for service in SERVICES}
    return {service: address for service, address in found.items() if address}


def _secret_files(cls: type[ProcessSettings], source: Mapping[str, str]) -> dict[str, str]:
    secrets = (item.name for item in dataclasses.fields(cls) if item.metadata.get("secret"))
    found = {name: source.get(f"{variable(name)}_FILE", "") for name in secrets}
    return {name: path for name, path in found.items() if path}


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


def _words(kind: Any) -> str:
    inner = next((item for item in typing.get_args(kind) if item is not type(None)), kind)
    known = {bool: "true or false", int: "a whole number", timedelta: "a number of seconds"}
    return known.get(inner, "a number")


def _example(item: dataclasses.Field[Any]) -> str:
    default = item.default.total_seconds() if isinstance(item.default, timedelta) else item.default
    if isinstance(default, bool) or not isinstance(default, int | float | Decimal):
        return ""
    return f", such as {default:g}" if isinstance(default, float) else f", such as {default}"


def _out_of_range(name: str, value: Any) -> Iterator[str]:
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, int | float | Decimal):
        return
    if "_port" in name and not 0 <= number <= 65535:
        yield f"{variable(name)} must be a port from 0 to 65535"
    elif not math.isfinite(number) or number < 0:
        yield f"{variable(name)} must not be negative, and be finite"
