"""Between the contract's messages and the domain's values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date

from chassis.instants import time_in
from kernel.errors import InvalidInput
from merkez.routing.v1 import contact_pb2, queue_pb2
from merkez.wfm.v1 import history_pb2

from wfm.domain.calendar import SpecialDay
from wfm.domain.contacts import Contact
from wfm.domain.series import MarkKind

_KINDS = {
    history_pb2.SPECIAL_DAY_KIND_SPECIAL: MarkKind.SPECIAL_DAY,
    history_pb2.SPECIAL_DAY_KIND_CLOSURE: MarkKind.CLOSURE,
    history_pb2.SPECIAL_DAY_KIND_CAMPAIGN: MarkKind.CAMPAIGN,
}
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
