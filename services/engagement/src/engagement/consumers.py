"""Facts of routing, telephony and recording that become history."""

from __future__ import annotations

from chassis.bus import FactMeta
from chassis.consumer import Handlers
from chassis.sql import Tx
from merkez.recording.v1 import recording_events_pb2, recording_pb2
from merkez.routing.v1 import contact_pb2, routing_events_pb2
from merkez.telephony.v1 import telephony_events_pb2

from engagement import convert, ops
from engagement.domain import CallRecording


async def _contact(tx: Tx, contact: contact_pb2.Contact, outcome: str, meta: FactMeta) -> None:
    # A question to a colleague that nobody answered is nothing that happened to the customer.
    if contact.kind == contact_pb2.CONTACT_KIND_CONSULT and not contact.HasField("answer_time"):
        return
    await ops.note_contact(tx, convert.contact_news(contact, outcome, meta.time), meta.time)


async def queued(tx: Tx, fact: routing_events_pb2.ContactQueued, meta: FactMeta) -> None:
    """A contact began to wait."""
    await _contact(tx, fact.contact, "waiting", meta)


async def started(tx: Tx, fact: routing_events_pb2.ContactStarted, meta: FactMeta) -> None:
    """An agent called the customer, or took their call over."""
    await _contact(tx, fact.contact, "answered", meta)


async def accepted(tx: Tx, fact: routing_events_pb2.OfferAccepted, meta: FactMeta) -> None:
    """An agent answered."""
    await _contact(tx, fact.offer.contact, "answered", meta)


async def abandoned(tx: Tx, fact: routing_events_pb2.ContactAbandoned, meta: FactMeta) -> None:
    """The customer left first."""
    await _contact(tx, fact.contact, "abandoned", meta)


async def dequeued(tx: Tx, fact: routing_events_pb2.ContactDequeued, meta: FactMeta) -> None:
    """The flow went another way."""
    await _contact(tx, fact.contact, "dequeued", meta)


async def wrapping_up(tx: Tx, fact: routing_events_pb2.WrapUpStarted, meta: FactMeta) -> None:
    """Talking ended."""
    await _contact(tx, fact.contact, "answered", meta)


async def over(tx: Tx, fact: routing_events_pb2.ContactEnded, meta: FactMeta) -> None:
    """Wrap-up ended: disposition and note are final."""
    await _contact(tx, fact.contact, "answered", meta)


async def corrected(tx: Tx, fact: routing_events_pb2.ContactCorrected, meta: FactMeta) -> None:
    """The end of the talk was put right."""
    await _contact(tx, fact.contact, "answered", meta)


async def call_ended(tx: Tx, fact: telephony_events_pb2.CallEnded, meta: FactMeta) -> None:
    """The call's record tells how long the talk was."""
    await ops.note_talk(tx, fact.cdr.call_id, fact.cdr.talk_duration.seconds)


async def recording_stored(tx: Tx, fact: recording_events_pb2.RecordingStored, meta: FactMeta) -> None:
    """There is something to listen to. A message left for somebody is no record of a talk."""
    if fact.recording.kind == recording_pb2.RECORDING_KIND_VOICEMAIL:
        return
    await ops.note_recording(tx, fact.recording.call_id, CallRecording(fact.recording.recording_id))


async def recording_erased(tx: Tx, fact: recording_events_pb2.RecordingErased, meta: FactMeta) -> None:
    """There is nothing to listen to any more."""
    if fact.recording.kind == recording_pb2.RECORDING_KIND_VOICEMAIL:
        return
    await ops.note_recording(tx, fact.recording.call_id, CallRecording(fact.recording.recording_id, erased=True))


HANDLERS: Handlers = {
    routing_events_pb2.ContactQueued: queued,
    routing_events_pb2.ContactStarted: started,
    routing_events_pb2.OfferAccepted: accepted,
    routing_events_pb2.ContactAbandoned: abandoned,
    routing_events_pb2.ContactDequeued: dequeued,
    routing_events_pb2.WrapUpStarted: wrapping_up,
    routing_events_pb2.ContactEnded: over,
    routing_events_pb2.ContactCorrected: corrected,
    telephony_events_pb2.CallEnded: call_ended,
    recording_events_pb2.RecordingStored: recording_stored,
    recording_events_pb2.RecordingErased: recording_erased,
}
