"""What steps that choose by themselves need from outside, and what comes of it: effects, each with its event."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from flows.domain.number_lists import Asked


@dataclass(frozen=True)
class Draw:
    """Say where the run stands in a split."""

    step_id: str


@dataclass(frozen=True)
class Drawn:
    """A point of `branching.POINTS`."""

    point: int


@dataclass(frozen=True)
class QueueStanding:
    """How a queue stands for whoever would join it now. `expected_wait` None: nobody at work serves it. `closed` is by
    its business hours, `holiday` the one that decides about them now."""

    waiting: int = 0
    agents: int = 0
    free: int = 0
    expected_wait: timedelta | None = None
    closed: bool = False
    holiday: str = ""


@dataclass(frozen=True)
class LookInLists:
    """Say which of these numbers are in which of these lists."""

    asked: Collection[Asked] = field(repr=False)


@dataclass(frozen=True)
class ListsSeen:
    """Those that are."""

    listed: tuple[Asked, ...] = field(repr=False)


@dataclass(frozen=True)
class LookAtQueue:
    """Ask routing how a queue stands."""

    queue_id: str


@dataclass(frozen=True)
class QueueSeen:
    """How it stands; None when routing can't say in time."""

    standing: QueueStanding | None


class Found(StrEnum):
    """What came of looking for a customer."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    SEVERAL = "several"
    FAILED = "failed"


@dataclass(frozen=True)
class LookUp:
    """Ask engagement for one customer of the call's brand."""

    by: str
    attribute: str
    value: str = field(repr=False)


@dataclass(frozen=True)
class LookedUp:
    """What is known of the one that was found, by name."""

    found: Found
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Answered:
    """An answer to a survey's question, to be told as a fact."""

    step_id: str
    question_id: str
    value: int
    lowest: int = 0
    highest: int = 0


@dataclass(frozen=True)
class CallerLeft:
    """The caller hung up while they waited in a queue."""


@dataclass(frozen=True)
class AgentLeft:
    """The last agent has left, and the caller is on the line: whose contact and queue it was."""

    contact_id: str
    agent_id: str
    queue_id: str = ""


@dataclass(frozen=True)
class CheckCallback:
    """Ask routing whether somebody who comes to this queue is offered a callback."""

    queue_id: str
    skills: Mapping[str, int]
    priority: int


@dataclass(frozen=True)
class CallbackChecked:
    """Whether a callback is offered; None when routing can't say."""

    offered: bool | None


@dataclass(frozen=True)
class RequestCallback:
    """Have routing call back, at the place of the contact that was left."""

    request_id: str
    queue_id: str
    number: str = field(repr=False)
    skills: Mapping[str, int]
    priority: int
    attributes: Mapping[str, str] = field(repr=False)
    left_contact_id: str = ""


@dataclass(frozen=True)
class CallbackMade:
    """The callback is asked for; empty when routing refused it for good. `already_open`: it was asked for before."""

    callback_id: str
    already_open: bool = False
    refusal: str = ""
