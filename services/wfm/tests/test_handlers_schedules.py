"""From contracts and a forecast to who works when: made, changed by hand, published, made anew; and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import acting_as
from chassis.instants import time_out
from chassis.lifecycle import Tasks
from chassis.sql import Database
from chassis.workers import Worker
from kernel.errors import Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound, QuotaExceeded
from merkez.wfm.v1 import schedule_pb2, schedule_service_pb2, workforce_pb2, workforce_service_pb2
from testkit import ManualClock, RpcHouse, someone
from wfm import scheduler
from wfm.ops import schedules as ops

from .conftest import Planning, planned
from .planned import MONDAY, Shop, a_shift, at

ask, staff, States = schedule_service_pb2, workforce_service_pb2, schedule_pb2
DRAFT, PUBLISHED = States.SCHEDULE_STATE_DRAFT, States.SCHEDULE_STATE_PUBLISHED


@pytest_asyncio.fixture
async def shop(service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: RpcHouse) -> Shop:
    """A shop whose scheduler has nobody else's work to do."""
    return await Shop.opened(await planned(service_db, clock, fresh=True), rpc)


async def test_week_is_made_within_its_bound_covered_and_without_a_broken_rule(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed()
        asked = {"request_id": "first", "seconds": 5}
        begun = await shop.start(**asked)
        assert (begun.state, begun.number, begun.agent_count) == (States.SCHEDULE_STATE_RUNNING, 1, 6)
        assert await shop.start(**asked) == begun
        while (made := await shop.read(begun)).state == States.SCHEDULE_STATE_RUNNING:
            assert await shop.scheduler.turn()
        assert made.state == DRAFT and made.shift_count == 30 and made.violation_count == 0
        figures = made.figures
        assert figures.bound > 0 and figures.bound <= figures.cost + 1e-6 and 0 <= figures.gap < 0.25
        shifts = await shop.shifts(made)
        assert {each.user_id for each in shifts} == set(shop.users)
        assert all(len(each.breaks) == 1 and each.work and not each.locked for each in shifts)
        found = await shop.schedules.GetScheduleCoverage(ask.GetScheduleCoverageRequest(schedule_id=made.schedule_id))
        row = found.groups[0].intervals
        assert len(row) == 672 and row[40].needed > 2 and row[0].needed == 0
        under = sum(max(0.0, each.needed - each.covered) for each in row) / 4
        assert under == pytest.approx(figures.under_hours, abs=1e-3)
        listed = await shop.schedules.ListSchedules(ask.ListSchedulesRequest(first_day=MONDAY.isoformat()))
        assert [each.schedule_id for each in listed.schedules] == [made.schedule_id]
        paged = ask.ListShiftsRequest(schedule_id=made.schedule_id, page_size=20)
        one = await shop.schedules.ListShifts(paged)
        paged.page_token = one.next_page_token
        two = await shop.schedules.ListShifts(paged)
        assert [*one.shifts, *two.shifts] == shifts and not two.next_page_token


async def test_shift_moved_by_hand_is_held_against_the_rules_locked_and_kept_when_the_rest_is_made_anew(
    shop: Shop,
) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(4)
        draft = await shop.made()
        mine = [each for each in await shop.shifts(draft) if each.user_id == shop.users[0]]
        day = (ops.date.fromisoformat(mine[0].day) - MONDAY).days
        tight = a_shift(shop.users[0], day, 1.0)
        asked = {"schedule_id": draft.schedule_id, "version": draft.version}
        looked = await shop.schedules.SaveShift(ask.SaveShiftRequest(shift=tight, validate_only=True, **asked))
        assert looked.schedule == draft and not looked.violations
        long = a_shift(shop.users[0], day, 8.0, 13.0)
        looked = await shop.schedules.SaveShift(ask.SaveShiftRequest(shift=long, validate_only=True, **asked))
        assert {each.rule for each in looked.violations} >= {"DAY_HOURS", "STRETCH", "CONTRACT_HOURS"}
        with pytest.raises(FailedPrecondition) as refused:
            await shop.schedules.SaveShift(ask.SaveShiftRequest(shift=long, **asked))
        assert refused.value.reason == "SHIFT_BREAKS_RULES" and "DAY_HOURS" in refused.value.message
        saved = await shop.schedules.SaveShift(ask.SaveShiftRequest(shift=tight, **asked))
        assert saved.schedule.version == draft.version + 1 and not saved.violations
        with pytest.raises(Conflict):
            await shop.schedules.SaveShift(ask.SaveShiftRequest(shift=tight, **asked))
        again = await shop.made(base_schedule_id=draft.schedule_id)
        kept = [each for each in await shop.shifts(again) if each.locked]
        assert [(each.user_id, each.day, each.start_time) for each in kept] == [
            (tight.user_id, tight.day, tight.start_time)
        ]
        assert (again.number, again.shift_count, again.violation_count) == (2, 20, 0)
        compared = await shop.schedules.CompareSchedules(
            ask.CompareSchedulesRequest(schedule_id=draft.schedule_id, other_schedule_id=again.schedule_id)
        )
        assert not any(
            each.user_id == tight.user_id and each.day == tight.day for each in compared.differences
        )  # fmt: skip
        unlocked = await shop.schedules.LockShifts(
            ask.LockShiftsRequest(schedule_id=again.schedule_id, version=again.version, locked=False)
        )
        assert not any(each.locked for each in await shop.shifts(unlocked))
        missing = [ask.ShiftKey(user_id=shop.users[0], day="2026-01-01")]
        with pytest.raises(InvalidInput):
            await shop.schedules.LockShifts(
                ask.LockShiftsRequest(
                    schedule_id=again.schedule_id, version=unlocked.version, shifts=missing, locked=True
                )
            )


async def test_rest_of_a_week_that_goes_on_is_made_anew_and_what_was_worked_stays(
    shop: Shop, clock: ManualClock
) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(4)
        out = await shop.made()
        await shop.schedules.PublishSchedule(
            ask.PublishScheduleRequest(schedule_id=out.schedule_id, version=out.version, accept_violations=True)
        )
        worked = {(each.user_id, each.day): each for each in await shop.shifts(out)}
        clock.advance(at(2, 10) - clock.now())
        # Of a forecast alone, and of what people work by.
        for said in ({}, {"base_schedule_id": out.schedule_id, "seed": 7}):
            made = {(each.user_id, each.day): each for each in await shop.shifts(await shop.made(**said))}
            begun = {key: each for key, each in worked.items() if each.start_time.ToDatetime(UTC) <= at(2, 10)}
            assert begun and {key: each.start_time for key, each in made.items() if key in begun} == {
                key: each.start_time for key, each in begun.items()
            }
            new = [each for key, each in made.items() if key not in begun]
            assert new and all(each.start_time.ToDatetime(UTC) >= at(2, 10) for each in new), said


async def test_forced_shift_stays_listed_and_only_an_accepting_person_publishes_it(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(3)
        draft = await shop.made()
        key = {"schedule_id": draft.schedule_id}
        mine = [each for each in await shop.shifts(draft) if each.user_id == shop.users[0]]
        gone = await shop.schedules.DeleteShift(
            ask.DeleteShiftRequest(
                version=draft.version, user_id=shop.users[0], day=mine[0].day, accept_violations=True, **key
            )
        )
        assert {each.rule for each in gone.violations} == {"TOO_FEW_HOURS", "TOO_FEW_DAYS"}
        assert gone.schedule.shift_count == 14 and gone.schedule.violation_count == 2
        with pytest.raises(NotFound) as nothing:
            await shop.schedules.DeleteShift(
                ask.DeleteShiftRequest(version=gone.schedule.version, user_id=shop.users[0], day=mine[0].day, **key)
            )
        assert nothing.value.reason == "SHIFT_NOT_FOUND"
        listed = await shop.schedules.ListScheduleViolations(ask.ListScheduleViolationsRequest(**key))
        assert [each.rule for each in listed.violations] == ["TOO_FEW_HOURS", "TOO_FEW_DAYS"]
        publish = ask.PublishScheduleRequest(version=gone.schedule.version, **key)
        with pytest.raises(FailedPrecondition):
            await shop.schedules.PublishSchedule(publish)
        publish.accept_violations = True
        out = await shop.schedules.PublishSchedule(publish)
        assert out.state == PUBLISHED and out.HasField("publish_time") and out.publisher == "usr_admin"
        for call in (
            shop.schedules.PublishSchedule(publish),
            shop.schedules.DeleteSchedule(ask.DeleteScheduleRequest(**key)),
            shop.schedules.SaveShift(ask.SaveShiftRequest(version=out.version, shift=a_shift(shop.users[0], 1), **key)),
        ):
            with pytest.raises(FailedPrecondition) as refused:
                await call
            assert refused.value.reason == "SCHEDULE_NOT_DRAFT"
        copied = ask.CopyScheduleRequest(request_id="copy", display_name="Better", **key)
        copy = await shop.schedules.CopySchedule(copied)
        assert await shop.schedules.CopySchedule(copied) == copy
        assert (copy.state, copy.number, copy.shift_count, copy.base_schedule_id) == (DRAFT, 2, 14, out.schedule_id)
        assert copy.publisher == "" and not copy.HasField("publish_time")
        next_one = await shop.schedules.PublishSchedule(
            ask.PublishScheduleRequest(schedule_id=copy.schedule_id, version=copy.version, accept_violations=True)
        )
        assert next_one.state == PUBLISHED
        assert (await shop.read(out)).state == States.SCHEDULE_STATE_SUPERSEDED


async def test_published_week_before_leaves_its_rest_to_the_week_after(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(3)
        draft = await shop.made()
        night = a_shift(shop.users[0], 6, 20.0)
        saved = await shop.schedules.SaveShift(
            ask.SaveShiftRequest(
                schedule_id=draft.schedule_id, version=draft.version, shift=night, accept_violations=True
            )
        )
        await shop.schedules.PublishSchedule(
            ask.PublishScheduleRequest(
                schedule_id=draft.schedule_id, version=saved.schedule.version, accept_violations=True
            )
        )
        following = MONDAY + ops.timedelta(days=7)
        run_id = await shop.required(2.0, following)
        after = await shop.made(first_day=following.isoformat(), forecast_run_id=run_id)
        first = min(
            (each for each in await shop.shifts(after) if each.user_id == shop.users[0]), key=lambda each: each.day
        )
        ends = night.end_time.ToDatetime()
        assert (first.start_time.ToDatetime() - ends).total_seconds() >= 11 * 3600
        assert after.violation_count == 0


async def _working(shop: Shop, begun: Any) -> Any:
    """The version once its making has told of itself."""
    async with asyncio.timeout(60):
        while not (now := await shop.read(begun)).HasField("figures"):
            await asyncio.sleep(0.05)
    return now


async def test_cancel_in_mid_solve_throws_it_away_and_stop_keeps_the_best_so_far(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "TURN", 600.0)
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(40, load=13.0, swing=0.5)
        async with Tasks("turns") as tasks:
            begun = await shop.start(seconds=600)
            turn = tasks.spawn(shop.scheduler.turn(), "turn")
            working = await _working(shop, begun)
            assert working.figures.cost > 0 and working.shift_count == 0
            gone = await shop.schedules.CancelSchedule(ask.CancelScheduleRequest(schedule_id=begun.schedule_id))
            assert gone.state == States.SCHEDULE_STATE_CANCELLED and await turn
            assert (await shop.read(begun)) == gone and not await shop.shifts(gone)
            begun = await shop.start(seconds=600)
            turn = tasks.spawn(shop.scheduler.turn(), "turn")
            await _working(shop, begun)
            await shop.schedules.StopSchedule(ask.StopScheduleRequest(schedule_id=begun.schedule_id))
            assert await turn
        made = await shop.read(begun)
        assert made.state == DRAFT and made.shift_count == 200 and made.violation_count == 0
        stopped = await shop.schedules.StopSchedule(ask.StopScheduleRequest(schedule_id=begun.schedule_id))
        assert stopped == made
        await shop.schedules.DeleteSchedule(ask.DeleteScheduleRequest(schedule_id=gone.schedule_id))
        with pytest.raises(NotFound):
            await shop.read(gone)


async def test_turn_of_a_big_job_ends_and_goes_on_after_another_tenants_turn(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "TURN", 0.01)  # over before the search has got anywhere
    other = shop.beside(Planning(shop.planning.db, shop.planning.clock))
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(40, load=13.0, swing=0.5)
        big = await shop.start(seconds=600)
    assert await shop.scheduler.turn()
    with acting_as(someone("admin", other.planning.tenant)):
        await other.staffed(3)
        small = await other.start(seconds=5)
        await other.schedules.StopSchedule(ask.StopScheduleRequest(schedule_id=small.schedule_id))
        assert await shop.scheduler.turn()
        assert (await other.read(small)).state == DRAFT
    with acting_as(someone("admin", shop.planning.tenant)):
        between = await shop.read(big)
        assert between.state == States.SCHEDULE_STATE_RUNNING and between.spent_seconds == 0.01
        assert await shop.scheduler.turn()
        after = await shop.read(big)
        assert after.spent_seconds == 0.02 and after.figures.cost <= between.figures.cost


async def test_worker_that_is_killed_costs_a_turn_and_the_third_time_the_best_so_far_is_kept(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Worker.start

    async def killed(module: str) -> Worker:
        worker = await whole(module)
        worker._process.kill()
        return worker

    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(12, load=5.0)
        begun = await shop.start(seconds=600)
        with monkeypatch.context() as patch:
            patch.setattr(Worker, "start", killed)
            assert await shop.scheduler.turn() and await shop.scheduler.turn()
        assert (await shop.read(begun)).state == States.SCHEDULE_STATE_RUNNING
        with monkeypatch.context() as patch:
            patch.setattr(scheduler, "TURN", 0.5)
            assert await shop.scheduler.turn()
        half = await shop.read(begun)
        assert half.state == States.SCHEDULE_STATE_RUNNING and half.figures.cost > 0
        with monkeypatch.context() as patch:
            patch.setattr(Worker, "start", killed)
            for _ in range(3):
                assert await shop.scheduler.turn()
        ended = await shop.read(begun)
        assert (ended.state, ended.cut_short, ended.shift_count) == (DRAFT, True, 60)
        assert ended.figures.cost == pytest.approx(half.figures.cost) and ended.violation_count == 0
        lost = await shop.start()
        with monkeypatch.context() as patch:
            patch.setattr(Worker, "start", killed)
            for _ in range(3):
                assert await shop.scheduler.turn()
        assert (await shop.read(lost)).state == States.SCHEDULE_STATE_FAILED and not await shop.scheduler.turn()


async def test_version_of_a_replica_that_died_is_made_by_another_once_its_lease_is_over(shop: Shop) -> None:
    db, clock = shop.planning.db, shop.planning.clock
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(3)
        begun = await shop.start()
        await shop.schedules.StopSchedule(ask.StopScheduleRequest(schedule_id=begun.schedule_id))
        assert await db.run(shop.planning.tenant, lambda tx: ops.claim(tx, clock.now())) is not None
        assert not await shop.scheduler.turn()
        clock.advance(ops.LEASE.total_seconds() + 1)
        assert await shop.scheduler.turn() and (await shop.read(begun)).state == DRAFT


async def test_what_cannot_be_scheduled_is_refused_in_words(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        shop.run_id = await shop.required(2.0)
        with pytest.raises(FailedPrecondition) as nobody:
            await shop.start()
        assert nobody.value.reason == "SCHEDULE_NOBODY"
        await shop.staffed(2)
        for wrong, field in (
            ({"first_day": "2026-03-10"}, "first_day"), ({"first_day": ""}, "first_day"),
            ({"first_day": "2036-03-10"}, "first_day"), ({"seconds": 4}, "seconds"), ({"fairness": 2.0}, "fairness"),
            ({"caution": 2.0}, "caution"), ({"seed": -1}, "seed"), ({"forecast_run_id": ""}, "forecast_run_id"),
        ):  # fmt: skip
            with pytest.raises(InvalidInput) as refused:
                await shop.start(**wrong)
            assert refused.value.fields[0].field == field
        with pytest.raises(FailedPrecondition) as other_week:
            await shop.start(first_day="2026-05-04")
        assert other_week.value.reason == "SCHEDULE_NO_REQUIREMENT"
        running = [await shop.start() for _ in range(3)][-1]
        with pytest.raises(QuotaExceeded):
            await shop.start()
        for call in (
            shop.start(base_schedule_id=running.schedule_id),
            shop.schedules.CopySchedule(ask.CopyScheduleRequest(request_id="2", schedule_id=running.schedule_id)),
            shop.schedules.SaveShift(
                ask.SaveShiftRequest(schedule_id=running.schedule_id, version=1, shift=a_shift(shop.users[0], 1))
            ),
        ):
            with pytest.raises(FailedPrecondition) as not_made:
                await call
            assert not_made.value.reason == "SCHEDULE_NOT_DRAFT"


async def test_shift_that_cannot_be_is_told_by_which_field(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(2)
        draft = await shop.made()
        outside = a_shift(shop.users[0], 1)
        outside.breaks[0].end_time.CopyFrom(time_out(at(1, 20)))
        crooked = a_shift(shop.users[0], 1, 8.1)
        elsewhere = a_shift(shop.users[0], 1)
        elsewhere.day = "2026-03-12"
        for shift, field in (
            (a_shift(shop.users[0], 8), "shift.day"), (elsewhere, "shift.start_time"), (crooked, "shift.start_time"),
            (a_shift(shop.users[0], 1, 8.0, 17.0), "shift.end_time"), (outside, "shift.breaks"),
            (States.Shift(user_id=shop.users[0]), "shift.day"), (a_shift("somebody", 1), "shift.user_id"),
        ):  # fmt: skip
            with pytest.raises(InvalidInput) as refused:
                await shop.schedules.SaveShift(
                    ask.SaveShiftRequest(schedule_id=draft.schedule_id, version=draft.version, shift=shift)
                )
            assert refused.value.fields[0].field == field


async def test_schedules_of_other_tenants_are_not_found_and_agents_may_not_look(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(2)
        draft = await shop.made()
    key, version = {"schedule_id": draft.schedule_id}, {"version": draft.version}
    stranger = Planning(shop.planning.db, shop.planning.clock)
    with acting_as(someone("admin", stranger.tenant)):
        service, user_id = shop.schedules, shop.users[0]
        for call in (
            service.GetSchedule(ask.GetScheduleRequest(**key)), service.StopSchedule(ask.StopScheduleRequest(**key)),
            service.CancelSchedule(ask.CancelScheduleRequest(**key)),
            service.DeleteSchedule(ask.DeleteScheduleRequest(**key)),
            service.CopySchedule(ask.CopyScheduleRequest(request_id="1", **key)),
            service.PublishSchedule(ask.PublishScheduleRequest(**key, **version)),
            service.ListShifts(ask.ListShiftsRequest(**key)),
            service.SaveShift(ask.SaveShiftRequest(shift=a_shift(user_id, 1), **key, **version)),
            service.DeleteShift(ask.DeleteShiftRequest(user_id=user_id, day="2026-03-10", **key, **version)),
            service.LockShifts(ask.LockShiftsRequest(locked=True, **key, **version)),
            service.ListScheduleViolations(ask.ListScheduleViolationsRequest(**key)),
            service.GetScheduleCoverage(ask.GetScheduleCoverageRequest(**key)),
            service.CompareSchedules(ask.CompareSchedulesRequest(other_schedule_id=draft.schedule_id, **key)),
            shop.start(base_schedule_id=draft.schedule_id), shop.start(),
        ):  # fmt: skip
            with pytest.raises(NotFound):
                await call
        assert not (await service.ListSchedules(ask.ListSchedulesRequest())).schedules
    with acting_as(someone("agent", shop.planning.tenant)), pytest.raises(Forbidden):
        await shop.schedules.ListSchedules(ask.ListSchedulesRequest())
    with acting_as(someone("supervisor", shop.planning.tenant)):
        assert len((await shop.schedules.ListSchedules(ask.ListSchedulesRequest())).schedules) == 1
        with pytest.raises(Forbidden):
            await shop.schedules.PublishSchedule(ask.PublishScheduleRequest(**key, **version))


async def test_two_who_publish_two_drafts_of_a_week_at_once_leave_one_published(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(2)
        draft = await shop.made()
        copy = await shop.schedules.CopySchedule(
            ask.CopyScheduleRequest(request_id="copy", schedule_id=draft.schedule_id)
        )
        await asyncio.gather(
            *(
                shop.schedules.PublishSchedule(
                    ask.PublishScheduleRequest(schedule_id=each.schedule_id, version=each.version)
                )
                for each in (draft, copy)
            )
        )
        states = sorted([(await shop.read(each)).state for each in (draft, copy)])
        assert states == [PUBLISHED, States.SCHEDULE_STATE_SUPERSEDED]


async def test_time_off_frees_the_day_and_counts_as_worked(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(3)
        said = workforce_pb2.TimeOff(
            user_id=shop.users[0], start_time=time_out(at(1, 0)), end_time=time_out(at(2, 0)), credited_minutes=480
        )
        await shop.workforce.CreateTimeOff(staff.CreateTimeOffRequest(request_id="off", time_off=said))
        made = await shop.made()
        mine = [each.day for each in await shop.shifts(made) if each.user_id == shop.users[0]]
        assert len(mine) == 4 and "2026-03-10" not in mine and made.violation_count == 0
