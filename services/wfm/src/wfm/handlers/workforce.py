"""Labour rules, shift patterns, contracts, planned agents, time off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from chassis.auth import principal
from chassis.instants import time_in, time_out
from chassis.paging import Page
from chassis.sql import Database, Tx
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from kernel.ids import require_id, require_request_id
from merkez.wfm.v1 import workforce_pb2, workforce_service_pb2, workforce_service_pb2_grpc

from wfm import convert
from wfm.domain.labour import COUNTRIES, LabourRules, Limits
from wfm.domain.shifts import BreakRule, Contract, Entitlement, Pattern, TimeOff, Wish
from wfm.ops import sites, time_off
from wfm.ops import workforce as ops
from wfm.ops.sites import Site
from wfm.ops.workforce import Away, LabourRulesInvalid, Profile, Rules, TimeOffInvalid

ask = workforce_service_pb2
M = TypeVar("M", bound=Message)
_ACCRUALS = (workforce_pb2.TIME_OFF_ACCRUAL_YEARLY, workforce_pb2.TIME_OFF_ACCRUAL_MONTHLY)
_LIMITS = (
    ("max_day", "max_day_minutes"), ("max_week", "max_week_minutes"), ("min_rest", "min_rest_minutes"),
    ("min_weekly_rest", "min_weekly_rest_minutes"), ("max_consecutive_days", "max_consecutive_days"),
    ("max_weekends", "max_weekends"), ("night_start", "night_start_minute"), ("night_end", "night_end_minute"),
    ("night_from", "night_shift_minutes"), ("max_night_day", "max_night_shift_minutes"),
    ("night_forbidden", "night_forbidden"), ("max_stretch", "max_stretch_minutes"),
)  # fmt: skip


class Workforce(workforce_service_pb2_grpc.WorkforceServiceServicer):
    """merkez.wfm.v1.WorkforceService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ListLabourCountries(
        self, request: ask.ListLabourCountriesRequest, context: Any
    ) -> ask.ListLabourCountriesResponse:
        found = [_rules(Rules("", each.country, each)) for each in COUNTRIES.values()]
        return ask.ListLabourCountriesResponse(labour_rules=found)

    async def CreateLabourRules(self, request: ask.CreateLabourRulesRequest, context: Any) -> workforce_pb2.LabourRules:
        value, now = _rules_in(request.labour_rules, ""), self._db.clock.now()

        async def create(tx: Tx) -> workforce_pb2.LabourRules:
            return _rules(await ops.save_rules(tx, value, now))

        return await self._once(request, "CreateLabourRules", workforce_pb2.LabourRules, create)

    async def ListLabourRules(self, request: ask.ListLabourRulesRequest, context: Any) -> ask.ListLabourRulesResponse:
        found = await self._read(ops.list_rules)
        return ask.ListLabourRulesResponse(labour_rules=[_rules(each) for each in found])

    async def UpdateLabourRules(self, request: ask.UpdateLabourRulesRequest, context: Any) -> workforce_pb2.LabourRules:
        said, now = request.labour_rules, self._db.clock.now()
        value = _rules_in(said, require_id("lbr", said.labour_rules_id, "labour_rules.labour_rules_id"))
        return _rules(await self._write(lambda tx: ops.save_rules(tx, value, now)))

    async def DeleteLabourRules(self, request: ask.DeleteLabourRulesRequest, context: Any) -> empty_pb2.Empty:
        key = require_id("lbr", request.labour_rules_id, "labour_rules_id")
        return await self._remove("labour_rules", key)

    async def CreateShiftPattern(
        self, request: ask.CreateShiftPatternRequest, context: Any
    ) -> workforce_pb2.ShiftPattern:
        value, now = _pattern_in(request.shift_pattern, ""), self._db.clock.now()

        async def create(tx: Tx) -> workforce_pb2.ShiftPattern:
            return _pattern(*await ops.save_pattern(tx, value, 0, now))

        return await self._once(request, "CreateShiftPattern", workforce_pb2.ShiftPattern, create)

    async def ListShiftPatterns(
        self, request: ask.ListShiftPatternsRequest, context: Any
    ) -> ask.ListShiftPatternsResponse:
        found = await self._read(ops.list_patterns)
        return ask.ListShiftPatternsResponse(shift_patterns=[_pattern(*each) for each in found])

    async def UpdateShiftPattern(
        self, request: ask.UpdateShiftPatternRequest, context: Any
    ) -> workforce_pb2.ShiftPattern:
        said, now = request.shift_pattern, self._db.clock.now()
        value = _pattern_in(said, require_id("spt", said.shift_pattern_id, "shift_pattern.shift_pattern_id"))
        return _pattern(*await self._write(lambda tx: ops.save_pattern(tx, value, said.version, now)))

    async def DeleteShiftPattern(self, request: ask.DeleteShiftPatternRequest, context: Any) -> empty_pb2.Empty:
        return await self._remove("shift_pattern", require_id("spt", request.shift_pattern_id, "shift_pattern_id"))

    async def CreateContract(self, request: ask.CreateContractRequest, context: Any) -> workforce_pb2.Contract:
        value, now = _contract_in(request.contract, ""), self._db.clock.now()

        async def create(tx: Tx) -> workforce_pb2.Contract:
            return _contract(*await ops.save_contract(tx, value, 0, now))

        return await self._once(request, "CreateContract", workforce_pb2.Contract, create)

    async def ListContracts(self, request: ask.ListContractsRequest, context: Any) -> ask.ListContractsResponse:
        found = await self._read(ops.list_contracts)
        return ask.ListContractsResponse(contracts=[_contract(*each) for each in found])

    async def UpdateContract(self, request: ask.UpdateContractRequest, context: Any) -> workforce_pb2.Contract:
        said, now = request.contract, self._db.clock.now()
        value = _contract_in(said, require_id("ctr", said.contract_id, "contract.contract_id"))
        return _contract(*await self._write(lambda tx: ops.save_contract(tx, value, said.version, now)))

    async def DeleteContract(self, request: ask.DeleteContractRequest, context: Any) -> empty_pb2.Empty:
        return await self._remove("contract", require_id("ctr", request.contract_id, "contract_id"))

    async def CreateSite(self, request: ask.CreateSiteRequest, context: Any) -> workforce_pb2.Site:
        value, now = _site_in(request.site, ""), self._db.clock.now()

        async def create(tx: Tx) -> workforce_pb2.Site:
            return _site(await sites.save(tx, value, now))

        return await self._once(request, "CreateSite", workforce_pb2.Site, create)

    async def ListSites(self, request: ask.ListSitesRequest, context: Any) -> ask.ListSitesResponse:
        return ask.ListSitesResponse(sites=[_site(each) for each in await self._read(sites.list_sites)])

    async def UpdateSite(self, request: ask.UpdateSiteRequest, context: Any) -> workforce_pb2.Site:
        value, now = (
            _site_in(request.site, require_id("sit", request.site.site_id, "site.site_id")),
            self._db.clock.now(),
        )
        return _site(await self._write(lambda tx: sites.save(tx, value, now)))

    async def DeleteSite(self, request: ask.DeleteSiteRequest, context: Any) -> empty_pb2.Empty:
        key = require_id("sit", request.site_id, "site_id")
        await self._write(lambda tx: sites.remove(tx, key))
        return empty_pb2.Empty()

    async def UpdatePlannedAgent(
        self, request: ask.UpdatePlannedAgentRequest, context: Any
    ) -> workforce_pb2.PlannedAgent:
        value = _profile_in(request.planned_agent)
        return _profile(await self._write(lambda tx: ops.save_profile(tx, value)))

    async def ListPlannedAgents(
        self, request: ask.ListPlannedAgentsRequest, context: Any
    ) -> ask.ListPlannedAgentsResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._read(lambda tx: ops.list_profiles(tx, page))
        return ask.ListPlannedAgentsResponse(planned_agents=[_profile(each) for each in found], next_page_token=token)

    async def DeletePlannedAgent(self, request: ask.DeletePlannedAgentRequest, context: Any) -> empty_pb2.Empty:
        return await self._remove("planned_agent", require_id("usr", request.user_id, "user_id"))

    async def CreateTimeOff(self, request: ask.CreateTimeOffRequest, context: Any) -> workforce_pb2.TimeOff:
        said, now = request.time_off, self._db.clock.now()
        user_id = require_id("usr", said.user_id, "time_off.user_id")
        start, end = time_in(said, "start_time"), time_in(said, "end_time")
        if start is None or end is None:
            raise TimeOffInvalid.of(f"time_off.{'start_time' if start is None else 'end_time'}", "must be given")
        time = TimeOff(start, end, said.credited_minutes)

        async def create(tx: Tx) -> workforce_pb2.TimeOff:
            return _away(await ops.note_time_off(tx, user_id, time, said.reason.strip(), now))

        return await self._once(request, "CreateTimeOff", workforce_pb2.TimeOff, create)

    async def ListTimeOff(self, request: ask.ListTimeOffRequest, context: Any) -> ask.ListTimeOffResponse:
        user_id = require_id("usr", request.user_id, "user_id") if request.user_id else ""
        start, end = time_in(request, "start_time"), time_in(request, "end_time")
        found = await self._read(lambda tx: ops.list_time_off(tx, start, end, user_id))
        return ask.ListTimeOffResponse(time_off=[_away(each) for each in found])

    async def DeleteTimeOff(self, request: ask.DeleteTimeOffRequest, context: Any) -> empty_pb2.Empty:
        key, now = require_id("tof", request.time_off_id, "time_off_id"), self._db.clock.now()
        await self._write(lambda tx: time_off.take_back(tx, key, now))
        return empty_pb2.Empty()

    async def _once(self, request: Any, name: str, kind: type[M], create: Callable[[Tx], Awaitable[M]]) -> M:
        request_id = require_request_id(request.request_id)
        return await self._db.run(
            principal().tenant_id, lambda tx: tx.once(request_id, name, request, kind, lambda: create(tx))
        )

    async def _write(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work)

    async def _read(self, work: Callable[[Tx], Awaitable[Any]]) -> Any:
        return await self._db.run(principal().tenant_id, work, read_only=True)

    async def _remove(self, kind: str, key: str) -> empty_pb2.Empty:
        await self._write(lambda tx: ops.remove(tx, kind, key))
        return empty_pb2.Empty()


def _limits_in(said: workforce_pb2.LabourLimits) -> Limits:
    figures = {name: getattr(said, field) for name, field in _LIMITS}
    breaks = tuple((each.work_minutes, each.break_minutes) for each in said.breaks)
    return Limits(**figures, free_weekdays=tuple(said.free_weekdays), breaks=breaks)


def _limits(value: Limits) -> workforce_pb2.LabourLimits:
    figures = {field: getattr(value, name) for name, field in _LIMITS}
    breaks = [workforce_pb2.BreakDue(work_minutes=after, break_minutes=length) for after, length in value.breaks]
    return workforce_pb2.LabourLimits(**figures, free_weekdays=value.free_weekdays, breaks=breaks)


def _rules_in(said: workforce_pb2.LabourRules, rules_id: str) -> Rules:
    if said.country_code and said.country_code not in COUNTRIES:
        raise LabourRulesInvalid.of("labour_rules.country_code", f"must be empty or of {', '.join(COUNTRIES)}")
    young = _limits_in(said.young) if said.HasField("young") else None
    rules = LabourRules(said.country_code, _limits_in(said.adult), young, said.source.strip())
    return Rules(rules_id, said.display_name.strip(), rules, said.version)


def _rules(value: Rules) -> workforce_pb2.LabourRules:
    rules = value.rules
    return workforce_pb2.LabourRules(
        labour_rules_id=value.rules_id, display_name=value.name, country_code=rules.country,
        adult=_limits(rules.adult), young=_limits(rules.young) if rules.young else None, source=rules.source,
        version=value.version,
    )  # fmt: skip


def _pattern_in(said: workforce_pb2.ShiftPattern, pattern_id: str) -> Pattern:
    breaks = tuple(
        BreakRule(each.display_name.strip(), each.earliest_minute, each.latest_minute, each.length_minutes, each.paid)
        for each in said.breaks
    )
    return Pattern(
        pattern_id, said.display_name.strip(), said.first_start_minute, said.last_start_minute,
        said.start_step_minutes or 30, said.min_length_minutes, said.max_length_minutes or said.min_length_minutes,
        said.length_step_minutes or 60, breaks, tuple(said.weekdays) or tuple(range(7)),
    )  # fmt: skip


def _pattern(value: Pattern, version: int) -> workforce_pb2.ShiftPattern:
    return workforce_pb2.ShiftPattern(
        shift_pattern_id=value.pattern_id, display_name=value.name, first_start_minute=value.first_start,
        last_start_minute=value.last_start, start_step_minutes=value.step, min_length_minutes=value.shortest,
        max_length_minutes=value.longest, length_step_minutes=value.length_step, weekdays=value.weekdays,
        breaks=[
            workforce_pb2.PatternBreak(
                display_name=each.name, earliest_minute=each.earliest, latest_minute=each.latest,
                length_minutes=each.length, paid=each.paid,
            )
            for each in value.breaks
        ],
        version=version,
    )  # fmt: skip


def _contract_in(said: workforce_pb2.Contract, contract_id: str) -> Contract:
    return Contract(
        contract_id, said.display_name.strip(), said.min_week_minutes, said.max_week_minutes, said.min_days,
        said.max_days or 5,
        tuple(dict.fromkeys(require_id("spt", each, "contract.shift_pattern_ids") for each in said.shift_pattern_ids)),
        require_id("lbr", said.labour_rules_id, "contract.labour_rules_id"),
        tuple(
            Entitlement(
                require_id("tok", each.time_off_kind_id, "contract.time_off_entitlements"), each.yearly_amount,
                each.accrual == workforce_pb2.TIME_OFF_ACCRUAL_MONTHLY, each.most_carried_over,
            )
            for each in said.time_off_entitlements
        ),
    )  # fmt: skip


def _contract(value: Contract, version: int) -> workforce_pb2.Contract:
    return workforce_pb2.Contract(
        contract_id=value.contract_id, display_name=value.name, labour_rules_id=value.rules_id,
        min_week_minutes=value.min_week, max_week_minutes=value.max_week, min_days=value.min_days,
        max_days=value.max_days, shift_pattern_ids=value.pattern_ids, version=version,
        time_off_entitlements=[
            workforce_pb2.TimeOffEntitlement(
                time_off_kind_id=each.kind_id, yearly_amount=each.yearly, most_carried_over=each.most_carried,
                accrual=_ACCRUALS[each.monthly],
            )
            for each in value.entitlements
        ],
    )  # fmt: skip


def _site_in(said: workforce_pb2.Site, site_id: str) -> Site:
    return Site(site_id, said.display_name.strip(), said.time_zone.strip(), said.version)


def _site(value: Site) -> workforce_pb2.Site:
    return workforce_pb2.Site(
        site_id=value.site_id, display_name=value.name, time_zone=value.zone, version=value.version
    )


def _profile_in(said: workforce_pb2.PlannedAgent) -> Profile:
    wish = Wish(
        tuple(dict.fromkeys(said.wished_free_weekdays)), said.wished_earliest_start_minute,
        said.wished_latest_end_minute, said.wish_weight or 1.0,
    )  # fmt: skip
    return Profile(
        require_id("usr", said.user_id, "planned_agent.user_id"),
        require_id("ctr", said.contract_id, "planned_agent.contract_id"),
        tuple(dict.fromkeys(require_id("que", each, "planned_agent.queue_ids") for each in said.queue_ids)),
        said.under_age, tuple((each.weekday, each.start_minute, each.end_minute) for each in said.availability), wish,
        said.version, convert.day_in(said.hire_day, "planned_agent.hire_day"), said.performance_score,
        require_id("sit", said.site_id, "planned_agent.site_id") if said.site_id else "",
    )  # fmt: skip


def _profile(value: Profile) -> workforce_pb2.PlannedAgent:
    stretches = [
        workforce_pb2.AvailableStretch(weekday=day, start_minute=low, end_minute=high)
        for day, low, high in value.availability
    ]
    return workforce_pb2.PlannedAgent(
        user_id=value.user_id, contract_id=value.contract_id, queue_ids=value.queue_ids, under_age=value.under_age,
        availability=stretches, wished_free_weekdays=value.wish.free_weekdays,
        wished_earliest_start_minute=value.wish.earliest_start, wished_latest_end_minute=value.wish.latest_end,
        wish_weight=value.wish.weight, version=value.version, performance_score=value.performance,
        hire_day=value.hired.isoformat() if value.hired else "", site_id=value.site_id,
    )  # fmt: skip


def _away(value: Away) -> workforce_pb2.TimeOff:
    return workforce_pb2.TimeOff(
        time_off_id=value.time_off_id, user_id=value.user_id, start_time=time_out(value.time.start),
        end_time=time_out(value.time.end), credited_minutes=value.time.credited, reason=value.reason,
        create_time=time_out(value.create_time),
    )  # fmt: skip
