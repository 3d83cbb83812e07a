"""What agents and supervisors do with the parties of a call, as transactions. Rules are `domain.parties`'."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from chassis.sql import Tx
from chassis.telemetry import log
from kernel.ids import new_id

from telephony import convert
from telephony.domain import after_agent, callbacks, calls, consults, flow_dials, parties, transfers
from telephony.domain import conversation as rules
from telephony.domain import legs as leg_rules
from telephony.domain.calls import Actor, Call, CallState, Contact, EndCause, EndParty, Trigger
from telephony.domain.cdrs import Ending
from telephony.domain.conversation import Conversation, Left, LeftReason, Outcome, may_control
from telephony.domain.legs import Q850, Leg, LegState, Party
from telephony.domain.moments import Happening, Moment, of_hold
from telephony.domain.pick_ups import picked_up
from telephony.domain.stations import Station, StationOnCall, StationRequired
from telephony.ops import devices as device_ops
from telephony.ops.calls import change_call, end_call
from telephony.store import calls as call_store
from telephony.store import find_me as search_store
from telephony.store import legs as leg_store
from telephony.store import stations as station_store
from telephony.store.moments import add_moment

Verb = Callable[[Conversation], Outcome]
Found = tuple[Call, Sequence[Leg]]


async def conversation(tx: Tx, call_id: str) -> Conversation:
    """The call with its legs. CallNotFound."""
    call = await call_store.get_call(tx, call_id)
    return Conversation(call, tuple((await leg_store.legs_of(tx, [call_id]))[call_id]))


async def controlled(tx: Tx, call_id: str, actor: Actor, *, own_part: bool = False) -> Conversation:
    """The conversation, which this actor may act on, or on their `own_part` in it. CallNotFound, CallOfOtherAgent."""
    talk = await conversation(tx, call_id)
    may_control(talk, actor, own_part=own_part)
    return talk


async def change(tx: Tx, call_id: str, actor: Actor, verb: Verb, now: datetime, *, own_part: bool = False) -> Found:
    """Carry out a verb on a call the actor may act on, or on their `own_part` in it. CallNotFound, CallOfOtherAgent,
    and what the verb refuses."""
    before = await controlled(tx, call_id, actor, own_part=own_part)
    return await keep(tx, before, verb(before), now)


async def in_conversation(tx: Tx, call_id: str, actor: Actor) -> Conversation:
    """The conversation, talking or held. CallNotTalking, CallEnded, CallOfOtherAgent."""
    talk = await controlled(tx, call_id, actor)
    rules.in_conversation(talk)
    return talk


# -- an agent comes in -----------------------------------------------------------------------------------------


async def answer_call(tx: Tx, call_id: str, agent_id: str, contact: Contact, now: datetime) -> Found | None:
    """An agent accepted: join them. When that can't be any more (the customer left, the consult was given up, or they
    are joined already) that agent's part is over at once, so that nobody waits for it in vain, and so is the telephone
    they took it on; None when there is none."""
    if await call_store.find_call(tx, call_id) is None:
        tx.after_commit(partial(log.info, "an accepted call can't be joined", call_id=call_id, state=""))
        return None
    before = await conversation(tx, call_id)
    search = await search_store.search_of(tx, call_id, contact.contact_id, agent_id)
    taken = next((leg for leg in before.live_legs if search is not None and leg.leg_id == search.taken_leg_id), None)
    outcome = _answered(before, agent_id, contact, taken, now)
    if search is not None:
        await search_store.drop_search(tx, search.offer_id)
    if outcome is not None:
        await _watches_nowhere_else(tx, agent_id, call_id, now)
        outcome = dataclasses.replace(outcome, after=parties.found(outcome.after, agent_id, now))
        return await keep(tx, before, outcome, now)
    state = before.call.state.value
    tx.after_commit(partial(log.info, "an accepted call can't be joined", call_id=call_id, state=state))
    known = before.of_agent(agent_id)
    if before.call.live and contact.contact_id and (known is None or known.contact_id != contact.contact_id):
        tx.emit(convert.agent_left(_never_joined(call_id, agent_id, contact.contact_id, taken), now), key=call_id)
    if before.call.live and taken is not None:
        return await telephones_over(tx, before, [taken], now, Q850.ANSWERED_ELSEWHERE)
    return None


async def _watches_nowhere_else(tx: Tx, agent_id: str, call_id: str, now: datetime) -> None:
    """Who listened to another call talks in this one now: one person, one pair of ears."""
    station = await station_store.find_station(tx, agent_id)
    if station is not None and station.call_id not in ("", call_id):
        watched = await call_store.find_call(tx, station.call_id)
        if watched is not None and watched.live:
            await stop_supervising(tx, station.call_id, agent_id, now)


async def telephones_over(tx: Tx, before: Conversation, legs: Sequence[Leg], now: datetime, q850: int) -> Found:
    """Nobody is to be found on these any more."""
    over = [leg_rules.ended(leg, now, q850) for leg in legs]
    return await keep(tx, before, Outcome(rules.raised(before.with_legs(*over))), now)


async def consult_failed(
    tx: Tx, call_id: str, contact_id: str, now: datetime, q850: int = Q850.NO_ANSWER
) -> Found | None:
    """Nobody took a consult: its leg is over. None when there is none."""
    if await call_store.find_call(tx, call_id) is None:
        return None
    talk = await conversation(tx, call_id)
    asked = talk.consulted
    if asked is None or asked.answered or asked.contact_id != contact_id:
        return None
    return await party_gone(tx, call_id, asked.leg_id, now, q850)


def _answered(
    before: Conversation, agent_id: str, contact: Contact, taken: Leg | None, now: datetime
) -> Outcome | None:
    call = before.call
    if contact.consult:
        asked = before.consulted
        if asked is None or asked.answered or asked.contact_id != contact.contact_id:
            return None
        asked = dataclasses.replace(asked, agent_id=agent_id)
        if taken is None:
            return parties.answered(before.with_legs(asked), asked.leg_id, now)
        # What rang as "the colleague" was none of their telephones: the one they took it on is their leg.
        own = dataclasses.replace(
            taken, party=Party.AGENT, contact_id=asked.contact_id, consulted=True, invited_by=asked.invited_by
        )
        rung = leg_rules.ended(asked, now, Q850.ANSWERED_ELSEWHERE)
        return parties.answered(before.with_legs(rung, own), own.leg_id, now)
    if (call.state, Trigger.JOIN) not in calls.TRANSITIONS or call.state is CallState.DIALING:
        return None
    leg = agent_leg(call.call_id, agent_id, contact.contact_id or call.contact_id, now)
    if taken is not None:
        leg = dataclasses.replace(leg, leg_id=taken.leg_id, address=taken.address)
    return parties.joined(before, leg, calls.answered(call, agent_id, contact, now))


async def begin_consult(tx: Tx, call_id: str, actor: Actor, leg: Leg, now: datetime) -> Found:
    """Somebody is asked while the customer waits; `leg` rings."""
    return await change(tx, call_id, actor, lambda talk: consults.begin_consult(talk, actor, leg, now), now)


async def party_answered(tx: Tx, call_id: str, leg_id: str, at: datetime, now: datetime) -> Found | None:
    """A number that was rung answered, `at` a time before `now` where the database was away. None when it is over by
    then."""
    before = await conversation(tx, call_id)
    outcome = picked_up(before, leg_id, at)
    if outcome is None:
        return None
    found = await keep(tx, before, outcome, now)
    if callbacks.rings_first(before.call):
        tx.emit(convert.call_progressed(*found, before.call.state), key=call_id)
    return found


async def party_gone(
    tx: Tx, call_id: str, leg_id: str, now: datetime, q850: int = Q850.NORMAL, sip_status: int = 0, *, cut: bool = False
) -> Found | None:
    """A party hung up, or a number that was rung didn't answer, or we `cut` it off because what may be spent is spent.
    None when that is known.

    With the customer's leg, or the last one that talks with the customer, the whole call ends; after a party that flows
    brought in, flows goes on, also after the last one where it has something for that, and a customer whom an agent
    sent to a number that isn't reached goes back to them.
    """
    before = await conversation(tx, call_id)
    leg = next((leg for leg in before.live_legs if leg.leg_id == leg_id), None)
    if leg is None or not before.call.live:
        return None
    if leg.party == Party.SOUGHT:
        return await keep(tx, before, parties.gone(before, leg_id, now, q850, sip_status), now)
    outcome = None if leg.party == Party.CUSTOMER else parties.gone(before, leg_id, now, q850, sip_status)
    alone = outcome is not None and not _somebody_stays(outcome.after)
    sent = before.call.state is CallState.DIALING and bool(before.call.sent_by)
    if outcome is not None and alone and (flow_dials.dialled_by_flow(leg) or sent):
        by_flow = flow_dials.dialled_by_flow(leg)
        after = (flow_dials.gone_on if by_flow else transfers.sent_back)(outcome.after, now)
        found = await keep(tx, before, dataclasses.replace(outcome, after=after), now)
        over = next(other for other in after.legs if other.leg_id == leg_id)
        tx.emit(convert.leg_changed(*found, over), key=call_id)
        return found
    if outcome is not None and alone and after_agent.goes_on(outcome.after) and after_agent.hung_up(leg, q850):
        return await keep(tx, before, after_agent.handed_back(outcome, now), now)
    if outcome is None or alone:
        who = _END_PARTY.get(leg.party, EndParty.PARTICIPANT)
        cause = EndCause.NORMAL if leg.answered else cause_of(q850)
        if cut:
            who, cause = EndParty.SYSTEM, EndCause.SPENT
        ending = Ending(who, cause, now, q850_cause=q850, sip_status=sip_status, leg_id=leg_id)
        await end_call(tx, call_id, ending, now)
        talk = await conversation(tx, call_id)
        return talk.call, talk.legs
    return await keep(tx, before, outcome, now)


async def hang_up(tx: Tx, call_id: str, actor: Actor, now: datetime) -> Found | None:
    """An agent who talks in the call ends it for everybody, and flows goes on with the customer; None where it doesn't:
    then the call ends. CallNotFound, CallOfOtherAgent."""
    before = await conversation(tx, call_id)
    if after_agent.handed_back_just_now(before, actor, now):
        return before.call, before.legs
    may_control(before, actor, own_part=True)
    if not after_agent.hands_back(before, actor):
        return None
    return await keep(tx, before, after_agent.handed_back(Outcome(before), now), now)


_SEATED = (Party.AGENT, Party.SUPERVISOR)
_END_PARTY = {Party.CUSTOMER: EndParty.CUSTOMER, Party.AGENT: EndParty.AGENT}


def _somebody_stays(talk: Conversation) -> bool:
    """Whether anyone but the customer is left, or somebody may still come."""
    if talk.call.state not in calls.TALK_STATES and talk.call.state is not CallState.DIALING:
        return True
    return any(leg.party in (Party.AGENT, Party.PARTICIPANT) for leg in talk.live_legs)


def cause_of(q850: int) -> str:
    """The end cause of a call that nobody answered, by Q.850."""
    causes = {
        Q850.BUSY: EndCause.BUSY,
        18: EndCause.NO_ANSWER,
        Q850.NO_ANSWER: EndCause.NO_ANSWER,
        Q850.REJECTED: EndCause.REJECTED,
        Q850.BEARER: EndCause.MEDIA_FAILED,
    }
    return causes.get(q850, EndCause.UNREACHABLE)


# -- sent on ------------------------------------------------------------------------------------------


async def send_on(tx: Tx, call_id: str, actor: Actor, target_kind: str, target: str, now: datetime) -> Found:
    """A blind transfer to a queue, an agent or a flow: flows leads the call again in a new turn."""
    before = await controlled(tx, call_id, actor)
    outcome = transfers.sent_on(before, actor, Trigger.SEND_ON, now)
    call = dataclasses.replace(
        outcome.after.call,
        turn=before.call.turn + 1,
        run_id="",
        sent_to=f"{target_kind}:{target}",
        sent_by=actor.user_id,
        forwarded_by=(),
        kept_run_id=after_agent.kept_by(before.call, target_kind),
    )
    outcome = dataclasses.replace(outcome, after=dataclasses.replace(outcome.after, call=call))
    found = await keep(tx, before, outcome, now)
    await _tell_transfer(tx, before, actor, found, (target_kind, target), now)
    return found


async def dial_on(tx: Tx, call_id: str, actor: Actor, leg: Leg, now: datetime) -> Found:
    """A blind transfer to a number: `leg` rings and the customer hears it."""
    before = await controlled(tx, call_id, actor)
    outcome = transfers.sent_on(before, actor, Trigger.DIAL_ON, now)
    after = parties.add(outcome.after, leg).after
    sender = before.of_agent(actor.user_id) or before.of_agent(before.call.agent_id)
    call = dataclasses.replace(after.call, sent_by=sender.agent_id if sender is not None else "", forwarded_by=())
    outcome = dataclasses.replace(outcome, after=dataclasses.replace(after, call=call))
    found = await keep(tx, before, outcome, now)
    await _tell_transfer(tx, before, actor, found, ("number", leg.address), now)
    return found


async def dial_in_flow(tx: Tx, call_id: str, leg: Leg, now: datetime) -> Found:
    """Flows rings a number for the customer, who hears it. CallNotFound, CallEnded, CallNotTalking."""
    before = await conversation(tx, call_id)
    found = await keep(tx, before, flow_dials.begun(before, leg, now), now)
    tx.emit(convert.leg_changed(*found, leg), key=call_id)
    return found


async def contact_dequeued(tx: Tx, call_id: str, contact_id: str, now: datetime) -> Found | None:
    """Nobody is to be waited for any more as this contact: flows has the call again. None when it doesn't wait so."""
    call = await call_store.find_call(tx, call_id)
    if call is None or call.contact_id != contact_id or await change_call(tx, call_id, calls.left_queue, now) is None:
        return None
    talk = await conversation(tx, call_id)
    return talk.call, talk.legs


async def complete_transfer(tx: Tx, call_id: str, actor: Actor, now: datetime) -> Found:
    """The customer goes to the party consulted."""
    before = await controlled(tx, call_id, actor)
    asked = before.consulted
    found = await keep(tx, before, consults.complete(before, actor, now), now)
    if asked is not None:
        target = ("agent", asked.agent_id) if asked.agent_id else ("number", asked.address)
        await _tell_transfer(tx, before, actor, found, target, now, blind=False)
    return found


async def _tell_transfer(
    tx: Tx, before: Conversation, actor: Actor, found: Found, to: tuple[str, str], now: datetime, *, blind: bool = True
) -> None:
    """`to`: what kind of target, and which."""
    leg, call_id = before.of_agent(actor.user_id) or before.of_agent(before.call.agent_id), before.call.call_id
    # A customer may talk with a number alone: then a supervisor who sends them on is nobody's leg.
    agent_id = leg.agent_id if leg is not None else actor.user_id
    contact_id = leg.contact_id if leg is not None else before.call.contact_id
    await add_moment(tx, Moment(call_id, Happening.TRANSFERRED, now, agent_id, *to))
    told = convert.call_transferred(*found, agent_id, contact_id, blind=blind, target_kind=to[0], target=to[1])
    tx.emit(told, key=call_id)


async def give_up(tx: Tx, call_id: str, agent_id: str, contact_id: str, now: datetime) -> None:
    """An agent who had begun a contact for a call can't be joined to it: their part is over. Not so for who is in it by
    that contact: they had asked twice."""
    if await call_store.find_call(tx, call_id) is not None:
        known = (await conversation(tx, call_id)).of_agent(agent_id)
        if known is not None and known.contact_id == contact_id:
            return
    left = dataclasses.replace(_never_joined(call_id, agent_id, contact_id), reason=LeftReason.NEVER_JOINED)
    tx.emit(convert.agent_left(left, now), key=call_id)


# -- supervision -----------------------------------------------------------------------------------------------


async def stop_supervising(tx: Tx, call_id: str, user_id: str, now: datetime) -> Found:
    """A supervisor stops; nothing happens when they don't take part."""
    before = await conversation(tx, call_id)
    watching = before.of_supervisor(user_id)
    if watching is None:
        return before.call, before.legs
    return await keep(tx, before, parties.gone(before, watching.leg_id, now), now)


async def free_station(tx: Tx, agent_id: str, now: datetime, call_id: str = "") -> None:
    """StationRequired when the user has neither softphone nor desk phone, StationOnCall when it is joined to another
    call than this."""
    station = await station_store.find_station(tx, agent_id)
    if station is None or station.state is not LegState.CONNECTED:
        if await device_ops.reachable(tx, agent_id, now):
            return
        raise StationRequired("attach a softphone first: open the desktop and allow the microphone")
    _on_no_other(station, call_id)


async def on_no_call(tx: Tx, agent_id: str) -> None:
    """StationOnCall when the user's station is joined to a call, so that they can't begin one by another telephone of
    theirs."""
    station = await station_store.find_station(tx, agent_id)
    if station is not None:
        _on_no_other(station, "")


# -- inside ----------------------------------------------------------------------------------------------------


def _on_no_other(station: Station, call_id: str) -> None:
    if station.call_id not in ("", call_id):
        raise StationOnCall("you are on another call: end it first")


def agent_leg(call_id: str, agent_id: str, contact_id: str, now: datetime) -> Leg:
    """Of an agent who is there from now on."""
    return Leg(
        new_id("leg", now), call_id, Party.AGENT, LegState.CONNECTED, agent_id=agent_id, contact_id=contact_id,
        join_time=now,
    )  # fmt: skip


def _never_joined(call_id: str, agent_id: str, contact_id: str, telephone: Leg | None = None) -> Left:
    """The part of an agent who accepted in vain: of no leg but the telephone they took it on."""
    leg = telephone or Leg("", call_id, Party.AGENT, LegState.ENDED)
    return Left(dataclasses.replace(leg, agent_id=agent_id, contact_id=contact_id), LeftReason.CONSULT_OVER)


async def keep(tx: Tx, before: Conversation, outcome: Outcome, now: datetime, *, quietly: bool = False) -> Found:
    """Store what a verb made of a conversation and tell it; `quietly` when the caller has a fact of its own for it."""
    call, legs = outcome.after.call, outcome.after.legs
    known = {leg.leg_id: leg for leg in before.legs}
    changed = [leg for leg in legs if known.get(leg.leg_id) != leg]
    await call_store.save_call(tx, call, now)
    for leg in changed:
        await (leg_store.save_leg if leg.leg_id in known else leg_store.add_leg)(tx, leg, now)
        if leg.party in _SEATED and leg.agent_id:
            # Who is asked while they listen has two legs for a while.
            theirs = [each.answered for each in legs if each.agent_id == leg.agent_id and each.party in _SEATED]
            moved = station_store.join_call if any(theirs) else station_store.leave_call
            await moved(tx, leg.agent_id, call.call_id, now)
    if before.call.park_code and not call.park_code:
        await call_store.free_park_code(tx, before.call.park_code)
    if quietly:
        return call, legs
    if (hold := of_hold(call.call_id, before.call.state, call.state, now)) is not None:
        await add_moment(tx, hold)
    if call.served is not None and call.served != before.call.served:
        await add_moment(tx, Moment(call.call_id, Happening.AFTER_AGENT, now, call.served.agent_id))
        tx.emit(convert.call_progressed(call, legs, before.call.state), key=call.call_id)
    _tell(tx, before.call, call, legs, [(known.get(leg.leg_id), leg) for leg in changed])
    for left in outcome.left:
        tx.emit(convert.agent_left(left, now), key=call.call_id)
    for leg in changed:
        was = known.get(leg.leg_id)
        moved = was is None or (was.mode, was.supervised_agent_id) != (leg.mode, leg.supervised_agent_id)
        if leg.party == Party.SUPERVISOR and (moved or not leg.live):
            tx.emit(convert.supervision_changed(call, leg, now), key=call.call_id)
    return call, legs


def _tell(tx: Tx, before: Call, call: Call, legs: Sequence[Leg], changed: Sequence[tuple[Leg | None, Leg]]) -> None:
    """One fact for each thing that happened; the customer's hold and the first answer have names of their own."""
    key = call.call_id
    told_hold = {before.state, call.state} == {CallState.TALKING, CallState.HELD}
    if call.state is CallState.TALKING and before.state not in calls.TALK_STATES:
        tx.emit(convert.call_answered(call, legs), key=key)
    elif told_hold:
        tx.emit((convert.call_held if call.state is CallState.HELD else convert.call_resumed)(call, legs), key=key)
    # A fact of the call carries all its legs.
    told = told_hold or call.state is not before.state
    for was, leg in changed:
        if leg.party == Party.SUPERVISOR:
            continue  # SupervisionChanged tells of it, to those who may know
        if was is not None and dataclasses.replace(was, muted=leg.muted) == leg:
            tx.emit(convert.leg_media_changed(leg, call.contact_id, call.version), key=key)
        elif not told:
            tx.emit(convert.leg_changed(call, legs, leg), key=key)
    if before.state is not call.state:
        tx.after_commit(partial(log.info, "call", call_id=key, before=before.state.value, state=call.state.value))
    for was, leg in changed:
        was_state = was.state.value if was is not None else ""
        if was_state != leg.state.value:
            said = partial(log.info, "leg", call_id=key, leg_id=leg.leg_id, party=leg.party, state=leg.state.value)
            tx.after_commit(said)
