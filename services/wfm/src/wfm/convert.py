"""Between the contract's messages and the domain's values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from chassis.hours import intervals_in, intervals_out
from chassis.instants import time_in, time_out
from kernel.errors import InvalidInput
from kernel.hours import OpenInterval
from merkez.routing.v1 import contact_pb2, queue_pb2, routing_events_pb2
from merkez.wfm.v1 import (
    adjustment_pb2,
    history_pb2,
    my_schedule_pb2,
    schedule_events_pb2,
    schedule_pb2,
    shift_offer_events_pb2,
    shift_offer_pb2,
    staffing_pb2,
)

from wfm.domain.adherence import Heard
from wfm.domain.adjusting import Adjustment, Offer, Reply
from wfm.domain.calendar import SpecialDay
from wfm.domain.contacts import Contact
from wfm.domain.own import Notice
from wfm.domain.series import MarkKind
from wfm.domain.shifts import Break, Shift
from wfm.domain.staffing import Rule
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


def heard_in(fact: routing_events_pb2.AgentStateChanged) -> Heard:
    """An agent's state, and the one before."""
    agent = fact.agent
    start = agent.state_time.ToDatetime(tzinfo=UTC)
    before = state_name(fact.previous_state) if fact.previous_state else ""
    return Heard(
        agent.agent_id, agent.version, state_name(agent.state), start, before,
        time_in(fact, "previous_state_time") or start, agent.reason, agent.reason_id,
    )  # fmt: skip


def state_name(number: int) -> str:
    """An agent state's name."""
    return contact_pb2.AgentState.Name(number).removeprefix("AGENT_STATE_")  # pyright: ignore[reportArgumentType]


def helpers_in(queue: queue_pb2.Queue) -> list[tuple[str, int]]:
    """Queues whose agents may serve this one's contacts, too, after so many seconds of waiting."""
    return [
        (change.also_queue_id, max(1, round(step.after_wait.seconds + step.after_wait.nanos / 1e9)))
        for step in queue.rules.steps
        if step.HasField("after_wait")
        for change in step.changes
        if change.also_queue_id
    ]


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


def given_day_in(text: str, field: str, wrong: Callable[[str, str], InvalidInput]) -> date:
    """The same of a day that must be given. Raises `wrong(field, what)`."""
    found = day_in(text, field)
    if found is None:
        raise wrong(field, "must be given")
    return found


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


def adjustment_out(value: Adjustment) -> adjustment_pb2.Adjustment:
    """A change of a shift as the contract shows it."""
    return adjustment_pb2.Adjustment(
        adjustment_id=value.adjustment_id, user_id=value.user_id, day=value.day.isoformat(),
        kind=adjustment_pb2.AdjustmentKind.Value(f"ADJUSTMENT_KIND_{value.kind.value}"),
        before=shift_out(value.before) if value.before else None,
        after=shift_out(value.after) if value.after else None, undone=value.undone, shift_offer_id=value.offer_id,
        apply_user_id=value.apply_user_id, apply_time=time_out(value.apply_time), undo_user_id=value.undo_user_id,
        undo_time=time_out(value.undo_time),
    )  # fmt: skip


def offer_out(value: Offer, now: datetime, user_id: str = "") -> shift_offer_pb2.ShiftOffer:
    """An offer as the contract shows it: to an agent with their own reply alone."""
    return shift_offer_pb2.ShiftOffer(
        shift_offer_id=value.offer_id, start_time=time_out(value.start), end_time=time_out(value.end),
        kind=adjustment_pb2.AdjustmentKind.Value(f"ADJUSTMENT_KIND_{value.kind.value}"), places=value.places,
        taken=value.taken, expire_time=time_out(value.expire), note=value.note,
        state=shift_offer_pb2.ShiftOfferState.Value(f"SHIFT_OFFER_STATE_{value.state(now)}"),
        replies=[_reply(each) for each in value.replies if user_id in ("", each.user_id)],
        create_user_id=value.create_user_id, create_time=time_out(value.create_time),
    )  # fmt: skip


def _reply(value: Reply) -> shift_offer_pb2.ShiftOfferReply:
    return shift_offer_pb2.ShiftOfferReply(
        user_id=value.user_id, reply_time=time_out(value.reply_time), adjustment_id=value.adjustment_id,
        state=shift_offer_pb2.ShiftOfferReplyState.Value(f"SHIFT_OFFER_REPLY_STATE_{value.state}"),
    )  # fmt: skip


def offer_made(value: Offer, now: datetime, user_id: str) -> shift_offer_events_pb2.ShiftOfferMade:
    """The fact for one who is asked."""
    return shift_offer_events_pb2.ShiftOfferMade(shift_offer=offer_out(value, now, user_id), user_id=user_id)


def offer_changed(value: Offer, now: datetime, user_id: str) -> shift_offer_events_pb2.ShiftOfferChanged:
    """The fact for one who was asked."""
    return shift_offer_events_pb2.ShiftOfferChanged(shift_offer=offer_out(value, now, user_id), user_id=user_id)


def shift_adjusted(value: Adjustment) -> shift_offer_events_pb2.ShiftAdjusted:
    """The fact of a change, and of its undoing."""
    return shift_offer_events_pb2.ShiftAdjusted(adjustment=adjustment_out(value))


def rule_in(said: staffing_pb2.StaffingRule) -> Rule:
    """What is promised, as it is asked for; what usually holds where nothing is said."""
    usual = Rule()
    return Rule(
        said.service_level or usual.service_level, said.threshold_seconds or usual.threshold_seconds,
        said.patience_seconds, said.max_occupancy or usual.max_occupancy, said.shrinkage,
        said.concurrency or usual.concurrency, said.deadline_minutes,
        said.default_aht_seconds or usual.default_aht_seconds, said.minimum_agents,
        tuple((each.weekday, each.start_minute, each.end_minute) for each in intervals_in(said.work_intervals)),
    )  # fmt: skip


def rule_out(queue_id: str, channel: str, value: Rule, version: int) -> staffing_pb2.StaffingRule:
    """What is promised, as the contract shows it."""
    said = {name: getattr(value, name) for name in Rule.__dataclass_fields__}
    said["work_intervals"] = intervals_out([OpenInterval(*each) for each in value.work_intervals])
    return staffing_pb2.StaffingRule(queue_id=queue_id, channel=channel_out(channel), version=version, **said)
