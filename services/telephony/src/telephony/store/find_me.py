"""Where agents' calls ring besides the desk, and the searches of offers at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from chassis.sql import Tx
from kernel.hours import OpenInterval
from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.dialects import postgresql

from telephony.domain.find_me import FindMe, Resort, ResortKind, Search, Step, When
from telephony.domain.trunks import VersionConflict
from telephony.store.tables import among, find_me, live_calls, searches

_AT_ONCE = 200
_SEARCH = (
    "offer_id", "call_id", "contact_id", "agent_id", "lead", "step", "step_time", "away", "taken_leg_id", "queue_id",
    "language",
)  # fmt: skip


async def find(tx: Tx, agent_id: str) -> FindMe:
    """An agent's setting, NEVER when none was made."""
    mine = (find_me.c.tenant_id == tx.tenant_id, find_me.c.agent_id == agent_id)
    row = await tx.one_or_none(select(find_me).where(*mine))
    return FindMe(agent_id) if row is None else _setting(row)


async def with_resort(tx: Tx, target: str) -> Sequence[FindMe]:
    """Settings whose last resort is this agent or queue."""
    mine = (find_me.c.tenant_id == tx.tenant_id, find_me.c.resort_target == target)
    return [_setting(row) for row in await tx.all(select(find_me).where(*mine))]


async def put(tx: Tx, setting: FindMe, was: int, now: datetime) -> None:
    """Over version `was` (0: none was made); VersionConflict when that is no longer there."""
    row = {
        "rings_when": setting.when.value,
        "desk_ring": setting.desk_ring,
        "steps": _steps_out(setting.steps),
        "queue_calls": setting.queue_calls,
        "resort_kind": setting.resort.kind.value if setting.resort else "",
        "resort_target": setting.resort.target if setting.resort else "",
        "language": setting.language,
        "time_zone": setting.time_zone,
        "update_time": now,
        "version": setting.version,
    }
    statement = postgresql.insert(find_me).values(
        tenant_id=tx.tenant_id, agent_id=setting.agent_id, create_time=now, turns=0, **row
    )
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id", "agent_id"], set_=row, where=find_me.c.version == was
    )
    if (await tx.execute(statement)).rowcount != 1:
        raise VersionConflict("somebody else changed it first")


async def due(tx: Tx, now: datetime) -> Sequence[tuple[str, str]]:
    """(tenant id, agent id) of settings whose turn it is. System transaction."""
    statement = select(find_me.c.tenant_id, find_me.c.agent_id).where(find_me.c.turn_time <= now).limit(_AT_ONCE)
    return [(row["tenant_id"], row["agent_id"]) for row in await tx.all(statement)]


async def take_turn(tx: Tx, agent_id: str, now: datetime) -> bool:
    """Whether it is still this setting's turn; it isn't any more."""
    mine = (find_me.c.tenant_id == tx.tenant_id, find_me.c.agent_id == agent_id, find_me.c.turn_time <= now)
    statement = update(find_me).where(*mine).values(turn_time=None, turns=find_me.c.turns + 1)
    return (await tx.execute(statement)).rowcount == 1


async def next_turn(tx: Tx, agent_id: str, turn_time: datetime | None) -> int:
    """Say when it is the setting's next turn; how many it has had."""
    mine = (find_me.c.tenant_id == tx.tenant_id, find_me.c.agent_id == agent_id)
    await tx.execute(update(find_me).where(*mine).values(turn_time=turn_time))
    row = await tx.one_or_none(select(find_me.c.turns).where(*mine))
    return 0 if row is None else row["turns"]


def _setting(row: RowMapping) -> FindMe:
    kind = row["resort_kind"]
    return FindMe(
        agent_id=row["agent_id"],
        when=When(row["rings_when"]),
        desk_ring=row["desk_ring"],
        steps=_steps_in(row["steps"]),
        queue_calls=row["queue_calls"],
        resort=Resort(ResortKind(kind), row["resort_target"]) if kind else None,
        language=row["language"],
        time_zone=row["time_zone"],
        update_time=row["update_time"],
        version=row["version"],
    )


# -- searches --------------------------------------------------------------------------------------------------


async def add_search(tx: Tx, search: Search, now: datetime, *, over: bool = False) -> None:
    """`over`: kept only so that it doesn't begin."""
    values = {"tenant_id": tx.tenant_id, "create_time": now, "over": over, **_search_row(search)}
    await tx.execute(insert(searches), values)


async def is_known(tx: Tx, offer_id: str) -> bool:
    """Whether the offer's search goes on, or was over before it began."""
    mine = (searches.c.tenant_id == tx.tenant_id, searches.c.offer_id == offer_id)
    return await tx.one_or_none(select(searches.c.offer_id).where(*mine)) is not None


async def find_search(tx: Tx, offer_id: str) -> Search | None:
    row = await tx.one_or_none(select(searches).where(*_one(tx, offer_id)))
    return None if row is None else _search(row)


async def search_of(tx: Tx, call_id: str, contact_id: str, agent_id: str) -> Search | None:
    """The search for this agent for this contact; None when there is none."""
    mine = (
        searches.c.tenant_id == tx.tenant_id, searches.c.call_id == call_id, searches.c.contact_id == contact_id,
        searches.c.agent_id == agent_id, searches.c.over.is_(False),
    )  # fmt: skip
    row = await tx.one_or_none(select(searches).where(*mine).order_by(searches.c.create_time.desc()).limit(1))
    return None if row is None else _search(row)


async def save_search(tx: Tx, search: Search) -> bool:
    """Whether it still goes on."""
    result = await tx.execute(update(searches).where(*_one(tx, search.offer_id)).values(**_search_row(search)))
    return result.rowcount == 1


async def drop_search(tx: Tx, offer_id: str) -> None:
    await tx.execute(delete(searches).where(*_one(tx, offer_id)))


async def drop_searches_of(tx: Tx, call_ids: Sequence[str]) -> None:
    await tx.execute(delete(searches).where(searches.c.tenant_id == tx.tenant_id, among(searches.c.call_id, call_ids)))


async def searches_of_node(tx: Tx, node_id: str) -> Sequence[tuple[str, Search]]:
    """(tenant id, search) of every live call of the node. System transaction."""
    its_lease = (live_calls.c.tenant_id == searches.c.tenant_id) & (live_calls.c.call_id == searches.c.call_id)
    statement = (
        select(searches).join(live_calls, its_lease).where(live_calls.c.node_id == node_id, searches.c.over.is_(False))
    )
    return [(row["tenant_id"], _search(row)) for row in await tx.all(statement)]


def _one(tx: Tx, offer_id: str) -> tuple[Any, ...]:
    return searches.c.tenant_id == tx.tenant_id, searches.c.offer_id == offer_id, searches.c.over.is_(False)


def _search_row(search: Search) -> dict[str, Any]:
    return {name: getattr(search, name) for name in _SEARCH} | {"steps": _steps_out(search.steps)}


def _search(row: RowMapping) -> Search:
    steps = _steps_in(row["steps"])
    return Search(steps=steps, **{name: row[name] for name in _SEARCH})


def _steps_out(steps: Sequence[Step]) -> list[dict[str, Any]]:
    return [
        {
            "ring": step.ring.total_seconds(),
            "desk_phones": step.desk_phones,
            "numbers": list(step.numbers),
            "hours": [[each.weekday, each.start_minute, each.end_minute] for each in step.hours],
        }
        for step in steps
    ]


def _steps_in(steps: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(
        Step(
            timedelta(seconds=step["ring"]), step["desk_phones"], tuple(step["numbers"]),
            tuple(OpenInterval(*each) for each in step.get("hours", ())),
        )
        for step in steps
    )  # fmt: skip
