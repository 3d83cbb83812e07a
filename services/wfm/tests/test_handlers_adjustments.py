"""Changes of a published week beside drafts of it and time off, over its services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import acting_as
from chassis.instants import time_out
from chassis.sql import Database
from kernel.errors import FailedPrecondition
from merkez.wfm.v1 import (
    adjustment_pb2,
    adjustment_service_pb2,
    schedule_events_pb2,
    schedule_pb2,
    schedule_service_pb2,
    workforce_pb2,
    workforce_service_pb2,
)
from testkit import ManualClock, RpcHouse, someone
from wfm.domain.search import Search
from wfm.ops import schedules

from .planned import MONDAY, Shop, a_shift, at
from .test_handlers_intraday import TUESDAY, accepts, an_offer, move, offered, opened, shifts_of, supervisor, told

ask, Kinds = adjustment_service_pb2, adjustment_pb2


@pytest_asyncio.fixture
async def shop(service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: RpcHouse) -> Shop:
    """A shop at eight of the second day of a published week: three have a shift, one hasn't."""
    return await opened(service_db, clock, rpc)


async def copied(shop: Shop, request_id: str = "copy") -> Any:
    """A draft that is what agents work by."""
    of = (await _published(shop)).schedule_id
    asked = schedule_service_pb2.CopyScheduleRequest(request_id=request_id, schedule_id=of)
    return await shop.schedules.CopySchedule(asked)


async def _published(shop: Shop) -> Any:
    listed = await shop.schedules.ListSchedules(schedule_service_pb2.ListSchedulesRequest())
    (found,) = [each for each in listed.schedules if each.state == schedule_pb2.SCHEDULE_STATE_PUBLISHED]
    return found


async def published_as_it_is(shop: Shop, draft: Any) -> list[Any]:
    """Publishes a draft by the version it has now; its shifts."""
    now = await shop.read(draft)
    await shop.schedules.PublishSchedule(
        schedule_service_pb2.PublishScheduleRequest(
            schedule_id=now.schedule_id, version=now.version, accept_violations=True
        )
    )
    return await shop.shifts(now)


async def test_draft_made_before_the_day_was_changed_has_the_change_and_takes_nothing_back(shop: Shop) -> None:
    one, two, _, free = shop.users
    with acting_as(someone("admin", shop.planning.tenant)):
        draft = await copied(shop)
        moved = await shop.adjustments.MoveBreak(move(one))
    late = await offered(shop, an_offer(Kinds.ADJUSTMENT_KIND_OVERTIME, 10, 14, 1, free), "late")
    with acting_as(someone("admin", shop.planning.tenant)):
        undone = await shop.adjustments.MoveBreak(move(shop.users[2], request_id="back"))
        await shop.adjustments.UndoAdjustment(ask.UndoAdjustmentRequest(adjustment_id=undone.adjustment_id))
    whole = await offered(shop, an_offer(Kinds.ADJUSTMENT_KIND_VOLUNTARY_TIME_OFF, 12.5, 16.5, 1, two), "whole")
    await accepts(shop, whole, two)
    await accepts(shop, late, free)
    with acting_as(someone("admin", shop.planning.tenant)):
        before = {each.user_id: each for each in await shop.shifts(await _published(shop))}
        after = {each.user_id: each for each in await published_as_it_is(shop, draft)}
        assert after == before
        assert after[one] == moved.after and after[two].end_time == time_out(at(1, 12.5))
        assert after[free].start_time == time_out(at(1, 10)) and after[shop.users[2]] == undone.before
        # And what was done is still undone by one call.
        back = ask.UndoAdjustmentRequest(adjustment_id=moved.adjustment_id)
        assert (await shop.adjustments.UndoAdjustment(back)).undone
        assert [each for each in await shop.shifts(await _published(shop)) if each.user_id == one] == [moved.before]


async def test_draft_in_which_the_shift_is_another_stays_as_its_planner_made_it(shop: Shop) -> None:
    user, schedules = shop.users[0], schedule_service_pb2
    with acting_as(someone("admin", shop.planning.tenant)):
        draft = await copied(shop)
        other = a_shift(user, 1, 9.0)
        saved = await shop.schedules.SaveShift(
            schedules.SaveShiftRequest(
                schedule_id=draft.schedule_id, version=draft.version, shift=other, accept_violations=True
            )
        )
        done = await shop.adjustments.MoveBreak(move(user))
        assert (await shop.read(draft)).version == saved.schedule.version
        found = await published_as_it_is(shop, draft)
        assert [each.start_time for each in found if each.user_id == user] == [other.start_time]
        with pytest.raises(FailedPrecondition) as refused:
            await shop.adjustments.UndoAdjustment(ask.UndoAdjustmentRequest(adjustment_id=done.adjustment_id))
        assert refused.value.reason == "ADJUSTMENT_OVERTAKEN"


async def test_week_that_is_being_made_keeps_a_change_of_what_stays_in_it(shop: Shop) -> None:
    one, two, db, tenant = shop.users[0], shop.users[1], shop.planning.db, shop.planning.tenant
    with acting_as(someone("admin", tenant)):
        base = (await _published(shop)).schedule_id
        first = await shop.start(base_schedule_id=base)
        moved = await shop.adjustments.MoveBreak(move(one))
        asked = schedule_service_pb2.StopScheduleRequest(schedule_id=first.schedule_id)
        await shop.schedules.StopSchedule(asked)
        while (await shop.read(first)).state == schedule_pb2.SCHEDULE_STATE_RUNNING:
            assert await shop.scheduler.turn()
        assert moved.after in await shop.shifts(first)
        # And one that comes while the last turn is at work.
        second = await shop.start(base_schedule_id=base)
        now = shop.planning.clock.now()
        piece = await db.run(tenant, lambda tx: schedules.claim(tx, now))
        assert piece is not None
        problem, _ = await db.run(tenant, lambda tx: schedules.load(tx, piece))
        search = Search(problem, 1)
        again = await shop.adjustments.MoveBreak(move(two, request_id="two"))
        shifts, progress = search.plan.shifts(), search.progress("SWEEP")
        assert again.after.breaks[0].start_time.ToDatetime(UTC) not in {
            rest.start for each in shifts if each.agent_id == two for rest in each.breaks
        }
        await db.run(tenant, lambda tx: schedules.finish(tx, piece, problem, shifts, progress, 1.0, now))
        assert again.after in await shop.shifts(second)


async def test_agent_is_told_of_what_somebody_else_changes_of_their_day(shop: Shop) -> None:
    one, two = shop.users[:2]

    async def heard() -> list[tuple[str, str, list[str]]]:
        facts = await told(shop, schedule_events_pb2.AgentNoticed)
        changed = [each.agent_notice for each in facts if each.agent_notice.kind == "SHIFTS_CHANGED"]
        return [(each.user_id, each.first_day, list(each.days)) for each in changed]

    with supervisor(shop):
        moved = await shop.adjustments.MoveBreak(move(one))
        assert await heard() == [(one, MONDAY.isoformat(), [TUESDAY])]
        await shop.adjustments.UndoAdjustment(ask.UndoAdjustmentRequest(adjustment_id=moved.adjustment_id))
        assert len(await heard()) == 2
    # What they chose themselves they know.
    offer = await offered(shop, an_offer(Kinds.ADJUSTMENT_KIND_VOLUNTARY_TIME_OFF, 12.5, 16.5, 1, two))
    await accepts(shop, offer, two)
    assert [user_id for user_id, *_ in await heard()] == [one, one]


async def test_undo_calls_nobody_back_from_time_off_they_were_given_since(shop: Shop) -> None:
    user, staff = shop.users[0], workforce_service_pb2
    offer = await offered(shop, an_offer(Kinds.ADJUSTMENT_KIND_VOLUNTARY_TIME_OFF, 12.5, 16.5, 1, user))
    await accepts(shop, offer, user)
    with acting_as(someone("admin", shop.planning.tenant)):
        gone = workforce_pb2.TimeOff(
            user_id=user, start_time=time_out(at(1, 13)), end_time=time_out(at(1, 24)), reason="Doctor"
        )
        await shop.workforce.CreateTimeOff(staff.CreateTimeOffRequest(request_id="doctor", time_off=gone))
        (done,) = (await shop.adjustments.ListAdjustments(ask.ListAdjustmentsRequest(day=TUESDAY))).adjustments
        with pytest.raises(FailedPrecondition) as refused:
            await shop.adjustments.UndoAdjustment(ask.UndoAdjustmentRequest(adjustment_id=done.adjustment_id))
        assert refused.value.reason == "SHIFT_BREAKS_RULES" and refused.value.metadata["rule"] == "TIME_OFF"
        assert await shifts_of(shop, user) == [done.after]
