"""What is promised of queues."""

from __future__ import annotations

from chassis.sql import Tx
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from wfm.domain.staffing import Rule, rule_of
from wfm.store.history import SeriesKey
from wfm.store.tables import staffing_rules as table

_NAMES = tuple(Rule.__dataclass_fields__)


async def find(tx: Tx, key: SeriesKey) -> tuple[Rule, int]:
    """The rule and its version: what usually holds, and 0, where nobody said anything."""
    row = await tx.one_or_none(
        select(table).where(
            table.c.tenant_id == tx.tenant_id, table.c.queue_id == key.queue_id, table.c.channel == key.channel
        )
    )
    return (rule_of({name: row[name] for name in _NAMES}), row["version"]) if row else (Rule(), 0)


async def save(tx: Tx, key: SeriesKey, rule: Rule, version: int) -> None:
    """Says it."""
    values = {name: getattr(rule, name) for name in _NAMES} | {"version": version}
    values["work_intervals"] = [list(each) for each in rule.work_intervals]
    row = {"tenant_id": tx.tenant_id, "queue_id": key.queue_id, "channel": key.channel, **values}
    await tx.execute(
        insert(table)
        .values(**row)
        .on_conflict_do_update(index_elements=["tenant_id", "queue_id", "channel"], set_=values)
    )
