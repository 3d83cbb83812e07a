"""The day as it goes: read, tried out, scenarios kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from chassis.auth import principal
from chassis.instants import time_out
from chassis.sql import Database, Tx
from google.protobuf import empty_pb2
from kernel.ids import require_id, require_request_id
from merkez.wfm.v1 import intraday_pb2, intraday_service_pb2, intraday_service_pb2_grpc, staffing_pb2

from wfm import convert
from wfm.domain.intraday import Outcome, Scenario
from wfm.domain.staffing import Rule, promised, said_of
from wfm.ops import intraday as ops
from wfm.ops.intraday import Saved, Seen, SeriesKey

ask = intraday_service_pb2


class Intraday(intraday_service_pb2_grpc.IntradayServiceServicer):
    """merkez.wfm.v1.IntradayService. Days are worked out beside whoever else is served."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def GetIntraday(self, request: ask.GetIntradayRequest, context: Any) -> intraday_pb2.Intraday:
        now = self._db.clock.now()
        return _day(await self._seen(request, now), now)

    async def TryScenarios(self, request: ask.TryScenariosRequest, context: Any) -> ask.TryScenariosResponse:
        wanted = ops.checked_scenarios([_scenario_in(each) for each in request.scenarios])
        found = await self._seen(request, self._db.clock.now())

        def work() -> list[Outcome]:
            return [found.try_out(each) for each in wanted]

        outcomes = await asyncio.to_thread(work)
        said = zip(request.scenarios, outcomes, wanted, strict=True)
        return ask.TryScenariosResponse(
            outcomes=[_outcome(found, found.rest, None), *(_outcome(found, out, told, of) for told, out, of in said)]
        )

    async def CreateScenario(self, request: ask.CreateScenarioRequest, context: Any) -> intraday_pb2.Scenario:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        said = request.scenario
        value = Saved("", said.display_name.strip(), _scenario_in(said), principal().subject, now)

        async def work(tx: Tx) -> intraday_pb2.Scenario:
            async def create() -> intraday_pb2.Scenario:
                return _saved(await ops.create_scenario(tx, value, now))

            return await tx.once(request_id, "CreateScenario", request, intraday_pb2.Scenario, create)

        return await self._db.run(principal().tenant_id, work)

    async def ListScenarios(self, request: ask.ListScenariosRequest, context: Any) -> ask.ListScenariosResponse:
        found = await self._read(ops.list_scenarios)
        return ask.ListScenariosResponse(scenarios=[_saved(each) for each in found])

    async def DeleteScenario(self, request: ask.DeleteScenarioRequest, context: Any) -> empty_pb2.Empty:
        key = require_id("scn", request.scenario_id, "scenario_id")
        await self._db.run(principal().tenant_id, lambda tx: ops.delete_scenario(tx, key))
        return empty_pb2.Empty()

    async def _seen(self, request: Any, now: datetime) -> Seen:
        day = convert.day_in(request.day, "day")
        key = SeriesKey(require_id("que", request.queue_id, "queue_id"), convert.channel_in(request.channel))
        run_id = require_id("fcr", request.forecast_run_id, "forecast_run_id") if request.forecast_run_id else ""
        gathered = await self._read(lambda tx: ops.gather(tx, day, key, run_id, now))
        return await asyncio.to_thread(ops.seen, gathered, now)

    async def _read(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work, read_only=True)


def _scenario_in(said: intraday_pb2.Scenario) -> Scenario:
    told = said.staffing_rule
    # Without a mask what is set is what is said.
    names = said.staffing_rule_mask.paths or [
        each.name for each, _ in told.ListFields() if each.name in Rule.__dataclass_fields__
    ]
    promises = said_of(convert.rule_in(told), names)
    return Scenario(said.volume_percent, said.aht_percent, said.absence_percent, said.extra_agents, promises)


def _saved(value: Saved) -> intraday_pb2.Scenario:
    said = value.scenario
    made = intraday_pb2.Scenario(
        scenario_id=value.scenario_id, display_name=value.name, volume_percent=said.volume_percent,
        aht_percent=said.aht_percent, absence_percent=said.absence_percent, extra_agents=said.extra_agents,
        create_user_id=value.create_user_id, create_time=time_out(value.create_time),
    )  # fmt: skip
    if said.promises:
        whole = convert.rule_out("", "VOICE", promised(Rule(), said.promises), 0)
        for name in (each for each in Rule.__dataclass_fields__ if each in said.promises):
            made.staffing_rule_mask.paths.append(name)
            part = staffing_pb2.StaffingRule(**{name: getattr(whole, name)})
            made.staffing_rule.MergeFrom(part)
    return made


def _outcome(
    seen: Seen, value: Outcome, told: intraday_pb2.Scenario | None, of: Scenario | None = None
) -> intraday_pb2.ScenarioOutcome:
    volume = float(seen.outlook.volume[seen.gathered.over :].sum())
    return intraday_pb2.ScenarioOutcome(
        scenario=told, volume=volume * (1 + (of.volume_percent if of else 0.0) / 100),
        service_level=value.service_level, asa_seconds=value.asa, occupancy=value.occupancy,
        abandon_share=value.abandon_share, missing_hours=value.missing_hours, spare_hours=value.spare_hours,
        required_agents=value.required.tolist(), staffed_agents=value.staffed.tolist(),
    )  # fmt: skip


def _day(seen: Seen, now: datetime) -> intraday_pb2.Intraday:
    gathered, outlook = seen.gathered, seen.outlook
    mine, waits = gathered.going[0], seen.day.waiting
    made = intraday_pb2.Intraday(
        day=gathered.day.isoformat(), queue_id=mine.key.queue_id, channel=convert.channel_out(mine.key.channel),
        forecast_run_id=gathered.run.forecast_run_id,
        schedule_id=gathered.version.schedule_id if gathered.version else "",
        interval_minutes=gathered.run.minutes, over_count=gathered.over, volume_factor=outlook.factor,
        aht_factor=outlook.aht_factor, outcome=_outcome(seen, seen.rest, None), read_time=time_out(now),
        shared_with=[
            intraday_pb2.IntradayMember(
                queue_id=each.key.queue_id, channel=convert.channel_out(each.key.channel)
            )
            for each in gathered.going[1:]
        ],
        time_zone=gathered.zone,
    )  # fmt: skip
    there = bool(gathered.groups)
    for at, start in enumerate(mine.curve.starts):
        over = at < gathered.over
        row = intraday_pb2.IntradayInterval(
            start_time=time_out(start), forecast=mine.curve.volume[at], expected=outlook.volume[at],
            low=outlook.low[at], high=outlook.high[at], forecast_aht_seconds=mine.curve.aht[at],
            expected_aht_seconds=outlook.aht[at], planned_agents=seen.planned[at],
            required_agents=seen.required[at], staffed_agents=seen.staffed[at],
        )  # fmt: skip
        if over:
            row.came = mine.came[at]
            if mine.handled[at] > 0:
                row.aht_seconds = mine.seconds[at] / mine.handled[at]
            if there:
                row.present_agents = seen.present[at]
        if there and not mine.rule.deadline_minutes:
            row.service_level = waits[at].service_level
        made.intervals.append(row)
    return made
