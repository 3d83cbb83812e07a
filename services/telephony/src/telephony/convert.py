"""Proto and domain, both ways; and the facts telephony publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from chassis.instants import duration_out, time_out
from kernel.errors import InvalidInput
from merkez.telephony.v1 import (
    call_pb2,
    limit_events_pb2,
    media_service_pb2,
    node_service_pb2,
    quality_pb2,
    telephony_events_pb2,
)

from telephony.domain.answers import Detection, OnMachine
from telephony.domain.calls import Call, CallState, Direction, EndParty
from telephony.domain.cdrs import Cdr
from telephony.domain.conversation import Left
from telephony.domain.find_me import FindMe
from telephony.domain.legs import Answer, Leg, LegState, Party, SupervisionMode
from telephony.domain.moments import Moment
from telephony.domain.nodes import Node
from telephony.domain.quality import LegQuality
from telephony.domain.relays import IceServer
from telephony.domain.stations import Station

_CALL_STATES = {state: call_pb2.CallState.Value(f"CALL_STATE_{state.value}") for state in CallState}
_LEG_STATES = {state: call_pb2.LegState.Value(f"LEG_STATE_{state.value}") for state in LegState}
_DIRECTIONS = {direction: call_pb2.Direction.Value(f"DIRECTION_{direction.value}") for direction in Direction}
_MODES = {mode: call_pb2.SupervisionMode.Value(f"SUPERVISION_MODE_{mode.value}") for mode in SupervisionMode}
_MODE_OF = {number: mode for mode, number in _MODES.items()}
_ANSWERS = {answer: call_pb2.AnsweredBy.Value(f"ANSWERED_BY_{answer.value}") for answer in Answer}
_ON_MACHINE = {call_pb2.MachineAction.Value(f"MACHINE_ACTION_{action.value}"): action for action in OnMachine}
_END_PARTIES = {party: call_pb2.EndParty.Value(f"END_PARTY_{party.value}") for party in EndParty}

_TELLING = 8
"""Characters from which on an address names somebody's telephone."""


def call_state_message(state: CallState) -> call_pb2.CallState.ValueType:
    return _CALL_STATES[state]


def call_message(call: Call, legs: Sequence[Leg] = ()) -> call_pb2.Call:
    """The call as others see it."""
    return call_pb2.Call(
        call_id=call.call_id,
        state=_CALL_STATES[call.state],
        direction=_DIRECTIONS[call.direction],
        brand_id=call.brand_id,
        caller_number=call.caller_number,
        caller_name=call.caller_name,
        dialed_number=call.dialed_number,
        contact_id=call.contact_id,
        agent_id=call.agent_id,
        legs=[leg_message(leg) for leg in legs],
        start_time=time_out(call.start_time),
        answer_time=time_out(call.answer_time),
        end_time=time_out(call.end_time),
        run_id=call.run_id,
        trace_id=call.trace_id,
        recording_id=call.recording_id,
        version=call.version,
        park_code=call.park_code,
    )


def supervision_mode(number: int) -> SupervisionMode | None:
    """The mode a request names; None for none or an unknown one."""
    return _MODE_OF.get(number)  # type: ignore[call-overload]


def leg_message(leg: Leg) -> call_pb2.Leg:
    return call_pb2.Leg(
        leg_id=leg.leg_id,
        party=leg.party,
        agent_id=leg.agent_id,
        state=_LEG_STATES[leg.state],
        join_time=time_out(leg.join_time),
        leave_time=time_out(leg.leave_time),
        mos=leg.mos,
        muted=leg.muted,
        held=leg.held,
        mode=_MODES[leg.mode] if leg.mode else call_pb2.SUPERVISION_MODE_UNSPECIFIED,
        supervised_agent_id=leg.supervised_agent_id,
        consulted=leg.consulted,
        contact_id=leg.contact_id,
        address=_shown(leg),
        q850_cause=leg.q850_cause,
        sip_status=leg.sip_status,
        answered_by=_answered_by(leg.answered_by),
        detection_duration=duration_out(leg.detection) if leg.answered_by else None,
        asking_leg_id=leg.invited_by if leg.consulted else "",
    )


def _answered_by(answer: Answer | None) -> call_pb2.AnsweredBy.ValueType:
    return _ANSWERS[answer] if answer else call_pb2.ANSWERED_BY_UNSPECIFIED


def detection(message: call_pb2.AnswerDetection) -> Detection:
    """The wish to know who answers. InvalidInput when it doesn't say what is to follow."""
    action = _ON_MACHINE.get(message.on_machine)
    if action is None:
        raise InvalidInput.of("detection.on_machine", "is required: CONNECT, HANG_UP or LEAVE_MESSAGE")
    return Detection(action, message.message_prompt_id, message.patient)


def _shown(leg: Leg) -> str:
    """Where a leg was reached. An agent's own telephone may be their private one: colleagues and supervisors learn that
    it was rung, and not its number."""
    if leg.party not in (Party.AGENT, Party.SOUGHT) or len(leg.address) < _TELLING:
        return leg.address
    return f"{leg.address[:3]}•••{leg.address[-2:]}"


def cdr_message(cdr: Cdr) -> call_pb2.Cdr:
    message = call_pb2.Cdr(
        cdr_id=cdr.cdr_id,
        call_id=cdr.call_id,
        contact_id=cdr.contact_id,
        brand_id=cdr.brand_id,
        direction=_DIRECTIONS[cdr.direction],
        caller_number=cdr.caller_number,
        dialed_number=cdr.dialed_number,
        agent_id=cdr.agent_id,
        start_time=time_out(cdr.start_time),
        answer_time=time_out(cdr.answer_time),
        end_time=time_out(cdr.end_time),
        end_party=_END_PARTIES[cdr.end_party],
        end_cause=cdr.end_cause,
        customer_mos=cdr.customer_mos,
        agent_mos=cdr.agent_mos,
        release_id=cdr.release_id,
        q850_cause=cdr.q850_cause,
        sip_status=cdr.sip_status,
        trunk_id=cdr.trunk_id,
        answered_by=_answered_by(cdr.answered_by),
        detection_duration=duration_out(cdr.detection) if cdr.answered_by else None,
        connect_time=time_out(cdr.connect_time),
    )
    message.duration.FromTimedelta(cdr.duration)
    message.talk_duration.FromTimedelta(cdr.talk)
    message.hold_duration.FromTimedelta(cdr.hold)
    message.unheard_duration.FromTimedelta(cdr.unheard)
    message.after_agent_duration.FromTimedelta(cdr.after_agent)
    return message


def moment_message(moment: Moment) -> call_pb2.CallMoment:
    return call_pb2.CallMoment(
        happening=call_pb2.Happening.Value(f"HAPPENING_{moment.happening.value}"),
        happen_time=time_out(moment.time),
        agent_id=moment.agent_id,
        target_kind=moment.target_kind,
        target=moment.target,
    )


def node_message(node: Node) -> node_service_pb2.Node:
    message = node_service_pb2.Node(
        node_id=node.node_id, address=node.address, draining=node.draining, live_calls=node.live_calls,
        heartbeat_time=time_out(node.heartbeat_time), start_time=time_out(node.start_time),
    )  # fmt: skip
    if node.drain_deadline_time is not None:
        message.drain_deadline_time.FromDatetime(node.drain_deadline_time)
    return message


def station_message(station: Station) -> call_pb2.Station:
    return call_pb2.Station(
        station_id=station.station_id,
        agent_id=station.agent_id,
        client_id=station.client_id,
        state=_LEG_STATES[station.state],
        call_id=station.call_id,
        attach_time=time_out(station.attach_time),
    )


def ice_server_message(server: IceServer) -> media_service_pb2.IceServer:
    return media_service_pb2.IceServer(urls=server.urls, username=server.username, credential=server.credential)


def quality_message(call_id: str, legs: Sequence[LegQuality]) -> quality_pb2.CallQuality:
    agents = dict.fromkeys(leg.agent_id for leg in legs if leg.agent_id)
    return quality_pb2.CallQuality(call_id=call_id, agent_ids=agents, legs=map(_leg_quality_message, legs))


def _leg_quality_message(leg: LegQuality) -> quality_pb2.LegQuality:
    trip = leg.round_trip_seconds
    return quality_pb2.LegQuality(
        leg_id=leg.leg_id,
        party=leg.party,
        agent_id=leg.agent_id,
        stalled=leg.stalled,
        round_trip=duration_out(timedelta(seconds=trip)) if trip is not None else None,
        jitter=duration_out(timedelta(seconds=leg.jitter_seconds)),
        loss=leg.loss,
        mos=leg.mos,
        warnings=[quality_pb2.QualityWarning.Value(f"QUALITY_WARNING_{each}") for each in leg.warnings],
    )


# -- facts -----------------------------------------------------------------------------------------------------


def _told(call: Call, legs: Sequence[Leg]) -> call_pb2.Call:
    """The call as everybody in it may hear of it: that a supervisor listens is told by SupervisionChanged alone."""
    return call_message(call, [leg for leg in legs if leg.party != Party.SUPERVISOR])


def call_started(call: Call, legs: Sequence[Leg], attributes: Mapping[str, str]) -> telephony_events_pb2.CallStarted:
    return telephony_events_pb2.CallStarted(call=_told(call, legs), attributes=attributes)


def call_refused(call: Call, leg: Leg, reason: str, limit: int, now: datetime) -> telephony_events_pb2.CallRefused:
    """`leg` is the customer's."""
    return telephony_events_pb2.CallRefused(
        call_id=call.call_id, brand_id=call.brand_id, reason=reason, limit=limit, refuse_time=time_out(now),
        leg_id=leg.leg_id,
    )  # fmt: skip


def call_over_limit(call: Call, limit: int, up: int, now: datetime) -> limit_events_pb2.CallOverLimit:
    """`up` calls are up with this one."""
    return limit_events_pb2.CallOverLimit(
        call_id=call.call_id, brand_id=call.brand_id, limit=limit, live_calls=up, passed=up == limit + 1,
        start_time=time_out(now),
    )  # fmt: skip


def call_progressed(call: Call, legs: Sequence[Leg], previous: CallState) -> telephony_events_pb2.CallProgressed:
    return telephony_events_pb2.CallProgressed(call=_told(call, legs), previous_state=_CALL_STATES[previous])


def call_answered(call: Call, legs: Sequence[Leg]) -> telephony_events_pb2.CallAnswered:
    return telephony_events_pb2.CallAnswered(call=_told(call, legs))


def call_held(call: Call, legs: Sequence[Leg]) -> telephony_events_pb2.CallHeld:
    return telephony_events_pb2.CallHeld(call=_told(call, legs))


def call_resumed(call: Call, legs: Sequence[Leg]) -> telephony_events_pb2.CallResumed:
    return telephony_events_pb2.CallResumed(call=_told(call, legs))


def leg_changed(call: Call, legs: Sequence[Leg], leg: Leg) -> telephony_events_pb2.LegChanged:
    return telephony_events_pb2.LegChanged(call=_told(call, legs), leg=leg_message(leg))


def call_transferred(
    call: Call, legs: Sequence[Leg], agent_id: str, contact_id: str, *, blind: bool, target_kind: str, target: str
) -> telephony_events_pb2.CallTransferred:
    """`agent_id` is whose part it was, or who did it where no agent was there any more."""
    return telephony_events_pb2.CallTransferred(
        call=_told(call, legs), agent_id=agent_id, contact_id=contact_id, blind=blind,
        target_kind=target_kind, target=target,
    )  # fmt: skip


def answer_detected(call: Call, legs: Sequence[Leg], leg: Leg, reason: str) -> telephony_events_pb2.AnswerDetected:
    return telephony_events_pb2.AnswerDetected(call=_told(call, legs), leg=leg_message(leg), reason=reason)


def call_parked(call: Call, legs: Sequence[Leg], agent_id: str) -> telephony_events_pb2.CallParked:
    return telephony_events_pb2.CallParked(call=_told(call, legs), agent_id=agent_id)


def park_expired(
    call: Call, legs: Sequence[Leg], agent_id: str, target_kind: str, target: str
) -> telephony_events_pb2.ParkExpired:
    """`agent_id` had parked it."""
    return telephony_events_pb2.ParkExpired(
        call=_told(call, legs), agent_id=agent_id, target_kind=target_kind, target=target
    )


def call_moved(
    call: Call, legs: Sequence[Leg], from_node: str, to_node: str, last_heard: datetime
) -> telephony_events_pb2.CallMoved:
    return telephony_events_pb2.CallMoved(
        call=_told(call, legs), from_node_id=from_node, to_node_id=to_node, last_heard_time=time_out(last_heard)
    )


def supervision_changed(
    call: Call, leg: Leg, now: datetime, *, took_over: bool = False
) -> telephony_events_pb2.SupervisionChanged:
    """What a supervisor's `leg` is since now."""
    mode = _MODES[leg.mode] if leg.mode and leg.live else call_pb2.SUPERVISION_MODE_UNSPECIFIED
    return telephony_events_pb2.SupervisionChanged(
        call_id=leg.call_id, supervisor_id=leg.agent_id, agent_id=leg.supervised_agent_id, mode=mode,
        took_over=took_over, change_time=time_out(now), leg_id=leg.leg_id, contact_id=call.contact_id,
        q850_cause=leg.q850_cause,
    )  # fmt: skip


def find_me_changed(find_me: FindMe, number: int) -> telephony_events_pb2.FindMeChanged:
    """`find_me` as it is at that moment; `number` rises with each that is told of the agent."""
    return telephony_events_pb2.FindMeChanged(
        agent_id=find_me.agent_id, away_duration=duration_out(find_me.away_time),
        desk_duration=duration_out(find_me.desk_time), queue_calls=find_me.rings and find_me.queue_calls,
        forwards=find_me.forwards, version=number,
    )  # fmt: skip


def call_forwarded(
    call: Call, legs: Sequence[Leg], agent_id: str, contact_id: str, target_kind: str, target: str
) -> telephony_events_pb2.CallForwarded:
    """`agent_id` is the agent whose last resort it was."""
    return telephony_events_pb2.CallForwarded(
        call=_told(call, legs), agent_id=agent_id, contact_id=contact_id, target_kind=target_kind, target=target
    )


def agent_left(left: Left, now: datetime) -> telephony_events_pb2.AgentLeft:
    return telephony_events_pb2.AgentLeft(
        call_id=left.leg.call_id, contact_id=left.leg.contact_id, agent_id=left.leg.agent_id,
        reason=left.reason.value, leave_time=time_out(now), leg_id=left.leg.leg_id, q850_cause=left.leg.q850_cause,
    )  # fmt: skip


def call_ended(cdr: Cdr, legs: Sequence[Leg]) -> telephony_events_pb2.CallEnded:
    """`legs` as they ended with it."""
    told = [leg_message(leg) for leg in legs if leg.party != Party.SUPERVISOR]
    return telephony_events_pb2.CallEnded(cdr=cdr_message(cdr), legs=told)


def leg_media_changed(leg: Leg, contact_id: str, call_version: int = 0) -> telephony_events_pb2.LegMediaChanged:
    """`contact_id` is the call's."""
    return telephony_events_pb2.LegMediaChanged(
        call_id=leg.call_id, leg=leg_message(leg), call_version=call_version, contact_id=contact_id
    )


def station_attached(station: Station) -> telephony_events_pb2.StationAttached:
    return telephony_events_pb2.StationAttached(station=station_message(station))


def station_detached(station: Station, reason: str) -> telephony_events_pb2.StationDetached:
    return telephony_events_pb2.StationDetached(station=station_message(station), reason=reason)
