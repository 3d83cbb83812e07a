"""What a simulation looks up, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from kernel.hours import Hours as Calendar

from flows.domain.definitions import Definition
from flows.domain.orders import Audio
from flows.domain.scenarios import Kind


class End(StrEnum):
    """How a simulation stands. The first four are ends."""

    FLOW_ENDED = "FLOW_ENDED"
    FLOW_FAILED = "FLOW_FAILED"
    ANSWERED = "ANSWERED"
    HUNG_UP = "HUNG_UP"
    TOO_MANY_STEPS = "TOO_MANY_STEPS"
    WAITING = "WAITING"


@dataclass(frozen=True)
class Visit:
    """One step on the way: what was heard there, what happened, the attributes when it was left, and the inputs that
    were taken there. `flow_id` is empty for the flow that is tried out."""

    step_id: str
    flow_id: str = ""
    heard: tuple[Audio, ...] = ()
    outcomes: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Waiting:
    """What it waits for: an input of one of `kinds`, with one of `outcomes` where it is one of a few."""

    step_id: str
    kinds: tuple[Kind, ...]
    outcomes: tuple[str, ...] = ()
    min_digits: int = 0
    max_digits: int = 0
    terminator: str = ""
    method: str = ""
    url: str = ""
    body: str = ""
    phrases: tuple[str, ...] = ()
    """What may be said instead of pressing; empty where no words are understood."""


@dataclass(frozen=True)
class Mismatch:
    """The input the flow had no use for, and why."""

    index: int
    message: str


@dataclass(frozen=True)
class Simulation:
    """How far a flow came. `elapsed` is pretended time in queues and talks."""

    visits: tuple[Visit, ...]
    end: End
    initial: Mapping[str, str]
    waiting: Waiting | None = None
    mismatch: Mismatch | None = None
    elapsed: timedelta = timedelta(0)

    @property
    def attributes(self) -> Mapping[str, str]:
        """Those at the end."""
        return self.visits[-1].attributes if self.visits else self.initial


@dataclass(frozen=True)
class World:
    """What a simulation looks up: business hours by id, None while they can't be told, and the releases of the flows a
    caller may be handed on to."""

    calendars: Mapping[str, Calendar] | None = None
    flows: Mapping[str, Definition] = field(default_factory=dict)
