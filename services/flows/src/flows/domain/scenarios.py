"""What a flow is tried out with: who calls, when, and what callers, agents and other systems do, in turn."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from kernel.errors import FieldViolation

from flows.domain.deeds import Found, QueueStanding
from flows.domain.definitions import ATTRIBUTE, BUILT_IN_ATTRIBUTES, CHANNELS, OWN_PREFIXES
from flows.domain.number_lists import KEY
from flows.domain.runs import MAX_ATTRIBUTE_LENGTH

MAX_INPUTS = 200
MAX_ATTRIBUTES = 50
MAX_ANSWER = 64 * 1024
"""Characters of an HTTP answer."""
FAILED = "failed"
MISSING = (Found.NOT_FOUND.value, Found.SEVERAL.value, Found.FAILED.value)
_STANDING = re.compile(r"(waiting|agents|free|expected_wait)=(\d{1,6})s?")
_HOLIDAY = re.compile(r"(?:^|\s)holiday=(.*)", re.DOTALL)
NO_LIST = "none"
DIGITS = frozenset("0123456789*#")


class Kind(StrEnum):
    """What happens. What `value` says depends on it."""

    DIGITS = "digits"
    """The caller presses these."""
    TEXT = "text"
    """The caller says this."""
    TIMED_OUT = "timed_out"
    """The time to press runs out after these digits, or none."""
    QUEUE = "queue"
    HTTP_ANSWER = "http_answer"
    """The other system answers with this body."""
    HTTP_FAILURE = "http_failure"
    """Every try fails, the last like this."""
    TRANSFER = "transfer"
    VOICEMAIL = "voicemail"
    HOURS = "hours"
    HANG_UP = "hang_up"
    """The caller hangs up."""
    SPLIT = "split"
    """A split draws the share of this name."""
    QUEUE_STANDING = "queue_standing"
    """A queue that is asked about stands like this, see `standing_of`."""
    NUMBER_LISTS = "number_lists"
    """The numbers a step asks about are in the lists of these keys, see `keys_of`."""
    CALLBACK = "callback"
    """Whether a callback is offered, and what comes of asking for one."""
    CUSTOMER = "customer"
    """Looking for a customer comes to this: not_found, several, failed, or a JSON object of what is known of one."""


OUTCOMES: Mapping[Kind, Sequence[str]] = {
    Kind.QUEUE: (
        "answered",
        "no_agents",
        "max_wait",
        "abandoned",
        "waiting",
        "closed",
        "nobody_staffed",
        "full",
        "no_answer",
        "agent_hung_up",
    ),
    Kind.TRANSFER: ("answered", "busy", "no_answer", "failed"),
    Kind.VOICEMAIL: ("left", "nothing"),
    Kind.HOURS: ("open", "closed"),
    Kind.CALLBACK: ("offered", "not_offered", "refused", "asked_before"),
}
"""What `value` may be where it is one of a few."""


@dataclass(frozen=True)
class Input:
    """One thing that happens. `kind` says what `value` is."""

    kind: str = ""
    value: str = ""
    position: int = 0
    """In a queue: the place in line that is announced."""
    expected_wait: timedelta | None = None
    """In a queue: the wait that is announced; None can't be told."""
    duration: timedelta | None = None
    """Of a talk or of a message."""


@dataclass(frozen=True)
class Scenario:
    """The call. `time` is when it comes: business hours are those of that moment; None leaves them to the inputs."""

    caller_number: str = ""
    caller_name: str = ""
    dialed_number: str = ""
    brand_name: str = ""
    language: str = ""
    time: datetime | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    channel: str = ""
    """What the customer comes by; empty is voice."""


def check(scenario: Scenario, inputs: Sequence[Input]) -> list[FieldViolation]:
    """What makes no sense by itself, whatever the flow is."""
    return [*_check_scenario(scenario), *_check_inputs(inputs)]


def _check_scenario(scenario: Scenario) -> Iterator[FieldViolation]:
    for name in ("caller_number", "caller_name", "dialed_number", "brand_name", "language"):
        if len(getattr(scenario, name)) > 200:
            yield FieldViolation(f"scenario.{name}", "is longer than 200 characters")
    if scenario.channel and scenario.channel not in CHANNELS:
        yield FieldViolation("scenario.channel", f"must be one of {', '.join(CHANNELS)}, or empty for voice")
    earliest, latest = datetime(1970, 1, 2, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
    if scenario.time is not None and not earliest <= scenario.time <= latest:
        yield FieldViolation("scenario.time", "must be from 1970 to 2199")
    if len(scenario.attributes) > MAX_ATTRIBUTES:
        yield FieldViolation("scenario.attributes", f"are more than {MAX_ATTRIBUTES}")
    for name, value in scenario.attributes.items():
        place = f"scenario.attributes[{name}]"
        if not ATTRIBUTE.fullmatch(name):
            yield FieldViolation(place, "is not a name: up to 64 letters, digits, _, . and -")
        elif name in BUILT_IN_ATTRIBUTES or name.startswith(OWN_PREFIXES):
            yield FieldViolation(place, "comes from the call itself: choose another name")
        elif len(value) > MAX_ATTRIBUTE_LENGTH:
            yield FieldViolation(place, f"is longer than {MAX_ATTRIBUTE_LENGTH} characters")


def _check_inputs(inputs: Sequence[Input]) -> Iterator[FieldViolation]:
    if len(inputs) > MAX_INPUTS:
        yield FieldViolation("inputs", f"are more than {MAX_INPUTS}")
        return
    for place, each in enumerate(inputs):
        wrong = _wrong(each)
        if wrong:
            yield FieldViolation(f"inputs[{place}]{f'.{each.kind}' if each.kind else ''}", wrong)
        for name, value in (("expected_wait", each.expected_wait), ("duration", each.duration)):
            if value is not None and not timedelta(0) <= value <= timedelta(hours=24):
                yield FieldViolation(f"inputs[{place}].{name}", "must be from 0 seconds to 24 hours")
        if not 0 <= each.position <= 10_000:
            yield FieldViolation(f"inputs[{place}].position", "must be from 0 to 10000")


def _wrong(each: Input) -> str:
    if each.kind not in list(Kind):
        return "says nothing that can happen"
    known = OUTCOMES.get(Kind(each.kind))
    if known is not None and each.value not in known:
        return f"must be one of {', '.join(known)}"
    if each.kind in (Kind.DIGITS, Kind.TIMED_OUT) and not DIGITS.issuperset(each.value):
        return "may hold 0 to 9, * and # only"
    if each.kind == Kind.DIGITS and not each.value:
        return "is empty: press something, or let the time run out"
    if each.kind == Kind.QUEUE_STANDING and each.value != FAILED and standing_of(each.value) is None:
        return "must be failed, or numbers such as waiting=3 agents=2 free=0 expected_wait=90s closed holiday=New Year"
    if each.kind == Kind.NUMBER_LISTS and keys_of(each.value) is None:
        return "must be none, or keys of number lists such as vip blocked"
    if each.kind == Kind.CUSTOMER and each.value not in MISSING and customer_of(each.value) is None:
        return f"must be {', '.join(MISSING)} or a JSON object of texts"
    if each.kind == Kind.SPLIT and not each.value:
        return "is empty: name the share"
    if len(each.value) > (MAX_ANSWER if each.kind == Kind.HTTP_ANSWER else 200):
        return "is too long"
    return ""


def standing_of(text: str) -> QueueStanding | None:
    """How a queue stands, of `waiting=3 agents=2 free=0 expected_wait=90s closed holiday=New Year`; None for anything
    else. What is left out is 0; without an expected wait there is none, and it is open and no holiday."""
    found: dict[str, int] = {}
    closed, holiday = False, _HOLIDAY.search(text)
    for part in _HOLIDAY.sub("", text).split():
        if part == "closed" and not closed:
            closed = True
            continue
        match = _STANDING.fullmatch(part)
        if match is None or match[1] in found:
            return None
        found[match[1]] = int(match[2])
    wait = timedelta(seconds=found["expected_wait"]) if "expected_wait" in found else None
    return QueueStanding(
        found.get("waiting", 0), found.get("agents", 0), found.get("free", 0), wait, closed,
        holiday[1].strip() if holiday else "",
    )  # fmt: skip


def keys_of(text: str) -> frozenset[str] | None:
    """Keys of number lists, of `vip blocked` or `none`; None for anything else."""
    if text.strip() == NO_LIST:
        return frozenset()
    found = text.split()
    return frozenset(found) if found and all(KEY.fullmatch(each) for each in found) else None


def customer_of(text: str) -> Mapping[str, str] | None:
    """What is known of a customer, of a JSON object of texts; None for anything else."""
    try:
        made: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(made, dict) or not all(isinstance(value, str) for value in made.values()):
        return None
    return {str(name): str(value)[:MAX_ATTRIBUTE_LENGTH] for name, value in made.items()}
