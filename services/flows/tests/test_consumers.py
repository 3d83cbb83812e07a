"""Facts in and out, over a real nats-server."""

from __future__ import annotations

from typing import Any

import pytest
from chassis.bus import LiveMessage
from flows import consumers
from flows.sealing import MaskedValues
from merkez.flows.v1 import flow_pb2 as pb
from merkez.flows.v1 import run_service_pb2
from merkez.telephony.v1 import call_pb2, telephony_events_pb2
from testkit import eventually


@pytest.mark.parametrize("deliveries", [1, 2])
async def test_run_ends_with_its_call_however_often_that_is_told(
    house: Any, make_bus: Any, service_db: Any, seal: MaskedValues, deliveries: int
) -> None:
    heard: list[LiveMessage] = []

    async def listen(message: LiveMessage) -> None:
        heard.append(message)

    bus = await make_bus("flows")
    await bus.subscribe(f"merkez.{house.tenant_id}.*.v1.*", listen)
    bus.relay(house.db)
    await bus.consume(house.db, "flows", consumers.handlers(seal, house.clock, house.leaving))
    step = pb.Step(step_id="a", say=pb.Say(utterance=pb.Utterance(text={"en": "Hi."})))
    flow = await house.publish(pb.Definition(start="a", steps=[step], language="en"))
    call_id = house.fresh("call")
    play = await house.start(flow.flow_id, call_id)
    fact = telephony_events_pb2.CallEnded(cdr=call_pb2.Cdr(call_id=call_id))
    event_id = house.fresh("evt")
    for number in range(deliveries):
        await bus.publish_fact(
            full_name="merkez.telephony.v1.CallEnded",
            tenant_id=house.tenant_id,
            key=call_id,
            event_id=event_id,
            payload=fact.SerializeToString(),
            time=house.clock.now(),
            suffix=str(number),
        )

    async def over() -> bool:
        with house.as_admin():
            run = await house.runs.GetRun(run_service_pb2.GetRunRequest(run_id=play.run_id))
        return run.HasField("end_time")

    await eventually(over)
    await eventually(lambda: [message.name for message in heard].count("run_ended") == 1)
    ended = next(message.decode() for message in heard if message.name == "run_ended")
    assert (ended.call_id, ended.release_id, ended.step_id) == (call_id, flow.release_id, "a")  # type: ignore[attr-defined]
    assert "flow_published" in {message.name for message in heard}
