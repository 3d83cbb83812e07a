"""Facts of other services that end or limit recordings."""

from __future__ import annotations

from datetime import timedelta

from chassis.bus import FactMeta
from chassis.consumer import Handlers
from chassis.instants import time_in
from chassis.sql import Tx
from merkez.telephony.v1.telephony_events_pb2 import CallEnded
from merkez.tenancy.v1.tenancy_events_pb2 import PlanSubscribed

from recording import ops


def handlers(finish_grace: timedelta) -> Handlers:
    """What recording does with each fact."""

    async def call_ended(tx: Tx, fact: CallEnded, meta: FactMeta) -> None:
        await ops.call_ended(tx, fact.cdr.call_id, finish_grace, meta.time)

    return {CallEnded: call_ended, PlanSubscribed: plan_subscribed}


async def plan_subscribed(tx: Tx, fact: PlanSubscribed, meta: FactMeta) -> None:
    """The plan says how long recordings are kept."""
    effective = time_in(fact, "effective_time") or meta.time
    await ops.keep_retention(tx, effective, meta.time, fact.plan.limits.recording_retention_days, meta.time)
