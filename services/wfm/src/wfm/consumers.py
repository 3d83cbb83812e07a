"""Facts of routing and tenancy that are history, and what agents do."""

from __future__ import annotations

from typing import Any

from chassis.bus import FactMeta
from chassis.consumer import Handlers
from chassis.sql import Tx
from merkez.routing.v1 import routing_events_pb2
from merkez.tenancy.v1 import session_pb2, tenancy_events_pb2

from wfm import convert
from wfm.ops import adherence, own
from wfm.ops import history as ops


async def contact_moved(tx: Tx, fact: Any, meta: FactMeta) -> None:
    """A contact was queued, sent to another queue, begun, dequeued, left, wrapped up, ended or put right."""
    if fact.contact.contact_id:
        await ops.note_contact(tx, convert.contact_in(fact.contact), fact.contact.version)


async def queue_changed(tx: Tx, fact: routing_events_pb2.QueueChanged, meta: FactMeta) -> None:
    """A queue got a name, or other rules."""
    queue = fact.queue
    await ops.note_queue(tx, queue.queue_id, queue.display_name, queue.version, convert.helpers_in(queue))


async def queue_deleted(tx: Tx, fact: routing_events_pb2.QueueDeleted, meta: FactMeta) -> None:
    """A queue is no more."""
    await ops.forget_queue(tx, fact.queue_id)


async def agent_moved(tx: Tx, fact: routing_events_pb2.AgentStateChanged, meta: FactMeta) -> None:
    """An agent does something else."""
    await adherence.hear(tx, convert.heard_in(fact))


async def tenant_moved(tx: Tx, fact: Any, meta: FactMeta) -> None:
    """A tenant's days follow its zone."""
    await ops.note_time_zone(tx, fact.tenant.time_zone or "UTC", fact.tenant.version)


async def user_changed(tx: Tx, fact: tenancy_events_pb2.UserChanged, meta: FactMeta) -> None:
    """Who may not sign in any more has no calendar feed, whenever that is heard of."""
    if fact.user.state == session_pb2.USER_STATE_DISABLED:
        await own.forget_user(tx, fact.user.user_id)


HANDLERS: Handlers = {
    routing_events_pb2.ContactQueued: contact_moved,
    routing_events_pb2.ContactOverflowed: contact_moved,
    routing_events_pb2.ContactStarted: contact_moved,
    routing_events_pb2.ContactDequeued: contact_moved,
    routing_events_pb2.ContactAbandoned: contact_moved,
    routing_events_pb2.WrapUpStarted: contact_moved,
    routing_events_pb2.ContactEnded: contact_moved,
    routing_events_pb2.ContactCorrected: contact_moved,
    routing_events_pb2.AgentStateChanged: agent_moved,
    routing_events_pb2.QueueChanged: queue_changed,
    routing_events_pb2.QueueDeleted: queue_deleted,
    tenancy_events_pb2.TenantSignedUp: tenant_moved,
    tenancy_events_pb2.TenantChanged: tenant_moved,
    tenancy_events_pb2.UserChanged: user_changed,
}
