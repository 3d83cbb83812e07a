"""An operator's drain ends in time: what can't be moved by then ends and says why; until then it can be taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from chassis.auth import acting_as
from google.protobuf.duration_pb2 import Duration
from kernel.errors import DomainError
from merkez.telephony.v1 import call_pb2, call_service_pb2, node_service_pb2, node_service_pb2_grpc
from telephony.domain.legs import Q850
from telephony.domain.nodes import MOST_DRAINED
from telephony.settings import TelephonySettings
from testkit import eventually
from testkit.rpc import someone

from .conftest import Exchange, an_id
from .scene import ANN_HZ, CUSTOMER_HZ
from .test_handover import beating, drain
from .test_voicemail import at_the_beep, goodbye, record
from .two_nodes import Pair, back, owner, passed

pytestmark = pytest.mark.media


async def the_cdr(exchange: Exchange, call_id: str) -> call_pb2.Cdr:
    with exchange.as_owner():
        (found,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=call_id))).cdrs
    return found


async def test_what_no_other_node_takes_ends_when_the_operators_time_is_over_and_the_cdr_says_so(
    make_exchange: Any,
) -> None:
    only = await make_exchange(fresh=True)
    customer, ann, ann_id = only.peer(CUSTOMER_HZ), only.peer(ANN_HZ), an_id("usr")
    await only.attach(ann, ann_id)
    call = await only.call(customer)
    await only.accept(call.call_id, ann_id)
    await customer.hears(ANN_HZ)
    await drain(only, seconds=2.0)
    await passed(0.5)
    customer.forget()
    await customer.hears(ANN_HZ)
    await eventually(lambda: not only.switchboard.calls)
    found = await the_cdr(only, call.call_id)
    assert (found.end_cause, found.q850_cause) == ("NODE_DRAINED", Q850.TEMPORARY_FAILURE)
    assert found.end_party == call_pb2.END_PARTY_SYSTEM and found.talk_duration.ToTimedelta() > timedelta(0)
    assert only.switchboard.draining, "it stays empty until it is taken back"
    await drain(only, False)
    assert await only.call(only.peer())


async def test_a_drain_that_is_taken_back_in_time_ends_nobodys_call(make_exchange: Any) -> None:
    only = await make_exchange(fresh=True)
    call = await only.call(only.peer())
    await drain(only, seconds=1.0)
    await drain(only, False)
    await passed(1.5)
    assert only.switchboard.find(call.call_id) is not None and not only.switchboard.draining


async def test_a_drain_that_is_given_more_time_takes_it(make_exchange: Any) -> None:
    only = await make_exchange(fresh=True)
    call = await only.call(only.peer())
    await drain(only, seconds=1.0)
    await drain(only, seconds=60.0)
    await passed(1.5)
    assert only.switchboard.find(call.call_id) is not None
    await drain(only, seconds=0.1)
    await eventually(lambda: only.switchboard.find(call.call_id) is None)


async def test_who_waits_for_a_number_that_rings_is_moved_in_the_last_moment_and_talks_on(pair: Pair) -> None:
    call, _, _, ann_id = await pair.talk()
    with acting_as(someone("agent", pair.first.tenant_id, ann_id)):
        request = call_service_pb2.ConsultCallRequest(call_id=call.call_id, number="+15550199")
        await pair.first.calls.ConsultCall(request)
    rung = pair.first.outside.begun[-1]
    await drain(pair.first, seconds=4.0)
    await passed(1.0)
    assert pair.first.switchboard.find(call.call_id) is not None, "it is waited for"
    await eventually(lambda: rung.hung_up is not None or rung.left, deadline=10)
    assert await owner(pair.second, call.call_id) == pair.second.house.settings.node_id
    beating(pair.second)
    customer, _ = await back(pair.second, call, CUSTOMER_HZ)
    assert customer
    live = pair.second.switchboard.find(call.call_id)
    assert live is not None
    await eventually(lambda: not any(leg.consulted and leg.live for leg in live.legs))
    await drain(pair.first, False)


async def test_who_is_leaving_a_message_says_it_to_the_end_and_hears_no_second_greeting(pair: Pair) -> None:
    pair.first.flows.steps = [record(), goodbye()]
    customer, call = await at_the_beep(pair.first)
    customer.microphone = True
    await eventually(lambda: pair.first.recording.begun)
    await drain(pair.first)
    await passed(1.5)
    assert pair.first.switchboard.find(call.call_id) is not None, "it is waited for"
    customer.microphone = False
    await eventually(lambda: pair.first.flows.events() == [("RECORDED", "")])
    await eventually(lambda: len(pair.first.recording.finished) == 1)
    assert len(pair.first.recording.begun) == 1
    await drain(pair.first, False)


async def test_an_operator_sees_how_many_calls_are_left_and_until_when(make_exchange: Any) -> None:
    only = await make_exchange(fresh=True)
    await only.call(only.peer())
    stub: Any = only.rpc.stub(node_service_pb2_grpc.NodeServiceStub, "telephony")
    me = only.house.settings.node_id

    async def asked(**more: Any) -> node_service_pb2.Node:
        return await stub.DrainNode(node_service_pb2.DrainNodeRequest(node_id=me, **more))

    def left(node: node_service_pb2.Node) -> float:
        return (
            node.drain_deadline_time.ToDatetime().replace(tzinfo=only.house.now().tzinfo) - only.house.now()
        ).total_seconds()

    with acting_as(someone("operator", "")):
        default = await asked()
        assert default.draining and default.live_calls == 1
        assert left(default) == pytest.approx(TelephonySettings.operator_drain_seconds, abs=10)
        assert (await asked()).drain_deadline_time == default.drain_deadline_time, "asked again it stays"
        assert left(await asked(drain_duration=Duration(seconds=90))) == pytest.approx(90, abs=10)
        for wrong in (Duration(), Duration(seconds=-1), Duration(seconds=int(MOST_DRAINED.total_seconds()) + 1)):
            with pytest.raises(DomainError) as refused:
                await asked(drain_duration=wrong)
            assert "drain_duration" in str(refused.value.fields)
        (seen,) = [
            node for node in (await stub.ListNodes(node_service_pb2.ListNodesRequest())).nodes if node.node_id == me
        ]
        assert seen.draining and left(seen) == pytest.approx(90, abs=10)
        back_again = await stub.UndrainNode(node_service_pb2.UndrainNodeRequest(node_id=me))
        assert not back_again.draining and not back_again.HasField("drain_deadline_time")
        for verb, request in (
            ("DrainNode", node_service_pb2.DrainNodeRequest),
            ("UndrainNode", node_service_pb2.UndrainNodeRequest),
        ):
            with pytest.raises(DomainError) as unknown:
                await getattr(stub, verb)(request(node_id="nobody"))
            assert unknown.value.reason == "NODE_NOT_FOUND"
