"""The verbs of analytics, each within one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from chassis.sql import Tx
from kernel.errors import InvalidInput

from analytics import store
from analytics.domain import board, callbacks, intervals
from analytics.domain.contacts import Contact

LONGEST_RANGE = timedelta(days=32)


class RangeInvalid(InvalidInput):
    """The stretch of time asked for is empty or too long."""

    reason = "RANGE_INVALID"


async def note_contact(tx: Tx, contact: Contact, version: int, call_id: str) -> None:
    """Takes a contact's marks unless newer ones are known."""
    await _counting(tx, store.Which((contact.contact_id,)), lambda: store.save_contact(tx, contact, version, call_id))


async def note_short_abandon(tx: Tx, contact_id: str) -> None:
    """The customer left within the short threshold. Holds whichever version of the contact came before."""
    await _counting(tx, store.Which((contact_id,)), lambda: store.mark_short_abandon(tx, contact_id))


async def note_hold(tx: Tx, call_id: str, time: datetime, *, held: bool) -> None:
    """The customer was put on hold or taken back; the end of the call takes them back, too."""
    await _counting(tx, store.Which(call_id=call_id), lambda: store.mark_hold(tx, call_id, time, held))


async def note_missed_offer(tx: Tx, offer_id: str, queue_id: str, time: datetime) -> None:
    """An agent did not answer in time; counted once, where and when it was missed."""
    if await store.save_missed_offer(tx, offer_id, queue_id, time):
        missed = intervals.Counters(missed_offers=1)
        await store.add_counters(tx, {(queue_id, intervals.start_of(time)): missed})


async def note_callback(tx: Tx, callback: callbacks.Callback, version: int) -> None:
    """Somebody asked to be called back, or what came of it, unless something newer is known."""
    before = callbacks.count(await store.callback(tx, callback.callback_id))
    await store.save_callback(tx, callback, version)
    after = callbacks.count(await store.callback(tx, callback.callback_id))
    await store.add_counters(tx, intervals.changed(before, after))


async def note_queue(tx: Tx, queue: board.Queue, version: int) -> None:
    """A queue's name and threshold. Contacts that came before their queue was known are held to it now; for others
    the threshold of their arrival stays."""
    await _counting(
        tx,
        store.Which(queue_id=queue.queue_id, without_threshold=True),
        lambda: store.save_queue(tx, queue, version),
    )


async def forget_queue(tx: Tx, queue_id: str) -> None:
    """A queue is no more; what was counted stays."""
    await store.delete_queue(tx, queue_id)


async def note_agent(tx: Tx, agent: board.Agent, version: int) -> None:
    """An agent's state, unless a newer one is known."""
    await store.save_agent_state(tx, agent, version)


async def note_person(tx: Tx, agent_id: str, version: int, display_name: str, active: bool, joined: datetime) -> None:
    """An agent's name and whether they work here, unless newer ones are known."""
    await store.save_person(tx, agent_id, version, display_name, active, joined)


async def note_time_zone(tx: Tx, time_zone: str, version: int) -> None:
    """The zone the tenant's days follow."""
    await store.save_time_zone(tx, time_zone, version)


async def next_wallboard(tx: Tx, fact_time: datetime, now: datetime) -> board.Snapshot:
    """The wallboard in the next place, for pushing. Facts don't touch the place themselves: all of a tenant's facts
    would stand in line for one row."""
    await store.move_on(tx, fact_time)
    return await wallboard(tx, now)


async def wallboard(tx: Tx, now: datetime) -> board.Snapshot:
    """The wallboard now: today's counters, whoever waits, and the agents."""
    start = intervals.day_start(now, await store.time_zone(tx))
    built = board.build(
        await store.list_queues(tx), await store.waiting(tx), await store.sum_by_queue(tx, start),
        await store.list_agents(tx), await store.handled_since(tx, start),
    )  # fmt: skip
    sequence, data_time = await store.place(tx)
    return board.Snapshot(built, sequence, data_time, now)


async def queue_intervals(
    tx: Tx, queue_id: str, start: datetime | None, end: datetime | None, now: datetime
) -> list[tuple[intervals.Key, intervals.Counters]]:
    """Counters by queue and quarter hour in [start, end), oldest first. Raises `RangeInvalid`."""
    start = start or intervals.day_start(now, await store.time_zone(tx))
    end = end or now + intervals.LENGTH
    if not timedelta(0) < end - start <= LONGEST_RANGE:
        raise RangeInvalid.of("end_time", f"must be after start_time and at most {LONGEST_RANGE.days} days later")
    return await store.list_counters(tx, queue_id, intervals.start_of(start), end)


async def recount(tx: Tx, start: datetime, end: datetime) -> int:
    """Counts contacts and callbacks that touch [start, end) anew and corrects the counters there; how many were wrong.

    They never should be: this is what a reconciler calls after rows were restored or repaired by hand.
    """
    contacts = await store.contacts_touching(tx, start, end)
    counted = intervals.count(contacts)
    for key, missed in (await store.missed_between(tx, start, end)).items():
        counted.setdefault(key, intervals.Counters()).missed_offers += missed
    for key, asked in callbacks.count(await store.callbacks_between(tx, start, end)).items():
        counted[key] = counted.get(key, intervals.Counters()).plus(asked)
    wanted = {key: counters for key, counters in counted.items() if start <= key[1] < end}
    wrong = intervals.changed(dict(await store.list_counters(tx, "", start, end)), wanted)
    await store.add_counters(tx, wrong)
    return len(wrong)


async def _counting(tx: Tx, which: store.Which, change: Callable[[], Awaitable[None]]) -> None:
    """Make `change`, and bring the counters from what the contacts it concerns added to what they add now."""
    before = await store.contacts(tx, which)
    await change()
    if which.without_threshold:  # the change gives them one
        which = store.Which(tuple(contact.contact_id for contact in before))
    after = await store.contacts(tx, which)
    if before != after:
        await store.add_counters(tx, intervals.changed(intervals.count(before), intervals.count(after)))
        was, now = intervals.handled_by_agent(before), intervals.handled_by_agent(after)
        await store.add_handled(tx, {key: now.get(key, 0) - was.get(key, 0) for key in was.keys() | now.keys()})
