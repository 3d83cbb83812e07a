"""Between the contract's messages and the domain's values."""

from __future__ import annotations

from datetime import UTC

from chassis.instants import time_in, time_out
from merkez.analytics.v1 import analytics_pb2
from merkez.routing.v1 import callback_pb2, contact_pb2, queue_pb2

from analytics.domain import board, intervals
from analytics.domain.callbacks import Callback
from analytics.domain.contacts import Contact


def contact_in(message: contact_pb2.Contact) -> Contact:
    """A contact as routing's facts show it."""
    return Contact(
        contact_id=message.contact_id,
        queue_id=message.queue_id,
        state=contact_pb2.ContactState.Name(message.state).removeprefix("CONTACT_STATE_"),
        queue_time=message.queue_time.ToDatetime(tzinfo=UTC),
        answer_time=time_in(message, "answer_time"),
        end_time=time_in(message, "end_time"),
        wrap_up_end_time=time_in(message, "wrap_up_end_time"),
        agent_id=message.agent_id,
        abandoned=message.state == contact_pb2.CONTACT_STATE_ABANDONED,
        # Facts of before contacts had a kind were all of customers who came to us.
        kind=contact_pb2.ContactKind.Name(message.kind or contact_pb2.CONTACT_KIND_INBOUND).removeprefix(
            "CONTACT_KIND_"
        ),
        targeted=bool(message.target_agent_id),
    )


def callback_in(message: callback_pb2.Callback) -> Callback:
    """A callback as routing's facts show it."""
    return Callback(
        message.callback_id,
        message.queue_id,
        callback_pb2.CallbackState.Name(message.state).removeprefix("CALLBACK_STATE_"),
        message.create_time.ToDatetime(tzinfo=UTC),
    )


def agent_in(message: contact_pb2.Agent) -> board.Agent:
    """An agent as routing's facts show them."""
    return board.Agent(
        agent_id=message.agent_id,
        display_name=message.display_name,
        state=contact_pb2.AgentState.Name(message.state).removeprefix("AGENT_STATE_"),
        reason=message.reason,
        state_time=message.state_time.ToDatetime(tzinfo=UTC),
    )


def queue_in(message: queue_pb2.Queue) -> board.Queue:
    """A queue as routing's facts show it."""
    threshold = message.service_level_threshold.seconds if message.HasField("service_level_threshold") else 20
    return board.Queue(message.queue_id, message.display_name, threshold)


def wallboard_out(snapshot: board.Snapshot) -> analytics_pb2.Wallboard:
    """The wallboard as the contract shows it."""
    shown = snapshot.board
    return analytics_pb2.Wallboard(
        total=_tile(shown.total),
        queues=[_tile(tile) for tile in shown.queues],
        agent_states=[analytics_pb2.AgentStateCount(state=name, count=n) for name, n in shown.states.items()],
        agents=[_agent(agent) for agent in shown.agents],
        sequence=snapshot.sequence,
        data_time=time_out(snapshot.data_time),
        compute_time=time_out(snapshot.compute_time),
    )


def interval_out(key: intervals.Key, counters: intervals.Counters) -> analytics_pb2.QueueInterval:
    """One interval's counters; seconds are rounded here and nowhere before."""
    return analytics_pb2.QueueInterval(
        queue_id=key[0],
        start_time=time_out(key[1]),
        offered=counters.offered,
        answered=counters.answered,
        answered_within_threshold=counters.answered_within,
        abandoned=counters.abandoned,
        short_abandoned=counters.short_abandoned,
        wait_seconds=_seconds(counters.wait),
        talk_seconds=_seconds(counters.talk),
        hold_seconds=_seconds(counters.hold),
        acw_seconds=_seconds(counters.acw),
        handled=counters.handled,
        outbound=counters.outbound,
        outbound_talk_seconds=_seconds(counters.outbound_talk),
        callbacks_requested=counters.callbacks_requested,
        callbacks_reached=counters.callbacks_reached,
        callbacks_given_up=counters.callbacks_given_up,
        callbacks_cancelled=counters.callbacks_cancelled,
    )


def _tile(tile: board.Tile) -> analytics_pb2.QueueTile:
    return analytics_pb2.QueueTile(
        queue_id=tile.queue.queue_id,
        queue_name=tile.queue.display_name,
        depth=tile.waiting.depth,
        longest_wait_since=time_out(tile.waiting.since),
        offered=tile.day.offered,
        answered=tile.day.answered,
        abandoned=tile.day.abandoned,
        short_abandoned=tile.day.short_abandoned,
        answered_within_threshold=tile.day.answered_within,
        service_level_threshold_seconds=tile.queue.threshold_seconds,
        service_level=tile.service_level,
        asa_seconds=tile.asa,
        aht_seconds=tile.aht,
        missed_offers=tile.day.missed_offers,
    )


def _agent(agent: board.Agent) -> analytics_pb2.AgentTile:
    return analytics_pb2.AgentTile(
        agent_id=agent.agent_id,
        display_name=agent.display_name,
        state=agent.state,
        reason=agent.reason,
        state_time=time_out(agent.state_time),
        handled=agent.handled,
    )


def _seconds(micros: int) -> int:
    return (micros + 500_000) // 1_000_000
