"""Facts telephony acts on: an accepted offer joins the agent; a changed number is looked up again."""

from __future__ import annotations

from typing import Any

from chassis.consumer import FactMeta, Handlers
from chassis.sql import Tx
from merkez.routing.v1 import routing_events_pb2
from merkez.tenancy.v1 import tenancy_events_pb2

from telephony.clients import Tenancy
from telephony.live.house import House
from telephony.live.switchboard import Switchboard
from telephony.ops import calls as ops


def handlers(house: House, switchboard: Switchboard) -> Handlers:
    """Fact -> handler, for `bus.consume`."""

    async def offer_accepted(tx: Tx, fact: routing_events_pb2.OfferAccepted, meta: FactMeta) -> None:
        offer = fact.offer
        if not offer.contact.call_id:
            return
        call = await ops.answer_call(tx, offer.contact.call_id, offer.agent_id, offer.contact.contact_id, house.now())
        if call is not None:
            tx.after_commit(lambda: switchboard.joined(meta.tenant_id, call))

    forget = _forget(house.tenancy)
    return {
        routing_events_pb2.OfferAccepted: offer_accepted,
        tenancy_events_pb2.NumberAssigned: forget,
        tenancy_events_pb2.NumberChanged: forget,
        tenancy_events_pb2.NumberReleased: forget,
    }


def _forget(tenancy: Tenancy) -> Any:
    async def number_changed(tx: Tx, fact: object, meta: FactMeta) -> None:
        tx.after_commit(lambda: tenancy.forget(meta.tenant_id))

    return number_changed
