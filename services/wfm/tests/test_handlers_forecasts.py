"""From a file of history to a forecast, and from that to how many must be there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import acting_as
from chassis.instants import time_out
from chassis.lifecycle import Tasks
from chassis.sql import Database
from kernel.errors import Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound, QuotaExceeded
from kernel.ids import new_id
from merkez.wfm.v1 import (
    forecast_pb2,
    forecast_service_pb2,
    history_pb2,
    history_service_pb2,
    staffing_pb2,
    staffing_service_pb2,
)
from merkez.wfm.v1.forecast_service_pb2_grpc import ForecastServiceStub, add_ForecastServiceServicer_to_server
from merkez.wfm.v1.history_service_pb2_grpc import HistoryServiceStub, add_HistoryServiceServicer_to_server
from merkez.wfm.v1.staffing_service_pb2_grpc import StaffingServiceStub, add_StaffingServiceServicer_to_server
from testkit import ManualClock, RpcHouse, someone
from wfm import forecaster
from wfm.forecaster import Forecaster
from wfm.handlers.forecasts import Forecasts
from wfm.handlers.history import History
from wfm.handlers.staffing import Staffing
from wfm.ops import forecasts as ops

from .conftest import Planning, history_csv, made_up, planned

ask, told, needs = forecast_service_pb2, history_service_pb2, staffing_service_pb2


class Office:
    """The planning of a tenant with everything that is asked of it."""

    def __init__(self, planning: Planning) -> None:
        self.planning = planning
        self.forecaster = Forecaster(planning.db, Tasks("test"), 0)
        self.history: Any = None
        self.forecasts: Any = None
        self.staffing: Any = None

    async def imported(self, name: str = "Front desk", weeks: int = 6) -> str:
        """A queue with so many weeks of history up to yesterday (a Sunday); its id."""
        queue_id = await self.planning.queue(name)
        first = date(2026, 3, 2) - timedelta(days=7 * weeks)
        csv = history_csv(name, made_up(7 * weeks, first=first))
        report = await self.history.ImportHistory(told.ImportHistoryRequest(request_id=name, csv=csv))
        assert report.imported, report
        return queue_id

    async def forecast(self, **asked: Any) -> forecast_pb2.ForecastRun:
        """A run, done."""
        run = await self.forecasts.StartForecast(ask.StartForecastRequest(request_id=new_id("req", NOW), **asked))
        while await self.forecaster.turn():
            pass
        return await self.forecasts.GetForecastRun(ask.GetForecastRunRequest(forecast_run_id=run.forecast_run_id))


NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest_asyncio.fixture
async def office(planning: Planning, rpc: RpcHouse) -> Office:
    return await opened(planning, rpc)


@pytest_asyncio.fixture
async def alone(service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: RpcHouse) -> Office:
    """An office whose forecaster has nobody else's work left to do."""
    return await opened(await planned(service_db, clock, fresh=True), rpc)


async def opened(planning: Planning, rpc: RpcHouse) -> Office:
    db = planning.db
    made = Office(planning)
    await rpc.serve(
        "wfm",
        [
            (add_HistoryServiceServicer_to_server, History(db)),
            (add_ForecastServiceServicer_to_server, Forecasts(db, made.forecaster.wake)),
            (add_StaffingServiceServicer_to_server, Staffing(db)),
        ],
    )
    made.history, made.forecasts = rpc.stub(HistoryServiceStub, "wfm"), rpc.stub(ForecastServiceStub, "wfm")
    made.staffing = rpc.stub(StaffingServiceStub, "wfm")
    return made


async def test_six_weeks_of_a_file_become_a_forecast_and_a_requirement(office: Office) -> None:
    with acting_as(someone("admin", office.planning.tenant)):
        queue_id = await office.imported()
        run = await office.forecast(days=14)
        assert (run.state, run.done_count, run.failed_count) == (forecast_pb2.FORECAST_RUN_STATE_DONE, 1, 0)
        said = await office.forecasts.GetForecast(
            ask.GetForecastRequest(forecast_run_id=run.forecast_run_id, queue_id=queue_id)
        )
        assert len(said.intervals) == 14 * 48 and said.method == "MEAN"
        assert len(said.backtest.origins) == 4 and said.backtest.methods[0].error < 0.2
        tuesday_noon = next(each for each in said.intervals if each.start_time.ToDatetime(tzinfo=UTC) == NOON)
        assert tuesday_noon.low < tuesday_noon.volume < tuesday_noon.high and 40 < tuesday_noon.volume < 90
        assert round(tuesday_noon.aht_seconds) == 240
        found = await office.staffing.GetRequirements(needs.GetRequirementsRequest(forecast_run_id=run.forecast_run_id))
        noon = next(each for each in found.curves[0].requirements if each.start_time == tuesday_noon.start_time)
        assert noon.service_level >= 0.8 and noon.occupancy <= 0.9 and noon.agents > noon.volume * 240 / 1800
        assert found.totals[0].scheduled == 0  # nobody calls at night


async def test_override_holds_for_the_next_forecast_too_until_it_is_taken_back(office: Office) -> None:
    with acting_as(someone("admin", office.planning.tenant)):
        queue_id = await office.imported()
        morning: dict[str, Any] = {
            "start_time": time_out(datetime(2026, 3, 4, 9, tzinfo=UTC)),
            "end_time": time_out(datetime(2026, 3, 4, 10, tzinfo=UTC)),
        }
        value = forecast_pb2.ForecastOverride(queue_id=queue_id, total=500, aht_seconds=90, reason="letter", **morning)
        asked = ask.CreateForecastOverrideRequest(request_id="letter", forecast_override=value)
        kept = await office.forecasts.CreateForecastOverride(asked)
        assert await office.forecasts.CreateForecastOverride(asked) == kept
        for _ in range(2):
            run = await office.forecast(days=7)
            said = await office.forecasts.GetForecast(
                ask.GetForecastRequest(forecast_run_id=run.forecast_run_id, queue_id=queue_id, **morning)
            )
            assert [each.overridden for each in said.intervals] == [True, True]
            assert round(sum(each.volume for each in said.intervals)) == 500 and said.intervals[0].aht_seconds == 90
        await office.forecasts.DeleteForecastOverride(
            ask.DeleteForecastOverrideRequest(forecast_override_id=kept.forecast_override_id)
        )
        with pytest.raises(NotFound) as gone:
            await office.forecasts.DeleteForecastOverride(
                ask.DeleteForecastOverrideRequest(forecast_override_id=kept.forecast_override_id)
            )
        assert gone.value.reason == "OVERRIDE_NOT_FOUND"
        listed = await office.forecasts.ListForecastOverrides(ask.ListForecastOverridesRequest(queue_id=queue_id))
        assert not listed.forecast_overrides


async def test_total_of_a_week_stays_that_of_the_week_whatever_part_of_it_is_read(office: Office) -> None:
    with acting_as(someone("admin", office.planning.tenant)):
        queue_id = await office.imported()
        run = await office.forecast(days=14)
        monday = datetime(2026, 3, 9, tzinfo=UTC)
        week: dict[str, Any] = {"start_time": time_out(monday), "end_time": time_out(monday + timedelta(days=7))}
        value = forecast_pb2.ForecastOverride(queue_id=queue_id, total=7000, **week)
        await office.forecasts.CreateForecastOverride(
            ask.CreateForecastOverrideRequest(request_id="week", forecast_override=value)
        )

        async def read(first: int, days: int) -> float:
            stretch: dict[str, Any] = {
                "start_time": time_out(monday + timedelta(days=first)),
                "end_time": time_out(monday + timedelta(days=first + days)),
            }
            asked = ask.GetForecastRequest(forecast_run_id=run.forecast_run_id, queue_id=queue_id, **stretch)
            return sum(each.volume for each in (await office.forecasts.GetForecast(asked)).intervals)

        assert round(await read(0, 7)) == 7000
        days = [await read(day, 1) for day in range(7)]
        assert round(sum(days)) == 7000 and max(days) < 2500
        stretch: dict[str, Any] = {"start_time": time_out(monday), "end_time": time_out(monday + timedelta(days=1))}
        asked = needs.GetRequirementsRequest(forecast_run_id=run.forecast_run_id, **stretch)
        (curve,) = (await office.staffing.GetRequirements(asked)).curves
        busiest = max(each.agents for each in curve.requirements)
        # 7,000 of four minutes in a week of five open days of ten hours are about ten agents at once, not fifty.
        assert 6 < busiest < 25


async def test_run_that_begins_within_a_total_has_only_its_share_of_it(office: Office) -> None:
    with acting_as(someone("admin", office.planning.tenant)):
        queue_id = await office.imported()
        friday = datetime(2026, 3, 6, tzinfo=UTC)
        value = forecast_pb2.ForecastOverride(
            queue_id=queue_id, total=4000, start_time=time_out(friday - timedelta(days=3)),
            end_time=time_out(friday + timedelta(days=1)),
        )  # fmt: skip
        await office.forecasts.CreateForecastOverride(
            ask.CreateForecastOverrideRequest(request_id="letters", forecast_override=value)
        )
        run = await office.forecast(days=7, first_day="2026-03-06")
        said = await office.forecasts.GetForecast(
            ask.GetForecastRequest(forecast_run_id=run.forecast_run_id, queue_id=queue_id)
        )
        assert round(sum(each.volume for each in said.intervals if each.overridden)) == 1000


async def test_kept_forecast_is_held_against_what_came_and_last_weeks_copy(office: Office) -> None:
    with acting_as(someone("admin", office.planning.tenant)):
        queue_id = await office.imported()
        run = await office.forecast(days=7, first_day="2026-02-16")
        assert run.history_until == "2026-02-15"
        said = await office.forecasts.GetForecast(
            ask.GetForecastRequest(forecast_run_id=run.forecast_run_id, queue_id=queue_id)
        )
        assert all(each.HasField("came") for each in said.intervals)
        assert 0 < said.error < said.last_week_error < 0.5


async def test_cancelled_run_keeps_what_it_has_and_makes_no_more(alone: Office) -> None:
    with acting_as(someone("admin", alone.planning.tenant)):
        await alone.imported()
        run = await alone.forecasts.StartForecast(ask.StartForecastRequest(request_id="one"))
        gone = ask.CancelForecastRunRequest(forecast_run_id=run.forecast_run_id)
        cancelled = await alone.forecasts.CancelForecastRun(gone)
        assert cancelled.state == forecast_pb2.FORECAST_RUN_STATE_CANCELLED and cancelled.HasField("end_time")
        assert not await alone.forecaster.turn()
        assert await alone.forecasts.CancelForecastRun(gone) == cancelled


async def test_tenants_take_turns_whoever_asked_first(office: Office) -> None:
    other = Planning(office.planning.db, office.planning.clock)
    big, small = office, Office.__new__(Office)
    small.__dict__ |= big.__dict__ | {"planning": other}
    with acting_as(someone("admin", big.planning.tenant)):
        for number in range(10):
            await big.imported(f"Queue {number}", weeks=2)
        first = await big.forecasts.StartForecast(ask.StartForecastRequest(request_id="big", days=1))
    with acting_as(someone("admin", other.tenant)):
        await small.imported(weeks=2)
        second = await small.forecasts.StartForecast(ask.StartForecastRequest(request_id="small", days=1))
    assert await big.forecaster.turn() and await big.forecaster.turn()
    with acting_as(someone("admin", big.planning.tenant)):
        run = await big.forecasts.GetForecastRun(ask.GetForecastRunRequest(forecast_run_id=first.forecast_run_id))
    assert run.state == forecast_pb2.FORECAST_RUN_STATE_RUNNING and run.done_count == 8
    with acting_as(someone("admin", other.tenant)):
        run = await big.forecasts.GetForecastRun(ask.GetForecastRunRequest(forecast_run_id=second.forecast_run_id))
    assert run.state == forecast_pb2.FORECAST_RUN_STATE_DONE


async def test_what_cannot_be_forecast_is_refused_in_words(office: Office) -> None:
    with acting_as(someone("admin", office.planning.tenant)):
        with pytest.raises(FailedPrecondition) as nothing:
            await office.forecasts.StartForecast(ask.StartForecastRequest(request_id="1"))
        assert nothing.value.reason == "FORECAST_NO_HISTORY"
        queue_id = await office.imported(weeks=2)
        for wrong, field in (
            ({"days": 449}, "days"), ({"interval_minutes": 20}, "interval_minutes"),
            ({"first_day": "soon"}, "first_day"),
            ({"first_day": "2035-01-01"}, "first_day"), ({"queue_ids": ["front"]}, "queue_ids"),
        ):  # fmt: skip
            with pytest.raises(InvalidInput) as refused:
                await office.forecasts.StartForecast(ask.StartForecastRequest(request_id="2", **wrong))
            assert refused.value.fields[0].field == field
        for number in range(5):
            await office.forecasts.StartForecast(ask.StartForecastRequest(request_id=f"run {number}"))
        with pytest.raises(QuotaExceeded):
            await office.forecasts.StartForecast(ask.StartForecastRequest(request_id="one more"))
        wrong: Any
        for wrong, field in (
            ({}, "total"), ({"percent": -101}, "percent"), ({"aht_seconds": 0.5}, "aht_seconds"),
            ({"total": -1}, "total"),
        ):  # fmt: skip
            value = forecast_pb2.ForecastOverride(
                queue_id=queue_id, start_time=time_out(NOW), end_time=time_out(NOW + timedelta(hours=1)), **wrong
            )
            with pytest.raises(InvalidInput) as refused:
                await office.forecasts.CreateForecastOverride(
                    ask.CreateForecastOverrideRequest(request_id="3", forecast_override=value)
                )
            assert refused.value.fields[0].field == f"forecast_override.{field}"


async def test_forecasts_of_other_tenants_are_not_found_and_agents_may_not_look(office: Office) -> None:
    with acting_as(someone("admin", office.planning.tenant)):
        queue_id = await office.imported(weeks=2)
        run = await office.forecast(days=1)
    of_run = {"forecast_run_id": run.forecast_run_id}
    stranger = Planning(office.planning.db, office.planning.clock)
    with acting_as(someone("admin", stranger.tenant)):
        for call in (
            office.forecasts.GetForecastRun(ask.GetForecastRunRequest(**of_run)),
            office.forecasts.CancelForecastRun(ask.CancelForecastRunRequest(**of_run)),
            office.forecasts.GetForecast(ask.GetForecastRequest(queue_id=queue_id, **of_run)),
            office.staffing.GetRequirements(needs.GetRequirementsRequest(**of_run)),
            office.staffing.GetStaffingRule(needs.GetStaffingRuleRequest(queue_id=queue_id)),
        ):
            with pytest.raises(NotFound):
                await call
        assert not (await office.forecasts.ListForecastRuns(ask.ListForecastRunsRequest())).forecast_runs
    with acting_as(someone("agent", office.planning.tenant)), pytest.raises(Forbidden):
        await office.forecasts.ListForecastRuns(ask.ListForecastRunsRequest())
    with acting_as(someone("supervisor", office.planning.tenant)):
        assert len((await office.forecasts.ListForecastRuns(ask.ListForecastRunsRequest())).forecast_runs) == 1
        with pytest.raises(Forbidden):
            await office.forecasts.CancelForecastRun(ask.CancelForecastRunRequest(**of_run))


async def test_rule_is_said_once_and_whoever_read_an_older_one_is_refused(office: Office) -> None:
    with acting_as(someone("admin", office.planning.tenant)):
        queue_id = await office.planning.queue()
        usual = await office.staffing.GetStaffingRule(needs.GetStaffingRuleRequest(queue_id=queue_id))
        assert (usual.service_level, usual.threshold_seconds, usual.version) == (0.8, 20, 0)
        said = staffing_pb2.StaffingRule(queue_id=queue_id, service_level=0.9, shrinkage=0.3, patience_seconds=120)
        said.deadline_minutes = 240
        said.work_intervals.add(weekday=1, start_minute=480, end_minute=1080)
        kept = await office.staffing.UpdateStaffingRule(needs.UpdateStaffingRuleRequest(staffing_rule=said))
        assert (kept.service_level, kept.version, kept.work_intervals) == (0.9, 1, said.work_intervals)
        assert await office.staffing.GetStaffingRule(needs.GetStaffingRuleRequest(queue_id=queue_id)) == kept
        with pytest.raises(Conflict):
            await office.staffing.UpdateStaffingRule(needs.UpdateStaffingRuleRequest(staffing_rule=said))
        for name, wrong in (("shrinkage", 0.9), ("service_level", 1.0), ("patience_seconds", 0.2), ("concurrency", 21)):
            bad = staffing_pb2.StaffingRule(queue_id=queue_id, version=1)
            setattr(bad, name, wrong)
            with pytest.raises(InvalidInput) as refused:
                await office.staffing.UpdateStaffingRule(needs.UpdateStaffingRuleRequest(staffing_rule=bad))
            assert refused.value.fields[0].field == f"staffing_rule.{name}"
        bad = staffing_pb2.StaffingRule(queue_id=queue_id, version=1)
        bad.work_intervals.add(weekday=8, start_minute=480, end_minute=1080)
        with pytest.raises(InvalidInput) as refused:
            await office.staffing.UpdateStaffingRule(needs.UpdateStaffingRuleRequest(staffing_rule=bad))
        assert refused.value.fields[0].field == "staffing_rule.work_intervals[0].weekday"


async def test_planner_tries_out_what_so_many_calls_take(office: Office) -> None:
    with acting_as(someone("supervisor", office.planning.tenant)):
        rule = staffing_pb2.StaffingRule(max_occupancy=1)
        asked = {"volume": 360, "aht_seconds": 240, "staffing_rule": rule}
        found = await office.staffing.CalculateStaffing(needs.CalculateStaffingRequest(**asked))
        assert 53 < found.requirement.agents <= 54
        fewer = await office.staffing.CalculateStaffing(needs.CalculateStaffingRequest(agents=47, **asked))
        assert fewer.requirement.service_level == 0 and fewer.requirement.occupancy == 1
        with pytest.raises(InvalidInput):
            await office.staffing.CalculateStaffing(needs.CalculateStaffingRequest(volume=1e7, aht_seconds=86_400))


async def test_special_days_are_kept_changed_and_removed(office: Office) -> None:
    with acting_as(someone("admin", office.planning.tenant)):
        day = history_pb2.SpecialDay(name="Novruz", kind=history_pb2.SPECIAL_DAY_KIND_SPECIAL, first_day="2026-03-20")
        asked = told.CreateSpecialDayRequest(request_id="novruz", special_day=day)
        made = await office.history.CreateSpecialDay(asked)
        assert made == await office.history.CreateSpecialDay(asked) and made.last_day == "2026-03-20"
        made.percent = -60
        changed = await office.history.UpdateSpecialDay(told.UpdateSpecialDayRequest(special_day=made))
        assert (changed.percent, changed.version) == (-60, 2)
        with pytest.raises(Conflict):
            await office.history.UpdateSpecialDay(told.UpdateSpecialDayRequest(special_day=made))
        for name, wrong in (
            ("first_day", "20 March"),
            ("last_day", "2026-03-19"),
            ("last_day", "2027-03-21"),
            ("name", ""),
            ("percent", 2000),
        ):
            bad = history_pb2.SpecialDay()
            bad.CopyFrom(changed)
            setattr(bad, name, wrong)
            with pytest.raises(InvalidInput) as refused:
                await office.history.UpdateSpecialDay(told.UpdateSpecialDayRequest(special_day=bad))
            assert refused.value.fields[0].field == f"special_day.{name}"
        gone = told.DeleteSpecialDayRequest(special_day_id=made.special_day_id)
    stranger = Planning(office.planning.db, office.planning.clock)
    with acting_as(someone("admin", stranger.tenant)), pytest.raises(NotFound):
        await office.history.DeleteSpecialDay(gone)
    with acting_as(someone("admin", office.planning.tenant)):
        await office.history.DeleteSpecialDay(gone)
        assert not (await office.history.ListSpecialDays(told.ListSpecialDaysRequest())).special_days


async def test_series_that_takes_too_long_is_given_up_after_three_attempts_and_others_are_done(
    alone: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    with acting_as(someone("admin", alone.planning.tenant)):
        slow, sound = [await alone.imported(name, weeks=2) for name in ("Slow", "Sound")]
        run = await alone.forecasts.StartForecast(ask.StartForecastRequest(request_id="one", days=1, queue_ids=[slow]))
        of_run = {"forecast_run_id": run.forecast_run_id}
        with monkeypatch.context() as patch:
            patch.setattr(forecaster, "_SECONDS", 0.0)
            turns = 0
            while await alone.forecaster.turn():
                turns += 1
        ended = await alone.forecasts.GetForecastRun(ask.GetForecastRunRequest(**of_run))
        assert (ended.state, ended.failed_count, turns) == (forecast_pb2.FORECAST_RUN_STATE_DONE, 1, 3)
        said = await alone.forecasts.GetForecast(ask.GetForecastRequest(queue_id=slow, **of_run))
        assert [each.code for each in said.warnings] == ["FAILED"] and not said.intervals
        assert not (await alone.staffing.GetRequirements(needs.GetRequirementsRequest(**of_run))).curves
        assert (await alone.forecast(days=1, queue_ids=[sound])).done_count == 1


async def test_series_of_a_replica_that_died_is_forecast_by_another_once_its_lease_is_over(alone: Office) -> None:
    db, clock = alone.planning.db, alone.planning.clock
    with acting_as(someone("admin", alone.planning.tenant)):
        await alone.imported(weeks=2)
        run = await alone.forecasts.StartForecast(ask.StartForecastRequest(request_id="one", days=1))
        assert await db.run(alone.planning.tenant, lambda tx: ops.claim(tx, clock.now(), 8)) is not None
        assert not await alone.forecaster.turn()
        clock.advance(ops.LEASE.total_seconds() + 1)
        assert await alone.forecaster.turn()
        done = await alone.forecasts.GetForecastRun(ask.GetForecastRunRequest(forecast_run_id=run.forecast_run_id))
        assert (done.state, done.done_count) == (forecast_pb2.FORECAST_RUN_STATE_DONE, 1)
