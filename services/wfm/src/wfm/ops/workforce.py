"""Who may be scheduled how. What can't hold together is refused when it is saved, with both rules named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chassis.paging import Page, decode_name_token, encode_token, page_size
from chassis.sql import Tx
from kernel.errors import FailedPrecondition, FieldViolation, InvalidInput, NotFound
from kernel.ids import new_id

from wfm.domain.labour import Clash, Limits, clashes, out_of_range, told
from wfm.domain.shifts import (
    Contract,
    Pattern,
    TimeOff,
    contract_clashes,
    wrong_contract,
    wrong_pattern,
)
from wfm.ops.calendar import VersionConflict
from wfm.ops.history import RangeInvalid, require_queue
from wfm.store import sites, time_off
from wfm.store import workforce as store
from wfm.store.workforce import Away, Profile, Rules

LONGEST = timedelta(days=400)


class WorkforceClash(InvalidInput):
    """Two rules contradict each other."""

    reason = "WORKFORCE_CLASH"


class WorkforceInUse(FailedPrecondition):
    """Something names it."""

    reason = "WORKFORCE_IN_USE"


class WorkforceFull(FailedPrecondition):
    """There are as many as may be."""

    reason = "WORKFORCE_FULL"


class LabourRulesInvalid(InvalidInput):
    """A field of labour rules is wrong."""

    reason = "LABOUR_RULES_INVALID"


class LabourRulesNotFound(NotFound):
    """No such labour rules."""

    reason = "LABOUR_RULES_NOT_FOUND"


class ShiftPatternInvalid(InvalidInput):
    """A field of a shift pattern is wrong."""

    reason = "SHIFT_PATTERN_INVALID"


class ShiftPatternNotFound(NotFound):
    """No such shift pattern."""

    reason = "SHIFT_PATTERN_NOT_FOUND"


class ContractInvalid(InvalidInput):
    """A field of a contract is wrong."""

    reason = "CONTRACT_INVALID"


class ContractNotFound(NotFound):
    """No such contract."""

    reason = "CONTRACT_NOT_FOUND"


class PlannedAgentInvalid(InvalidInput):
    """How an agent is to be planned is wrong."""

    reason = "PLANNED_AGENT_INVALID"


class PlannedAgentNotFound(NotFound):
    """The agent isn't planned for."""

    reason = "PLANNED_AGENT_NOT_FOUND"


class SiteNotFound(NotFound):
    """No such site."""

    reason = "SITE_NOT_FOUND"


class TimeOffInvalid(InvalidInput):
    """Time off is wrong."""

    reason = "TIME_OFF_INVALID"


class TimeOffNotFound(NotFound):
    """No such time off."""

    reason = "TIME_OFF_NOT_FOUND"


class TimeOffKindNotFound(NotFound):
    """No such kind of time off."""

    reason = "TIME_OFF_KIND_NOT_FOUND"


def _wrong(kind: type[InvalidInput], prefix: str, found: Sequence[tuple[str, str]]) -> None:
    if found:
        fields = [FieldViolation(f"{prefix}.{name}", words) for name, words in found]
        raise kind(f"{fields[0].field} {fields[0].description}", fields=fields)


def _clash(prefix: str, found: Sequence[Clash]) -> None:
    if found:
        unique = list(dict.fromkeys(found))
        fields = [FieldViolation(f"{prefix}.{each.rule}", f"{each.words} (against {each.against})") for each in unique]
        raise WorkforceClash(told(unique), fields=fields)


async def save_rules(tx: Tx, value: Rules, now: datetime) -> Rules:
    """Adds (version 0) or changes labour rules; contracts that stand on them must go on to hold."""
    if not 0 < len(value.name) <= 100:
        raise LabourRulesInvalid.of("labour_rules.display_name", "must be 1 to 100 characters")
    if len(value.rules.source) > 500:
        raise LabourRulesInvalid.of("labour_rules.source", "must be at most 500 characters")
    for name, limits in (("adult", value.rules.adult), ("young", value.rules.young)):
        if limits is not None:
            _wrong(LabourRulesInvalid, f"labour_rules.{name}", out_of_range(limits))
            _clash(f"labour_rules.{name}", clashes(limits))
    if not value.rules_id:
        if len(await store.list_rules(tx)) >= store.MOST:
            raise WorkforceFull(f"there are {store.MOST} labour rules already: change one, or remove one")
        made = replace(value, rules_id=new_id("lbr", now), version=1)
        await store.save_rules(tx, made)
        return made
    known = await store.find_rules(tx, value.rules_id)
    if known is None:
        raise LabourRulesNotFound("no such labour rules")
    _fresh(known.version, value.version)
    changed = replace(value, version=known.version + 1)
    await store.save_rules(tx, changed)
    of_them = [each for each, _ in await store.list_contracts(tx) if each.rules_id == value.rules_id]
    await _check(tx, "labour_rules", of_them)
    return changed


async def save_pattern(tx: Tx, value: Pattern, version: int, now: datetime) -> tuple[Pattern, int]:
    """Adds (without an id) or changes a pattern; contracts that name it must go on to hold."""
    _wrong(ShiftPatternInvalid, "shift_pattern", wrong_pattern(value))
    if not value.pattern_id:
        if len(await store.list_patterns(tx)) >= store.MOST:
            raise WorkforceFull(f"there are {store.MOST} shift patterns already: change one, or remove one")
        made = replace(value, pattern_id=new_id("spt", now))
        await store.save_pattern(tx, made, 1)
        return made, 1
    known = await store.find_pattern(tx, value.pattern_id)
    if known is None:
        raise ShiftPatternNotFound("no such shift pattern")
    _fresh(known[1], version)
    await store.save_pattern(tx, value, known[1] + 1)
    of_it = [each for each, _ in await store.list_contracts(tx) if value.pattern_id in each.pattern_ids]
    await _check(tx, "shift_pattern", of_it)
    return value, known[1] + 1


async def save_contract(tx: Tx, value: Contract, version: int, now: datetime) -> tuple[Contract, int]:
    """Adds (without an id) or changes a contract."""
    _wrong(ContractInvalid, "contract", wrong_contract(value))
    made, after = value, 1
    if not value.contract_id:
        if len(await store.list_contracts(tx)) >= store.MOST:
            raise WorkforceFull(f"there are {store.MOST} contracts already: change one, or remove one")
        made = replace(value, contract_id=new_id("ctr", now))
    else:
        known = await store.find_contract(tx, value.contract_id)
        if known is None:
            raise ContractNotFound("no such contract")
        _fresh(known[1], version)
        after = known[1] + 1
    kinds = {each.kind_id for each in await time_off.list_kinds(tx)}
    if unknown := [each.kind_id for each in value.entitlements if each.kind_id not in kinds]:
        raise TimeOffKindNotFound("no such kind of time off", metadata={"time_off_kind_id": unknown[0]})
    await _check(tx, "contract", [made])
    await store.save_contract(tx, made, after)
    return made, after


async def _check(tx: Tx, prefix: str, contracts: Iterable[Contract]) -> None:
    """Whether contracts hold under their rules, for all who have them."""
    contracts = list(contracts)
    patterns = {each.pattern_id: each for each, _ in await store.list_patterns(tx)}
    rules = {each.rules_id: each.rules for each in await store.list_rules(tx)}
    young = await store.contracts_in_use(tx, [each.contract_id for each in contracts])
    for each in contracts:
        if each.rules_id not in rules:
            raise LabourRulesNotFound("no such labour rules")
        if missing := [name for name in each.pattern_ids if name not in patterns]:
            raise ShiftPatternNotFound("no such shift pattern", metadata={"shift_pattern_id": missing[0]})
        said, mine = rules[each.rules_id], [patterns[name] for name in each.pattern_ids]
        _clash(prefix, contract_clashes(each, said.adult, mine))
        if young.get(each.contract_id) and said.young is not None:
            _clash(prefix, contract_clashes(each, said.young, mine))


async def save_profile(tx: Tx, value: Profile) -> Profile:
    """Plans for an agent (version 0), or changes how."""
    wish = value.wish
    for name, fine, words in (
        ("availability", len(value.availability) <= 28, "must be at most 28 stretches"),
        ("availability", all(0 <= day <= 6 and 0 <= low < high <= 2880 and low < 1440 and low % 15 == high % 15 == 0
                             for day, low, high in value.availability),
         "must be stretches of a weekday 0 to 6, from 0 to 1425 and to 2880 at most, by 15"),
        ("queue_ids", len(value.queue_ids) <= 1000, "must be at most 1000"),
        ("wished_free_weekdays", all(0 <= day <= 6 for day in wish.free_weekdays), "must be days of the week, 0 to 6"),
        ("wished_earliest_start_minute", 0 <= wish.earliest_start < 1440, "must be 0 to 1439"),
        ("wished_latest_end_minute", 0 <= wish.latest_end <= 2880, "must be 0 to 2880"),
        ("wish_weight", 0 <= wish.weight <= 10, "must be 0 to 10"),
        ("performance_score", 0 <= value.performance <= 1000, "must be 0 to 1000"),
    ):  # fmt: skip
        if not fine:
            raise PlannedAgentInvalid.of(f"planned_agent.{name}", words)
    contract = await store.find_contract(tx, value.contract_id)
    if contract is None:
        raise ContractNotFound("no such contract")
    if value.site_id and await sites.find(tx, value.site_id) is None:
        raise SiteNotFound("no such site")
    known = await store.find_profile(tx, value.user_id)
    _fresh(known.version if known else 0, value.version)
    for queue_id in set(value.queue_ids) - set(known.queue_ids if known else ()):
        await require_queue(tx, queue_id)
    changed = replace(value, version=value.version + 1)
    await store.save_profile(tx, changed)
    if value.under_age:
        await _check(tx, "planned_agent", [contract[0]])
    return changed


async def list_profiles(tx: Tx, page: Page) -> tuple[list[Profile], str]:
    """By user, and the token of the next page."""
    size = page_size(page.size)
    after = decode_name_token(page.token)
    found = await store.list_profiles(tx, after[1] if after else "", size + 1)
    return found[:size], encode_token(found[size - 1].user_id, found[size - 1].user_id) if len(found) > size else ""


async def note_time_off(tx: Tx, user_id: str, time: TimeOff, reason: str, now: datetime) -> Away:
    """Notes when an agent is away."""
    for name, fine, words in (
        ("end_time", timedelta(0) < time.end - time.start <= LONGEST, "must be after start_time, 400 days at most"),
        ("credited_minutes", 0 <= time.credited <= 1440 * 400, "must be 0 to 576,000"),
        ("reason", len(reason) <= 200, "must be at most 200 characters"),
    ):
        if not fine:
            raise TimeOffInvalid.of(f"time_off.{name}", words)
    if await store.find_profile(tx, user_id) is None:
        raise PlannedAgentNotFound("the agent isn't planned for")
    made = Away(new_id("tof", now), user_id, time, reason, now)
    await store.insert_away(tx, made)
    return made


async def list_time_off(tx: Tx, start: datetime | None, end: datetime | None, user_id: str) -> list[Away]:
    """What touches a stretch."""
    if start is None or end is None or not timedelta(0) < end - start <= LONGEST:
        raise RangeInvalid.of("end_time", "must be after start_time and at most 400 days later")
    return await store.list_away(tx, start, end, user_id, 5000)


async def remove(tx: Tx, kind: str, key: str) -> None:
    """Removes one that nothing names."""
    errors: dict[str, NotFound] = {
        "labour_rules": LabourRulesNotFound("no such labour rules"),
        "shift_pattern": ShiftPatternNotFound("no such shift pattern"),
        "contract": ContractNotFound("no such contract"),
        "planned_agent": PlannedAgentNotFound("the agent isn't planned for"),
        "time_off": TimeOffNotFound("no such time off"),
    }
    contracts = (
        [each for each, _ in await store.list_contracts(tx)] if kind in ("labour_rules", "shift_pattern") else []
    )
    by = [each.name for each in contracts if key == each.rules_id or key in each.pattern_ids]
    if by:
        raise WorkforceInUse(f"the contract {by[0]} names it", metadata={"contract": by[0]})
    if kind == "contract" and await store.contracts_in_use(tx, [key]):
        raise WorkforceInUse("agents have this contract")
    if not await store.remove(tx, kind, key):
        raise errors[kind]
    if kind == "time_off":
        await time_off.forget(tx, key, tx.now())


def limits_of(rules: Rules, under_age: bool) -> Limits:
    """What holds for an agent."""
    return rules.rules.young if under_age and rules.rules.young is not None else rules.rules.adult


def _fresh(known: int, said: int) -> None:
    if known != said:
        raise VersionConflict("it was changed meanwhile: read it again")


async def list_rules(tx: Tx) -> list[Rules]:
    """By name."""
    return await store.list_rules(tx)


async def list_patterns(tx: Tx) -> list[tuple[Pattern, int]]:
    """With versions, by name."""
    return await store.list_patterns(tx)


async def list_contracts(tx: Tx) -> list[tuple[Contract, int]]:
    """With versions, by name."""
    return await store.list_contracts(tx)
