"""Overflow, proto <-> domain."""

from __future__ import annotations

from datetime import timedelta

from chassis.instants import duration_in, duration_out, time_out
from kernel.errors import InvalidInput
from merkez.routing.v1 import contact_pb2, overflow_pb2

from routing.domain.overflow import NONE, Checks, LeaveReason, Overflow, Overflowed, OverflowRule, Trigger

_TRIGGERS = {
    "after_wait": Trigger.AFTER_WAIT, "expected_wait_over": Trigger.EXPECTED_WAIT, "depth": Trigger.DEPTH,
    "nobody_staffed": Trigger.NOBODY_STAFFED, "closed": Trigger.CLOSED,
}  # fmt: skip
_FIELDS = {trigger: name for name, trigger in _TRIGGERS.items()}


def overflow_to_proto(overflow: Overflow) -> overflow_pb2.Overflow | None:
    """Whole; None when there is none."""
    if overflow == NONE:
        return None
    return overflow_pb2.Overflow(
        rules=[_rule_to_proto(rule) for rule in overflow.rules],
        max_wait=duration_out(overflow.max_wait),
        max_waiting=overflow.max_waiting,
        leave_when_unstaffed=overflow.leave_when_unstaffed,
    )


def overflow_from_proto(message: overflow_pb2.Overflow, field: str) -> Overflow:
    """As given; the rules check it. InvalidInput for what this version doesn't know."""
    return Overflow(
        tuple(_rule_from_proto(each, f"{field}.rules[{index}]") for index, each in enumerate(message.rules)),
        duration_in(message, "max_wait"),
        message.max_waiting,
        message.leave_when_unstaffed,
    )


def overflowed_to_proto(overflowed: Overflowed) -> overflow_pb2.Overflowed:
    """Whole."""
    return overflow_pb2.Overflowed(
        from_queue_id=overflowed.from_queue_id,
        queue_id=overflowed.queue_id,
        number=overflowed.number,
        trigger=overflow_pb2.OverflowTrigger.Value(f"OVERFLOW_TRIGGER_{overflowed.trigger}"),
        rule=overflowed.rule + 1,
        waited=duration_out(overflowed.waited),
        time=time_out(overflowed.time),
    )


def leave_reason_to_proto(reason: LeaveReason | None) -> overflow_pb2.LeaveReason.ValueType:
    """UNSPECIFIED for none."""
    return overflow_pb2.LeaveReason.Value(f"LEAVE_REASON_{reason or 'UNSPECIFIED'}")


def add_checks(made: contact_pb2.Explanation, checks: Checks) -> None:
    """What its queue's rules would do to the contact explained."""
    made.overflow_checks.extend(
        overflow_pb2.OverflowCheck(rule=each.rule + 1, rejection=each.rejection) for each in checks.rules
    )
    if checks.next_time is not None:
        made.next_overflow_time.FromDatetime(checks.next_time)


def _rule_to_proto(rule: OverflowRule) -> overflow_pb2.OverflowRule:
    made = overflow_pb2.OverflowRule(queue_id=rule.queue_id) if rule.queue_id else overflow_pb2.OverflowRule(
        number=rule.number
    )  # fmt: skip
    match rule.trigger:
        case Trigger.AFTER_WAIT:
            made.after_wait.FromTimedelta(rule.wait)
        case Trigger.EXPECTED_WAIT:
            made.expected_wait_over.FromTimedelta(rule.wait)
        case Trigger.DEPTH:
            made.depth = rule.depth
        case Trigger.NOBODY_STAFFED | Trigger.CLOSED:
            setattr(made, _FIELDS[rule.trigger], True)
    return made


def _rule_from_proto(message: overflow_pb2.OverflowRule, place: str) -> OverflowRule:
    name = message.WhichOneof("trigger")
    if name is None:
        raise InvalidInput.of(place, "says no trigger this version knows")
    if name in ("nobody_staffed", "closed") and not getattr(message, name):
        raise InvalidInput.of(f"{place}.{name}", "must be true, or left out")
    wait = duration_in(message, name) if name in ("after_wait", "expected_wait_over") else None
    depth = message.depth if name == "depth" else 0
    return OverflowRule(_TRIGGERS[name], wait or timedelta(0), depth, message.queue_id, message.number.strip())
