"""Supervisors in calls, as transactions. Rules are `domain.supervision`'s and `domain.transfers`'."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from chassis.sql import Tx

from telephony import convert
from telephony.domain import supervision, transfers
from telephony.domain.legs import Leg
from telephony.domain.moments import Happening, Moment
from telephony.ops.parties import Found, agent_leg, conversation, free_station, keep
from telephony.store.moments import add_moment


async def supervise(tx: Tx, call_id: str, leg: Leg, now: datetime) -> Found:
    """A supervisor takes part, or changes how. StationRequired, StationOnCall."""
    await free_station(tx, leg.agent_id, now, call_id)
    before = await conversation(tx, call_id)
    agent_id = leg.supervised_agent_id or before.call.agent_id
    leg = dataclasses.replace(leg, supervised_agent_id=agent_id)
    return await keep(tx, before, supervision.supervise(before, leg, now), now)


async def take_over(
    tx: Tx, call_id: str, supervisor_id: str, contact_id: str, now: datetime, agent_id: str = ""
) -> Found:
    """A supervisor takes an agent's place, as `transfers.to_take_over` says whose."""
    before = await conversation(tx, call_id)
    leg = agent_leg(call_id, supervisor_id, contact_id, now)
    replaced = transfers.to_take_over(before, supervisor_id, agent_id)
    found = await keep(tx, before, transfers.taken_over(before, leg, now, agent_id), now)
    agent_id = replaced.agent_id if replaced is not None else before.call.agent_id
    told = dataclasses.replace(leg, supervised_agent_id=agent_id)
    await add_moment(tx, Moment(call_id, Happening.TAKEN_OVER, now, agent_id, "agent", supervisor_id))
    tx.emit(convert.supervision_changed(found[0], told, now, took_over=True), key=call_id)
    return found
