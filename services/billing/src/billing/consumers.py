"""Facts that are metered: plans, seats, numbers, calls, stored recordings."""

from __future__ import annotations

from datetime import UTC

from chassis.bus import FactMeta
from chassis.consumer import Handlers
from chassis.sql import Tx
from chassis.telemetry import log
from merkez.recording.v1 import recording_events_pb2
from merkez.telephony.v1 import telephony_events_pb2
from merkez.tenancy.v1 import session_pb2, tenancy_events_pb2

from billing import convert, ops, store
from billing.domain.plans import NUMBER, SEAT, STORAGE
from billing.domain.usage import UsageConflict

SEATED = (session_pb2.ROLE_OWNER, session_pb2.ROLE_ADMIN, session_pb2.ROLE_SUPERVISOR, session_pb2.ROLE_AGENT)
NEVER_ANSWERED = ("CONCURRENT_CALL_LIMIT_REACHED",)
"""End causes of calls that were refused: nobody pays for a refusal."""


async def plan_subscribed(tx: Tx, fact: tenancy_events_pb2.PlanSubscribed, meta: FactMeta) -> None:
    """A plan version is held from a moment on."""
    await store.save_plan(tx, convert.plan_in(fact))


async def user_joined(tx: Tx, fact: tenancy_events_pb2.UserJoined, meta: FactMeta) -> None:
    """A seat is taken."""
    await _seat(tx, fact.user, meta)


async def user_changed(tx: Tx, fact: tenancy_events_pb2.UserChanged, meta: FactMeta) -> None:
    """A seat may be taken or given up."""
    await _seat(tx, fact.user, meta)


async def _seat(tx: Tx, user: session_pb2.User, meta: FactMeta) -> None:
    if user.role in SEATED and user.state != session_pb2.USER_STATE_DISABLED:
        await store.open_span(tx, SEAT, user.user_id, meta.time)
    else:
        await store.close_span(tx, SEAT, user.user_id, meta.time)


async def number_assigned(tx: Tx, fact: tenancy_events_pb2.NumberAssigned, meta: FactMeta) -> None:
    """A number costs from its assignment; test numbers cost nothing."""
    if not fact.number.test:
        await store.open_span(tx, NUMBER, fact.number.number, fact.number.assign_time.ToDatetime(tzinfo=UTC))


async def number_released(tx: Tx, fact: tenancy_events_pb2.NumberReleased, meta: FactMeta) -> None:
    """A number stops costing."""
    await store.close_span(tx, NUMBER, fact.number, fact.release_time.ToDatetime(tzinfo=UTC))


async def call_ended(tx: Tx, fact: telephony_events_pb2.CallEnded, meta: FactMeta) -> None:
    """A call is rated once."""
    cdr = fact.cdr
    if cdr.end_cause in NEVER_ANSWERED:
        return
    call = ops.EndedCall(
        call_id=cdr.call_id,
        brand_id=cdr.brand_id,
        start_time=cdr.start_time.ToDatetime(tzinfo=UTC),
        used_seconds=convert.used_seconds(cdr),
    )
    try:
        await ops.rate_ended_call(tx, call, meta.time)
    except UsageConflict as error:
        log.error("a usage record came again with another body", call_id=cdr.call_id, reason=error.reason)


async def recording_stored(tx: Tx, fact: recording_events_pb2.RecordingStored, meta: FactMeta) -> None:
    """A recording takes room from now on."""
    await store.open_span(tx, STORAGE, fact.recording.recording_id, meta.time, fact.recording.size_bytes)


async def recording_erased(tx: Tx, fact: recording_events_pb2.RecordingErased, meta: FactMeta) -> None:
    """A recording takes no more room."""
    await store.close_span(tx, STORAGE, fact.recording.recording_id, meta.time)


HANDLERS: Handlers = {
    tenancy_events_pb2.PlanSubscribed: plan_subscribed,
    tenancy_events_pb2.UserJoined: user_joined,
    tenancy_events_pb2.UserChanged: user_changed,
    tenancy_events_pb2.NumberAssigned: number_assigned,
    tenancy_events_pb2.NumberReleased: number_released,
    telephony_events_pb2.CallEnded: call_ended,
    recording_events_pb2.RecordingStored: recording_stored,
    recording_events_pb2.RecordingErased: recording_erased,
}
