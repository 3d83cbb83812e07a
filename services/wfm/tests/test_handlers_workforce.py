"""Labour rules, patterns, contracts, planned agents and time off: kept when they hold together, refused in words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import pytest_asyncio
from chassis.auth import acting_as
from chassis.instants import time_out
from kernel.errors import AlreadyExists, Conflict, FailedPrecondition, Forbidden, InvalidInput, NotFound
from merkez.wfm.v1 import workforce_pb2, workforce_service_pb2
from testkit import RpcHouse, someone
from wfm.store import sites

from .conftest import Planning
from .planned import Shop, at

staff = workforce_service_pb2


@pytest_asyncio.fixture
async def shop(planning: Planning, rpc: RpcHouse) -> Shop:
    return await Shop.opened(planning, rpc)


async def test_country_of_the_table_becomes_ones_own_rules_and_comes_back_as_it_was(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        table = (await shop.workforce.ListLabourCountries(staff.ListLabourCountriesRequest())).labour_rules
        assert {each.country_code for each in table} >= {"TR", "AZ", "IR", "DE", "EU"} and all(
            each.source for each in table
        )
        ours = await shop.rules("TR", max_week_minutes=2400)
        (listed,) = (await shop.workforce.ListLabourRules(staff.ListLabourRulesRequest())).labour_rules
        turkish = next(each for each in table if each.country_code == "TR")
        assert listed == ours and ours.version == 1 and ours.young == turkish.young
        assert (ours.adult.max_week_minutes, ours.adult.breaks[2].break_minutes) == (2400, 60)


async def test_contradictory_rules_are_refused_and_both_are_named(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        with pytest.raises(InvalidInput) as rest:
            await shop.rules(max_day_minutes=900)
        assert rest.value.reason == "WORKFORCE_CLASH" and "11 h of rest" in rest.value.message
        assert rest.value.fields[0].field == "labour_rules.adult.max_day"
        assert "min_rest" in rest.value.fields[0].description
        with pytest.raises(InvalidInput) as wrong:
            await shop.rules(max_consecutive_days=20)
        assert wrong.value.reason == "LABOUR_RULES_INVALID"
        rules, pattern = await shop.rules(), await shop.pattern()
        key = rules.labour_rules_id
        for changes, words in (
            ({"min_week_minutes": 3000, "max_week_minutes": 3000, "max_days": 7}, "the law allows 48"),
            ({"min_days": 7, "max_days": 7}, "at most 6 in a row"),
            ({"min_days": 0, "max_days": 4}, "4 days of 8 h are 32"),
        ):
            with pytest.raises(InvalidInput) as refused:
                await shop.contract(key, pattern.shift_pattern_id, **changes)
            assert refused.value.reason == "WORKFORCE_CLASH" and words in refused.value.message
        assert not (await shop.workforce.ListContracts(staff.ListContractsRequest())).contracts


async def test_change_that_would_break_a_contract_is_refused_and_nothing_is_lost(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        rules, pattern = await shop.rules(), await shop.pattern()
        contract = await shop.contract(rules.labour_rules_id, pattern.shift_pattern_id)
        tighter = workforce_pb2.LabourRules()
        tighter.CopyFrom(rules)
        tighter.adult.max_week_minutes = 2000
        with pytest.raises(InvalidInput) as refused:
            await shop.workforce.UpdateLabourRules(staff.UpdateLabourRulesRequest(labour_rules=tighter))
        assert "Full time asks for 40 h a week" in refused.value.message
        (kept,) = (await shop.workforce.ListLabourRules(staff.ListLabourRulesRequest())).labour_rules
        assert kept == rules
        bare = workforce_pb2.ShiftPattern()
        bare.CopyFrom(pattern)
        del bare.breaks[:]
        with pytest.raises(InvalidInput) as no_break:
            await shop.workforce.UpdateShiftPattern(staff.UpdateShiftPatternRequest(shift_pattern=bare))
        assert no_break.value.reason == "WORKFORCE_CLASH" and "30 are due" in no_break.value.message
        young = workforce_pb2.PlannedAgent(
            user_id="usr_00000000000000000000000001", contract_id=contract.contract_id, under_age=True
        )
        with pytest.raises(InvalidInput) as minor:
            await shop.workforce.UpdatePlannedAgent(staff.UpdatePlannedAgentRequest(planned_agent=young))
        assert minor.value.reason == "WORKFORCE_CLASH"
        agents = await shop.workforce.ListPlannedAgents(staff.ListPlannedAgentsRequest())
        assert not agents.planned_agents


async def test_what_is_in_use_stays_and_whoever_read_an_older_version_is_refused(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(1)
        service = shop.workforce
        (rules,) = (await service.ListLabourRules(staff.ListLabourRulesRequest())).labour_rules
        (pattern,) = (await service.ListShiftPatterns(staff.ListShiftPatternsRequest())).shift_patterns
        (contract,) = (await service.ListContracts(staff.ListContractsRequest())).contracts
        (agent,) = (await service.ListPlannedAgents(staff.ListPlannedAgentsRequest())).planned_agents
        removals = [
            service.DeleteLabourRules(staff.DeleteLabourRulesRequest(labour_rules_id=rules.labour_rules_id)),
            service.DeleteShiftPattern(staff.DeleteShiftPatternRequest(shift_pattern_id=pattern.shift_pattern_id)),
            service.DeleteContract(staff.DeleteContractRequest(contract_id=contract.contract_id)),
        ]
        for call in removals:
            with pytest.raises(FailedPrecondition) as used:
                await call
            assert used.value.reason == "WORKFORCE_IN_USE"
        contract.display_name = "All week"
        assert (await service.UpdateContract(staff.UpdateContractRequest(contract=contract))).version == 2
        agent.wished_free_weekdays.append(6)
        agent.availability.add(weekday=0, start_minute=480, end_minute=1200)
        assert (await service.UpdatePlannedAgent(staff.UpdatePlannedAgentRequest(planned_agent=agent))).version == 2
        pattern.display_name, rules.display_name = "Days", "Law"
        await service.UpdateShiftPattern(staff.UpdateShiftPatternRequest(shift_pattern=pattern))
        await service.UpdateLabourRules(staff.UpdateLabourRulesRequest(labour_rules=rules))
        for call in (
            service.UpdateContract(staff.UpdateContractRequest(contract=contract)),
            service.UpdatePlannedAgent(staff.UpdatePlannedAgentRequest(planned_agent=agent)),
            service.UpdateShiftPattern(staff.UpdateShiftPatternRequest(shift_pattern=pattern)),
            service.UpdateLabourRules(staff.UpdateLabourRulesRequest(labour_rules=rules)),
        ):
            with pytest.raises(Conflict):
                await call
        await service.DeletePlannedAgent(staff.DeletePlannedAgentRequest(user_id=agent.user_id))
        await service.DeleteContract(staff.DeleteContractRequest(contract_id=contract.contract_id))
        await service.DeleteShiftPattern(staff.DeleteShiftPatternRequest(shift_pattern_id=pattern.shift_pattern_id))
        await service.DeleteLabourRules(staff.DeleteLabourRulesRequest(labour_rules_id=rules.labour_rules_id))
        with pytest.raises(NotFound):
            await service.DeleteContract(staff.DeleteContractRequest(contract_id=contract.contract_id))


async def test_same_request_makes_one_pattern_and_another_body_under_its_key_is_refused(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        assert await shop.pattern("one") == await shop.pattern("one")
        with pytest.raises(AlreadyExists):
            await shop.pattern("one", display_name="Other")
        assert len((await shop.workforce.ListShiftPatterns(staff.ListShiftPatternsRequest())).shift_patterns) == 1


async def test_time_off_is_noted_listed_and_taken_back(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(1)
        said: dict[str, Any] = {"user_id": shop.users[0], "start_time": time_out(at(1, 0)), "reason": "Holiday"}
        value = workforce_pb2.TimeOff(end_time=time_out(at(3, 0)), credited_minutes=960, **said)
        made = await shop.workforce.CreateTimeOff(staff.CreateTimeOffRequest(request_id="off", time_off=value))
        week: Any = {"start_time": time_out(at(0, 0)), "end_time": time_out(at(7, 0))}
        assert list((await shop.workforce.ListTimeOff(staff.ListTimeOffRequest(**week))).time_off) == [made]
        wrong: Any
        for wrong, field in (
            ({"end_time": time_out(at(1, 0))}, "end_time"), ({}, "end_time"),
            ({"end_time": time_out(at(900, 0))}, "end_time"),
            ({"end_time": time_out(at(2, 0)), "credited_minutes": -1}, "credited_minutes"),
        ):  # fmt: skip
            bad = workforce_pb2.TimeOff(**said, **wrong)
            with pytest.raises(InvalidInput) as refused:
                await shop.workforce.CreateTimeOff(staff.CreateTimeOffRequest(request_id="bad", time_off=bad))
            assert refused.value.fields[0].field == f"time_off.{field}"
        with pytest.raises(InvalidInput):
            await shop.workforce.ListTimeOff(staff.ListTimeOffRequest())
        gone = staff.DeleteTimeOffRequest(time_off_id=made.time_off_id)
        stranger = Planning(shop.planning.db, shop.planning.clock)
        with acting_as(someone("admin", stranger.tenant)), pytest.raises(NotFound):
            await shop.workforce.DeleteTimeOff(gone)
        await shop.workforce.DeleteTimeOff(gone)
        assert not (await shop.workforce.ListTimeOff(staff.ListTimeOffRequest(**week))).time_off


async def test_agent_who_cannot_be_planned_is_told_by_which_field_and_strangers_find_nothing(shop: Shop) -> None:
    with acting_as(someone("admin", shop.planning.tenant)):
        await shop.staffed(1)
        (agent,) = (await shop.workforce.ListPlannedAgents(staff.ListPlannedAgentsRequest())).planned_agents
        changes: Any
        for changes, field in (
            ({"wish_weight": 11.0}, "wish_weight"), ({"wished_free_weekdays": [7]}, "wished_free_weekdays"),
            ({"wished_earliest_start_minute": 1440}, "wished_earliest_start_minute"),
            ({"availability": [{"weekday": 1, "start_minute": 600, "end_minute": 500}]}, "availability"),
            ({"queue_ids": ["front"]}, "queue_ids"), ({"contract_id": "full"}, "contract_id"),
        ):  # fmt: skip
            said: dict[str, Any] = {"user_id": agent.user_id, "contract_id": agent.contract_id, "version": 1} | changes
            with pytest.raises(InvalidInput) as refused:
                await shop.workforce.UpdatePlannedAgent(
                    staff.UpdatePlannedAgentRequest(planned_agent=workforce_pb2.PlannedAgent(**said))
                )
            assert refused.value.fields[0].field == f"planned_agent.{field}"
        agent.queue_ids.append("que_00000000000000000000000001")
        with pytest.raises(NotFound) as queue:
            await shop.workforce.UpdatePlannedAgent(staff.UpdatePlannedAgentRequest(planned_agent=agent))
        assert queue.value.reason == "WFM_QUEUE_NOT_FOUND"
    stranger = Planning(shop.planning.db, shop.planning.clock)
    with acting_as(someone("admin", stranger.tenant)):
        for call in (
            shop.workforce.DeletePlannedAgent(staff.DeletePlannedAgentRequest(user_id=agent.user_id)),
            shop.workforce.DeleteContract(staff.DeleteContractRequest(contract_id=agent.contract_id)),
        ):
            with pytest.raises(NotFound):
                await call
        assert not (await shop.workforce.ListContracts(staff.ListContractsRequest())).contracts
    with acting_as(someone("agent", shop.planning.tenant)), pytest.raises(Forbidden):
        await shop.workforce.ListPlannedAgents(staff.ListPlannedAgentsRequest())
    with acting_as(someone("supervisor", shop.planning.tenant)), pytest.raises(Forbidden):
        await shop.pattern("supervisor's")


async def test_site_is_kept_while_agents_are_of_it_and_no_two_are_called_alike(shop: Shop) -> None:
    service, admin = shop.workforce, someone("admin", shop.planning.tenant)
    with acting_as(admin):
        await shop.staffed(1)
        asked = staff.CreateSiteRequest(
            request_id="tehran", site=workforce_pb2.Site(display_name=" Tehran ", time_zone="Asia/Tehran")
        )
        tehran = await service.CreateSite(asked)
        assert await service.CreateSite(asked) == tehran and tehran.display_name == "Tehran" and tehran.version == 1
        for said, reason in (
            (workforce_pb2.Site(display_name="", time_zone="Asia/Tehran"), "SITE_INVALID"),
            (workforce_pb2.Site(display_name="Nowhere", time_zone="Asia/Nowhere"), "SITE_INVALID"),
            (workforce_pb2.Site(display_name="Nowhere"), "SITE_INVALID"),
            (workforce_pb2.Site(display_name="Tehran", time_zone="Asia/Dubai"), "SITE_NAME_TAKEN"),
        ):
            with pytest.raises((InvalidInput, AlreadyExists)) as wrong:
                await service.CreateSite(staff.CreateSiteRequest(request_id=reason + said.display_name, site=said))
            assert wrong.value.reason == reason
        with pytest.raises(AlreadyExists) as reused:
            await service.CreateSite(
                staff.CreateSiteRequest(request_id="tehran", site=workforce_pb2.Site(display_name="Yazd"))
            )
        assert reused.value.reason == "REQUEST_ID_REUSED"
        yazd = workforce_pb2.Site(display_name="Yazd", time_zone="Asia/Tehran")
        both = await asyncio.gather(
            *(service.CreateSite(staff.CreateSiteRequest(request_id=key, site=yazd)) for key in ("one", "two")),
            return_exceptions=True,
        )
        assert [getattr(each, "reason", "") for each in both].count("SITE_NAME_TAKEN") == 1
        assert [each.display_name for each in (await service.ListSites(staff.ListSitesRequest())).sites] == [
            "Tehran", "Yazd"
        ]  # fmt: skip
        (agent,) = (await service.ListPlannedAgents(staff.ListPlannedAgentsRequest())).planned_agents
        assert agent.site_id == ""
        agent.site_id = tehran.site_id
        agent = await service.UpdatePlannedAgent(staff.UpdatePlannedAgentRequest(planned_agent=agent))
        assert agent.site_id == tehran.site_id
        with pytest.raises(FailedPrecondition) as used:
            await service.DeleteSite(staff.DeleteSiteRequest(site_id=tehran.site_id))
        assert used.value.reason == "WORKFORCE_IN_USE"
        changed = workforce_pb2.Site()
        changed.CopyFrom(tehran)
        changed.display_name, changed.time_zone = "Dubai", "Asia/Dubai"
        assert (await service.UpdateSite(staff.UpdateSiteRequest(site=changed))).version == 2
        with pytest.raises(Conflict):
            await service.UpdateSite(staff.UpdateSiteRequest(site=changed))
        agent.site_id = "sit_00000000000000000000000001"
        with pytest.raises(NotFound) as unknown:
            await service.UpdatePlannedAgent(staff.UpdatePlannedAgentRequest(planned_agent=agent))
        assert unknown.value.reason == "SITE_NOT_FOUND"
        agent.site_id = ""
        await service.UpdatePlannedAgent(staff.UpdatePlannedAgentRequest(planned_agent=agent))
    with acting_as(someone("agent", shop.planning.tenant)), pytest.raises(Forbidden):
        await service.ListSites(staff.ListSitesRequest())
    with acting_as(someone("admin", Planning(shop.planning.db, shop.planning.clock).tenant)):
        assert not (await service.ListSites(staff.ListSitesRequest())).sites
        for call in (
            service.UpdateSite(staff.UpdateSiteRequest(site=changed)),
            service.DeleteSite(staff.DeleteSiteRequest(site_id=tehran.site_id)),
        ):
            with pytest.raises(NotFound) as strange:
                await call
            assert strange.value.reason == "SITE_NOT_FOUND"
    with acting_as(admin):
        await service.DeleteSite(staff.DeleteSiteRequest(site_id=tehran.site_id))
        assert [each.display_name for each in (await service.ListSites(staff.ListSitesRequest())).sites] == ["Yazd"]


async def test_there_are_at_most_200_sites(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites, "MOST", 2)
    with acting_as(someone("admin", shop.planning.tenant)):
        for name in ("One", "Two"):
            await shop.site(name, "Asia/Baku")
        with pytest.raises(FailedPrecondition) as full:
            await shop.site("Three", "Asia/Baku")
        assert full.value.reason == "WORKFORCE_FULL"
