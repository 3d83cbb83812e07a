"""What agents and supervisors do with calls, over real media: who hears whom is told by frequency."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from chassis.statuses import RemoteFailed
from kernel.errors import FailedPrecondition
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.domain.calls import Contact
from telephony.media.voice_leg import VoiceLeg
from testkit import eventually

from .conftest import MUSIC_HZ, Exchange, an_id
from .scene import ANN_HZ, BEN_HZ, CUSTOMER_HZ, EVE_HZ, ZOE_HZ, Scene, scene

__all__ = ["scene"]
pytestmark = pytest.mark.media


async def test_a_colleague_is_consulted_swapped_with_the_customer_joined_and_given_the_call(scene: Scene) -> None:
    ben, ben_id = await scene.agent(BEN_HZ)
    await scene.consult(ben_id)
    await ben.hears(ANN_HZ)
    await scene.ann.hears(BEN_HZ)
    await scene.customer.hears(MUSIC_HZ)
    await scene.do("SwapCall")
    await scene.customer.hears(ANN_HZ)
    await ben.hears(MUSIC_HZ)
    await scene.do("JoinCall")
    await scene.customer.hears_all(ANN_HZ, BEN_HZ)
    await ben.hears_all(ANN_HZ, CUSTOMER_HZ)
    await scene.ann.hears_all(CUSTOMER_HZ, BEN_HZ)
    await scene.do("LeaveCall")
    await scene.customer.hears(BEN_HZ)
    await ben.hears(CUSTOMER_HZ)
    await scene.ann.hears_nothing()
    facts = await scene.exchange.facts()
    assert facts.count("AgentLeft") == 1 and "CallEnded" not in facts


async def test_a_consult_that_is_completed_leaves_the_two_others_talking(scene: Scene) -> None:
    ben, ben_id = await scene.agent(BEN_HZ)
    await scene.consult(ben_id)
    call = await scene.do("CompleteTransfer")
    assert call.agent_id == ben_id
    await scene.customer.hears(BEN_HZ)
    await ben.hears(CUSTOMER_HZ)
    assert await scene.refused(lambda: scene.do("HoldCall")) == "CALL_OF_OTHER_AGENT"
    await scene.do("HoldCall", ben_id)
    await scene.customer.hears(MUSIC_HZ)
    assert {"CallTransferred", "AgentLeft"} <= set(await scene.exchange.facts())


async def test_a_consult_nobody_takes_is_over_and_a_cancelled_one_takes_its_offer_back(scene: Scene) -> None:
    _, ben_id = await scene.agent(BEN_HZ)
    await scene.do("ConsultCall", agent_id=ben_id)
    await scene.customer.hears(MUSIC_HZ)
    call = await scene.do("CancelConsult")
    assert call.state == call_pb2.CALL_STATE_TALKING
    await scene.customer.hears(ANN_HZ)
    assert [request.rescind_offer for request in scene.exchange.routing.dequeued] == [True]
    # The colleague accepted in the same instant: their part is over at once.
    contact = Contact(scene.exchange.routing.dequeued[0].contact_id, consult=True)
    from telephony.ops import parties as ops

    house = scene.exchange.house
    late = await house.db.run(
        scene.exchange.tenant_id, lambda tx: ops.answer_call(tx, scene.call_id, ben_id, contact, house.now())
    )
    assert late is None
    (left,) = [fact for fact in await scene.exchange.told() if fact.DESCRIPTOR.name == "AgentLeft"]
    assert (left.contact_id, left.leg_id) == (contact.contact_id, "")


async def test_an_agent_calls_a_number_hears_its_early_media_talks_and_the_customer_hangs_up(scene: Scene) -> None:
    exchange = scene.exchange
    ben, ben_id = await scene.agent(BEN_HZ)
    zoe = exchange.peer(ZOE_HZ)
    with exchange.as_agent(ben_id):
        call = await exchange.calls.DialCall(call_service_pb2.DialCallRequest(request_id="r1", number="(555) 010-0199"))
    line = exchange.outside.begun[-1]
    assert (line.planned.number, line.planned.caller_number) == ("+15550100199", "+15550100")
    assert call.state == call_pb2.CALL_STATE_DIALING and call.direction == call_pb2.DIRECTION_OUTBOUND
    await line.early_media(zoe)
    await ben.hears(ZOE_HZ)
    await zoe.hears_nothing()
    await line.answer(zoe)
    await zoe.hears(BEN_HZ)
    await ben.hears(ZOE_HZ)
    line.go()
    live = exchange.switchboard.find
    await eventually(lambda: live(call.call_id) is None)
    with exchange.as_owner():
        (cdr,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=call.call_id))).cdrs
    assert (cdr.direction, cdr.end_party, cdr.end_cause) == (
        call_pb2.DIRECTION_OUTBOUND, call_pb2.END_PARTY_CUSTOMER, "NORMAL",
    )  # fmt: skip
    assert exchange.routing.started[0].agent_id == ben_id


async def test_a_customer_whom_an_agent_called_is_known_by_their_own_number_where_they_are_sent_on(
    scene: Scene,
) -> None:
    exchange, zoe = scene.exchange, scene.exchange.peer(ZOE_HZ)
    _, ben_id = await scene.agent(BEN_HZ)
    with exchange.as_agent(ben_id):
        call = await exchange.calls.DialCall(call_service_pb2.DialCallRequest(request_id="r", number="+15550100199"))
        await exchange.outside.begun[-1].answer(zoe)
        await zoe.hears(BEN_HZ)
        await exchange.calls.TransferCall(
            call_service_pb2.TransferCallRequest(call_id=call.call_id, queue_id=an_id("que"))
        )
    await eventually(lambda: exchange.flows.started[-1].call_id == call.call_id)
    led = exchange.flows.started[-1]
    assert (led.caller_number, led.dialed_number) == ("+15550100199", "+15550100")


async def test_an_agent_who_mutes_while_it_rings_is_not_heard_by_who_answers(exchange: Exchange) -> None:
    ann, ann_id, zoe = exchange.peer(ANN_HZ), an_id("usr"), exchange.peer(ZOE_HZ)
    await exchange.attach(ann, ann_id)
    with exchange.as_agent(ann_id):
        call = await exchange.calls.DialCall(call_service_pb2.DialCallRequest(request_id="r", number="+15550100199"))
        await exchange.calls.SetMute(call_service_pb2.SetMuteRequest(call_id=call.call_id, muted=True))
        await exchange.outside.begun[-1].answer(zoe)
        await ann.hears(ZOE_HZ)
        heard = zoe.packets_heard
        await eventually(lambda: zoe.packets_heard > heard + 20)
        assert not zoe.frequencies(seconds=0.2)
        await exchange.calls.SetMute(call_service_pb2.SetMuteRequest(call_id=call.call_id, muted=False))
    await zoe.hears(ANN_HZ)


async def test_an_agent_who_reloads_while_it_rings_is_on_that_call_and_on_no_other(scene: Scene) -> None:
    exchange, eve_id, eve, zoe = scene.exchange, an_id("usr"), scene.exchange.peer(EVE_HZ), scene.exchange.peer(ZOE_HZ)
    await exchange.attach(exchange.peer(EVE_HZ), eve_id)
    with exchange.as_agent(eve_id):
        await exchange.calls.DialCall(call_service_pb2.DialCallRequest(request_id="r", number="+15550100199"))
        detach = call_service_pb2.DetachStationRequest(client_id="tab1")
        assert await scene.refused(lambda: exchange.stations.DetachStation(detach)) == "STATION_ON_CALL"
    await exchange.attach(eve, eve_id)
    await exchange.outside.begun[-1].answer(zoe)
    await eve.hears(ZOE_HZ)
    listen = {"role": "supervisor", "mode": call_pb2.SUPERVISION_MODE_LISTEN}
    assert await scene.refused(lambda: scene.do("SuperviseCall", eve_id, **listen)) == "STATION_ON_CALL"


@pytest.mark.parametrize(("q850", "cause"), [(17, "BUSY"), (19, "NO_ANSWER"), (21, "REJECTED"), (1, "UNREACHABLE")])
async def test_a_number_that_can_not_be_reached_ends_the_call_with_its_cause(exchange, q850, cause) -> None:
    ann, ann_id = exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    with exchange.as_agent(ann_id):
        call = await exchange.calls.DialCall(call_service_pb2.DialCallRequest(request_id="r", number="+15550100199"))
    exchange.outside.begun[-1].go(q850, 486)
    await eventually(lambda: exchange.switchboard.find(call.call_id) is None)
    with exchange.as_owner():
        (cdr,) = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=call.call_id))).cdrs
    assert (cdr.end_cause, cdr.q850_cause, cdr.sip_status) == (cause, q850, 486)
    assert cdr.talk_duration.ToTimedelta().total_seconds() == 0


async def test_who_has_no_softphone_or_whom_routing_refuses_dials_nobody(exchange: Exchange) -> None:
    ann_id = an_id("usr")
    request = call_service_pb2.DialCallRequest(request_id="r", number="+15550100199")
    with exchange.as_agent(ann_id), pytest.raises(FailedPrecondition) as caught:
        await exchange.calls.DialCall(request)
    assert caught.value.reason == "STATION_REQUIRED"
    await exchange.attach(exchange.peer(ANN_HZ), ann_id)
    refusal = FailedPrecondition("busy")
    refusal.reason = "AGENT_NOT_AVAILABLE"
    exchange.routing.refusal = refusal
    with exchange.as_agent(ann_id), pytest.raises(FailedPrecondition) as caught:
        await exchange.calls.DialCall(request)
    assert caught.value.reason == "AGENT_NOT_AVAILABLE"
    assert exchange.outside.begun == [] and exchange.switchboard.calls == []


async def test_a_call_that_routing_or_the_way_out_breaks_on_is_over_at_once_and_the_agent_is_free(exchange) -> None:
    ann_id = an_id("usr")
    await exchange.attach(exchange.peer(ANN_HZ), ann_id)

    async def breaks(*_: Any) -> Any:
        raise RuntimeError("a bug over there")

    exchange.routing.refusal = RuntimeError("a bug over there")
    rings = exchange.outside.dial
    for number, (refusal, dial) in enumerate([(exchange.routing.refusal, rings), (None, breaks)]):
        exchange.routing.refusal, exchange.outside.dial = refusal, dial
        request = call_service_pb2.DialCallRequest(request_id=f"broken{number}", number="+15550100199")
        with exchange.as_agent(ann_id), pytest.raises(RemoteFailed):
            await exchange.calls.DialCall(request)
        await eventually(lambda: exchange.switchboard.calls == [])
    exchange.outside.dial = rings
    with exchange.as_agent(ann_id):
        await exchange.calls.DialCall(call_service_pb2.DialCallRequest(request_id="again", number="+15550100199"))
    assert len(exchange.outside.begun) == 1 and (await exchange.facts()).count("CallEnded") == 2


async def test_who_was_called_in_the_brands_name_is_spoken_to_in_its_language(exchange: Exchange) -> None:
    exchange.tenancy.caller_numbers.language = "az"
    ann, ann_id = exchange.peer(ANN_HZ), an_id("usr")
    await exchange.attach(ann, ann_id)
    with exchange.as_agent(ann_id):
        call = await exchange.calls.DialCall(call_service_pb2.DialCallRequest(request_id="r", number="+15550100199"))
        await exchange.outside.begun[-1].answer(exchange.peer(ZOE_HZ))
        await ann.hears(ZOE_HZ)
        request = call_service_pb2.TransferCallRequest(call_id=call.call_id, queue_id=an_id("que"))
        await exchange.calls.TransferCall(request)
    await eventually(lambda: exchange.flows.started)
    assert exchange.flows.started[0].language == "az"


async def test_a_number_is_consulted_joined_held_alone_and_dropped(scene: Scene) -> None:
    zoe = scene.exchange.peer(ZOE_HZ)
    await scene.do("ConsultCall", number="+15550100199")
    line = scene.exchange.outside.begun[-1]
    await line.answer(zoe)
    await zoe.hears(ANN_HZ)
    await scene.customer.hears(MUSIC_HZ)
    call = await scene.do("JoinCall")
    await scene.customer.hears_all(ANN_HZ, ZOE_HZ)
    leg_id = next(leg.leg_id for leg in call.legs if leg.party == "participant")
    await scene.do("HoldCall", leg_id=leg_id)
    await zoe.hears(MUSIC_HZ)
    await scene.customer.hears(ANN_HZ)
    await scene.do("DropLeg", leg_id=leg_id)
    await eventually(lambda: line.hung_up is not None)
    await scene.ann.hears(CUSTOMER_HZ)


async def test_an_agent_is_told_when_the_line_of_whom_they_talk_with_takes_no_digits(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VoiceLeg, "sends_digits", False)
    assert await scene.refused(lambda: scene.do("SendDigits", digits="1")) == "DIGITS_NOT_TAKEN"


async def test_an_agent_finds_their_way_through_the_menu_of_a_number_they_consult(scene: Scene) -> None:
    zoe = scene.exchange.peer(ZOE_HZ)
    await scene.do("ConsultCall", number="+15550100199")
    assert await scene.refused(lambda: scene.do("SendDigits", digits="1")) == "CALL_NOT_TALKING"
    await scene.exchange.outside.begun[-1].answer(zoe)
    await zoe.hears(ANN_HZ)
    await scene.do("SendDigits", digits="42#")
    await eventually(lambda: zoe.digits == "42#")
    await scene.ann.press("7")
    await eventually(lambda: zoe.digits == "42#7")
    await scene.do("SwapCall")
    await scene.customer.hears(ANN_HZ)
    await scene.do("SendDigits", digits="5")
    await eventually(lambda: scene.customer.digits == "5")
    assert zoe.digits == "42#7"


async def test_a_blind_transfer_to_a_number_rings_it_for_the_customer_and_ends_with_either(scene: Scene) -> None:
    zoe = scene.exchange.peer(ZOE_HZ)
    call = await scene.do("TransferCall", number="+15550100199")
    assert call.state == call_pb2.CALL_STATE_DIALING
    await scene.customer.hears(MUSIC_HZ)  # the ringing tone of these tests
    await scene.ann.hears_nothing()
    line = scene.exchange.outside.begun[-1]
    await line.answer(zoe)
    await scene.customer.hears(ZOE_HZ)
    await zoe.hears(CUSTOMER_HZ)
    line.go()
    await eventually(lambda: scene.exchange.switchboard.find(scene.call_id) is None)
    facts = await scene.exchange.facts()
    assert facts.count("CallEnded") == 1 and facts.count("AgentLeft") == 1


async def test_a_customer_left_with_a_number_is_sent_on_by_a_supervisor_and_that_is_told(scene: Scene) -> None:
    zoe, eve_id, queue_id = scene.exchange.peer(ZOE_HZ), an_id("usr"), an_id("que")
    await scene.do("ConsultCall", number="+15550100199")
    await scene.exchange.outside.begun[-1].answer(zoe)
    await zoe.hears(ANN_HZ)
    await scene.do("CompleteTransfer")
    before = await scene.exchange.facts()
    await scene.do("TransferCall", eve_id, role="supervisor", queue_id=queue_id)
    assert (await scene.exchange.facts())[len(before) :] == ["CallTransferred"]
    with scene.exchange.as_owner():
        asked = call_service_pb2.ListCallMomentsRequest(call_id=scene.call_id)
        moment = (await scene.exchange.calls.ListCallMoments(asked)).moments[-1]
    assert (moment.happening, moment.agent_id, moment.target) == (
        call_pb2.HAPPENING_TRANSFERRED, eve_id, queue_id,
    )  # fmt: skip


async def test_the_cause_a_number_leaves_by_is_its_own_and_not_the_customers(scene: Scene) -> None:
    await scene.do("TransferCall", number="+15550100199")
    line = scene.exchange.outside.begun[-1]
    await line.answer(scene.exchange.peer(ZOE_HZ))
    await scene.customer.hears(ZOE_HZ)
    line.go(41, 500)
    await eventually(lambda: scene.exchange.switchboard.find(scene.call_id) is None)
    legs = {leg.party: (leg.q850_cause, leg.sip_status) for leg in (await scene.do("GetCall", role="owner")).legs}
    assert (legs["participant"], legs["customer"]) == ((41, 500), (16, 0))


async def test_a_call_that_ends_with_the_line_that_was_cut_says_so_and_not_that_somebody_hung_up(scene: Scene) -> None:
    await scene.do("TransferCall", number="+15550100199")
    line = scene.exchange.outside.begun[-1]
    await line.answer(scene.exchange.peer(ZOE_HZ))
    await scene.customer.hears(ZOE_HZ)
    line.on_cut()
    await eventually(lambda: scene.exchange.switchboard.find(scene.call_id) is None)
    with scene.exchange.as_owner():
        (cdr,) = (await scene.exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=scene.call_id))).cdrs
    assert (cdr.end_party, cdr.end_cause) == (call_pb2.END_PARTY_SYSTEM, "SPEND_LIMIT_REACHED")


async def test_a_customer_sent_to_a_number_that_is_busy_goes_back_to_who_sent_them(scene: Scene) -> None:
    await scene.do("TransferCall", number="+15550100199")
    before = await scene.exchange.facts()
    scene.exchange.outside.begun[-1].go(17, 486)
    await eventually(lambda: len(scene.exchange.flows.started) == 2)
    again = scene.exchange.flows.started[-1]
    assert (again.turn, again.agent_id) == (1, scene.ann_id)
    told = (await scene.exchange.facts())[len(before) :]
    assert told[0] == "LegChanged" and set(told[1:]) <= {"CallProgressed"}, "the flow may be ahead already"
    call = await scene.do("GetCall", role="owner")
    number = next(leg for leg in call.legs if leg.party == "participant")
    assert (number.q850_cause, number.sip_status) == (17, 486)
    await scene.exchange.accept(scene.call_id, scene.ann_id)
    await scene.customer.hears(ANN_HZ)


async def test_a_blind_transfer_to_a_queue_lets_flows_lead_the_customer_again_until_a_colleague_accepts(scene) -> None:
    ben, ben_id = await scene.agent(BEN_HZ)
    queue_id = an_id("que")
    call = await scene.do("TransferCall", queue_id=queue_id)
    assert call.state in (call_pb2.CALL_STATE_IN_FLOW, call_pb2.CALL_STATE_QUEUED)
    await scene.customer.hears(MUSIC_HZ)
    await scene.ann.hears_nothing()
    await eventually(lambda: len(scene.exchange.flows.started) == 2)
    again = scene.exchange.flows.started[-1]
    assert (again.turn, again.queue_id) == (1, queue_id)
    await scene.exchange.accept(scene.call_id, ben_id)
    await scene.customer.hears(BEN_HZ)
    await ben.hears(CUSTOMER_HZ)


async def test_a_customer_who_is_sent_to_what_does_not_exist_stays_with_the_agent(scene: Scene) -> None:
    queue_id, flow_id, agent_id = an_id("que"), an_id("flw"), an_id("usr")
    scene.exchange.routing.missing |= {queue_id, agent_id}
    scene.exchange.flows.released[flow_id] = False
    for target, reason in (
        ({"queue_id": queue_id}, "QUEUE_NOT_FOUND"),
        ({"agent_id": agent_id}, "AGENT_NOT_FOUND"),
        ({"flow_id": an_id("flw")}, "FLOW_NOT_FOUND"),
        ({"flow_id": flow_id}, "FLOW_NOT_PUBLISHED"),
        ({"queue_id": flow_id}, "INVALID_INPUT"),
    ):
        assert await scene.refused(lambda target=target: scene.do("TransferCall", **target)) == reason
    scene.customer.forget()
    await scene.customer.hears(ANN_HZ)
    assert (await scene.do("GetCall")).state == call_pb2.CALL_STATE_TALKING
    assert "AgentLeft" not in await scene.exchange.facts()
    scene.exchange.flows.released[flow_id] = True
    await scene.do("TransferCall", flow_id=flow_id)
    await eventually(lambda: scene.exchange.flows.started[-1].flow_id == flow_id)


async def test_a_parked_call_is_retrieved_by_its_code_by_whoever_knows_it(scene: Scene) -> None:
    ben, ben_id = await scene.agent(BEN_HZ)
    parked = await scene.do("ParkCall")
    assert parked.park_code == "701" and parked.state == call_pb2.CALL_STATE_PARKED
    await scene.customer.hears(MUSIC_HZ)
    await scene.ann.hears_nothing()
    request = call_service_pb2.RetrieveCallRequest(park_code="701")
    with scene.exchange.as_agent(ben_id):
        call = await scene.exchange.calls.RetrieveCall(request)
        assert call.agent_id == ben_id and call.park_code == ""
        await scene.customer.hears(BEN_HZ)
        await ben.hears(CUSTOMER_HZ)
        assert await scene.refused(lambda: scene.exchange.calls.RetrieveCall(request)) == "CALL_NOT_PARKED"


async def test_a_colleague_who_is_only_asked_hangs_up_on_who_asked_and_not_on_the_customer(scene: Scene) -> None:
    _, ben_id = await scene.agent(BEN_HZ)
    await scene.consult(ben_id)
    customer = next(leg for leg in (await scene.do("GetCall")).legs if leg.party == "customer")
    for verb, fields in (
        ("ResumeCall", {}), ("DropLeg", {"leg_id": customer.leg_id}), ("TransferCall", {"queue_id": an_id("que")}),
        ("SetMute", {"leg_id": customer.leg_id, "muted": True}), ("SendDigits", {"digits": "1"}),
    ):  # fmt: skip
        reason = await scene.refused(lambda verb=verb, fields=fields: scene.do(verb, ben_id, **fields))
        assert reason == "CALL_OF_OTHER_AGENT", verb
    after = await scene.do("HangUp", ben_id)
    assert (after.state, after.agent_id) == (call_pb2.CALL_STATE_HELD, scene.ann_id)
    assert [fact for fact in await scene.exchange.facts() if fact in ("AgentLeft", "CallEnded")] == ["AgentLeft"]
    await scene.do("ResumeCall")
    await scene.customer.hears(ANN_HZ)


async def test_whatever_happens_in_a_call_is_told_with_its_contact_its_leg_and_why_it_ended(scene: Scene) -> None:
    _, eve_id = await scene.agent(EVE_HZ)
    _, ben_id = await scene.agent(BEN_HZ)
    call = await scene.do("SuperviseCall", eve_id, role="supervisor", mode=call_pb2.SUPERVISION_MODE_LISTEN)
    legs = {leg.party: leg.leg_id for leg in call.legs}
    await scene.do("SetMute", muted=True, leg_id=legs["customer"])
    await scene.consult(ben_id)
    await scene.do("CompleteTransfer")
    await scene.do("HangUp", ben_id)
    facts = await scene.exchange.told()
    told = {fact.DESCRIPTOR.name: fact for fact in reversed(facts)}
    watching, left, ended = (told[name] for name in ("SupervisionChanged", "AgentLeft", "CallEnded"))
    muted = next(fact for fact in facts if fact.DESCRIPTOR.name == "LegMediaChanged" and fact.leg.muted)
    assert (watching.leg_id, watching.contact_id) == (legs["supervisor"], call.contact_id)
    assert (muted.leg.leg_id, muted.contact_id) == (legs["customer"], call.contact_id)
    assert (left.leg_id, left.contact_id, left.q850_cause) == (legs["agent"], call.contact_id, 16)
    assert {(leg.party, leg.q850_cause) for leg in ended.legs} == {("customer", 16), ("agent", 16)}
    assert (ended.cdr.q850_cause, ended.cdr.contact_id) == (16, (await scene.do("GetCall")).contact_id)


async def test_a_colleague_of_the_conference_may_not_hold_or_drop_whom_the_agent_asks(scene: Scene) -> None:
    _ben, ben_id = await scene.agent(BEN_HZ)
    await scene.consult(ben_id)
    await scene.do("JoinCall")
    zoe, zoe_id = await scene.agent(ZOE_HZ)
    await scene.consult(zoe_id)
    call = await scene.do("GetCall")
    asked = next(leg.leg_id for leg in call.legs if leg.agent_id == zoe_id)
    verbs: tuple[tuple[str, dict[str, Any]], ...] = (
        ("HoldCall", {}), ("ResumeCall", {}), ("DropLeg", {}), ("SetMute", {"muted": True}),
    )  # fmt: skip
    for verb, more in verbs:
        told = await scene.refused(partial(scene.do, verb, ben_id, leg_id=asked, **more))
        assert told == "CALL_OF_OTHER_AGENT", verb
    zoe.forget()
    await zoe.hears(ANN_HZ)
    await scene.do("DropLeg", leg_id=asked)
    await zoe.hears_nothing()
