"""Facts telephony acts on: an accepted offer joins the agent; a number is looked up again when it or its tenant's
standing has changed; who is let in no more has no desk phone either. And the hint by which a node tells the others of
their calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC
from typing import Any

from chassis.bus import Bus, LiveMessage
from chassis.consumer import FactMeta, Handlers
from chassis.facts import live_subject
from chassis.sql import Tx
from merkez.routing.v1 import callback_events_pb2, callback_rules_pb2, contact_pb2, routing_events_pb2
from merkez.telephony.v1 import call_pb2
from merkez.tenancy.v1 import session_pb2, tenancy_events_pb2

from telephony.clients import Tenancy
from telephony.convert import quality_message
from telephony.domain.calls import Contact
from telephony.domain.legs import Q850
from telephony.domain.quality import LegQuality
from telephony.live.accepting import accept
from telephony.live.house import House
from telephony.live.quality import Tell
from telephony.live.switchboard import Switchboard
from telephony.live.watch import Watch
from telephony.ops import devices as device_ops
from telephony.ops import find_me
from telephony.ops import parties as ops
from telephony.ops import stations as station_ops

_OfferOver = routing_events_pb2.OfferDeclined | routing_events_pb2.OfferMissed | routing_events_pb2.OfferRescinded
_CALL_CHANGED = "call_changed"
"""The live hint; its payload is the call's id."""
_STATION_WANTED = "station_wanted"
"""The live hint to an agent's softphone."""
_AUTO_ACCEPT = "auto_accept"
"""The live hint to the node that has the agent's softphone; its payload is the offer's id, a blank and the agent's."""
_CALL_QUALITY = "call_quality"
"""The live hint to those who are in a call."""


def handlers(house: House, switchboard: Switchboard) -> Handlers:
    """Fact -> handler, for `bus.consume`."""

    async def offer_accepted(tx: Tx, fact: routing_events_pb2.OfferAccepted, meta: FactMeta) -> None:
        told = fact.offer.contact
        if told.callback_id and not told.call_id:
            # Should this node die before: routing sets the agent free, and tries again.
            tx.after_commit(lambda: switchboard.call_back(meta.tenant_id, told.contact_id, fact.offer.agent_id))
        if not told.call_id:
            return
        consult = told.kind == contact_pb2.CONTACT_KIND_CONSULT
        contact = Contact(told.contact_id, told.queue_id, told.customer_id, consult)
        direct = bool(told.target_agent_id)
        answered = await find_me.accepted(tx, told.call_id, fact.offer.agent_id, contact, house.now(), direct=direct)
        if answered is not None:
            # Only sooner than Watch.catch_up, which finds it when this node dies or the commit's answer is lost.
            tx.after_commit(lambda: switchboard.settle(meta.tenant_id, *answered))
        tx.after_commit(switchboard.seek)

    async def callback_released(tx: Tx, fact: callback_events_pb2.CallbackReleased, meta: FactMeta) -> None:
        told = fact.callback
        if told.order == callback_rules_pb2.CALLBACK_ORDER_CUSTOMER_FIRST and not told.call_id:
            # As with an accepted offer: should this node die before, routing sets the agent free, and tries again.
            tx.after_commit(lambda: switchboard.call_back(meta.tenant_id, told.contact_id, told.agent_id))

    async def offer_made(tx: Tx, fact: routing_events_pb2.OfferMade, meta: FactMeta) -> None:
        # The call may be on one node and the agent's media on another: there is time to bring them together while it
        # rings, so that nobody waits for it after the answer.
        call_id, agent_id = fact.offer.contact.call_id, fact.offer.agent_id
        node_id = await station_ops.apart_from(tx, agent_id, call_id) if call_id else ""
        if node_id:
            tx.after_commit(lambda: switchboard.station_wanted(meta.tenant_id, agent_id, node_id))
        fresh = fact.offer.expire_time.ToDatetime(tzinfo=UTC) > house.now()
        if fact.offer.auto_accept and fresh:
            offer_id = fact.offer.offer_id
            tx.after_commit(lambda: switchboard.stations.auto_accept(meta.tenant_id, offer_id, agent_id))
        if call_id and fresh and await find_me.search(tx, _offered(fact.offer), house.now()) is not None:
            tx.after_commit(switchboard.seek)

    def offer_over(q850: int) -> Any:
        async def over(tx: Tx, fact: _OfferOver, meta: FactMeta) -> None:
            taken = fact.offer.rescind_reason == contact_pb2.RESCIND_REASON_TAKEN
            cause = Q850.ANSWERED_ELSEWHERE if taken else q850
            found = await find_me.end_search(tx, _offered(fact.offer), cause, house.now())
            if found is not None:
                tx.after_commit(lambda: switchboard.settle(meta.tenant_id, *found))
                tx.after_commit(switchboard.seek)

        return over

    async def contact_dequeued(tx: Tx, fact: routing_events_pb2.ContactDequeued, meta: FactMeta) -> None:
        told = fact.contact
        if not told.call_id:
            return
        consult = told.kind == contact_pb2.CONTACT_KIND_CONSULT
        if consult:
            q850 = Q850.REJECTED if fact.reason == "offer_declined" else Q850.NO_ANSWER
            found = await ops.consult_failed(tx, told.call_id, told.contact_id, house.now(), q850)
        else:
            untaken = find_me.Untaken(told.call_id, told.contact_id, told.target_agent_id, fact.reason)
            found = await find_me.forward(tx, untaken, house.now())
            found = found or await ops.contact_dequeued(tx, told.call_id, told.contact_id, house.now())
        if found is not None:
            # Flows' driver goes on by the rows, here or on the call's own node.
            tx.after_commit(lambda: switchboard.settle(meta.tenant_id, *found))

    async def user_changed(tx: Tx, fact: tenancy_events_pb2.UserChanged, meta: FactMeta) -> None:
        if fact.user.state == session_pb2.USER_STATE_DISABLED:
            await device_ops.shut_out(tx, fact.user.user_id, house.now())

    async def queue_deleted(tx: Tx, fact: routing_events_pb2.QueueDeleted, meta: FactMeta) -> None:
        await find_me.queue_deleted(tx, fact.queue_id, house.now())

    forget = _forget(house.tenancy)
    return {
        callback_events_pb2.CallbackReleased: callback_released,
        routing_events_pb2.OfferMade: offer_made,
        routing_events_pb2.OfferAccepted: offer_accepted,
        routing_events_pb2.OfferDeclined: offer_over(Q850.REJECTED),
        routing_events_pb2.OfferMissed: offer_over(Q850.NO_ANSWER),
        routing_events_pb2.OfferRescinded: offer_over(Q850.NORMAL),
        routing_events_pb2.ContactDequeued: contact_dequeued,
        routing_events_pb2.QueueDeleted: queue_deleted,
        tenancy_events_pb2.NumberAssigned: forget,
        tenancy_events_pb2.NumberChanged: forget,
        tenancy_events_pb2.NumberReleased: forget,
        tenancy_events_pb2.TenantSuspended: forget,
        tenancy_events_pb2.TenantResumed: forget,
        tenancy_events_pb2.UserChanged: user_changed,
    }


async def share_calls(bus: Bus, house: House, switchboard: Switchboard, watch: Watch) -> None:
    """Tell the other nodes when this one changed the rows of their calls, and hear it from them. Lossy by declaration:
    `Watch.catch_up` finds what was lost."""
    switchboard.station_wanted = lambda tenant_id, agent_id, node_id: bus.publish_live(
        tenant_id, _STATION_WANTED, call_pb2.StationWanted(agent_id=agent_id, node_id=node_id)
    )
    switchboard.elsewhere = lambda tenant_id, call_id: bus.publish_live(tenant_id, _CALL_CHANGED, call_id.encode())

    switchboard.stations.auto_accept = lambda tenant_id, offer_id, agent_id: bus.publish_live(
        tenant_id, _AUTO_ACCEPT, f"{offer_id} {agent_id}".encode()
    )

    async def changed(message: LiveMessage) -> None:
        await watch.refresh(message.data.decode())

    async def accepts(message: LiveMessage) -> None:
        offer_id, _, agent_id = message.data.decode().partition(" ")
        taking = accept(house, switchboard.stations, message.tenant_id, offer_id, agent_id)
        house.tasks.spawn(taking, "accept an offer by itself")

    await bus.subscribe(live_subject("*", _CALL_CHANGED), changed)
    await bus.subscribe(live_subject("*", _AUTO_ACCEPT), accepts)


def share_quality(bus: Bus) -> Tell:
    """Tell sockets how a call sounds. Lossy by declaration: it is told again in a few seconds."""

    def tell(tenant_id: str, call_id: str, legs: Sequence[LegQuality]) -> None:
        bus.publish_live(tenant_id, _CALL_QUALITY, quality_message(call_id, legs))

    return tell


def _offered(offer: contact_pb2.Offer) -> find_me.Offered:
    told = offer.contact
    return find_me.Offered(
        offer.offer_id, told.call_id, told.contact_id, offer.agent_id, bool(told.target_agent_id), offer.away,
        told.queue_id,
    )  # fmt: skip


def _forget(tenancy: Tenancy) -> Any:
    async def route_changed(tx: Tx, fact: object, meta: FactMeta) -> None:
        tx.after_commit(lambda: tenancy.forget(meta.tenant_id))

    return route_changed
