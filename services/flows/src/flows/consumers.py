"""Facts that flows listens to."""

from __future__ import annotations

from chassis.bus import FactMeta
from chassis.consumer import Handlers
from chassis.sql import Tx
from kernel.clock import Clock
from merkez.telephony.v1 import telephony_events_pb2

from flows.ops import runs as ops
from flows.ops.runs import Seal


def handlers(seal: Seal, clock: Clock) -> Handlers:
    """Fact -> what is done about it."""

    async def call_ended(tx: Tx, fact: telephony_events_pb2.CallEnded, meta: FactMeta) -> None:
        await ops.end_runs(tx, fact.cdr.call_id, seal, clock.now())

    return {telephony_events_pb2.CallEnded: call_ended}
