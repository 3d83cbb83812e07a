"""What can happen to a call, as transactions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from chassis.sql import Tx
from chassis.telemetry import log
from kernel.ids import new_id

from telephony import convert
from telephony.domain import calls, cdrs, legs
from telephony.domain.calls import Call, CallNotFound, EndCause, EndParty, Trigger
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


@dataclass(frozen=True)
class NewCall:
    """A call that comes in: its customer leg's id, and how many the plan has (0: none agreed)."""

    call: Call
    leg_id: str
    limit: int
    suspended: bool = False
    soft: bool = False
    """Whether more than the limit are let in."""
    context: Context = field(default_factory=copy_context, compare=False)


async def start_call(
    tx: Tx, call: Call, leg_id: str, limit: int, now: datetime, *, suspended: bool = False, soft: bool = False
) -> Started:
    """As `start_calls`, one."""
    return (await start_calls(tx, [NewCall(call, leg_id, limit, suspended, soft)], now))[0]


async def start_calls(tx: Tx, wishes: Sequence[NewCall], now: datetime) -> Sequence[Started]:
    """Store new calls with their customer legs. Over the plan's concurrent calls, or of a suspended tenant, one is
    stored as refused: it is told so and ended, and doesn't count itself. Over a soft limit it is told of and goes
    on."""
    live = await call_store.count_live(tx, now - HEARTBEAT_FRESH)
    refusals = calls.refusals(live, [(0 if wish.soft else wish.limit, wish.suspended) for wish in wishes])
    begun: list[Started] = []
    up = live
    for wish, refusal in zip(wishes, refusals, strict=True):
        call, limit = wish.call, wish.limit
        token, token_hash = legs.new_token(tx.tenant_id, wish.leg_id)
        leg = Leg(
            wish.leg_id, call.call_id, Party.CUSTOMER, LegState.CONNECTING, token_hash=token_hash, join_time=now,
            address=call.caller_number if call.trunk_id else "",
        )  # fmt: skip
        begun.append(Started(call, leg, token, refusal))
        with tx.part_of(wish.context):
            if refusal:
                met = limit if refusal == EndCause.LIMIT else 0
                tx.emit(convert.call_refused(call, leg, refusal, met, now), key=call.call_id)
            else:
                up += 1
                tx.emit(convert.call_started(call, [leg], call.attributes), key=call.call_id)
                if wish.soft:
                    _tell_of_limit(tx, call, limit, up, now)
            tx.after_commit(partial(log.info, "call started", call_id=call.call_id, refusal=refusal, live_calls=live))
    await call_store.add_calls(tx, [(each.call, not each.refusal) for each in begun], now)
    await leg_store.add_legs(tx, [each.leg for each in begun], now)
    return begun


async def refuse_call(tx: Tx, call: Call, leg_id: str, ending: Ending, now: datetime) -> None:
    """Store a call that is refused before anybody answers it, told of and ended as `ending` says."""
    _, token_hash = legs.new_token(tx.tenant_id, leg_id)
    leg = Leg(
        leg_id, call.call_id, Party.CUSTOMER, LegState.CONNECTING, token_hash=token_hash, join_time=now,
        address=call.caller_number,
    )  # fmt: skip
    await call_store.add_calls(tx, [(call, False)], now)
    await leg_store.add_legs(tx, [leg], now)
    tx.emit(convert.call_refused(call, leg, ending.cause, 0, now), key=call.call_id)
    await end_call(tx, call.call_id, ending, now)


async def start_outbound(
    tx: Tx, call: Call, customer: Leg, agent_id: str, limit: int, now: datetime, *, soft: bool = False
) -> tuple[Call, Sequence[Leg]]:
    """Store a call out, its customer ringing and the agent who makes it on it, if any. ConcurrentCallLimitReached when
    the limit isn't soft."""
    live = await call_store.count_live(tx, now - HEARTBEAT_FRESH)
    if calls.refusal(live, 0 if soft else limit, suspended=False):
        raise calls.ConcurrentCallLimitReached(
            f"your plan has {limit} calls at the same time: wait for one to end, or change the plan"
        )
    legs = [customer]
    if agent_id:
        made = new_id("leg", now)
        legs.append(Leg(made, call.call_id, Party.AGENT, LegState.CONNECTED, agent_id=agent_id, join_time=now))
    await call_store.add_calls(tx, [(call, True)], now)
    await leg_store.add_legs(tx, legs, now)
    if agent_id:
        await station_store.join_call(tx, agent_id, call.call_id, now)
    tx.emit(convert.call_started(call, legs, call.attributes), key=call.call_id)
    if soft:
        _tell_of_limit(tx, call, limit, live + 1, now)
    tx.after_commit(partial(log.info, "call dialed", call_id=call.call_id, live_calls=live))
    return call, legs


def _tell_of_limit(tx: Tx, call: Call, limit: int, up: int, now: datetime) -> None:
    if 0 < limit < up:
        tx.emit(convert.call_over_limit(call, limit, up, now), key=call.call_id)


async def contact_begun(
    tx: Tx, call_id: str, agent_id: str, contact_id: str, now: datetime
) -> tuple[Call, Sequence[Leg]]:
    """The agent who dials has their contact; the call has it where no agent dials."""
    call = await call_store.get_call(tx, call_id)
    call = dataclasses.replace(call, contact_id=contact_id, version=call.version + 1)
    await call_store.save_call(tx, call, now)
    for leg in await _legs(tx, call_id):
        if agent_id and leg.agent_id == agent_id and leg.live:
            await leg_store.save_leg(tx, dataclasses.replace(leg, contact_id=contact_id), now)
    return call, await _legs(tx, call_id)


@dataclass(frozen=True)
class CallChange:
    """What becomes of a call's own row: `change` gives the call after it, None when it has moved on already."""

    call_id: str
    change: calls.Change
    context: Context = field(default_factory=copy_context, compare=False)


async def change_calls(tx: Tx, wishes: Sequence[CallChange], now: datetime) -> Sequence[Call | None]:
    """Change calls, each as often as is wished, one wish after the other. A call that is in another state after one
    is told of as `CallProgressed`: these are the changes that no verb and no party makes."""
    found = await call_store.find_calls(tx, [wish.call_id for wish in wishes])
    outcomes: list[Call | None] = []
    changed: dict[str, Call] = {}
    moved: list[tuple[CallChange, Call, Call]] = []
    for wish in wishes:
        before = changed.get(wish.call_id) or found.get(wish.call_id)
        after = wish.change(before, now) if before is not None else None
        if before is not None and after is not None:
            changed[wish.call_id] = after
            if after.state is not before.state:
                moved.append((wish, before, after))
        outcomes.append(after)
    await call_store.save_calls(tx, list(changed.values()), now)
    their_legs = await leg_store.legs_of(tx, sorted({after.call_id for _, _, after in moved})) if moved else {}
    for wish, before, after in moved:
        with tx.part_of(wish.context):
            _told(tx, before, after)
            tx.emit(convert.call_progressed(after, their_legs[after.call_id], before.state), key=after.call_id)
    return outcomes


async def change_call(tx: Tx, call_id: str, change: calls.Change, now: datetime) -> Call | None:
    """As `change_calls`, one."""
    return (await change_calls(tx, [CallChange(call_id, change)], now))[0]


@dataclass(frozen=True)
class KeptDialog:
    """What another node needs to go on with a SIP leg."""

    call_id: str
    leg_id: str
    kept: Mapping[str, Any]


async def keep_dialogs(tx: Tx, wishes: Sequence[KeptDialog], now: datetime) -> Sequence[None]:
    """Store it, or store it again; nothing once the call is over."""
    live = await call_store.live_among(tx, [wish.call_id for wish in wishes])
    newest = {wish.leg_id: wish for wish in wishes if wish.call_id in live}
    await dialog_store.keep(tx, [(wish.leg_id, wish.call_id, wish.kept) for wish in newest.values()], now)
    return [None] * len(wishes)


async def kept_dialogs(tx: Tx, call_id: str) -> Mapping[str, Mapping[str, Any]]:
    """Leg id -> what `keep_dialogs` kept."""
    return await dialog_store.of_call(tx, call_id)


@dataclass(frozen=True)
class LegChange:
    """A leg's media came, went or came back."""

    call_id: str
    leg_id: str
    trigger: LegTrigger
    context: Context = field(default_factory=copy_context, compare=False)


async def change_legs(tx: Tx, wishes: Sequence[LegChange], now: datetime) -> Sequence[Leg | None]:
    """The legs after it, one wish after the other; None where that is known already."""
    found = await leg_store.find_legs(tx, [wish.leg_id for wish in wishes])
    outcomes: list[Leg | None] = []
    after: dict[str, Leg] = {}
    told: list[tuple[LegChange, Leg]] = []
    for wish in wishes:
        leg = after.get(wish.leg_id) or found.get(wish.leg_id)
        changed = legs.change_leg(leg, wish.trigger) if leg is not None and leg.call_id == wish.call_id else None
        outcomes.append(changed)
        if leg is None or changed is None:
            continue
        after[wish.leg_id] = changed
        told.append((wish, changed))
    of_calls = await call_store.find_calls(tx, [wish.call_id for wish, _ in told]) if told else {}
    for wish, changed in told:
        call = of_calls.get(wish.call_id)
        with tx.part_of(wish.context):
            tx.emit(convert.leg_media_changed(changed, call.contact_id if call else ""), key=wish.call_id)
    await leg_store.save_legs(tx, list(after.values()), now)
    return outcomes


async def find_reattachable(tx: Tx, leg_id: str, token_hash: str) -> Call:
    """The live call a leg token belongs to; LegTokenInvalid otherwise."""
    leg = await leg_store.find_leg(tx, leg_id)
    if leg is None or not legs.token_matches(leg, token_hash) or leg.state is LegState.ENDED:
        raise legs.LegTokenInvalid("the leg token is not valid")
    call = await call_store.get_call(tx, leg.call_id)
    if not call.live:
        raise legs.LegTokenInvalid("the leg token is not valid")
    return call


@dataclass(frozen=True)
class CallEnd:
    """The end of a call. `by_node` saw it; empty when somebody else ends it, whichever node has it."""

    call_id: str
    ending: Ending
    by_node: str = ""
    context: Context = field(default_factory=copy_context, compare=False)


Ended = tuple[Call, Cdr | None]


async def end_call(tx: Tx, call_id: str, ending: Ending, now: datetime, *, by_node: str = "") -> Ended:
    """As `end_calls`, one. CallNotFound."""
    (outcome,) = await end_calls(tx, [CallEnd(call_id, ending, by_node)], now)
    if isinstance(outcome, CallNotFound):
        raise outcome
    return outcome


async def end_calls(tx: Tx, wishes: Sequence[CallEnd], now: datetime) -> Sequence[Ended | CallNotFound]:
    """End calls and make the one CDR of each. An ended call stays as it is and gets no second one; so does one that
    another node owns by now, when it is `by_node` that saw it end (its media went there)."""
    found = await call_store.find_calls(tx, [wish.call_id for wish in wishes])
    live = {wish.call_id for wish in wishes if (call := found.get(wish.call_id)) and _may_end(call, wish)}
    their_legs = await leg_store.legs_of(tx, sorted(live))
    outcomes: list[Ended | CallNotFound] = []
    over: list[Leg] = []
    records: list[tuple[CallEnd, Call, Cdr]] = []
    for wish in wishes:
        call = found.get(wish.call_id)
        if call is None or not _may_end(call, wish):
            outcomes.append((call, None) if call is not None else calls.no_such_call())
            continue
        customer = next((leg for leg in their_legs[call.call_id] if leg.party == Party.CUSTOMER), None)
        cdr = cdrs.detail_record(call, wish.ending, new_id("cdr", now), customer)
        ended = calls.change(call, Trigger.END, now)
        ended = dataclasses.replace(ended, end_time=cdr.end_time, talk=cdr.talk, hold=cdr.hold, park_code="")
        found[call.call_id] = ended
        outcomes.append((ended, cdr))
        records.append((wish, ended, cdr))
        over += _legs_over(their_legs[call.call_id], wish.ending, cdr.end_time)
        with tx.part_of(wish.context):
            _told(tx, call, ended)
            if call.park_code:
                await call_store.free_park_code(tx, call.park_code)
    await _write_ends(tx, records, over, now)
    return outcomes


def _may_end(call: Call, wish: CallEnd) -> bool:
    return call.live and wish.by_node in ("", call.node_id)


def _legs_over(of_call: Sequence[Leg], ending: Ending, end_time: datetime) -> list[Leg]:
    """Legs of a call that were live, as they end with it."""
    over: list[Leg] = []
    for leg in of_call:
        if leg.live:
            is_customer = leg.party == Party.CUSTOMER
            # A customer who was sent to a number that is busy was refused by nobody: their leg just ends.
            others = ending.leg_id not in ("", leg.leg_id)
            failed = leg.leg_id == ending.leg_id if ending.leg_id else is_customer
            cause = Q850.NORMAL if others else ending.q850
            ended = legs.ended(leg, end_time, cause, ending.sip_status if failed else 0)
            over.append(dataclasses.replace(ended, mos=ending.customer_mos if is_customer else ending.agent_mos))
    return over


async def _write_ends(tx: Tx, records: Sequence[tuple[CallEnd, Call, Cdr]], over: Sequence[Leg], now: datetime) -> None:
    if not records:
        return
    ids = [call.call_id for _, call, _ in records]
    await call_store.save_calls(tx, [call for _, call, _ in records], now)
    await call_store.drop_leases(tx, ids)
    await dialog_store.drop(tx, ids)
    await search_store.drop_searches_of(tx, ids)
    await leg_store.save_legs(tx, over, now)
    for leg in over:
        await station_store.leave_call(tx, leg.agent_id, leg.call_id, now)
    await cdr_store.add_cdrs(tx, [cdr for _, _, cdr in records], now)
    for wish, call, cdr in records:
        with tx.part_of(wish.context):
            ended = [leg for leg in over if leg.call_id == call.call_id]
            for leg in ended:
                if leg.party == Party.SUPERVISOR:
                    tx.emit(convert.supervision_changed(call, leg, now), key=call.call_id)
            tx.emit(convert.call_ended(cdr, ended), key=call.call_id)


async def end_orphan(tx: Tx, call_id: str, heartbeat_time: datetime, now: datetime) -> Cdr | None:
    """End a call whose node is gone, at the time that node was last heard of."""
    if await call_store.find_call(tx, call_id) is None:
        await call_store.drop_leases(tx, [call_id])
        return None
    ending = Ending(EndParty.SYSTEM, EndCause.NODE_LOST, heartbeat_time)
    return (await end_call(tx, call_id, ending, now))[1]


async def get_call(tx: Tx, call_id: str) -> tuple[Call, Sequence[Leg]]:
    """The call and its legs. CallNotFound."""
    return await call_store.get_call(tx, call_id), await _legs(tx, call_id)


async def find(tx: Tx, call_ids: Sequence[str]) -> Sequence[tuple[Call, Sequence[Leg]]]:
    """Those of these calls that there are, with their legs."""
    found = await call_store.find_calls(tx, call_ids)
    by_call = await leg_store.legs_of(tx, list(found))
    return [(call, by_call[call_id]) for call_id, call in found.items()]


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


def _told(tx: Tx, before: Call, after: Call) -> None:
    """One line for each change that held."""
    states = {"before": before.state.value, "state": after.state.value}
    tx.after_commit(partial(log.info, "call", call_id=after.call_id, **states))
