"""What validation goes by and finds, before a problem knows its step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from kernel.skills import Requirement

from flows.domain.definitions import Definition, Severity

DIGITS = "0123456789*#"
UNCHECKED = "REFERENCE_UNCHECKED"
"""Reason of the warning about a reference whose owner could not be asked."""

Found = tuple[str, Severity, str, str]
"""field, severity, reason, message."""


@dataclass(frozen=True)
class References:
    """What a definition may refer to. None: the owner could not be asked, which warns while editing."""

    queues: Collection[str] | None = ()
    business_hours: Collection[str] | None = ()
    skills: Mapping[str, str] | None = field(default_factory=dict)
    """Names by id."""
    queues_ask: Mapping[str, Requirement] = field(default_factory=dict)
    """What queues ask of agents, skills by id."""
    agents: Collection[str] | None = ()
    prompts: Collection[str] = ()
    flows: Collection[str] = ()
    """Those that have a release."""
    allow_loopback: bool = False
    called: Mapping[str, Definition] = field(default_factory=dict)
    """Newest releases of the flows it calls or hands on to, and of those that they lead into."""
    flow_id: str = ""
    """The flow that is checked; empty for a new one."""
    number_lists: Collection[str] = ()
    """Keys of the tenant's number lists."""


def error(field: str, reason: str, message: str) -> Found:
    """Something that blocks publishing."""
    return field, Severity.ERROR, reason, message


def warning(field: str, reason: str, message: str) -> Found:
    """Something to look at."""
    return field, Severity.WARNING, reason, message


def reference(field: str, value: str, known: Collection[str] | None, noun: str) -> Iterator[Found]:
    """Whether what a field refers to exists."""
    word = noun.lower().replace("_", " ")
    if not value:
        yield error(field, f"{noun}_UNKNOWN", f"Choose the {word}.")
    elif known is None:
        yield warning(field, UNCHECKED, f"Routing can't be reached, so the {word} was not checked.")
    elif value not in known:
        yield error(field, f"{noun}_UNKNOWN", f"This {word} doesn't exist: choose another.")


def input_limits(timeout: timedelta | None, attempts: int) -> Iterator[Found]:
    """Whether a caller gets time, and not for ever."""
    if timeout is not None and not timedelta(seconds=1) <= timeout <= timedelta(seconds=60):
        yield error("timeout", "RANGE_INVALID", "The time to press must be 1 to 60 seconds.")
    if not 0 <= attempts <= 10:
        yield error("attempts", "RANGE_INVALID", "It can be asked 1 to 10 times.")
