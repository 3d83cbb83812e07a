"""Adherence over its service: facts of agents held against a published week; exceptions, rules, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import acting_as
from chassis.instants import time_out
from chassis.sql import Database
from kernel.errors import AlreadyExists, Conflict, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from merkez.routing.v1 import contact_pb2, routing_events_pb2
from merkez.wfm.v1 import adherence_pb2, adherence_service_pb2
from sqlalchemy import select
from testkit import ManualClock, RpcHouse, someone
from wfm import sweeper
from wfm.store.tables import agent_states

from .conftest import planned
from .planned import MONDAY, Shop, a_shift, at

ask, States = adherence_service_pb2, adherence_pb2
TUESDAY = at(1, 0).date().isoformat()


@pytest_asyncio.fixture
async def shop(service_db: Callable[..., Awaitable[Database]], clock: ManualClock, rpc: RpcHouse) -> Shop:
    """A shop in which the second day of a published week begins."""
    made = await Shop.opened(await planned(service_db, clock, fresh=True), rpc)
    with acting_as(someone("admin", made.planning.tenant)):
        await made.staffed(3)
        await made.published(*(a_shift(each, 1) for each in made.users[:2]))
    clock.advance(at(1, 8) - clock.now())
    return made


def moved(user_id: str, version: int, state: str, since: datetime, before: str, before_since: datetime,
          reason: str = "") -> routing_events_pb2.AgentStateChanged:  # fmt: skip
    """A fact of routing."""
    states = contact_pb2.AgentState
    agent = contact_pb2.Agent(
        agent_id=user_id, version=version, state=states.Value(f"AGENT_STATE_{state}"), reason=reason,
        state_time=time_out(since),
    )  # fmt: skip
    return routing_events_pb2.AgentStateChanged(
        agent=agent, previous_state=states.Value(f"AGENT_STATE_{before}"), previous_state_time=time_out(before_since)
    )


async def board(shop: Shop) -> Any:
    found = await shop.adherence.GetAdherenceBoard(ask.GetAdherenceBoardRequest())
    return {each.user_id: each for each in found.agents}


async def test_board_shows_who_is_out_since_when_and_what_they_should_do(shop: Shop, clock: ManualClock) -> None:
    late, good, free = shop.users
    with acting_as(someone("supervisor", shop.planning.tenant)):
        await shop.planning.tell(moved(good, 2, "AVAILABLE", at(1, 7.75), "OFFLINE", at(0, 16)))
        clock.advance(timedelta(minutes=1))
        assert {key: each.state for key, each in (await board(shop)).items()} == {
            late: States.ADHERENCE_STATE_TOLERATED, good: States.ADHERENCE_STATE_IN,
        }  # fmt: skip
        await shop.planning.tell(moved(free, 2, "AVAILABLE", at(1, 8), "OFFLINE", at(0, 16)))
        clock.advance(timedelta(minutes=4))
        found = await shop.adherence.GetAdherenceBoard(ask.GetAdherenceBoardRequest())
        assert found.agents[0].user_id == late and found.tolerance_seconds == 120
        states = {each.user_id: each for each in found.agents}
        out = states[late]
        assert out.state == States.ADHERENCE_STATE_OUT and out.out_time == time_out(at(1, 8))
        assert (out.planned, out.actual) == (States.ACTIVITY_WORK, States.ACTIVITY_OFF)
        assert out.planned_until_time == time_out(at(1, 12)) and out.figures.adherence == 0.0
        assert states[free].state == States.ADHERENCE_STATE_UNPLANNED
        assert not states[free].figures.HasField("adherence")
        assert states[good].figures.adherence == 1.0 and found.figures.adherence == 0.5
        # On a contact: nothing to the plan, and yet what the board says they do.
        await shop.planning.tell(moved(good, 3, "ON_CONTACT", at(1, 8.05), "AVAILABLE", at(1, 7.75)))
        on_contact = (await board(shop))[good]
        assert on_contact.agent_state == contact_pb2.AGENT_STATE_ON_CONTACT
        assert on_contact.agent_state_time == time_out(at(1, 8.05))


async def test_board_of_a_night_goes_on_past_midnight(shop: Shop, clock: ManualClock) -> None:
    out, left, _ = shop.users
    with acting_as(someone("admin", shop.planning.tenant)):
        night = [a_shift(each, 1, 20.0, lunch=None) for each in (out, left)]
        await shop.published(*night)
    await shop.planning.tell(moved(left, 2, "AVAILABLE", at(1, 20), "OFFLINE", at(0, 16)))
    with acting_as(someone("supervisor", shop.planning.tenant)):
        clock.advance(at(1, 23.5) - clock.now())
        assert (await board(shop))[left].planned_until_time == time_out(at(2, 4.5)), "not at midnight"
        await shop.planning.tell(moved(left, 3, "OFFLINE", at(1, 23.75), "AVAILABLE", at(1, 20)))
        clock.advance(at(2, 0) + timedelta(minutes=1) - clock.now())
        found = await shop.adherence.GetAdherenceBoard(ask.GetAdherenceBoardRequest())
    assert [(each.user_id, each.state, each.out_time) for each in found.agents] == [
        (out, States.ADHERENCE_STATE_OUT, time_out(at(1, 20))),
        (left, States.ADHERENCE_STATE_OUT, time_out(at(1, 23.75))),
    ]
    # What is counted is still of the day that began a minute ago.
    assert {each.figures.scheduled_seconds for each in found.agents} == {60}


async def test_facts_may_come_twice_late_and_in_any_order(shop: Shop, clock: ManualClock) -> None:
    user = shop.users[0]
    facts = [
        moved(user, 2, "AVAILABLE", at(1, 8), "OFFLINE", at(0, 16)),
        moved(user, 5, "NOT_READY", at(1, 12), "AVAILABLE", at(1, 8), "lunch"),
        moved(user, 6, "AVAILABLE", at(1, 13), "NOT_READY", at(1, 12)),
        moved(user, 9, "OFFLINE", at(1, 16.5), "AVAILABLE", at(1, 13)),
    ]
    clock.advance(timedelta(hours=10))
    asked = ask.ListAdherenceRequest(first_day=MONDAY.isoformat(), last_day=at(2, 0).date().isoformat(), user_id=user)
    with acting_as(someone("supervisor", shop.planning.tenant)):
        await shop.planning.tell(facts[3], facts[0])
        early = await shop.adherence.ListAdherence(asked)
        assert early.agents[0].figures.adherence == pytest.approx(8 / 8.5), "of the break nothing is known yet"
        await shop.planning.tell(facts[2], facts[1], facts[2], facts[0])
        (mine,) = (await shop.adherence.ListAdherence(asked)).agents
        assert [each.day for each in mine.days] == [at(1, 0).date().isoformat()]
        assert mine.figures == mine.days[0].figures
        assert (mine.figures.scheduled_seconds, mine.figures.adherent_seconds) == (8.5 * 3600, 8 * 3600)
        assert mine.figures.conformance == pytest.approx(7.5 / 8)
        day = await shop.adherence.GetAgentDay(
            ask.GetAgentDayRequest(user_id=user, day=at(1, 0).date().isoformat())
        )  # fmt: skip
        assert [each.activity for each in day.planned] == [
            States.ACTIVITY_WORK, States.ACTIVITY_BREAK, States.ACTIVITY_WORK,
        ]  # fmt: skip
        assert [each.agent_state for each in day.actual][:3] == [
            contact_pb2.AGENT_STATE_OFFLINE, contact_pb2.AGENT_STATE_AVAILABLE, contact_pb2.AGENT_STATE_NOT_READY,
        ]  # fmt: skip
        (out,) = day.deviations
        assert (out.start_time, out.end_time) == (time_out(at(1, 12.5)), time_out(at(1, 13))) and not out.tolerated


async def test_states_are_forgotten_after_a_year_and_a_month_but_for_the_one_agents_were_in_then(
    shop: Shop, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, other, _ = shop.users
    monkeypatch.setattr(sweeper, "BATCH", 2)
    before, facts = at(0, 16), []
    for version in range(2, 12):
        state, was = ("AVAILABLE", "NOT_READY")[version % 2], ("NOT_READY", "AVAILABLE")[version % 2]
        facts.append(moved(user, version, state, at(1, 8 + version / 4), was, before))
        before = at(1, 8 + version / 4)
    await shop.planning.tell(*facts, moved(other, 2, "AVAILABLE", at(1, 8), "OFFLINE", at(0, 16)))

    async def kept() -> list[tuple[str, int]]:
        async def read(tx: Any) -> list[tuple[str, int]]:
            rows = await tx.all(select(agent_states).where(agent_states.c.tenant_id == tx.tenant_id))
            return sorted((row["user_id"], row["version"]) for row in rows)

        return await shop.planning.db.run(shop.planning.tenant, read)

    clock.advance(at(1, 10.1) + timedelta(days=400) - clock.now())
    with acting_as(someone("supervisor", shop.planning.tenant)):
        asked = ask.GetAgentDayRequest(user_id=user, day=at(2, 0).date().isoformat())
        day = await shop.adherence.GetAgentDay(asked)
        await sweeper.sweep(shop.planning.db)
        # At ten past ten they were in the state of ten o'clock: it is known of the days that follow.
        assert await kept() == sorted([(user, version) for version in range(8, 12)] + [(other, 2)])
        await sweeper.sweep(shop.planning.db)
        assert len(await kept()) == 5 and await shop.adherence.GetAgentDay(asked) == day
        for refused in (
            shop.adherence.GetAgentDay(ask.GetAgentDayRequest(user_id=user, day=TUESDAY)),
            shop.adherence.ListAdherence(ask.ListAdherenceRequest(first_day=TUESDAY)),
        ):
            with pytest.raises(InvalidInput) as old:
                await refused
            assert old.value.reason == "WFM_RANGE_INVALID"


def an_exception(user_id: str, start: float, end: float, **said: Any) -> Any:
    return States.AdherenceException(
        user_id=user_id, start_time=time_out(at(1, start)), end_time=time_out(at(1, end)),
        **({"kind": States.ADHERENCE_EXCEPTION_KIND_SYSTEM_PROBLEM} | said),
    )  # fmt: skip


async def test_exception_excuses_one_or_everybody_is_made_once_and_taken_back(shop: Shop, clock: ManualClock) -> None:
    one, other, _ = shop.users
    clock.advance(timedelta(hours=2))
    with acting_as(someone("supervisor", shop.planning.tenant)):
        asked = ask.CreateAdherenceExceptionRequest(
            request_id="down", adherence_exception=an_exception("", 8, 9, note=" the line was down ")
        )
        first, again = await asyncio.gather(*(shop.adherence.CreateAdherenceException(asked) for _ in range(2)))
        assert first == again and first.note == "the line was down" and first.create_user_id
        with pytest.raises(AlreadyExists):
            other_body = ask.CreateAdherenceExceptionRequest(
                request_id="down", adherence_exception=an_exception(one, 8, 9)
            )
            await shop.adherence.CreateAdherenceException(other_body)
        states = await board(shop)
        assert all(states[each].figures.adherence == 0.5 for each in (one, other))
        assert states[one].out_time == time_out(at(1, 9))
        mine = await shop.adherence.CreateAdherenceException(
            ask.CreateAdherenceExceptionRequest(request_id="coach", adherence_exception=an_exception(one, 9, 11))
        )
        assert (await board(shop))[one].state == States.ADHERENCE_STATE_EXCUSED
        span = {"start_time": time_out(at(1, 0)), "end_time": time_out(at(2, 0))}
        for user_id, count in (("", 2), (one, 2), (other, 1)):
            listed = await shop.adherence.ListAdherenceExceptions(
                ask.ListAdherenceExceptionsRequest(user_id=user_id, **span)
            )
            assert len(listed.adherence_exceptions) == count
        gone = ask.DeleteAdherenceExceptionRequest(adherence_exception_id=mine.adherence_exception_id)
        await shop.adherence.DeleteAdherenceException(gone)
        with pytest.raises(NotFound) as refused:
            await shop.adherence.DeleteAdherenceException(gone)
        assert refused.value.reason == "ADHERENCE_EXCEPTION_NOT_FOUND"
        assert (await board(shop))[one].state == States.ADHERENCE_STATE_OUT


async def test_what_cant_be_is_refused_with_its_field_and_changes_nothing(shop: Shop, clock: ManualClock) -> None:
    one = shop.users[0]
    with acting_as(someone("admin", shop.planning.tenant)):
        for wrong, field in (
            (an_exception(one, 9, 9), "end_time"),
            (an_exception(one, 9, 9 + 24 * 7.5), "end_time"),
            (an_exception(one, 9, 10, kind=0), "kind"),
            (an_exception(one, 9, 10, note="x" * 501), "note"),
            (States.AdherenceException(user_id=one, start_time=time_out(at(1, 9))), "end_time"),
        ):
            asked = ask.CreateAdherenceExceptionRequest(request_id="wrong", adherence_exception=wrong)
            with pytest.raises(InvalidInput) as refused:
                await shop.adherence.CreateAdherenceException(asked)
            assert f"adherence_exception.{field}" in str(refused.value.fields)
        unknown = an_exception(new_id("usr", clock.now()), 9, 10)
        with pytest.raises(NotFound):
            await shop.adherence.CreateAdherenceException(
                ask.CreateAdherenceExceptionRequest(request_id="who", adherence_exception=unknown)
            )
        for days in (("", ""), ("2026-03-10", "2026-03-09"), ("2026-03-01", "2026-04-15"), ("soon", "")):
            with pytest.raises(InvalidInput):
                await shop.adherence.ListAdherence(ask.ListAdherenceRequest(first_day=days[0], last_day=days[1]))
        with pytest.raises(InvalidInput):
            await shop.adherence.GetAgentDay(ask.GetAgentDayRequest(user_id=one))
        with pytest.raises(InvalidInput):
            await shop.adherence.ListAdherenceExceptions(
                ask.ListAdherenceExceptionsRequest(start_time=time_out(at(1, 0)))
            )


async def test_rules_say_what_a_reason_is_and_who_is_second_is_refused(shop: Shop, clock: ManualClock) -> None:
    user = shop.users[0]
    await shop.planning.tell(
        moved(user, 2, "AVAILABLE", at(1, 8), "OFFLINE", at(0, 16)),
        moved(user, 3, "NOT_READY", at(1, 8.25), "AVAILABLE", at(1, 8), "Back office"),
    )
    clock.advance(timedelta(hours=1))
    with acting_as(someone("admin", shop.planning.tenant)):
        assert (await board(shop))[user].state == States.ADHERENCE_STATE_OUT
        rules = await shop.adherence.GetAdherenceRules(ask.GetAdherenceRulesRequest())
        assert (rules.tolerance_seconds, rules.version) == (120, 0)
        rules.reasons.add(display_name="back OFFICE", activity=States.ACTIVITY_WORK)
        rules.tolerance_seconds = 0
        asked = ask.UpdateAdherenceRulesRequest(adherence_rules=rules)
        found = await asyncio.gather(
            *(shop.adherence.UpdateAdherenceRules(asked) for _ in range(2)), return_exceptions=True
        )
        saved = [each for each in found if not isinstance(each, BaseException)]
        assert len(saved) == 1 and saved[0].version == 1 and saved[0].tolerance_seconds == 0
        assert sum(isinstance(each, Conflict) for each in found) == 1
        assert (await board(shop))[user].state == States.ADHERENCE_STATE_IN
        saved[0].reasons[0].activity = States.ACTIVITY_OFF
        with pytest.raises(InvalidInput) as refused:
            await shop.adherence.UpdateAdherenceRules(ask.UpdateAdherenceRulesRequest(adherence_rules=saved[0]))
        assert refused.value.reason == "ADHERENCE_RULES_INVALID"


async def test_agents_of_a_page_follow_each_other(shop: Shop, clock: ManualClock) -> None:
    clock.advance(timedelta(hours=9))
    with acting_as(someone("supervisor", shop.planning.tenant)):
        asked = ask.ListAdherenceRequest(first_day=at(1, 0).date().isoformat(), page_size=1)
        one = await shop.adherence.ListAdherence(asked)
        asked.page_token = one.next_page_token
        two = await shop.adherence.ListAdherence(asked)
        assert [each.user_id for each in (*one.agents, *two.agents)] == sorted(shop.users[:2])
        assert one.next_page_token and not two.next_page_token


async def test_other_tenant_and_who_may_not_see_and_change_nothing(shop: Shop, clock: ManualClock) -> None:
    user = shop.users[0]
    clock.advance(timedelta(hours=1))
    with acting_as(someone("supervisor", shop.planning.tenant)):
        made = await shop.adherence.CreateAdherenceException(
            ask.CreateAdherenceExceptionRequest(request_id="mine", adherence_exception=an_exception(user, 8, 9))
        )
        rules = ask.UpdateAdherenceRulesRequest(adherence_rules=States.AdherenceRules())
        with pytest.raises(Forbidden):
            await shop.adherence.UpdateAdherenceRules(rules)
    gone = ask.DeleteAdherenceExceptionRequest(adherence_exception_id=made.adherence_exception_id)
    with acting_as(someone("supervisor", new_id("ten", clock.now()))):
        with pytest.raises(NotFound):
            await shop.adherence.DeleteAdherenceException(gone)
        assert not await board(shop)
        day = await shop.adherence.GetAgentDay(
            ask.GetAgentDayRequest(user_id=user, day=at(1, 0).date().isoformat())
        )  # fmt: skip
        assert not day.planned and not day.adherence_exceptions
        found = await shop.adherence.ListAdherence(ask.ListAdherenceRequest(first_day=at(1, 0).date().isoformat()))
        assert not found.agents
    with acting_as(someone("agent", shop.planning.tenant)):
        for call, asked in (
            (shop.adherence.GetAdherenceBoard, ask.GetAdherenceBoardRequest()),
            (shop.adherence.DeleteAdherenceException, gone),
        ):
            with pytest.raises(Forbidden):
                await call(asked)
