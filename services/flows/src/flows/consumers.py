"""Facts that flows listens to."""

from __future__ import annotations

from chassis.bus import FactMeta
from chassis.consumer import Handlers
from chassis.sql import Tx
from kernel.clock import Clock
from merkez.routing.v1 import routing_events_pb2
from merkez.telephony.v1 import telephony_events_pb2

from flows.leaving import Leaving
from flows.ops import departures
from flows.ops import runs as ops
from flows.ops.runs import Seal


def handlers(seal: Seal, clock: Clock, leaving: Leaving) -> Handlers:
    """Fact -> what is done about it."""

    async def call_ended(tx: Tx, fact: telephony_events_pb2.CallEnded, meta: FactMeta) -> None:
        await ops.end_runs(tx, fact.cdr.call_id, seal, clock.now())

    async def contact_abandoned(tx: Tx, fact: routing_events_pb2.ContactAbandoned, meta: FactMeta) -> None:
        contact = fact.contact
        run = await departures.caller_left(tx, contact.call_id, contact.contact_id, seal, clock.now())
        if run is not None:
            tx.after_commit(lambda: leaving.soon(meta.tenant_id, run))

    return {
        telephony_events_pb2.CallEnded: call_ended,
        routing_events_pb2.ContactAbandoned: contact_abandoned,
    }
