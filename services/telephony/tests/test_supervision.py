"""Supervisors listen, whisper, barge in and take over, over real media: who hears whom is told by frequency."""

from __future__ import annotations

import pytest
from chassis.auth import acting_as
from kernel.errors import DomainError
from merkez.telephony.v1 import call_pb2, call_service_pb2
from testkit.rpc import someone

from .conftest import an_id
from .scene import ANN_HZ, BEN_HZ, CUSTOMER_HZ, EVE_HZ, Scene, scene

__all__ = ["scene"]
pytestmark = pytest.mark.media


async def test_a_supervisor_listens_whispers_barges_and_takes_over_and_the_customer_never_hears_a_whisper(
    scene,
) -> None:
    eve, eve_id = await scene.agent(EVE_HZ)
    listen, whisper, barge = (
        call_pb2.SUPERVISION_MODE_LISTEN, call_pb2.SUPERVISION_MODE_WHISPER, call_pb2.SUPERVISION_MODE_BARGE,
    )  # fmt: skip
    await scene.do("SuperviseCall", eve_id, role="supervisor", mode=listen)
    await eve.hears_all(CUSTOMER_HZ, ANN_HZ)
    await scene.do("SuperviseCall", eve_id, role="supervisor", mode=whisper)
    scene.customer.forget()
    await scene.ann.hears_all(CUSTOMER_HZ, EVE_HZ)
    await scene.customer.hears(ANN_HZ)
    assert all(abs(heard - EVE_HZ) > 20 for heard in scene.customer.frequencies(seconds=0.2, count=2)[:1])
    await scene.do("SuperviseCall", eve_id, role="supervisor", mode=barge)
    await scene.customer.hears_all(ANN_HZ, EVE_HZ)
    call = await scene.do("TakeOverCall", eve_id, role="supervisor")
    assert call.agent_id == eve_id
    await scene.customer.hears(EVE_HZ)
    await eve.hears(CUSTOMER_HZ)
    await scene.ann.hears_nothing()
    facts = await scene.exchange.facts()
    # Three modes, the end of that leg, and what she is since.
    assert facts.count("SupervisionChanged") == 5 and "AgentLeft" in facts


@pytest.mark.parametrize("verb", ["StopSupervising", "ParkCall", "TransferCall", "HangUp"])
async def test_however_a_supervision_ends_it_is_told_once(scene: Scene, verb: str) -> None:
    eve, eve_id = await scene.agent(EVE_HZ)
    await scene.do("SuperviseCall", eve_id, role="supervisor", mode=call_pb2.SUPERVISION_MODE_LISTEN)
    if verb == "StopSupervising":
        await scene.do(verb, eve_id, role="supervisor")
    else:
        await scene.do(verb, **({"queue_id": an_id("que")} if verb == "TransferCall" else {}))
    await eve.hears_nothing()
    assert (await scene.exchange.facts()).count("SupervisionChanged") == 2


async def test_each_way_to_supervise_is_granted_by_itself(scene: Scene) -> None:
    eve, eve_id = await scene.agent(EVE_HZ)
    coach = someone("supervisor", scene.exchange.tenant_id, eve_id, permissions={"calls.whisper"})

    async def supervise(mode: call_pb2.SupervisionMode.ValueType) -> call_pb2.Call:
        with acting_as(coach):
            request = call_service_pb2.SuperviseCallRequest(call_id=scene.call_id, mode=mode)
            return await scene.exchange.calls.SuperviseCall(request)

    for mode in (call_pb2.SUPERVISION_MODE_LISTEN, call_pb2.SUPERVISION_MODE_BARGE):
        assert await scene.refused(lambda mode=mode: supervise(mode)) == "SUPERVISION_NOT_ALLOWED"
    call = await supervise(call_pb2.SUPERVISION_MODE_WHISPER)
    assert [leg.agent_id for leg in call.legs if leg.party == "supervisor"] == [eve_id]
    await scene.ann.hears(EVE_HZ)
    with acting_as(coach):
        await scene.exchange.calls.StopSupervising(call_service_pb2.StopSupervisingRequest(call_id=scene.call_id))
    await eve.hears_nothing()


async def test_who_listens_can_be_asked_like_anybody_and_nobody_learns_that_they_did(scene: Scene) -> None:
    eve, eve_id = await scene.agent(EVE_HZ)
    await scene.do("SuperviseCall", eve_id, role="supervisor", mode=call_pb2.SUPERVISION_MODE_LISTEN)
    await eve.hears_all(CUSTOMER_HZ, ANN_HZ)
    await scene.do("ConsultCall", agent_id=eve_id)
    with acting_as(someone("supervisor", scene.exchange.tenant_id, eve_id)):
        station = await scene.exchange.stations.GetStation(call_service_pb2.GetStationRequest())
    assert station.call_id == scene.call_id, "she listens still"
    await scene.exchange.accept(scene.call_id, eve_id, scene.consult_contact())
    await scene.ann.hears(EVE_HZ)
    eve.forget()
    await eve.hears(ANN_HZ)
    call = await scene.do("CompleteTransfer")
    assert {leg.party for leg in call.legs} == {"customer", "agent"}
    await scene.customer.hears(EVE_HZ)
    assert (await scene.exchange.facts()).count("SupervisionChanged") == 2


async def test_whoever_listens_is_with_the_colleague_who_has_the_customer_next(scene: Scene) -> None:
    _, eve_id = await scene.agent(EVE_HZ)
    ben, ben_id = await scene.agent(BEN_HZ)
    whisper = call_pb2.SUPERVISION_MODE_WHISPER
    await scene.do("SuperviseCall", eve_id, role="supervisor", mode=whisper)
    await scene.ann.hears(EVE_HZ)
    await scene.consult(ben_id)
    call = await scene.do("CompleteTransfer")
    ben.forget()
    await ben.hears(CUSTOMER_HZ)
    watching = next(
        leg for leg in (await scene.do("GetCall", eve_id, role="supervisor")).legs if leg.party == "supervisor"
    )
    assert call.agent_id == watching.supervised_agent_id == ben_id
    assert watching.mode == call_pb2.SUPERVISION_MODE_LISTEN, "what was said to Ann isn't for Ben"
    told = [fact for fact in await scene.exchange.told() if fact.DESCRIPTOR.name == "SupervisionChanged"]
    assert [(fact.agent_id, fact.mode) for fact in told[1:]] == [(ben_id, call_pb2.SUPERVISION_MODE_LISTEN)]
    await scene.do("SuperviseCall", eve_id, role="supervisor", mode=whisper, agent_id=watching.supervised_agent_id)
    await ben.hears(EVE_HZ)
    taken = await scene.do("TakeOverCall", eve_id, role="supervisor", agent_id=watching.supervised_agent_id)
    assert taken.agent_id == eve_id
    await scene.customer.hears(EVE_HZ)


async def test_an_agent_learns_nothing_of_who_listens_and_may_not_listen_to_others(scene: Scene) -> None:
    eve, eve_id = await scene.agent(EVE_HZ)
    mode = call_pb2.SUPERVISION_MODE_LISTEN
    seen = await scene.do("SuperviseCall", eve_id, role="supervisor", mode=mode)
    assert {leg.party for leg in seen.legs} == {"customer", "agent", "supervisor"}
    assert {leg.party for leg in (await scene.do("GetCall")).legs} == {"customer", "agent"}
    with pytest.raises(DomainError):
        await scene.do("SuperviseCall", an_id("usr"), mode=mode)
    await scene.do("StopSupervising", eve_id, role="supervisor")
    await eve.hears_nothing()
    again = await scene.do("StopSupervising", eve_id, role="supervisor")
    assert {leg.party for leg in again.legs if leg.state != call_pb2.LEG_STATE_ENDED} == {"customer", "agent"}
