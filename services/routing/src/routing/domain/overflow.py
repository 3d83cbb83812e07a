"""Where contacts go that a queue can't serve: to another queue, to an outside number, or out by an exit of their flow.

Rules are looked at in their order when a contact comes and while it waits, and the first that holds and whose target
takes it sends it on; then the queue's limits are. A contact never comes to a queue twice in this way: a loop is refused
when it is saved, and whoever was in a queue isn't sent there again whatever is saved meanwhile.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kernel.ids import is_id

from routing.domain.faults import fault, length_fault, number_fault
from routing.domain.phones import undialable

MAX_RULES = 20
MOST_WAITING = 10_000
_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=30)


class Trigger(StrEnum):
    """What makes a rule hold."""

    AFTER_WAIT = "AFTER_WAIT"
    """It has waited so long in all."""
    EXPECTED_WAIT = "EXPECTED_WAIT"
    """Its expected further wait is longer, or nobody is at work."""
    DEPTH = "DEPTH"
    """So many of the queue come before it."""
    NOBODY_STAFFED = "NOBODY_STAFFED"
    """No agent is signed in who could take it."""
    CLOSED = "CLOSED"
    """The queue's business hours are closed."""


class LeaveReason(StrEnum):
    """Why a contact left its queue without an agent."""

    MAX_WAIT = "MAX_WAIT"
    CLOSED = "CLOSED"
    NOBODY_STAFFED = "NOBODY_STAFFED"
    FULL = "FULL"
    NUMBER = "NUMBER"
    """It overflowed to an outside number."""


@dataclass(frozen=True)
class OverflowRule:
    """Sends contacts to another queue or to a number. `wait` is that of the first two triggers, `depth` of DEPTH."""

    trigger: Trigger
    wait: timedelta = timedelta(0)
    depth: int = 0
    queue_id: str = ""
    number: str = ""


@dataclass(frozen=True)
class Overflow:
    """A queue's rules, and its limits: None and 0 for none."""

    rules: tuple[OverflowRule, ...] = ()
    max_wait: timedelta | None = None
    max_waiting: int = 0
    leave_when_unstaffed: bool = False

    @property
    def queues_named(self) -> set[str]:
        """Every queue these rules send contacts to."""
        return {rule.queue_id for rule in self.rules} - {""}

    @property
    def triggers(self) -> set[Trigger]:
        """What has to be known to go by it."""
        staffing = {Trigger.NOBODY_STAFFED} if self.leave_when_unstaffed else set[Trigger]()
        return {rule.trigger for rule in self.rules} | staffing

    @property
    def watches(self) -> bool:
        """Whether it may send on what waits already."""
        return bool(self.rules) or self.max_wait is not None or self.leave_when_unstaffed


NONE = Overflow()
_REFUSALS: Mapping[LeaveReason, str] = {
    LeaveReason.MAX_WAIT: "queue_max_wait", LeaveReason.CLOSED: "queue_closed", LeaveReason.FULL: "queue_full",
    LeaveReason.NOBODY_STAFFED: "queue_unstaffed", LeaveReason.NUMBER: "",
}  # fmt: skip


@dataclass(frozen=True)
class Overflowed:
    """A contact was sent from a queue to another one or to a number, by the rule of that index after having waited so
    long in all."""

    from_queue_id: str
    trigger: Trigger
    rule: int
    waited: timedelta
    time: datetime
    queue_id: str = ""
    number: str = ""


@dataclass(frozen=True)
class Situation:
    """How its queue is for a contact. `waiting` are those besides it, `ahead` those of them that come before it. What
    no rule asks for may be as on a good day."""

    entering: bool
    waited: timedelta
    open: bool = True
    staffed: bool = True
    waiting: int = 0
    ahead: int = 0
    expected: timedelta | None = timedelta(0)


@dataclass(frozen=True, slots=True)
class Look:
    """Asks how a queue is for the contact, or would be if it came there."""

    queue_id: str
    entering: bool


@dataclass(frozen=True, slots=True)
class SentOn:
    """The rule of that index sends it on, after so long a wait in all."""

    index: int
    rule: OverflowRule
    waited: timedelta


Search = Generator[Look, Situation | None, SentOn | LeaveReason | None]
"""Asks for situations as it needs them, so that rows are read, or a simulated day is looked at, for those alone. None
is the answer for a queue that could never take the contact."""


@dataclass(frozen=True)
class Check:
    """A rule as it stands for a contact: empty when it is about to send it on."""

    rule: int
    rejection: str


@dataclass(frozen=True)
class Checks:
    """Every rule of its queue, and when the next comes by waiting alone."""

    rules: Sequence[Check]
    next_time: datetime | None


def holds(rule: OverflowRule, now: Situation) -> bool:
    """Whether the rule would send the contact on, if its target takes it."""
    match rule.trigger:
        case Trigger.AFTER_WAIT:
            return now.waited >= rule.wait
        case Trigger.EXPECTED_WAIT:
            return now.expected is None or now.expected > rule.wait
        case Trigger.DEPTH:
            return now.ahead >= rule.depth
        case Trigger.NOBODY_STAFFED:
            return not now.staffed
        case Trigger.CLOSED:
            return not now.open


def way(overflows: Mapping[str, Overflow], queue_id: str, been: Set[str], *, entering: bool) -> Search:
    """Where a contact goes from a queue; None: it stays. `been` are queues it was in before."""
    situation = yield Look(queue_id, entering)
    if situation is None or queue_id not in overflows:
        return None
    return (yield from _onward(overflows, queue_id, situation, {*been, queue_id}))


def refusal(
    overflows: Mapping[str, Overflow], queue_id: str, rule: OverflowRule, been: Set[str]
) -> Generator[Look, Situation | None, str]:
    """Why the target of a queue's rule doesn't take the contact; empty when it does."""
    return (yield from _refusal(overflows, rule, {*been, queue_id}))


def _onward(overflows: Mapping[str, Overflow], queue_id: str, situation: Situation, been: Set[str]) -> Search:
    overflow = overflows[queue_id]
    for index, rule in enumerate(overflow.rules):
        if holds(rule, situation) and not (yield from _refusal(overflows, rule, been)):
            return SentOn(index, rule, situation.waited)
    return leaves(overflow, situation)


def _refusal(
    overflows: Mapping[str, Overflow], rule: OverflowRule, been: Set[str]
) -> Generator[Look, Situation | None, str]:
    if rule.number:
        return ""
    if rule.queue_id in been:
        return "been_there"
    situation = (yield Look(rule.queue_id, entering=True)) if rule.queue_id in overflows else None
    if situation is None:
        return "impossible"
    there = yield from _onward(overflows, rule.queue_id, situation, {*been, rule.queue_id})
    return _REFUSALS[there] if isinstance(there, LeaveReason) else ""


def leaves(overflow: Overflow, now: Situation) -> LeaveReason | None:
    """Why the contact has to leave a queue no rule of which sends it on. Hours and depth are for those who come."""
    if now.entering and not now.open:
        return LeaveReason.CLOSED
    if overflow.max_wait is not None and now.waited >= overflow.max_wait:
        return LeaveReason.MAX_WAIT
    if overflow.leave_when_unstaffed and not now.staffed:
        return LeaveReason.NOBODY_STAFFED
    if now.entering and overflow.max_waiting and now.waiting >= overflow.max_waiting:
        return LeaveReason.FULL
    return None


def next_by_wait(overflow: Overflow, waited: timedelta) -> timedelta | None:
    """How long it will have waited when the next rule, or the limit, comes by waiting alone; None when none does."""
    return min((wait for wait in _waits(overflow) if wait > waited), default=None)


def over_by_wait(overflow: Overflow, waited: timedelta) -> bool:
    """Whether a rule, or the limit, holds for who waited so long."""
    return any(wait <= waited for wait in _waits(overflow))


def _waits(overflow: Overflow) -> list[timedelta]:
    longest = [overflow.max_wait] if overflow.max_wait is not None else []
    return [rule.wait for rule in overflow.rules if rule.trigger is Trigger.AFTER_WAIT] + longest


def check_overflow(overflow: Overflow, queue_id: str, field: str, *, has_hours: bool) -> Overflow:
    """The overflow, when all of it can happen; InvalidInput with the place of the fault. Whether its queues exist, and
    where they send contacts themselves, is for the caller to know."""
    if len(overflow.rules) > MAX_RULES:
        raise fault("TOO_MANY", f"{field}.rules", f"has more than {MAX_RULES} rules", most=MAX_RULES)
    if overflow.max_wait is not None:
        _check_wait(overflow.max_wait, f"{field}.max_wait")
    if not 0 <= overflow.max_waiting <= MOST_WAITING:
        raise number_fault(f"{field}.max_waiting", 0, MOST_WAITING)
    for index, rule in enumerate(overflow.rules):
        place = f"{field}.rules[{index}]"
        _check_rule(rule, queue_id, place, has_hours=has_hours)
        _check_reached(overflow, index, place)
    _check_limit(overflow, field)
    return overflow


def loop_of(queue_id: str, targets: Mapping[str, Iterable[str]]) -> Sequence[str]:
    """The queues by which a contact of this one would come back to it, this one first and last; empty when it can't.
    `targets` are the queues that each queue sends contacts to."""
    ways: list[tuple[str, ...]] = [(queue_id,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        for target in targets.get(way[-1], ()):
            if target == queue_id:
                return (*way, target)
            if target not in seen:
                seen.add(target)
                ways.append((*way, target))
    return ()


def _check_rule(rule: OverflowRule, queue_id: str, place: str, *, has_hours: bool) -> None:
    if rule.trigger is Trigger.AFTER_WAIT:
        _check_wait(rule.wait, f"{place}.after_wait")
    if rule.trigger is Trigger.EXPECTED_WAIT:
        _check_wait(rule.wait, f"{place}.expected_wait_over")
    if rule.trigger is Trigger.DEPTH and not 1 <= rule.depth <= MOST_WAITING:
        raise number_fault(f"{place}.depth", 1, MOST_WAITING)
    if rule.trigger is Trigger.CLOSED and not has_hours:
        raise fault("NO_HOURS", f"{place}.closed", "can never be: the queue goes by no business hours")
    if bool(rule.queue_id) == bool(rule.number):
        raise fault("TARGET_MISSING", place, "needs either queue_id or number")
    if rule.number and (wrong := undialable(rule.number)) is not None:
        raise fault(wrong.code, f"{place}.number", wrong.wrong)
    if rule.queue_id and not is_id("que", rule.queue_id):
        raise fault("QUEUE_UNKNOWN", f"{place}.queue_id", "is not the id of a queue (que_...)")
    if rule.queue_id and rule.queue_id == queue_id:
        raise fault("THIS_QUEUE", f"{place}.queue_id", "is the queue itself")


def _check_wait(wait: timedelta, place: str) -> None:
    if not _SHORTEST <= wait <= _LONGEST:
        raise length_fault(place, "must be 1 second to 30 days", _SHORTEST, _LONGEST)


def _check_reached(overflow: Overflow, index: int, place: str) -> None:
    rule = overflow.rules[index]
    if rule.trigger is Trigger.AFTER_WAIT and overflow.max_wait is not None and rule.wait >= overflow.max_wait:
        raise fault("AFTER_MAX_WAIT", f"{place}.after_wait", "can never be: it is not before the longest wait")
    if rule.trigger is Trigger.DEPTH and overflow.max_waiting and rule.depth > overflow.max_waiting:
        raise fault("FULL_BEFORE", f"{place}.depth", "can never be: the queue is full before")
    for number, other in enumerate(overflow.rules):
        if number == index or not _implies(rule, other):
            continue
        takes_all = bool(other.number) or (rule.queue_id, rule.number) == (other.queue_id, other.number)
        # A rule further down is sooner only where time alone decides: it was due while this one was not.
        sooner = number < index or (rule.trigger is Trigger.AFTER_WAIT and rule.wait > other.wait)
        if takes_all and sooner:
            wrong = f"is never reached: rules[{number}] sends on whatever it would"
            raise fault("NEVER_REACHED", place, wrong, rule=number + 1)


def _check_limit(overflow: Overflow, field: str) -> None:
    for index, rule in enumerate(overflow.rules):
        if not rule.number:
            continue  # a queue may not take it
        wrong = f"is never reached: rules[{index}] sends everybody on before"
        by_wait = rule.trigger is Trigger.AFTER_WAIT
        if by_wait and overflow.max_wait is not None and rule.wait <= overflow.max_wait:
            raise fault("LIMIT_NEVER_REACHED", f"{field}.max_wait", wrong, rule=index + 1)
        if overflow.leave_when_unstaffed and rule.trigger in (Trigger.NOBODY_STAFFED, Trigger.EXPECTED_WAIT):
            raise fault("LIMIT_NEVER_REACHED", f"{field}.leave_when_unstaffed", wrong, rule=index + 1)


def _implies(rule: OverflowRule, other: OverflowRule) -> bool:
    """Whether the other one holds whenever this one does."""
    if rule.trigger is Trigger.NOBODY_STAFFED and other.trigger is Trigger.EXPECTED_WAIT:
        return True
    return rule.trigger is other.trigger and rule.wait >= other.wait and rule.depth >= other.depth
