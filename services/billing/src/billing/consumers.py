"""Facts that are metered: plans, seats, numbers, calls, stored recordings."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

from chassis.bus import FactMeta
from chassis.consumer import Handlers
from chassis.sql import Tx
from chassis.telemetry import counter, log
from google.protobuf.timestamp_pb2 import Timestamp
from merkez.gateway.v1 import limit_events_pb2 as request_limit_pb2
from merkez.recording.v1 import recording_events_pb2
from merkez.routing.v1 import contact_pb2, routing_events_pb2
from merkez.telephony.v1 import limit_events_pb2 as call_limit_pb2
from merkez.telephony.v1 import telephony_events_pb2
from merkez.tenancy.v1 import session_pb2, tenancy_events_pb2

from billing import convert
from billing.domain import rates
from billing.domain.levels import Change
from billing.domain.meters import CALL_OVER, PRESENCE, REQUEST_OVER
from billing.domain.plans import NUMBER, SEAT, STORAGE
from billing.domain.usage import By, UsageConflict, UsageRecord
from billing.ops import invoicing, names, reservations, usage

SEATED = (session_pb2.ROLE_OWNER, session_pb2.ROLE_ADMIN, session_pb2.ROLE_SUPERVISOR, session_pb2.ROLE_AGENT)
AWAY = (contact_pb2.AGENT_STATE_UNSPECIFIED, contact_pb2.AGENT_STATE_OFFLINE)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_unrateable = counter("merkez.billing.unrateable_plans", "Rates of plans that were taken in and can't be applied")
_conflicts = counter("merkez.billing.conflicts", "Usage that came again with another body")


async def plan_subscribed(tx: Tx, fact: tenancy_events_pb2.PlanSubscribed, meta: FactMeta) -> None:
    """A plan version is held from a moment on. One that can't be rated was refused when it was published: one that
    comes all the same is taken, as whoever holds it does hold it, and somebody must look."""
    plan = convert.plan_in(fact, meta.time)
    for rate_id, rate in plan.rates.items():
        try:
            rates.check(rate)
        except rates.RateInvalid as error:
            _unrateable.add(1)
            log.error("a plan can't be rated", plan_id=plan.plan_id, rate_id=rate_id, message=error.message)
    await usage.subscribe(tx, plan)
    await invoicing.look_ahead(tx)  # a period ends where a plan of another currency takes over


async def subscription_changed(tx: Tx, fact: tenancy_events_pb2.SubscriptionChanged, meta: FactMeta) -> None:
    """Trial, pause, end and add-ons of what is held."""
    await _alarmed(usage.hear_subscription(tx, convert.subscription_in(fact)), meta)
    await invoicing.look_ahead(tx)  # a period ends where one begins anew


async def agent_state_changed(tx: Tx, fact: routing_events_pb2.AgentStateChanged, meta: FactMeta) -> None:
    """Somebody signed in or off: what seats by use are counted by."""
    agent = fact.agent
    before, now = (state not in AWAY for state in (fact.previous_state, agent.state))
    if before != now:
        time = agent.state_time.ToDatetime(tzinfo=UTC)
        await _alarmed(usage.change_level(tx, Change(PRESENCE, agent.agent_id, agent.version, time, int(now))), meta)


async def tenant_changed(tx: Tx, fact: tenancy_events_pb2.TenantChanged, meta: FactMeta) -> None:
    """Periods follow the tenant's zone, documents say its name."""
    await names.save(tx, tx.tenant_id, fact.tenant.display_name, fact.tenant.version)
    await usage.move_to_zone(tx, fact.tenant.time_zone or "UTC", fact.tenant.version)


async def tenant_signed_up(tx: Tx, fact: tenancy_events_pb2.TenantSignedUp, meta: FactMeta) -> None:
    """What the company is called."""
    await names.save(tx, tx.tenant_id, fact.tenant.display_name, fact.tenant.version)


async def brand_changed(tx: Tx, fact: tenancy_events_pb2.BrandChanged, meta: FactMeta) -> None:
    """What a brand is called."""
    await names.save(tx, fact.brand.brand_id, fact.brand.display_name, fact.brand.version)


async def user_joined(tx: Tx, fact: tenancy_events_pb2.UserJoined, meta: FactMeta) -> None:
    """A seat is taken."""
    await _seat(tx, fact.user, meta)


async def user_changed(tx: Tx, fact: tenancy_events_pb2.UserChanged, meta: FactMeta) -> None:
    """A seat may be taken or given up."""
    await _seat(tx, fact.user, meta)


async def _seat(tx: Tx, user: session_pb2.User, meta: FactMeta) -> None:
    taken = user.role in SEATED and user.state != session_pb2.USER_STATE_DISABLED
    await _alarmed(usage.change_level(tx, Change(SEAT, user.user_id, user.version, meta.time, int(taken))), meta)


async def number_assigned(tx: Tx, fact: tenancy_events_pb2.NumberAssigned, meta: FactMeta) -> None:
    """A number costs from its assignment; test numbers and those a company brought cost nothing."""
    if not fact.number.test and not fact.number.brought:
        number = fact.number
        await _number(tx, number.number, number.assign_time, 1, meta, number.price_class, number.brand_id)


async def number_changed(tx: Tx, fact: tenancy_events_pb2.NumberChanged, meta: FactMeta) -> None:
    """A number may be another brand's from now on."""
    number = fact.number
    if not number.test and not number.brought:
        moved = Timestamp()
        moved.FromDatetime(meta.time)
        await _number(tx, number.number, moved, 1, meta, number.price_class, number.brand_id)


async def number_released(tx: Tx, fact: tenancy_events_pb2.NumberReleased, meta: FactMeta) -> None:
    """A number stops costing."""
    await _number(tx, fact.number, fact.release_time, 0, meta)


async def _number(
    tx: Tx, number: str, stamp: Timestamp, held: int, meta: FactMeta, price_class: str = "", brand_id: str = ""
) -> None:
    # A number has no version of its own that goes on after its release: its life is ordered by time.
    time = stamp.ToDatetime(tzinfo=UTC)
    position = (time - _EPOCH) // timedelta(microseconds=1)
    change = Change(NUMBER, number, position, time, held, price_class=price_class, brand_id=brand_id)
    await _alarmed(usage.change_level(tx, change), meta)


async def call_ended(tx: Tx, fact: telephony_events_pb2.CallEnded, meta: FactMeta) -> None:
    """A call is rated once; of one that nobody answered there is nothing to rate."""
    if convert.metered(fact.cdr):
        await _alarmed(usage.rate_ended_call(tx, convert.call_in(fact.cdr), meta.time), meta)
    await reservations.note_end(tx, fact.cdr.call_id, convert.talk_in(fact.cdr))


async def call_over_limit(tx: Tx, fact: call_limit_pb2.CallOverLimit, meta: FactMeta) -> None:
    """A call that a soft limit let in is metered beside its minutes."""
    await _count(tx, CALL_OVER, fact.call_id, fact.start_time, 1, fact.brand_id, meta)


async def api_requests_over_limit(tx: Tx, fact: request_limit_pb2.ApiRequestsOverLimit, meta: FactMeta) -> None:
    """What a gateway let pass of a minute over a soft limit."""
    source_id = f"{fact.gateway_id}/{fact.minute_time.ToSeconds()}"
    await _count(tx, REQUEST_OVER, source_id, fact.minute_time, fact.count, "", meta)


async def _count(
    tx: Tx, meter: str, source_id: str, stamp: Timestamp, count: int, brand_id: str, meta: FactMeta
) -> None:  # fmt: skip
    record = UsageRecord("", meter, meter, source_id, stamp.ToDatetime(tzinfo=UTC), 0, brand_id)
    for outcome in await usage.record(tx, [usage.Offered(record, str(count))], By.FACT):
        if outcome.error is not None:
            _conflicts.add(1)
            log.error("usage was refused", fact=meta.fact, event_id=meta.event_id, reason=outcome.error.reason)


async def recording_stored(tx: Tx, fact: recording_events_pb2.RecordingStored, meta: FactMeta) -> None:
    """A recording takes room from now on; a fuller version of it takes other room."""
    value = fact.recording
    change = Change(STORAGE, value.recording_id, value.version, meta.time, value.size_bytes, brand_id=value.brand_id)
    await _alarmed(usage.change_level(tx, change), meta)


async def recording_erased(tx: Tx, fact: recording_events_pb2.RecordingErased, meta: FactMeta) -> None:
    """A recording takes no more room."""
    change = Change(STORAGE, fact.recording.recording_id, fact.recording.version, meta.time, 0)
    await _alarmed(usage.change_level(tx, change), meta)


async def _alarmed(work: Awaitable[None], meta: FactMeta) -> None:
    # Trying again would not help, and the first body stands: refuse it, and have somebody look.
    try:
        await work
    except UsageConflict as error:
        _conflicts.add(1)
        log.error("usage came again with another body", fact=meta.fact, event_id=meta.event_id, reason=error.reason)


HANDLERS: Handlers = {
    tenancy_events_pb2.PlanSubscribed: plan_subscribed,
    tenancy_events_pb2.SubscriptionChanged: subscription_changed,
    tenancy_events_pb2.TenantSignedUp: tenant_signed_up,
    tenancy_events_pb2.TenantChanged: tenant_changed,
    tenancy_events_pb2.BrandChanged: brand_changed,
    tenancy_events_pb2.UserJoined: user_joined,
    tenancy_events_pb2.UserChanged: user_changed,
    tenancy_events_pb2.NumberAssigned: number_assigned,
    tenancy_events_pb2.NumberChanged: number_changed,
    tenancy_events_pb2.NumberReleased: number_released,
    telephony_events_pb2.CallEnded: call_ended,
    routing_events_pb2.AgentStateChanged: agent_state_changed,
    recording_events_pb2.RecordingStored: recording_stored,
    recording_events_pb2.RecordingErased: recording_erased,
    call_limit_pb2.CallOverLimit: call_over_limit,
    request_limit_pb2.ApiRequestsOverLimit: api_requests_over_limit,
}
