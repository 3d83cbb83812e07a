"""FindMeService as agents and supervisors use it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import acting_as
from kernel.errors import DomainError, Unavailable
from merkez.telephony.v1 import find_me_pb2, find_me_service_pb2, telephony_events_pb2
from telephony.ops import find_me as ops
from testkit.rpc import someone
from testkit.told import told

from .conftest import Exchange, an_id

MOBILE = "+994501234567"
ALWAYS = find_me_pb2.FIND_ME_WHEN_ALWAYS


def a_setting(*numbers: str, seconds: int = 20, **fields: Any) -> find_me_pb2.FindMe:
    setting = find_me_pb2.FindMe(**{"when": ALWAYS, **fields})
    if numbers:
        step = setting.steps.add(numbers=numbers)
        step.ring_duration.FromSeconds(seconds)
    return setting


async def mine(exchange: Exchange, agent_id: str, setting: find_me_pb2.FindMe, version: int = 0) -> find_me_pb2.FindMe:
    request = find_me_service_pb2.UpdateMyFindMeRequest(find_me=setting, version=version)
    with exchange.as_agent(agent_id):
        return await exchange.find_me.UpdateMyFindMe(request)


async def read(exchange: Exchange, agent_id: str) -> find_me_pb2.FindMe:
    with exchange.as_agent(agent_id):
        return await exchange.find_me.GetMyFindMe(find_me_service_pb2.GetMyFindMeRequest())


async def refusal(work: Any) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await work
    return refused.value


async def test_who_never_set_anything_is_rung_at_the_desk_alone(exchange: Exchange) -> None:
    found = await read(exchange, an_id("usr"))
    assert (found.when, found.version, len(found.steps)) == (find_me_pb2.FIND_ME_WHEN_NEVER, 0, 0)
    assert found.WhichOneof("last_resort") is None


async def test_an_agent_sets_where_calls_ring_and_routing_is_told_without_a_number(exchange: Exchange) -> None:
    agent_id, colleague = an_id("usr"), an_id("usr")
    wanted = a_setting("+994 50 123 45 67", queue_calls=True, forward_agent_id=colleague, language="az")
    wanted.steps.add(desk_phones=True).ring_duration.FromSeconds(15)
    stored = await mine(exchange, agent_id, wanted)
    assert list(stored.steps[0].numbers) == [MOBILE] and stored.steps[1].desk_phones
    assert (stored.agent_id, stored.version, stored.forward_agent_id) == (agent_id, 1, colleague)
    assert stored.language == "az"
    assert await read(exchange, agent_id) == stored
    (fact,) = await changes_of(exchange, agent_id)
    assert fact.away_duration.seconds == fact.desk_duration.seconds == 20 + 15 + 20 + 5
    assert (fact.agent_id, fact.queue_calls, fact.forwards, fact.version) == (agent_id, True, True, 1)
    assert MOBILE.encode() not in fact.SerializeToString()


async def test_a_change_made_on_an_old_version_is_refused_and_of_two_at_once_one_is_kept(exchange: Exchange) -> None:
    agent_id = an_id("usr")
    await mine(exchange, agent_id, a_setting(MOBILE))
    both = await asyncio.gather(
        mine(exchange, agent_id, a_setting(MOBILE, seconds=10), 1),
        mine(exchange, agent_id, a_setting(MOBILE, seconds=30), 1),
        return_exceptions=True,
    )
    refused = [each for each in both if isinstance(each, DomainError)]
    assert [each.reason for each in refused] == ["VERSION_CONFLICT"]
    assert (await read(exchange, agent_id)).version == 2


@pytest.mark.parametrize(
    ("number", "reason"),
    [("hello", None), ("+1 900 555 0100", "NUMBER_BLOCKED"), ("112", "EMERGENCY_NUMBER")],
)
async def test_a_number_that_may_not_be_called_is_refused_before_it_is_kept(exchange: Exchange, number, reason) -> None:
    agent_id = an_id("usr")
    exchange.tenancy.caller_numbers.numbers[:] = ["+902125550100"]
    exchange.tenancy.caller_numbers.default_number = "+902125550100"
    error = await refusal(mine(exchange, agent_id, a_setting(number)))
    if reason is None:
        assert [each.field for each in error.fields] == ["find_me.steps[0].numbers[0]"]
    else:
        assert error.reason == reason
    assert (await read(exchange, agent_id)).version == 0


async def test_the_companys_own_number_is_refused(exchange: Exchange) -> None:
    exchange.tenancy.caller_numbers.numbers[:] = ["+902125550100"]
    exchange.tenancy.caller_numbers.default_number = "+902125550100"
    error = await refusal(mine(exchange, an_id("usr"), a_setting("+902125550100")))
    assert error.reason == "FIND_ME_OWN_NUMBER"


@pytest.mark.parametrize(("field", "prefix", "reason"), [
    ("forward_agent_id", "usr", "AGENT_NOT_FOUND"), ("forward_queue_id", "que", "QUEUE_NOT_FOUND"),
])  # fmt: skip
async def test_a_last_resort_that_isnt_there_is_refused(exchange: Exchange, field, prefix, reason) -> None:
    nobody = an_id(prefix)
    exchange.routing.missing.add(nobody)
    setting = a_setting(MOBILE)
    setattr(setting, field, nobody)
    error = await refusal(mine(exchange, an_id("usr"), setting))
    assert error.reason == reason


async def test_a_supervisor_sets_an_agents_and_an_agent_not_anothers(exchange: Exchange) -> None:
    agent_id = an_id("usr")
    setting = a_setting(MOBILE, agent_id=agent_id, voicemail=True)
    request = find_me_service_pb2.UpdateFindMeRequest(find_me=setting)
    with acting_as(someone("supervisor", exchange.tenant_id)):
        assert (await exchange.find_me.UpdateFindMe(request)).voicemail
        asked = find_me_service_pb2.GetFindMeRequest(agent_id=agent_id)
        assert (await exchange.find_me.GetFindMe(asked)).version == 1
    with exchange.as_agent(an_id("usr")):
        assert (await refusal(exchange.find_me.UpdateFindMe(request))).reason == "PERMISSION_DENIED"
        assert (await refusal(exchange.find_me.GetFindMe(asked))).reason == "PERMISSION_DENIED"


async def test_another_companys_agent_is_unknown(exchange: Exchange) -> None:
    stranger = an_id("usr")
    exchange.routing.missing.add(stranger)
    with exchange.as_owner():
        request = find_me_service_pb2.GetFindMeRequest(agent_id=stranger)
        assert (await refusal(exchange.find_me.GetFindMe(request))).reason == "AGENT_NOT_FOUND"


async def test_while_tenancy_is_away_nothing_is_kept_and_the_agent_is_told(exchange: Exchange, monkeypatch) -> None:
    async def away(tenant_id: str, brand_id: str) -> Any:
        raise Unavailable("tenancy is away")

    agent_id = an_id("usr")
    monkeypatch.setattr(exchange.house.tenancy, "caller_numbers", away)
    assert isinstance(await refusal(mine(exchange, agent_id, a_setting(MOBILE))), Unavailable)
    assert (await read(exchange, agent_id)).version == 0


async def changes_of(exchange: Exchange, agent_id: str) -> list[telephony_events_pb2.FindMeChanged]:
    found = await told(exchange.house.db, exchange.tenant_id, "FindMeChanged")
    return sorted((each for each in found if each.agent_id == agent_id), key=lambda each: each.version)


async def test_hours_come_and_go_and_routing_is_told_each_time_once_while_nobodys_edit_is_disturbed(
    exchange: Exchange,
) -> None:
    agent_id, db = an_id("usr"), exchange.house.db
    wanted = a_setting(MOBILE, time_zone="Asia/Baku")
    wanted.steps[0].hours.add(weekday=1, start_minute=480, end_minute=1080)
    stored = await mine(exchange, agent_id, wanted)
    assert stored.time_zone == "Asia/Baku" and stored.steps[0].hours == wanted.steps[0].hours
    setting = await db.run(exchange.tenant_id, lambda tx: ops.get(tx, agent_id), read_only=True)
    turn = setting.turn_time(exchange.house.now())
    assert turn is not None
    assert (exchange.tenant_id, agent_id) not in await db.system(lambda tx: ops.due(tx, exchange.house.now()))
    for at in (turn, setting.turn_time(turn) or turn):
        assert (exchange.tenant_id, agent_id) in await db.system(lambda tx, at=at: ops.due(tx, at))
        work = [db.run(exchange.tenant_id, lambda tx, at=at: ops.turn(tx, agent_id, at)) for _ in range(2)]
        await asyncio.gather(*work)
    facts = await changes_of(exchange, agent_id)
    assert [each.version for each in facts] == [1, 2, 3]
    assert {each.away_duration.seconds for each in facts[1:]} == {0, 20 + 20 + 5}
    changed = await mine(exchange, agent_id, a_setting(MOBILE, seconds=10), stored.version)
    assert (changed.version, changed.time_zone) == (stored.version + 1, "")
    assert (await changes_of(exchange, agent_id))[-1].version == 4
    far = turn + timedelta(days=400)
    assert (exchange.tenant_id, agent_id) not in await db.system(lambda tx: ops.due(tx, far))


async def test_hours_that_cant_be_meant_name_their_field(exchange: Exchange) -> None:
    wrong = a_setting(MOBILE, time_zone="Mars/Olympus")
    wrong.steps[0].hours.add(weekday=8, start_minute=0, end_minute=60)
    error = await refusal(mine(exchange, an_id("usr"), wrong))
    assert {each.field for each in error.fields} == {"find_me.steps[0].hours[0].weekday", "find_me.time_zone"}


async def test_a_deleted_queue_as_last_resort_becomes_the_agents_voicemail(exchange: Exchange) -> None:
    agent_id, queue_id = an_id("usr"), an_id("que")
    await mine(exchange, agent_id, a_setting(MOBILE, forward_queue_id=queue_id))
    await exchange.house.db.run(exchange.tenant_id, lambda tx: ops.queue_deleted(tx, queue_id, exchange.house.now()))
    found = await read(exchange, agent_id)
    assert (found.voicemail, found.version) == (True, 2)


async def test_a_number_the_company_says_is_its_own_makes_no_country_safe_to_be_found_in(exchange: Exchange) -> None:
    havana, shown = "+5378301234", exchange.tenancy.caller_numbers
    shown.numbers.append(havana)
    shown.trunk_ids[havana] = an_id("trk")
    assert (await refusal(mine(exchange, an_id("usr"), a_setting("+5352123456")))).reason == "NUMBER_BLOCKED"
