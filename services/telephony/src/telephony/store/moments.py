"""What happened in calls, as it is kept."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.sql import Tx
from kernel.ids import new_id
from sqlalchemy import insert, select

from telephony.domain.moments import Happening, Moment
from telephony.store.tables import call_moments

MOST = 1000
"""Of one call: more than people hold and park in a day."""


async def add_moment(tx: Tx, moment: Moment) -> None:
    """Keep it with what made it."""
    row = {
        "tenant_id": tx.tenant_id, "call_id": moment.call_id, "moment_id": new_id("mom", moment.time),
        "happening": moment.happening.value, "agent_id": moment.agent_id, "target_kind": moment.target_kind,
        "target": moment.target, "create_time": moment.time,
    }  # fmt: skip
    await tx.execute(insert(call_moments), row)


async def moments_of(tx: Tx, call_id: str) -> Sequence[Moment]:
    """A call's first `MOST`, in order."""
    mine = (call_moments.c.tenant_id == tx.tenant_id, call_moments.c.call_id == call_id)
    found = await tx.all(select(call_moments).where(*mine).order_by(call_moments.c.moment_id).limit(MOST))
    return [
        Moment(
            row["call_id"], Happening(row["happening"]), row["create_time"], row["agent_id"], row["target_kind"],
            row["target"],
        )
        for row in found
    ]  # fmt: skip
