"""What can happen to a call, as transactions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from chassis.sql import Tx
from chassis.telemetry import log
from kernel.ids import new_id

from telephony import convert
from telephony.domain import calls, cdrs, legs
from telephony.domain.calls import Call, CallState, EndCause, EndParty, Trigger
from telephony.domain.cdrs import Cdr, Ending
from telephony.domain.legs import Q850, Leg, LegState, LegTrigger, Party
from telephony.domain.moments import Moment
from telephony.store import calls as call_store
from telephony.store import cdrs as cdr_store
from telephony.store import dialogs as dialog_store
from telephony.store import find_me as search_store
from telephony.store import legs as leg_store
from telephony.store import moments as moment_store
from telephony.store import stations as station_store

HEARTBEAT_FRESH = timedelta(seconds=20)
"""A lease not renewed for this long belongs to a dead node (the beat is every 5 s)."""


@dataclass(frozen=True)
class Started:
    """A call begun: why it is refused, if it is, and the token of its customer leg."""

    call: Call
    leg: Leg
    token: str
    refusal: str


async def start_call(tx: Tx, call: Call, leg_id: str, limit: int, now: datetime, *, suspended: bool = False) -> Started:
    """Store a new call with its customer leg. Over the plan's concurrent calls, or of a suspended tenant, it is stored
    as refused: it is told so and ended, and doesn't count itself."""
    live = await call_store.count_live(tx, now - HEARTBEAT_FRESH)
    refusal = calls.refusal(live, limit, suspended)
    token, token_hash = legs.new_token(tx.tenant_id, leg_id)
    leg = Leg(leg_id, call.call_id, Party.CUSTOMER, LegState.CONNECTING, token_hash=token_hash, join_time=now)
    await call_store.add_call(tx, call, counted=not refusal, now=now)
    await leg_store.add_leg(tx, leg, now)
    if refusal:
        met = limit if refusal == EndCause.LIMIT else 0
        tx.emit(convert.call_refused(call, refusal, met, now), key=call.call_id)
    else:
        tx.emit(convert.call_started(call, [leg], call.attributes), key=call.call_id)
    tx.after_commit(partial(log.info, "call started", call_id=call.call_id, refusal=refusal, live_calls=live))
    return Started(call, leg, token, refusal)


async def start_outbound(
    tx: Tx, call: Call, customer: Leg, agent_id: str, limit: int, now: datetime
) -> tuple[Call, Sequence[Leg]]:
    """Store a call an agent makes, its customer ringing and the agent on it. ConcurrentCallLimitReached."""
    live = await call_store.count_live(tx, now - HEARTBEAT_FRESH)
    if calls.refusal(live, limit, suspended=False):
        raise calls.ConcurrentCallLimitReached(
            f"your plan has {limit} calls at the same time: wait for one to end, or change the plan"
        )
    agent = Leg(new_id("leg", now), call.call_id, Party.AGENT, LegState.CONNECTED, agent_id=agent_id, join_time=now)
    await call_store.add_call(tx, call, counted=True, now=now)
    for leg in (customer, agent):
        await leg_store.add_leg(tx, leg, now)
    await station_store.join_call(tx, agent_id, call.call_id, now)
    tx.emit(convert.call_started(call, [customer, agent], call.attributes), key=call.call_id)
    tx.after_commit(partial(log.info, "call dialed", call_id=call.call_id, live_calls=live))
    return call, [customer, agent]


async def contact_begun(
    tx: Tx, call_id: str, agent_id: str, contact_id: str, now: datetime
) -> tuple[Call, Sequence[Leg]]:
    """The agent who dials has their contact."""
    call = await call_store.get_call(tx, call_id)
    call = dataclasses.replace(call, contact_id=contact_id, version=call.version + 1)
    await call_store.save_call(tx, call, now)
    for leg in await _legs(tx, call_id):
        if leg.agent_id == agent_id and leg.live:
            await leg_store.save_leg(tx, dataclasses.replace(leg, contact_id=contact_id), now)
    return call, await _legs(tx, call_id)


async def run_started(tx: Tx, call_id: str, turn: int, run_id: str, release_id: str, now: datetime) -> Call | None:
    """Flows drives this turn of the call from now on; None when it has moved on already."""
    call = await call_store.find_call(tx, call_id)
    if call is None or call.turn != turn or call.state not in (CallState.SETUP, CallState.IN_FLOW):
        return None
    # After a transfer the call is in a flow before its new run has begun.
    moved = _moved(tx, call, Trigger.RUN, now) if call.state is CallState.SETUP else call
    release = call.release_id or release_id
    call = dataclasses.replace(moved, run_id=run_id, release_id=release, version=call.version + 1)
    await call_store.save_call(tx, call, now)
    return call


async def queued(tx: Tx, call_id: str, turn: int, contact_id: str, now: datetime) -> Call | None:
    """In this turn the call waits for an agent as `contact_id`; None when it has moved on already."""
    call = await call_store.find_call(tx, call_id)
    if call is None or call.turn != turn or call.state not in (CallState.SETUP, CallState.IN_FLOW):
        return None
    call = dataclasses.replace(_moved(tx, call, Trigger.QUEUE, now), contact_id=contact_id)
    await call_store.save_call(tx, call, now)
    return call


async def left_queue(tx: Tx, call_id: str, now: datetime) -> Call | None:
    """Flows took the call out of the queue; None when it isn't queued."""
    call = await call_store.find_call(tx, call_id)
    if call is None or call.state is not CallState.QUEUED:
        return None
    call = _moved(tx, call, Trigger.LEAVE_QUEUE, now)
    await call_store.save_call(tx, call, now)
    return call


async def recording_begun(tx: Tx, call_id: str, recording_id: str, now: datetime) -> None:
    call = await call_store.get_call(tx, call_id)
    changed = dataclasses.replace(call, recording_id=recording_id, version=call.version + 1)
    await call_store.save_call(tx, changed, now)


async def keep_dialog(tx: Tx, call_id: str, leg_id: str, kept: Mapping[str, Any], now: datetime) -> None:
    """What another node needs to go on with a SIP leg; nothing once the call is over."""
    call = await call_store.find_call(tx, call_id)
    if call is not None and call.live:
        await dialog_store.keep(tx, leg_id, call_id, kept, now)


async def kept_dialogs(tx: Tx, call_id: str) -> Mapping[str, Mapping[str, Any]]:
    """Leg id -> what `keep_dialog` kept."""
    return await dialog_store.of_call(tx, call_id)


async def change_leg(tx: Tx, call_id: str, leg_id: str, trigger: LegTrigger, now: datetime) -> Leg | None:
    """A leg's media came, went or came back; None when that is known already."""
    leg = await leg_store.find_leg(tx, leg_id)
    changed = legs.change_leg(leg, trigger) if leg is not None and leg.call_id == call_id else None
    if leg is None or changed is None:
        return None
    await leg_store.save_leg(tx, changed, now)
    if trigger is not LegTrigger.REATTACH and leg.state is not LegState.CONNECTING:
        tx.emit(convert.leg_media_changed(changed), key=call_id)
    return changed


async def find_reattachable(tx: Tx, leg_id: str, token_hash: str) -> Call:
    """The live call a leg token belongs to; LegTokenInvalid otherwise."""
    leg = await leg_store.find_leg(tx, leg_id)
    if leg is None or not legs.token_matches(leg, token_hash) or leg.state is LegState.ENDED:
        raise legs.LegTokenInvalid("the leg token is not valid")
    call = await call_store.get_call(tx, leg.call_id)
    if not call.live:
        raise legs.LegTokenInvalid("the leg token is not valid")
    return call


async def end_call(
    tx: Tx, call_id: str, ending: Ending, now: datetime, *, by_node: str = ""
) -> tuple[Call, Cdr | None]:
    """End a call and make its one CDR. An ended call stays as it is and gets no second one; so does one that another
    node owns by now, when it is `by_node` that saw it end (its media went there)."""
    call = await call_store.get_call(tx, call_id)
    if not call.live or by_node not in ("", call.node_id):
        return call, None
    all_legs = await _legs(tx, call_id)
    customer = next((leg for leg in all_legs if leg.party == Party.CUSTOMER), None)
    cdr = cdrs.detail_record(call, ending, new_id("cdr", now), customer)
    ended = _moved(tx, call, Trigger.END, now)
    ended = dataclasses.replace(ended, end_time=cdr.end_time, talk=cdr.talk, hold=cdr.hold, park_code="")
    await call_store.save_call(tx, ended, now)
    await call_store.drop_lease(tx, call_id)
    await dialog_store.drop(tx, call_id)
    await search_store.drop_searches_of(tx, call_id)
    if call.park_code:
        await call_store.free_park_code(tx, call.park_code)
    for leg in all_legs:
        if leg.live:
            mos = ending.customer_mos if leg.party == Party.CUSTOMER else ending.agent_mos
            cause = ending.q850_cause or Q850.NORMAL
            over = legs.ended(leg, cdr.end_time, cause, ending.sip_status if leg.party == Party.CUSTOMER else 0)
            await leg_store.save_leg(tx, dataclasses.replace(over, mos=mos), now)
            await station_store.leave_call(tx, leg.agent_id, call_id, now)
    await cdr_store.add_cdr(tx, cdr, now)
    tx.emit(convert.call_ended(cdr), key=call_id)
    return ended, cdr


async def end_orphan(tx: Tx, call_id: str, heartbeat_time: datetime, now: datetime) -> Cdr | None:
    """End a call whose node is gone, at the time that node was last heard of."""
    if await call_store.find_call(tx, call_id) is None:
        await call_store.drop_lease(tx, call_id)
        return None
    ending = Ending(EndParty.SYSTEM, EndCause.NODE_LOST, heartbeat_time)
    return (await end_call(tx, call_id, ending, now))[1]


async def get_call(tx: Tx, call_id: str) -> tuple[Call, Sequence[Leg]]:
    """The call and its legs. CallNotFound."""
    return await call_store.get_call(tx, call_id), await _legs(tx, call_id)


async def list_calls(
    tx: Tx, *, token: str, size: int, live: bool, parked: bool = False
) -> Sequence[tuple[Call, Sequence[Leg]]]:
    found = await call_store.list_calls(tx, token=token, size=size, live=live, parked=parked)
    by_call = await leg_store.legs_of(tx, [call.call_id for call in found])
    return [(call, by_call[call.call_id]) for call in found]


async def moments_of(tx: Tx, call_id: str) -> Sequence[Moment]:
    """What happened in a call, in order. CallNotFound."""
    await call_store.get_call(tx, call_id)
    return await moment_store.moments_of(tx, call_id)


async def list_cdrs(
    tx: Tx, *, token: str, size: int, call_id: str, start: datetime | None, end: datetime | None
) -> Sequence[Cdr]:
    return await cdr_store.list_cdrs(tx, token=token, size=size, call_id=call_id, start=start, end=end)


async def _legs(tx: Tx, call_id: str) -> Sequence[Leg]:
    return (await leg_store.legs_of(tx, [call_id]))[call_id]


def _moved(tx: Tx, call: Call, trigger: Trigger, now: datetime) -> Call:
    return _told(tx, call, trigger, calls.change(call, trigger, now))


def _told(tx: Tx, before: Call, trigger: Trigger, after: Call) -> Call:
    """One line for each change that held."""
    states = {"before": before.state.value, "state": after.state.value}
    tx.after_commit(partial(log.info, "call", call_id=after.call_id, trigger=trigger.value, **states))
    return after
