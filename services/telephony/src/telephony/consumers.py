"""Facts telephony acts on: an accepted offer joins the agent; a number is looked up again when it or its tenant's
standing has changed; who is let in no more has no desk phone either. And the hint by which a node tells the others of
their calls."""

from __future__ import annotations

from typing import Any

from chassis.bus import Bus, LiveMessage
from chassis.consumer import FactMeta, Handlers
from chassis.facts import live_subject
from chassis.sql import Tx
from merkez.routing.v1 import routing_events_pb2
from merkez.tenancy.v1 import session_pb2, tenancy_events_pb2

from telephony.clients import Tenancy
from telephony.domain.calls import Contact
from telephony.live.house import House
from telephony.live.switchboard import Switchboard
from telephony.live.watch import Watch
from telephony.ops import calls as ops
from telephony.ops import devices as device_ops

_CALL_CHANGED = "call_changed"
"""The live hint; its payload is the call's id."""


def handlers(house: House, switchboard: Switchboard) -> Handlers:
    """Fact -> handler, for `bus.consume`."""

    async def offer_accepted(tx: Tx, fact: routing_events_pb2.OfferAccepted, meta: FactMeta) -> None:
        told = fact.offer.contact
        if not told.call_id:
            return
        contact = Contact(told.contact_id, told.queue_id, told.customer_id)
        answered = await ops.answer_call(tx, told.call_id, fact.offer.agent_id, contact, house.now())
        if answered is not None:
            # Only sooner than Watch.catch_up, which finds it when this node dies or the commit's answer is lost.
            tx.after_commit(lambda: switchboard.settle(meta.tenant_id, *answered))

    async def user_changed(tx: Tx, fact: tenancy_events_pb2.UserChanged, meta: FactMeta) -> None:
        if fact.user.state == session_pb2.USER_STATE_DISABLED:
            await device_ops.shut_out(tx, fact.user.user_id, house.now())

    forget = _forget(house.tenancy)
    return {
        routing_events_pb2.OfferAccepted: offer_accepted,
        tenancy_events_pb2.NumberAssigned: forget,
        tenancy_events_pb2.NumberChanged: forget,
        tenancy_events_pb2.NumberReleased: forget,
        tenancy_events_pb2.TenantSuspended: forget,
        tenancy_events_pb2.TenantResumed: forget,
        tenancy_events_pb2.UserChanged: user_changed,
    }


async def share_calls(bus: Bus, switchboard: Switchboard, watch: Watch) -> None:
    """Tell the other nodes when this one changed the rows of their calls, and hear it from them. Lossy by declaration:
    `Watch.catch_up` finds what was lost."""
    switchboard.elsewhere = lambda tenant_id, call_id: bus.publish_live(tenant_id, _CALL_CHANGED, call_id.encode())

    async def changed(message: LiveMessage) -> None:
        await watch.refresh(message.data.decode())

    await bus.subscribe(live_subject("*", _CALL_CHANGED), changed)


def _forget(tenancy: Tenancy) -> Any:
    async def route_changed(tx: Tx, fact: object, meta: FactMeta) -> None:
        tx.after_commit(lambda: tenancy.forget(meta.tenant_id))

    return route_changed
