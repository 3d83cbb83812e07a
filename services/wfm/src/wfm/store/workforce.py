"""Labour rules, shift patterns, contracts, planned agents, time off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from chassis.sql import Tx
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from wfm.domain.labour import LabourRules, Limits
from wfm.domain.shifts import BreakRule, Contract, Entitlement, Pattern, TimeOff, Wish
from wfm.store.rows import own
from wfm.store.tables import contracts, labour_rules, planned_agents, shift_patterns, time_off

MOST = 500
"""Rules, patterns or contracts of a tenant."""
_FIGURES = (
    "first_start", "last_start", "step", "shortest", "longest", "length_step",
)  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """A tenant's labour rules."""

    rules_id: str
    name: str
    rules: LabourRules
    version: int = 0


@dataclass(frozen=True)
class Profile:
    """How an agent is planned. Availability as (weekday, from, to)."""

    user_id: str
    contract_id: str
    queue_ids: tuple[str, ...] = ()
    under_age: bool = False
    availability: tuple[tuple[int, int, int], ...] = ()
    wish: Wish = field(default_factory=Wish)
    version: int = 0
    hired: date | None = None
    performance: float = 0.0
    site_id: str = ""
    """Empty: by the company's own clocks."""


@dataclass(frozen=True)
class Away:
    """Somebody's time off."""

    time_off_id: str
    user_id: str
    time: TimeOff
    reason: str
    create_time: datetime


async def list_rules(tx: Tx) -> list[Rules]:
    """By name."""
    rows = await tx.all(select(labour_rules).where(own(tx, labour_rules)).order_by(labour_rules.c.name).limit(MOST))
    return [_rules(row) for row in rows]


async def find_rules(tx: Tx, rules_id: str) -> Rules | None:
    """One."""
    row = await tx.one_or_none(_one(tx, labour_rules, labour_rules.c.labour_rules_id, rules_id))
    return _rules(row) if row else None


async def save_rules(tx: Tx, value: Rules) -> None:
    """Adds or changes."""
    rules = value.rules
    young = asdict(rules.young) if rules.young else None
    await _save(
        tx, labour_rules, {"labour_rules_id": value.rules_id},
        {"name": value.name, "country": rules.country, "adult": asdict(rules.adult), "young": young,
         "source": rules.source, "version": value.version},
    )  # fmt: skip


async def list_patterns(tx: Tx) -> list[tuple[Pattern, int]]:
    """With versions, by name."""
    rows = await tx.all(
        select(shift_patterns).where(own(tx, shift_patterns)).order_by(shift_patterns.c.name).limit(MOST)
    )
    return [(_pattern(row), row["version"]) for row in rows]


async def find_pattern(tx: Tx, pattern_id: str) -> tuple[Pattern, int] | None:
    """One with its version."""
    row = await tx.one_or_none(_one(tx, shift_patterns, shift_patterns.c.shift_pattern_id, pattern_id))
    return (_pattern(row), row["version"]) if row else None


async def save_pattern(tx: Tx, value: Pattern, version: int) -> None:
    """Adds or changes."""
    said = {name: getattr(value, name) for name in _FIGURES}
    said |= {"weekdays": list(value.weekdays), "breaks": [asdict(each) for each in value.breaks]}
    await _save(
        tx, shift_patterns, {"shift_pattern_id": value.pattern_id},
        {"name": value.name, "pattern": said, "version": version},
    )  # fmt: skip


async def list_contracts(tx: Tx) -> list[tuple[Contract, int]]:
    """With versions, by name."""
    rows = await tx.all(select(contracts).where(own(tx, contracts)).order_by(contracts.c.name).limit(MOST))
    return [(_contract(row), row["version"]) for row in rows]


async def find_contract(tx: Tx, contract_id: str) -> tuple[Contract, int] | None:
    """One with its version."""
    row = await tx.one_or_none(_one(tx, contracts, contracts.c.contract_id, contract_id))
    return (_contract(row), row["version"]) if row else None


async def save_contract(tx: Tx, value: Contract, version: int) -> None:
    """Adds or changes."""
    await _save(
        tx, contracts, {"contract_id": value.contract_id},
        {"name": value.name, "labour_rules_id": value.rules_id, "pattern_ids": list(value.pattern_ids),
         "min_week": value.min_week, "max_week": value.max_week, "min_days": value.min_days,
         "max_days": value.max_days, "version": version,
         "entitlements": [asdict(each) for each in value.entitlements]},
    )  # fmt: skip


async def list_profiles(tx: Tx, after: str = "", most: int = 20_000) -> list[Profile]:
    """By user, those after `after`."""
    statement = select(planned_agents).where(own(tx, planned_agents), planned_agents.c.user_id > after)
    rows = await tx.all(statement.order_by(planned_agents.c.user_id).limit(most))
    return [_profile(row) for row in rows]


async def find_profile(tx: Tx, user_id: str) -> Profile | None:
    """One."""
    row = await tx.one_or_none(_one(tx, planned_agents, planned_agents.c.user_id, user_id))
    return _profile(row) if row else None


async def contracts_in_use(tx: Tx, contract_ids: Sequence[str]) -> dict[str, bool]:
    """Of these contracts, those somebody has: and whether anybody under age."""
    rows = await tx.all(
        select(planned_agents.c.contract_id, func.bool_or(planned_agents.c.under_age).label("young"))
        .where(own(tx, planned_agents), planned_agents.c.contract_id.in_(contract_ids))
        .group_by(planned_agents.c.contract_id)
    )
    return {row["contract_id"]: row["young"] for row in rows}


async def save_profile(tx: Tx, value: Profile) -> None:
    """Adds or changes."""
    await _save(
        tx, planned_agents, {"user_id": value.user_id},
        {"contract_id": value.contract_id, "queue_ids": list(value.queue_ids), "under_age": value.under_age,
         "availability": [list(each) for each in value.availability], "wish": asdict(value.wish),
         "version": value.version, "hire_day": value.hired.isoformat() if value.hired else "",
         "performance": value.performance, "site_id": value.site_id},
    )  # fmt: skip


async def insert_away(tx: Tx, value: Away) -> None:
    """Notes time off."""
    row = {
        "tenant_id": tx.tenant_id, "time_off_id": value.time_off_id, "user_id": value.user_id,
        "start_time": value.time.start, "end_time": value.time.end, "credited_minutes": value.time.credited,
        "reason": value.reason, "create_time": value.create_time,
    }  # fmt: skip
    await tx.execute(insert(time_off).values(**row))


async def list_away(tx: Tx, start: datetime, end: datetime, user_id: str = "", most: int = 20_000) -> list[Away]:
    """What touches [start, end), oldest first."""
    statement = select(time_off).where(
        own(tx, time_off), time_off.c.end_time > start, time_off.c.start_time < end
    )  # fmt: skip
    if user_id:
        statement = statement.where(time_off.c.user_id == user_id)
    rows = await tx.all(statement.order_by(time_off.c.start_time, time_off.c.time_off_id).limit(most))
    return [_away(row) for row in rows]


async def find_away(tx: Tx, time_off_id: str) -> Away | None:
    """One."""
    row = await tx.one_or_none(_one(tx, time_off, time_off.c.time_off_id, time_off_id))
    return _away(row) if row else None


async def remove(tx: Tx, kind: str, key: str) -> bool:
    """Removes one of `labour_rules`, `shift_pattern`, `contract`, `planned_agent`, `time_off`; whether it was there."""
    table, column = {
        "labour_rules": (labour_rules, labour_rules.c.labour_rules_id),
        "shift_pattern": (shift_patterns, shift_patterns.c.shift_pattern_id),
        "contract": (contracts, contracts.c.contract_id),
        "planned_agent": (planned_agents, planned_agents.c.user_id),
        "time_off": (time_off, time_off.c.time_off_id),
    }[kind]
    return bool((await tx.execute(delete(table).where(table.c.tenant_id == tx.tenant_id, column == key))).rowcount)


async def _save(tx: Tx, table: Any, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    (name,) = key
    if values["version"] == 1:
        await tx.execute(insert(table).values(tenant_id=tx.tenant_id, **key, **values))
        return
    await tx.execute(
        update(table).where(table.c.tenant_id == tx.tenant_id, table.c[name] == key[name]).values(**values)
    )


def _one(tx: Tx, table: Any, column: Any, key: str) -> Any:
    return select(table).where(table.c.tenant_id == tx.tenant_id, column == key)


def _away(row: Mapping[Any, Any]) -> Away:
    return Away(
        row["time_off_id"], row["user_id"], TimeOff(row["start_time"], row["end_time"], row["credited_minutes"]),
        row["reason"], row["create_time"],
    )  # fmt: skip


def _limits(said: Mapping[str, Any]) -> Limits:
    free, breaks = tuple(said["free_weekdays"]), tuple((after, length) for after, length in said["breaks"])
    return Limits(**{**said, "free_weekdays": free, "breaks": breaks})


def _rules(row: Mapping[Any, Any]) -> Rules:
    young = _limits(row["young"]) if row["young"] else None
    rules = LabourRules(row["country"], _limits(row["adult"]), young, row["source"])
    return Rules(row["labour_rules_id"], row["name"], rules, row["version"])


def _pattern(row: Mapping[Any, Any]) -> Pattern:
    said = row["pattern"]
    breaks, weekdays = tuple(BreakRule(**each) for each in said["breaks"]), tuple(said["weekdays"])
    figures = {name: said[name] for name in _FIGURES}
    return Pattern(row["shift_pattern_id"], row["name"], **figures, breaks=breaks, weekdays=weekdays)


def _contract(row: Mapping[Any, Any]) -> Contract:
    return Contract(
        row["contract_id"], row["name"], row["min_week"], row["max_week"], row["min_days"], row["max_days"],
        tuple(row["pattern_ids"]), row["labour_rules_id"],
        tuple(Entitlement(**each) for each in row["entitlements"]),
    )  # fmt: skip


def _profile(row: Mapping[Any, Any]) -> Profile:
    wish = row["wish"]
    return Profile(
        row["user_id"], row["contract_id"], tuple(row["queue_ids"]), row["under_age"],
        tuple((day, low, high) for day, low, high in row["availability"]),
        Wish(tuple(wish["free_weekdays"]), wish["earliest_start"], wish["latest_end"], wish["weight"]), row["version"],
        date.fromisoformat(row["hire_day"]) if row["hire_day"] else None, row["performance"],
        row["site_id"],
    )  # fmt: skip
