"""Facts and files becoming a history that any interval can be read from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from merkez.routing.v1 import routing_events_pb2
from wfm.ops import history as ops
from wfm.ops.history import SeriesKey
from wfm.store import history as store

from .conftest import Planning, contact, served

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


async def _read(planning: Planning, queue_id: str, minutes: int) -> list[tuple[int, int, float, float]]:
    key, day = SeriesKey(queue_id, "VOICE"), NINE.replace(hour=0)
    found = await planning.db.run(
        planning.tenant, lambda tx: ops.intervals(tx, key, "", minutes, day, day + timedelta(days=1)), read_only=True
    )
    return [(each.start.hour, each.start.minute, each.offered, each.handle_seconds) for each in found]


async def test_contacts_are_read_by_quarter_half_and_whole_hours(planning: Planning) -> None:
    queue_id = await planning.queue()
    for number, minute in enumerate((1, 16, 31, 46)):
        await planning.tell(*served(queue_id, NINE + timedelta(minutes=minute), 100, 20, f"con_{number}"))
    assert await _read(planning, queue_id, 15) == [(9, at, 1, 120) for at in (0, 15, 30, 45)]
    assert await _read(planning, queue_id, 30) == [(9, 0, 2, 240), (9, 30, 2, 240)]
    assert await _read(planning, queue_id, 60) == [(9, 0, 4, 480)]


async def test_facts_told_twice_or_late_count_once(planning: Planning) -> None:
    queue_id = await planning.queue()
    facts = served(queue_id, NINE, 60, 30)
    await planning.tell(*reversed(facts))
    await planning.tell(*facts)
    assert await _read(planning, queue_id, 60) == [(9, 0, 1, 90)]


async def test_contact_counts_in_the_queue_it_ended_in(planning: Planning) -> None:
    first, second = await planning.queue("First"), await planning.queue("Second")
    events = routing_events_pb2
    await planning.tell(events.ContactQueued(contact=contact(1, "QUEUED", first, queue_time=NINE)))
    await planning.tell(events.ContactOverflowed(contact=contact(2, "QUEUED", second, queue_time=NINE)))
    assert [row[2] for row in await _read(planning, first, 60)] in ([], [0.0])
    assert [row[2] for row in await _read(planning, second, 60)] == [1.0]


async def test_imported_counts_hold_and_a_later_import_takes_their_place(planning: Planning) -> None:
    queue_id = await planning.queue("Front desk")
    await planning.tell(*served(queue_id, NINE, 60))
    now = NINE + timedelta(days=2)

    async def take(minutes: int, *lines: str) -> ops.Report:
        text = "\n".join(("start,queue,offered,aht_seconds", *lines))
        return await planning.db.run(planning.tenant, lambda tx: ops.import_history(tx, text, minutes, False, now))

    report = await take(60, "2026-03-02 09:00,Front desk,40,200", "2026-03-02 10:00,Front desk,20,200")
    assert (report.good, report.replaced, report.imported) == (2, 0, True)
    assert await _read(planning, queue_id, 30) == [
        (9, 0, 20, 4000), (9, 30, 20, 4000), (10, 0, 10, 2000), (10, 30, 10, 2000),
    ]  # fmt: skip
    report = await take(30, "2026-03-02 09:30,Front desk,7,100")
    assert report.replaced == 1  # the hour it lies in
    assert await _read(planning, queue_id, 60) == [(9, 0, 8, 760), (10, 0, 20, 4000)]
    refused = await take(30, "2026-03-02 11:00,Front desk,7,100", "2026-03-02 11:15,Front desk,7,100")
    assert not refused.imported and len(await _read(planning, queue_id, 60)) == 2


async def test_deleted_queues_history_stays(planning: Planning) -> None:
    queue_id = await planning.queue("Front desk")
    await planning.tell(*served(queue_id, NINE, 60))
    await planning.tell(routing_events_pb2.QueueDeleted(queue_id=queue_id))
    listed, zone = await planning.db.run(planning.tenant, ops.list_series, read_only=True)
    assert [(each.key.queue_id, each.name, zone) for each in listed] == [(queue_id, "", "UTC")]
    assert await planning.db.run(planning.tenant, store.queue_names, read_only=True) == {}
