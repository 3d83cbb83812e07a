"""Where agents' calls ring besides the desk, and the searches and last resorts that follow, as transactions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from chassis.sql import Tx
from chassis.telemetry import log

from telephony import convert
from telephony.domain import calls, transfers
from telephony.domain import find_me as rules
from telephony.domain import legs as leg_rules
from telephony.domain.calls import CallState, Contact, Trigger
from telephony.domain.conversation import Conversation, Left, LeftReason, Outcome, raised
from telephony.domain.find_me import FindMe, Resort, ResortKind, Search
from telephony.domain.legs import Q850, Leg, LegState, Party
from telephony.domain.moments import Happening, Moment
from telephony.domain.trunks import require_version
from telephony.ops.parties import (
    Found,
    answer_call,
    consult_failed,
    contact_dequeued,
    conversation,
    keep,
    party_gone,
    telephones_over,
)
from telephony.store import calls as call_store
from telephony.store import find_me as store
from telephony.store import stations as station_store
from telephony.store.moments import add_moment

FORWARDED = "forwarded"
_NOBODY_TOOK_IT = frozenset({FORWARDED, "offer_missed", "offer_declined"})
"""Why routing says that a contact for one agent is over, when their last resort is next."""
_WAITS_SOON = frozenset({CallState.SETUP, CallState.IN_FLOW})


# -- the setting -----------------------------------------------------------------------------------------------


async def get(tx: Tx, agent_id: str) -> FindMe:
    """An agent's setting; NEVER when none was made."""
    return await store.find(tx, agent_id)


async def replace(tx: Tx, wanted: FindMe, version: int, now: datetime) -> FindMe:
    """Put a checked setting in place of the one there is. VersionConflict when that is no longer at `version` (0:
    whatever is there)."""
    before = await store.find(tx, wanted.agent_id)
    require_version(before.version, version)
    after = dataclasses.replace(wanted, update_time=now, version=before.version + 1)
    await store.put(tx, after, before.version, now)
    await _tell(tx, after, now)
    tx.after_commit(
        partial(
            log.info, "find-me changed", agent_id=after.agent_id, rings=after.when.value, steps=len(after.steps),
            last_resort=after.resort.kind.value if after.resort else "",
        )
    )  # fmt: skip
    return after


async def due(tx: Tx, now: datetime) -> Sequence[tuple[str, str]]:
    """(tenant id, agent id) whose telephones' hours begin or end by now. System transaction."""
    return await store.due(tx, now)


async def turn(tx: Tx, agent_id: str, now: datetime) -> None:
    """Other telephones of the agent ring now than before by their hours: routing is told. Nothing when it was."""
    if await store.take_turn(tx, agent_id, now):
        await _tell(tx, await store.find(tx, agent_id), now)


async def _tell(tx: Tx, setting: FindMe, now: datetime) -> None:
    turns = await store.next_turn(tx, setting.agent_id, setting.turn_time(now))
    tx.emit(convert.find_me_changed(setting.at(now), setting.version + turns), key=setting.agent_id)


async def queue_deleted(tx: Tx, queue_id: str, now: datetime) -> None:
    """Whose last resort was this queue has their own voicemail instead: nobody is sent to where nothing is."""
    for setting in await store.with_resort(tx, queue_id):
        resort = Resort(ResortKind.VOICEMAIL, setting.agent_id)
        await replace(tx, dataclasses.replace(setting, resort=resort), setting.version, now)


# -- searches --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offered:
    """What routing told of an offer. `direct` says that it is for this agent alone."""

    offer_id: str
    call_id: str
    contact_id: str
    agent_id: str
    direct: bool
    away: bool
    queue_id: str = ""


async def search(tx: Tx, offered: Offered, now: datetime) -> Search | None:
    """An offer was made: look for its agent at their telephones. None when it rings at the desk alone, the search is
    known, or news of the offer's end was faster."""
    setting = await store.find(tx, offered.agent_id)
    if not offered.direct and not setting.queue_calls and not offered.away:
        return None
    if not offered.direct and not setting.queue_calls:
        setting = dataclasses.replace(setting, steps=())  # no longer as routing knows it: missed at once
    call = await call_store.find_call(tx, offered.call_id)
    if call is None or not call.live or await store.is_known(tx, offered.offer_id):
        return None
    legs = (await conversation(tx, offered.call_id)).legs
    if any(leg.contact_id == offered.contact_id and leg.state is not LegState.RINGING for leg in legs):
        return None  # answered, or asked no more
    if call.state is CallState.IN_FLOW and call.contact_id == offered.contact_id:
        return None  # waited for no more
    begun = rules.begun(
        setting, offered.offer_id, offered.call_id, offered.contact_id, away=offered.away, now=now,
        queue_id="" if offered.direct else offered.queue_id,
    )  # fmt: skip
    if begun is not None:
        await store.add_search(tx, begun, now)
        tx.after_commit(partial(log.info, "agent sought", call_id=begun.call_id, agent_id=begun.agent_id))
    return begun


async def ring(tx: Tx, search: Search, legs: Sequence[Leg], now: datetime) -> Found | None:
    """The search is in this step: these telephones ring, or were refused. None when it is over."""
    before = await conversation(tx, search.call_id)
    if not before.call.live or not await store.save_search(tx, search):
        return None
    return await keep(tx, before, Outcome(raised(before.with_legs(*legs))), now)


async def take(tx: Tx, offer_id: str, leg_id: str) -> bool:
    """Somebody takes the call on this leg; False when the search is over, or they did on another one."""
    search = await store.find_search(tx, offer_id)
    if search is None:
        return False
    live = {leg.leg_id for leg in (await conversation(tx, search.call_id)).live_legs}
    if not rules.takes(search, leg_id, live):
        return False
    return await store.save_search(tx, dataclasses.replace(search, taken_leg_id=leg_id))


async def end_search(tx: Tx, offered: Offered, q850: int, now: datetime) -> Found | None:
    """The offer is over without having been accepted: telephones stop ringing. None when none did. What is heard of
    before the offer itself is kept until the call's end, so that news of the offer then rings nobody."""
    search = await store.find_search(tx, offered.offer_id)
    if search is None:
        await _remember_over(tx, offered, now)
        return None
    await store.drop_search(tx, offered.offer_id)
    before = await conversation(tx, search.call_id)
    ringing = [leg for leg in before.live_legs if leg.party == Party.SOUGHT and leg.invited_by == offered.offer_id]
    if not before.call.live or not ringing:
        return before.call, before.legs
    return await telephones_over(tx, before, ringing, now, q850)


async def _remember_over(tx: Tx, offered: Offered, now: datetime) -> None:
    if not offered.call_id or not (await store.find(tx, offered.agent_id)).rings:
        return
    call = await call_store.find_call(tx, offered.call_id)
    if call is not None and call.live and not await store.is_known(tx, offered.offer_id):
        over = Search(
            offered.offer_id, offered.call_id, offered.contact_id, offered.agent_id, (), timedelta(0), now, offered.away
        )  # fmt: skip
        await store.add_search(tx, over, now, over=True)


async def accepted(
    tx: Tx, call_id: str, agent_id: str, contact: Contact, now: datetime, *, direct: bool
) -> Found | None:
    """An offer was accepted: its agent is joined (`answer_call`). Who took it on a telephone and has hung up since
    isn't waited for: their part is over, and the call goes on as one that nobody took, into its queue again, or the way
    its flow says; somebody who is asked has not answered."""
    search = await store.search_of(tx, call_id, contact.contact_id, agent_id)
    before = await conversation(tx, call_id) if search is not None else None
    if search is None or before is None or not await _hung_up(tx, before, search):
        return await answer_call(tx, call_id, agent_id, contact, now)
    await store.drop_search(tx, search.offer_id)
    tx.after_commit(partial(log.info, "an agent hung up before they were joined", call_id=call_id, agent_id=agent_id))
    unknown = Leg("", call_id, Party.AGENT, LegState.ENDED)
    telephone = next((leg for leg in before.legs if leg.leg_id == search.taken_leg_id), unknown)
    leg = dataclasses.replace(telephone, agent_id=agent_id, contact_id=contact.contact_id)
    tx.emit(convert.agent_left(Left(leg, LeftReason.LEFT), now), key=call_id)
    if contact.consult:
        return await consult_failed(tx, call_id, contact.contact_id, now)
    untaken = Untaken(call_id, contact.contact_id, agent_id if direct else "", FORWARDED)
    found = await forward(tx, untaken, now)
    queue = f"queue:{contact.queue_id}" if contact.queue_id and not direct else ""
    if found is None and queue and before.call.state is CallState.QUEUED:
        found = await _led_on(tx, before, contact.contact_id, queue, before.call.forwarded_by, now)
        tx.emit(convert.call_progressed(*found, before.call.state), key=call_id)
    return found or await contact_dequeued(tx, call_id, contact.contact_id, now)


async def _hung_up(tx: Tx, before: Conversation, search: Search) -> bool:
    """Whether the telephone the call was taken on is none any more, and no desk can have it instead."""
    if not before.call.live or any(leg.leg_id == search.taken_leg_id for leg in before.live_legs):
        return False
    if not search.taken_leg_id and not search.away:
        return False  # accepted at the desk
    # While the search went on its rows forget who had left. Somebody who has come to a desk meanwhile took it there.
    station = await station_store.find_station(tx, search.agent_id)
    return station is None or (station.desk_phone and bool(search.taken_leg_id))


async def taken_too_late(tx: Tx, call_id: str, leg_id: str, now: datetime) -> Found | None:
    """Routing says that the offer isn't this telephone's to take. None when it is the agent's leg all the same, whose
    answer at the desk was heard of here before that, or it is over."""
    before = await conversation(tx, call_id)
    taken = [leg for leg in before.live_legs if leg.leg_id == leg_id and leg.party == Party.SOUGHT]
    if not before.call.live or not taken:
        return None
    return await telephones_over(tx, before, taken, now, Q850.ANSWERED_ELSEWHERE)


async def searches_of_node(tx: Tx, node_id: str) -> Sequence[tuple[str, Search]]:
    """(tenant id, search) of every live call of the node. System transaction."""
    return await store.searches_of_node(tx, node_id)


# -- last resorts ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Untaken:
    """What routing told of a contact that is over. `agent_id` is the one it was for, empty for any."""

    call_id: str
    contact_id: str
    agent_id: str
    reason: str


async def forward(tx: Tx, untaken: Untaken, now: datetime) -> Found | None:
    """Nobody took a call for one agent: it goes on by their last resort, in a new turn of flows. None when they have
    none, or the call doesn't wait so (any more), or it was parked and is back at who parked it: then it goes where its
    brand says."""
    if not untaken.agent_id or untaken.reason not in _NOBODY_TOOK_IT:
        return None
    call = await call_store.find_call(tx, untaken.call_id)
    if call is None or transfers.recalled(call):
        return None
    waits = call.state is CallState.QUEUED and call.contact_id == untaken.contact_id
    # That it is over at once may be heard of before flows' answer that it waits.
    soon = untaken.reason == FORWARDED and call.state in _WAITS_SOON and call.contact_id != untaken.contact_id
    resort = rules.next_resort(await store.find(tx, untaken.agent_id), call.forwarded_by)
    if resort is None or not (waits or soon):
        return None
    before = await conversation(tx, untaken.call_id)
    return await _send_on(tx, before, untaken, resort, now)


async def never_came(tx: Tx, call_id: str, leg_id: str, now: datetime, q850: int, sip_status: int) -> Found | None:
    """The telephone of somebody who is in the call wasn't answered: a caller who waited in a queue for them does so
    again, one who wanted them goes on as if they had not accepted, nobody hangs up on them; else as `party_gone`."""
    before = await conversation(tx, call_id)
    leg = next((leg for leg in before.live_legs if leg.leg_id == leg_id), None)
    over = leg_rules.ended(leg, now, q850, sip_status) if leg is not None and before.call.live else None
    by = before.call.forwarded_by
    resort = rules.next_resort(await store.find(tx, over.agent_id), by) if over is not None else None
    outcome = transfers.never_came(before, over, now, resort.sent_to if resort else "") if over is not None else None
    if over is None or outcome is None:
        return await party_gone(tx, call_id, leg_id, now, q850, sip_status)
    found = await keep(tx, before, outcome, now)
    tx.emit(convert.call_progressed(*found, before.call.state), key=call_id)
    if resort is not None and found[0].forwarded_by:
        await _tell_forwarded(tx, found, over.agent_id, over.contact_id, resort, now)
    return found


async def _send_on(tx: Tx, before: Conversation, untaken: Untaken, resort: Resort, now: datetime) -> Found:
    by = (*before.call.forwarded_by, untaken.agent_id)
    found = await _led_on(tx, before, untaken.contact_id, resort.sent_to, by, now)
    await _tell_forwarded(tx, found, untaken.agent_id, untaken.contact_id, resort, now)
    return found


async def _tell_forwarded(tx: Tx, found: Found, agent_id: str, contact_id: str, resort: Resort, now: datetime) -> None:
    to, call_id = (resort.kind.value, resort.target), found[0].call_id
    await add_moment(tx, Moment(call_id, Happening.FORWARDED, now, agent_id, *to))
    tx.emit(convert.call_forwarded(*found, agent_id, contact_id, *to), key=call_id)


async def _led_on(
    tx: Tx, before: Conversation, contact_id: str, sent_to: str, forwarded_by: Sequence[str], now: datetime
) -> Found:
    """Flows leads the call in a new turn."""
    call = dataclasses.replace(
        calls.change(before.call, Trigger.SEND_ON, now), turn=before.call.turn + 1, run_id="", contact_id=contact_id,
        sent_to=sent_to, sent_by="", forwarded_by=tuple(forwarded_by),
    )  # fmt: skip
    return await keep(tx, before, Outcome(dataclasses.replace(before, call=call)), now)
