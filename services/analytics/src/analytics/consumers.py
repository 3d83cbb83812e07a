"""Facts of routing, telephony and tenancy that are counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from chassis.bus import FactMeta
from chassis.consumer import Handlers
from chassis.instants import time_in
from chassis.sql import Tx
from google.protobuf.message import Message
from merkez.routing.v1 import callback_events_pb2, contact_pb2, routing_events_pb2
from merkez.telephony.v1 import telephony_events_pb2
from merkez.tenancy.v1 import session_pb2, tenancy_events_pb2

from analytics import convert, ops

Work = Callable[[Tx, Any, FactMeta], Awaitable[None]]


async def _note(tx: Tx, contact: contact_pb2.Contact, meta: FactMeta) -> None:
    if contact.contact_id:
        await ops.note_contact(tx, convert.contact_in(contact), contact.version, contact.call_id)


async def contact_moved(tx: Tx, fact: Any, meta: FactMeta) -> None:
    """A contact was queued, sent to another queue, begun, dequeued, wrapped up, ended or put right."""
    await _note(tx, fact.contact, meta)


async def contact_abandoned(tx: Tx, fact: routing_events_pb2.ContactAbandoned, meta: FactMeta) -> None:
    """The customer left first."""
    await _note(tx, fact.contact, meta)
    if fact.short_abandon:
        await ops.note_short_abandon(tx, fact.contact.contact_id)


async def offer_moved(tx: Tx, fact: Any, meta: FactMeta) -> None:
    """An offer was made, accepted, declined or rescinded; it carries its contact."""
    await _note(tx, fact.offer.contact, meta)


async def offer_missed(tx: Tx, fact: routing_events_pb2.OfferMissed, meta: FactMeta) -> None:
    """An agent did not answer in time."""
    await _note(tx, fact.offer.contact, meta)
    await ops.note_missed_offer(tx, fact.offer.offer_id, fact.offer.contact.queue_id, meta.time)


async def callback_moved(tx: Tx, fact: Any, meta: FactMeta) -> None:
    """Somebody asked to be called back, or it came to its end."""
    await ops.note_callback(tx, convert.callback_in(fact.callback), fact.callback.version)


async def agent_moved(tx: Tx, fact: routing_events_pb2.AgentStateChanged, meta: FactMeta) -> None:
    """An agent's state changed."""
    await ops.note_agent(tx, convert.agent_in(fact.agent), fact.agent.version)


async def queue_changed(tx: Tx, fact: routing_events_pb2.QueueChanged, meta: FactMeta) -> None:
    """A queue got a name or threshold."""
    await ops.note_queue(tx, convert.queue_in(fact.queue), fact.queue.version)


async def queue_deleted(tx: Tx, fact: routing_events_pb2.QueueDeleted, meta: FactMeta) -> None:
    """A queue is no more; what was counted stays."""
    await ops.forget_queue(tx, fact.queue_id)


async def call_held(tx: Tx, fact: telephony_events_pb2.CallHeld, meta: FactMeta) -> None:
    """A hold began."""
    await ops.note_hold(tx, fact.call.call_id, meta.time, held=True)


async def call_resumed(tx: Tx, fact: telephony_events_pb2.CallResumed, meta: FactMeta) -> None:
    """A hold ended."""
    await ops.note_hold(tx, fact.call.call_id, meta.time, held=False)


async def agent_left(tx: Tx, fact: telephony_events_pb2.AgentLeft, meta: FactMeta) -> None:
    """An agent who goes leaves nobody on hold. Whoever was only asked had held nobody."""
    if fact.reason != "CONSULT_OVER":
        await ops.note_hold(tx, fact.call_id, time_in(fact, "leave_time") or meta.time, held=False)


async def call_ended(tx: Tx, fact: telephony_events_pb2.CallEnded, meta: FactMeta) -> None:
    """A call ended, and with it its hold."""
    ended = time_in(fact.cdr, "end_time") or meta.time
    await ops.note_hold(tx, fact.cdr.call_id, ended, held=False)


async def person_changed(tx: Tx, fact: Any, meta: FactMeta) -> None:
    """Somebody joined, was renamed or disabled."""
    user = fact.user
    active = user.state != session_pb2.USER_STATE_DISABLED
    await ops.note_person(tx, user.user_id, user.version, user.display_name, active, meta.time)


async def tenant_moved(
    tx: Tx, fact: tenancy_events_pb2.TenantSignedUp | tenancy_events_pb2.TenantChanged, meta: FactMeta
) -> None:
    """A tenant's days follow its zone."""
    await ops.note_time_zone(tx, fact.tenant.time_zone or "UTC", fact.tenant.version)


_WORK: dict[type[Message], Work] = {
    routing_events_pb2.ContactQueued: contact_moved,
    routing_events_pb2.ContactOverflowed: contact_moved,
    routing_events_pb2.ContactStarted: contact_moved,
    routing_events_pb2.ContactDequeued: contact_moved,
    routing_events_pb2.WrapUpStarted: contact_moved,
    routing_events_pb2.ContactEnded: contact_moved,
    routing_events_pb2.ContactCorrected: contact_moved,
    routing_events_pb2.ContactAbandoned: contact_abandoned,
    routing_events_pb2.OfferMade: offer_moved,
    routing_events_pb2.OfferAccepted: offer_moved,
    routing_events_pb2.OfferDeclined: offer_moved,
    routing_events_pb2.OfferRescinded: offer_moved,
    routing_events_pb2.OfferMissed: offer_missed,
    callback_events_pb2.CallbackRequested: callback_moved,
    callback_events_pb2.CallbackCompleted: callback_moved,
    callback_events_pb2.CallbackFailed: callback_moved,
    callback_events_pb2.CallbackCancelled: callback_moved,
    callback_events_pb2.CallbackExpired: callback_moved,
    routing_events_pb2.AgentStateChanged: agent_moved,
    routing_events_pb2.QueueChanged: queue_changed,
    routing_events_pb2.QueueDeleted: queue_deleted,
    telephony_events_pb2.CallHeld: call_held,
    telephony_events_pb2.CallResumed: call_resumed,
    telephony_events_pb2.AgentLeft: agent_left,
    telephony_events_pb2.CallEnded: call_ended,
    tenancy_events_pb2.UserJoined: person_changed,
    tenancy_events_pb2.UserChanged: person_changed,
    tenancy_events_pb2.TenantSignedUp: tenant_moved,
    tenancy_events_pb2.TenantChanged: tenant_moved,
}


def handlers(touch: Callable[[str, datetime], None]) -> Handlers:
    """Every fact's work, followed by `touch(tenant_id, fact_time)` once it is committed."""

    def touching(work: Work) -> Work:
        async def worked(tx: Tx, fact: Any, meta: FactMeta) -> None:
            await work(tx, fact, meta)
            tx.after_commit(lambda: touch(meta.tenant_id, meta.time))

        return worked

    return {fact: touching(work) for fact, work in _WORK.items()}
