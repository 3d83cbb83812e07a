"""A company in Istanbul with sites in Tehran and Sao Paulo: what is said of an agent of a site goes by its clocks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from chassis.auth import acting_as
from chassis.instants import time_out
from chassis.sql import Database
from icalendar import Calendar
from kernel.errors import InvalidInput
from kernel.ids import new_id
from merkez.wfm.v1 import (
    adherence_service_pb2,
    bid_service_pb2,
    my_schedule_service_pb2,
    schedule_pb2,
    schedule_service_pb2,
    shift_trade_pb2,
    shift_trade_service_pb2,
    time_off_pb2,
    workforce_service_pb2,
)
from merkez.wfm.v1.adherence_service_pb2_grpc import AdherenceServiceStub, add_AdherenceServiceServicer_to_server
from testkit import ManualClock, RpcHouse, someone
from wfm.domain.shifts import Break, Shift
from wfm.handlers.adherence import Adherence

from .conftest import planned
from .floor import Floor
from .planned import MONDAY

ask, mine, staff = schedule_service_pb2, my_schedule_service_pb2, workforce_service_pb2
HERE, TEHRAN, PAULO = "Europe/Istanbul", "Asia/Tehran", "America/Sao_Paulo"
ZONES = (HERE, TEHRAN, PAULO)


@pytest_asyncio.fixture
async def floor(service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: RpcHouse) -> Floor:
    """The company; its first two agents are nobody's, the next two of Tehran, the last two of Sao Paulo."""
    made = await Floor.opened(await planned(service_db, clock, fresh=True), rpc)
    made.zone = HERE
    await made.planning.lives_in(HERE)
    return made


async def spread(floor: Floor) -> None:
    with floor.manager():
        tehran, paulo = await floor.site("Tehran", TEHRAN), await floor.site("Sao Paulo", PAULO)
        found = await floor.workforce.ListPlannedAgents(staff.ListPlannedAgentsRequest())
        for each in found.planned_agents:
            each.site_id = ("", tehran.site_id, paulo.site_id)[floor.users.index(each.user_id) // 2]
            await floor.workforce.UpdatePlannedAgent(staff.UpdatePlannedAgentRequest(planned_agent=each))


def zone_of(floor: Floor, user_id: str) -> ZoneInfo:
    return ZoneInfo(ZONES[floor.users.index(user_id) // 2])


def there(floor: Floor, number: int, day: int, hour: float = 8.0) -> Shift:
    """Eight hours and a lunch from an hour of their site's clocks on."""
    place = zone_of(floor, floor.users[number])
    of = MONDAY + timedelta(days=day)
    start = (datetime(of.year, of.month, of.day, tzinfo=place) + timedelta(hours=hour)).astimezone(UTC)
    lunch = Break(start + timedelta(hours=4), start + timedelta(hours=4.5), False)
    return Shift(floor.users[number], of, start, start + timedelta(hours=8.5), (lunch,), work=((start, 0),))


async def test_week_of_three_zones_is_made_published_and_shown_by_each_sites_clocks(floor: Floor) -> None:
    with floor.manager():
        await floor.staffed(6)
    await spread(floor)
    with floor.manager():
        made = await floor.made()
        assert made.state == schedule_pb2.SCHEDULE_STATE_DRAFT and made.violation_count == 0
        assert made.time_zone == HERE and made.shift_count == 30
        shifts = await floor.shifts(made)
        for each in shifts:
            local = each.start_time.ToDatetime(UTC).astimezone(zone_of(floor, each.user_id))
            assert local.date().isoformat() == each.day and 420 <= local.hour * 60 + local.minute <= 720
        # Sao Paulo begins when Istanbul has lunch; whoever has no site begins with Istanbul.
        found = await floor.schedules.GetScheduleCoverage(ask.GetScheduleCoverageRequest(schedule_id=made.schedule_id))
        covered = sum(each.covered for each in found.groups[0].intervals) / 4
        inside = sum(
            (each.end_time.ToDatetime() - each.start_time.ToDatetime()).total_seconds() / 3600 - 0.5 for each in shifts
        )
        assert 0 < covered <= inside
        shift = next(each for each in shifts if each.user_id == floor.users[4])
        wrong = schedule_pb2.Shift()
        wrong.CopyFrom(shift)
        wrong.start_time.FromDatetime(shift.start_time.ToDatetime() - timedelta(hours=8))
        with pytest.raises(InvalidInput) as other_day:
            await floor.schedules.SaveShift(
                ask.SaveShiftRequest(schedule_id=made.schedule_id, version=made.version, shift=wrong)
            )
        assert other_day.value.fields[0].field == "shift.start_time"
        await floor.publish(made)
    for number, zone in ((0, HERE), (2, TEHRAN), (5, PAULO)):
        with floor.agent(number):
            asked = mine.ListMyShiftsRequest(first_day=MONDAY.isoformat(), last_day=MONDAY.isoformat())
            shown = await floor.my.ListMyShifts(asked)
            feed = await floor.my.CreateMyCalendarFeed(mine.CreateMyCalendarFeedRequest(language="en"))
        assert shown.time_zone == shown.weeks[0].time_zone == zone and len(shown.weeks[0].shifts) == 5
        token = feed.path.removeprefix("/v1/calendars/").removesuffix("/shifts.ics")
        with acting_as(someone("agent", floor.planning.tenant)):
            data = (await floor.my.GetCalendar(mine.GetCalendarRequest(token=token))).data
            assert data == (await floor.my.GetCalendar(mine.GetCalendarRequest(token=token))).data
        calendar: Any = Calendar.from_ical(data)
        events = calendar.walk("VEVENT")
        assert [each.decoded("dtstart") for each in events] == [
            each.start_time.ToDatetime(UTC) for each in shown.weeks[0].shifts
        ]
        zones = [str(each["tzid"]) for each in calendar.walk("VTIMEZONE")]
        assert zones == ([] if zone == HERE else [zone])
        assert {each["dtstart"].params.get("tzid") for each in events} == {None if zone == HERE else zone}


async def test_day_off_is_the_sites_day_and_frees_the_shift_of_that_day(floor: Floor) -> None:
    await floor.hired(6)
    await spread(floor)
    await floor.out([there(floor, 2, 1, 0.0), there(floor, 2, 2), there(floor, 4, 1, 15.0)], need=0.0)
    kind, _ = await floor.kind(), await floor.allowance(max_agents=1)
    # Tehran's Tuesday begins at half past eleven on Istanbul's Monday evening.
    one = await floor.ask(2, kind, 1)
    assert one.state == time_off_pb2.TIME_OFF_REQUEST_STATE_APPROVED and await floor.days(2) == [2]
    with floor.manager():
        (away,) = (
            await floor.workforce.ListTimeOff(
                staff.ListTimeOffRequest(
                    start_time=time_out(floor.instant(0, 0)), end_time=time_out(floor.instant(7, 0))
                )
            )
        ).time_off
    tuesday = datetime(MONDAY.year, MONDAY.month, MONDAY.day + 1, tzinfo=ZoneInfo(TEHRAN))
    assert away.start_time.ToDatetime(UTC) == tuesday
    assert away.end_time.ToDatetime(UTC) == tuesday + timedelta(days=1)
    with floor.agent(2):
        shown = await floor.my.ListMyShifts(
            mine.ListMyShiftsRequest(first_day=MONDAY.isoformat(), last_day=MONDAY.isoformat())
        )
    day = (MONDAY + timedelta(days=1)).isoformat()
    assert [(each.first_day, each.last_day) for each in shown.time_off] == [(day, day)]
    # Sao Paulo's Tuesday goes on when Tehran's is over: both are off for some hours of it.
    two = await floor.ask(4, kind, 1)
    assert [each.code for each in two.obstacles] == ["ALLOWANCE_FULL"]


async def test_shift_that_changes_hands_between_sites_is_of_the_day_it_is_there(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    anytime = {"first_start_minute": 0, "last_start_minute": 1425, "start_step_minutes": 15}
    monkeypatch.setattr(floor, "pattern", partial(floor.pattern, **anytime))
    await floor.hired(6)
    await spread(floor)
    late, sunday = there(floor, 4, 1, 18.0), there(floor, 4, 6, 20.0)
    await floor.out([late, sunday], need=0.0)

    async def offered(shift: Shift) -> Any:
        trade = shift_trade_pb2.ShiftTrade(day=shift.day.isoformat())
        floor.planning.clock.advance(1.0)
        with floor.agent(4):
            return await floor.trades.OfferTrade(
                shift_trade_service_pb2.OfferTradeRequest(
                    request_id=new_id("req", floor.planning.clock.now()), shift_trade=trade
                )
            )

    def accepted(number: int, trade: Any) -> Any:
        with floor.agent(number):
            return floor.trades.AcceptTrade(
                shift_trade_service_pb2.AcceptTradeRequest(
                    request_id=new_id("req", floor.planning.clock.now()), shift_trade_id=trade.shift_trade_id
                )
            )

    # 18:00 on Tuesday in Sao Paulo is half past midnight on Wednesday in Tehran.
    trade = await offered(late)
    with floor.agent(2):
        done = await accepted(2, trade)
    assert done.shift_trade.state == shift_trade_pb2.SHIFT_TRADE_STATE_DONE
    assert await floor.week(2) == [((MONDAY + timedelta(days=2)).isoformat(), late.start.replace(tzinfo=None))]
    assert await floor.days(4) == [6]
    over = await offered(sunday)
    with floor.agent(0), pytest.raises(InvalidInput) as other_week:
        await accepted(0, over)
    assert other_week.value.reason == "TRADE_INVALID", "it is Monday of the next week in Istanbul"


async def test_open_shift_is_won_for_the_day_it_is_at_the_winners_site(floor: Floor) -> None:
    await floor.hired(6)
    await spread(floor)
    await floor.out([], need=0.0)
    shifts = []
    for day in (2, 0):
        of = there(floor, 0, day, 1.0)
        lunch: Any = {"start_time": time_out(of.breaks[0].start), "end_time": time_out(of.breaks[0].end)}
        shifts.append(
            shift_trade_pb2.OpenShift(
                day=of.day.isoformat(), start_time=time_out(of.start), end_time=time_out(of.end), places=1,
                breaks=[lunch],
            )
        )  # fmt: skip
    end = floor.planning.clock.now() + timedelta(days=1)
    value = shift_trade_pb2.BidRound(
        display_name="Nights", first_day=MONDAY.isoformat(), order=shift_trade_pb2.BID_ORDER_SENIORITY,
        open_shifts=shifts, end_time=time_out(end),
    )  # fmt: skip
    with floor.manager():
        made = await floor.bids.CreateBidRound(bid_service_pb2.CreateBidRoundRequest(request_id="one", bid_round=value))
    numbers = [each.number for each in made.open_shifts]
    with floor.agent(4):
        await floor.bids.PlaceBid(
            bid_service_pb2.PlaceBidRequest(
                bid_round_id=made.bid_round_id, bid=shift_trade_pb2.Bid(numbers=numbers, most=2)
            )
        )
    floor.planning.clock.advance(timedelta(days=2))
    with floor.manager():
        await floor.bids.AwardBidRound(bid_service_pb2.AwardBidRoundRequest(bid_round_id=made.bid_round_id))
    # One on Wednesday night is Tuesday evening in Sao Paulo; one on Monday night is their Sunday, of the week before.
    assert await floor.days(4) == [1]


async def test_adherence_counts_a_shift_on_the_day_it_is_at_the_site(floor: Floor, rpc: RpcHouse) -> None:
    await floor.hired(6)
    await spread(floor)
    shift = there(floor, 4, 1, 14.5)  # to 23:00 on Tuesday, which is 5:00 on Wednesday in Istanbul
    await floor.out([shift, there(floor, 0, 1)], need=0.0)
    await rpc.serve("adherence", [(add_AdherenceServiceServicer_to_server, Adherence(floor.planning.db))])
    service = rpc.stub(AdherenceServiceStub, "adherence")
    floor.planning.clock.advance(shift.end + timedelta(hours=1) - floor.planning.clock.now())
    tuesday = (MONDAY + timedelta(days=1)).isoformat()
    with floor.manager():
        found = await service.ListAdherence(
            adherence_service_pb2.ListAdherenceRequest(
                first_day=tuesday, last_day=(MONDAY + timedelta(days=2)).isoformat()
            )
        )
        day = await service.GetAgentDay(adherence_service_pb2.GetAgentDayRequest(user_id=floor.users[4], day=tuesday))
        board = await service.GetAdherenceBoard(adherence_service_pb2.GetAdherenceBoardRequest())
    days = {each.user_id: [one.day for one in each.days] for each in found.agents}
    assert days == {floor.users[0]: [tuesday], floor.users[4]: [tuesday]}
    assert day.time_zone == PAULO and day.planned[0].start_time == time_out(shift.start)
    assert day.start_time.ToDatetime(UTC) == datetime(2026, 3, 10, tzinfo=ZoneInfo(PAULO))
    # In Istanbul it is Wednesday by now, and their Tuesday's shift is over; in Sao Paulo it is just midnight.
    assert {each.user_id for each in board.agents} == set()
    assert date.fromisoformat(tuesday) == shift.day
