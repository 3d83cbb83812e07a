"""A day of work that can wait: it hangs on the days before, as the week's plan had it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import acting_as
from chassis.sql import Database
from google.protobuf.field_mask_pb2 import FieldMask
from kernel.errors import InvalidInput
from merkez.wfm.v1 import intraday_pb2, intraday_service_pb2, staffing_pb2
from sqlalchemy.dialects.postgresql import insert
from testkit import ManualClock, RpcHouse, someone
from wfm.domain.staffing import Rule
from wfm.ops import staffing
from wfm.store.history import SeriesKey
from wfm.store.tables import scenarios

from .conftest import planned
from .planned import MONDAY, Shop, at

ask = intraday_service_pb2
WORKDAYS = tuple((day, 540, 1020) for day in range(1, 6))


@pytest_asyncio.fixture
async def shop(service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: RpcHouse) -> Shop:
    """Mail comes on seven days, and is answered on five, from 9 to 17."""
    made = await Shop.opened(await planned(service_db, clock, fresh=True), rpc)
    made.run_id = await made.required(2.0)
    rule = Rule(shrinkage=0.2, deadline_minutes=240, work_intervals=WORKDAYS)
    key = SeriesKey(made.queue_id, "VOICE")
    await made.planning.db.run(made.planning.tenant, lambda tx: staffing.update_rule(tx, key, rule, 0))
    return made


async def test_day_asks_for_those_that_the_week_was_planned_with(shop: Shop, clock: ManualClock) -> None:
    clock.advance(at(0, 8) - clock.now())

    async def asked(tx: Any) -> list[staffing.Asked]:
        return await staffing.asked(tx, shop.run_id, (), None, None, 0.0)

    (week,), _ = staffing.required(await shop.planning.db.run(shop.planning.tenant, asked))
    with acting_as(someone("supervisor", shop.planning.tenant)):
        for number in (0, 2, 5):
            day = (MONDAY + timedelta(days=number)).isoformat()
            found = await shop.intraday.GetIntraday(ask.GetIntradayRequest(day=day, queue_id=shop.queue_id))
            told = [each.planned_agents for each in found.intervals]
            assert told == pytest.approx([each.scheduled for each in week.needs[48 * number : 48 * number + 48]])
    monday, wednesday = (sum(each.scheduled for each in week.needs[48 * day : 48 * day + 48]) for day in (0, 2))
    assert monday > 1.5 * wednesday, "the weekend's mail is Monday's work"


async def test_rest_of_a_day_as_it_stands_takes_what_the_day_says_and_no_mail_of_the_evening(
    shop: Shop, clock: ManualClock
) -> None:
    clock.advance(at(1, 16) - clock.now())
    tried: dict[str, Any] = {"day": at(1, 0).date().isoformat(), "queue_id": shop.queue_id}
    with acting_as(someone("supervisor", shop.planning.tenant)):
        day = await shop.intraday.GetIntraday(ask.GetIntradayRequest(**tried))
        rest = [each.required_agents for each in day.intervals[day.over_count :]]
        assert day.over_count == 32 and list(day.outcome.required_agents) == pytest.approx(rest)
        assert sum(each > 0 for each in rest) == 2, "from 16 to 17"


async def test_scenario_may_say_that_nobody_is_ill_of_a_queue_where_some_are(shop: Shop, clock: ManualClock) -> None:
    """What a scenario doesn't say stays as the queue has it; what its mask names holds, though it is nothing."""
    clock.advance(at(1, 8) - clock.now())
    tried: dict[str, Any] = {"day": at(1, 0).date().isoformat(), "queue_id": shop.queue_id}

    def told(*paths: str, **said: Any) -> intraday_pb2.Scenario:
        mask: dict[str, Any] = {"staffing_rule_mask": FieldMask(paths=paths)} if paths else {}
        return intraday_pb2.Scenario(display_name="Well", staffing_rule=staffing_pb2.StaffingRule(**said), **mask)

    wanted = [told(), told(shrinkage=0.5), told("shrinkage"), told("shrinkage", "work_intervals", max_occupancy=0.5)]
    with acting_as(someone("supervisor", shop.planning.tenant)):
        found = await shop.intraday.TryScenarios(ask.TryScenariosRequest(scenarios=wanted, **tried))
        usual, same, more, none, anytime = [sum(each.required_agents) for each in found.outcomes]
        assert same == usual > 0
        assert (more, none) == (pytest.approx(usual * 0.8 / 0.5), pytest.approx(usual * 0.8))
        late = [each.required_agents[-12] for each in found.outcomes]
        assert late[:4] == [0.0] * 4 and late[4] > 0 and anytime > 0, "nobody answers at six but where hours are none"
        made = await shop.intraday.CreateScenario(ask.CreateScenarioRequest(request_id="well", scenario=wanted[3]))
        assert list(made.staffing_rule_mask.paths) == ["shrinkage", "work_intervals"]
        assert made.staffing_rule == staffing_pb2.StaffingRule()
        (kept,) = (await shop.intraday.ListScenarios(ask.ListScenariosRequest())).scenarios
        assert kept == made
        again = await shop.intraday.TryScenarios(ask.TryScenariosRequest(scenarios=[kept], **tried))
        assert again.outcomes[1].required_agents == found.outcomes[4].required_agents
        with pytest.raises(InvalidInput) as refused:
            await shop.intraday.TryScenarios(ask.TryScenariosRequest(scenarios=[told("version")], **tried))
        assert refused.value.reason == "STAFFING_RULE_INVALID"


async def test_scenario_that_was_kept_with_a_whole_rule_says_what_it_said(shop: Shop) -> None:
    whole = {name: getattr(Rule(), name) for name in Rule.__dataclass_fields__ if name != "work_intervals"}
    settings = {
        "volume_percent": 10.0, "aht_percent": 0.0, "absence_percent": 0.0, "extra_agents": 0.0,
        "rule": whole | {"service_level": 0.95, "patience_seconds": 60.0},
    }  # fmt: skip
    now = shop.planning.clock.now()
    row = {
        "scenario_id": "scn_old", "name": "Old", "settings": settings, "create_user_id": "usr_1", "create_time": now,
    }  # fmt: skip

    async def keep(tx: Any) -> None:
        await tx.execute(insert(scenarios).values(tenant_id=tx.tenant_id, **row))

    await shop.planning.db.run(shop.planning.tenant, keep)
    with acting_as(someone("supervisor", shop.planning.tenant)):
        (kept,) = (await shop.intraday.ListScenarios(ask.ListScenariosRequest())).scenarios
    assert kept.volume_percent == 10
    assert kept.staffing_rule == staffing_pb2.StaffingRule(
        service_level=0.95, threshold_seconds=20, patience_seconds=60.0
    )
