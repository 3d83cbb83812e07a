"""Why a process ended, in one line, out of what it wrote: our services' JSON lines, PostgreSQL's and nats-server's."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

_SERVERS = re.compile(r"(?:(?:FATAL|PANIC):|LOG:(?=\s+could not)|\[FTL\])\s+(.*)")


def size(log: Path) -> int:
    """How long a log is, to look later only at what was added; 0 when there is none."""
    return log.stat().st_size if log.exists() else 0


def place(log: Path) -> str:
    """Where to look further: the path from here, or all of it when it lies elsewhere."""
    return str(log.relative_to(Path.cwd()) if log.is_relative_to(Path.cwd()) else log)


def reason(log: Path, since: int) -> str:
    """What the log says of the end, looking at what was written after byte `since`; empty when it says nothing."""
    lines = [line for line in map(str.strip, _tail(log, since)) if line]
    # A server names the cause first and gives up after; a service logs on until the error it ends with.
    for line in lines:
        if found := _SERVERS.search(line):
            return found[1]
    for line in reversed(lines):
        if words := _error_of(line):
            return words
    return lines[-1] if lines else ""


def _tail(log: Path, since: int) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(since)
            return file.read().decode(errors="replace").splitlines()
    except OSError:
        return []


def _error_of(line: str) -> str:
    with contextlib.suppress(ValueError, AttributeError):
        said = json.loads(line)
        if said.get("level") == "error":
            return " ".join(": ".join(str(said[key]) for key in ("event", "error") if said.get(key)).split())
    return ""
