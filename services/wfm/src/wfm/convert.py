"""Between the contract's messages and the domain's values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from chassis.instants import time_in, time_out
from kernel.errors import InvalidInput
from merkez.routing.v1 import contact_pb2
from merkez.wfm.v1 import history_pb2, my_schedule_pb2, schedule_events_pb2, schedule_pb2

from wfm.domain.calendar import SpecialDay
from wfm.domain.contacts import Contact
from wfm.domain.own import Notice
from wfm.domain.series import MarkKind
from wfm.domain.shifts import Break, Shift
from wfm.domain.violations import Violation

_KINDS = {
    history_pb2.SPECIAL_DAY_KIND_SPECIAL: MarkKind.SPECIAL_DAY,
    history_pb2.SPECIAL_DAY_KIND_CLOSURE: MarkKind.CLOSURE,
    history_pb2.SPECIAL_DAY_KIND_CAMPAIGN: MarkKind.CAMPAIGN,
}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for a time that the verb fills in."""
_NUMBERS = {value: key for key, value in _KINDS.items()}


def contact_in(message: contact_pb2.Contact) -> Contact:
    """A contact as routing's facts show it."""
    return Contact(
        contact_id=message.contact_id,
        queue_id=message.queue_id,
        channel=channel_in(message.channel),
        brand_id=message.brand_id,
        # Facts of before contacts had a kind were all of customers who came to us.
        kind=contact_pb2.ContactKind.Name(message.kind or contact_pb2.CONTACT_KIND_INBOUND).removeprefix(
            "CONTACT_KIND_"
        ),
        targeted=bool(message.target_agent_id),
        queue_time=message.queue_time.ToDatetime(tzinfo=UTC),
        answer_time=time_in(message, "answer_time"),
        wrap_up_end_time=time_in(message, "wrap_up_end_time"),
        abandoned=message.state == contact_pb2.CONTACT_STATE_ABANDONED,
    )


def channel_in(number: int) -> str:
    """A channel's name; unset means voice. Raises InvalidInput."""
    try:
        return contact_pb2.Channel.Name(number or contact_pb2.CHANNEL_VOICE).removeprefix("CHANNEL_")  # pyright: ignore[reportArgumentType]
    except ValueError as error:
        raise InvalidInput.of("channel", "is not a channel") from error


def channel_out(name: str) -> contact_pb2.Channel.ValueType:
    """A channel's number."""
    return contact_pb2.Channel.Value(f"CHANNEL_{name}")


def day_in(text: str, field: str) -> date | None:
    """A local day, None for empty. Raises InvalidInput that names the field."""
    if not text:
        return None
    try:
        if len(text) != 10:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput.of(field, "must be a day like 2026-03-31") from error


def special_day_in(message: history_pb2.SpecialDay, wrong: Callable[[str, str], InvalidInput]) -> SpecialDay:
    """A special day as it is asked for. Raises `wrong(field, what)`."""
    kind = _KINDS.get(message.kind)
    if kind is None:
        raise wrong("special_day.kind", "must be given")
    first = day_in(message.first_day, "special_day.first_day")
    if first is None:
        raise wrong("special_day.first_day", "must be given")
    return SpecialDay(
        message.special_day_id, message.name.strip(), kind, first,
        day_in(message.last_day, "special_day.last_day") or first, tuple(dict.fromkeys(message.queue_ids)),
        message.percent if message.HasField("percent") else None, message.version,
    )  # fmt: skip


def special_day_out(value: SpecialDay) -> history_pb2.SpecialDay:
    """A special day as the contract shows it."""
    return history_pb2.SpecialDay(
        special_day_id=value.special_day_id, name=value.name, kind=_NUMBERS[value.kind],
        first_day=value.first.isoformat(), last_day=value.last.isoformat(), queue_ids=value.queue_ids,
        percent=value.percent, version=value.version,
    )  # fmt: skip


def notice_out(value: Notice) -> my_schedule_pb2.AgentNotice:
    """A notice as the contract shows it."""
    return my_schedule_pb2.AgentNotice(
        agent_notice_id=value.notice_id, user_id=value.user_id, kind=value.kind,
        first_day=value.first.isoformat() if value.first else "", days=[each.isoformat() for each in value.days],
        subject_id=value.subject_id, note=value.note, create_time=time_out(value.create_time),
    )  # fmt: skip


def agent_noticed(value: Notice) -> schedule_events_pb2.AgentNoticed:
    """The fact that an agent has something to know."""
    return schedule_events_pb2.AgentNoticed(agent_notice=notice_out(value))


def schedule_published(
    value: Any, superseded: str, changed: Sequence[str], now: datetime
) -> schedule_events_pb2.SchedulePublished:
    """The fact that a version is what a week's agents work by."""
    return schedule_events_pb2.SchedulePublished(
        schedule_id=value.schedule_id, first_day=value.first.isoformat(), number=value.number, time_zone=value.zone,
        superseded_schedule_id=superseded, changed_user_ids=changed, publish_time=time_out(now),
    )  # fmt: skip


def shift_out(value: Shift) -> schedule_pb2.Shift:
    """A shift as the contract shows it."""
    return schedule_pb2.Shift(
        user_id=value.agent_id, day=value.day.isoformat(), start_time=time_out(value.start),
        end_time=time_out(value.end), breaks=[break_out(each) for each in value.breaks],
        work=[schedule_pb2.ShiftWork(start_time=time_out(at), group=group) for at, group in value.work],
        shift_pattern_id=value.pattern_id, locked=value.locked,
    )  # fmt: skip


def break_out(value: Break) -> schedule_pb2.ShiftBreak:
    """A break as the contract shows it."""
    return schedule_pb2.ShiftBreak(start_time=time_out(value.start), end_time=time_out(value.end), paid=value.paid)


def breaks_in(said: Sequence[schedule_pb2.ShiftBreak], wrong: Callable[[str, str], InvalidInput]) -> tuple[Break, ...]:
    """Breaks as they are asked for. Raises `wrong(field, what)`."""
    found = []
    for each in said:
        begins, ends = time_in(each, "start_time"), time_in(each, "end_time")
        if begins is None or ends is None:
            raise wrong("shift.breaks", "must have a start and an end")
        found.append(Break(begins, ends, each.paid))
    return tuple(found)


def violation_out(value: Violation) -> schedule_pb2.ScheduleViolation:
    """A broken rule as the contract shows it."""
    return schedule_pb2.ScheduleViolation(
        user_id=value.agent_id, day=value.day.isoformat(), rule=value.rule.value, allowed=value.allowed,
        found=value.found,
    )  # fmt: skip
