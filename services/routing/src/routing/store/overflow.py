"""Overflow as it lies in rows: a queue's rules, and how a contact was sent on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from routing.domain.overflow import NONE, Overflow, Overflowed, OverflowRule, Trigger
from routing.store.rows import duration, milliseconds


def overflow_to_json(overflow: Overflow) -> dict[str, Any]:
    """For a queue's overflow column: empty when there is none."""
    if overflow == NONE:
        return {}
    return {
        "rules": [
            vars(rule) | {"trigger": rule.trigger.value, "wait": milliseconds(rule.wait)} for rule in overflow.rules
        ],
        "max_wait": None if overflow.max_wait is None else milliseconds(overflow.max_wait),
        "max_waiting": overflow.max_waiting,
        "leave_when_unstaffed": overflow.leave_when_unstaffed,
    }


def overflow_from_json(value: Mapping[str, Any]) -> Overflow:
    """From a queue's overflow column."""
    if not value:
        return NONE
    return Overflow(
        tuple(
            OverflowRule(**dict(each) | {"trigger": Trigger(each["trigger"]), "wait": duration(each["wait"])})
            for each in value["rules"]
        ),
        None if value["max_wait"] is None else duration(value["max_wait"]),
        value["max_waiting"],
        value["leave_when_unstaffed"],
    )


def overflows_to_json(overflows: Iterable[Overflowed]) -> list[dict[str, Any]]:
    """For a contact's overflows column."""
    return [
        vars(each) | {"trigger": each.trigger.value, "waited": milliseconds(each.waited), "time": each.time.isoformat()}
        for each in overflows
    ]


def overflows_from_json(value: Iterable[Mapping[str, Any]]) -> tuple[Overflowed, ...]:
    """From a contact's overflows column."""
    return tuple(
        Overflowed(
            **dict(each)
            | {
                "trigger": Trigger(each["trigger"]),
                "waited": duration(each["waited"]),
                "time": datetime.fromisoformat(each["time"]),
            }
        )
        for each in value
    )
