"""A customer's page: the brand it shows, and the socket of its one call."""

from __future__ import annotations

import asyncio
from typing import Any

from kernel.errors import InvalidInput
from merkez.routing.v1.contact_pb2 import CONTACT_KIND_CONSULT
from merkez.routing.v1.routing_events_pb2 import ContactDequeued, ContactQueued
from merkez.telephony.v1 import call_pb2
from merkez.telephony.v1.call_pb2 import Call, Cdr, Leg
from merkez.telephony.v1.quality_pb2 import CallQuality
from merkez.telephony.v1.telephony_events_pb2 import (
    AgentLeft,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallMoved,
    CallParked,
    CallRefused,
    CallResumed,
    CallStarted,
    CallTransferred,
    LegChanged,
    LegMediaChanged,
    SupervisionChanged,
)

CALL = "call_01jd3v9k8r5x7m2p4q6s8t0w1y"
TENANT = "ten_01jd3v9k8r5x7m2p4q6s8t0w1y"
OTHER = "call_01jd3v9k8r5x7m2p4q6s8t0w1z"
PATH = "/widget/v1/socket?key=wk_public"


async def test_any_site_may_show_the_brand_behind_a_key(house: Any) -> None:
    answer = await house.http.get("/widget/v1/wk_public", headers={"origin": "https://acme.example"})
    assert answer.json() == {"brandName": "Acme Travel", "language": "tr", "callable": True}
    assert answer.headers["access-control-allow-origin"] == "*"
    await house.http.get("/widget/v1/wk_public")
    assert len(house.world.seen["LookupRoute"]) == 1, "remembered for a moment"
    preflight = await house.http.options("/widget/v1/wk_public")
    assert preflight.status_code == 204 and "GET" in preflight.headers["access-control-allow-methods"]
    missing = await house.http.get("/widget/v1/wk_nobody")
    assert missing.status_code == 404 and missing.json()["reason"] == "WIDGET_NOT_FOUND"
    assert missing.headers["access-control-allow-origin"] == "*"


async def test_socket_of_an_unknown_widget_is_closed(house: Any) -> None:
    for path in ("/widget/v1/socket?key=wk_nobody", "/widget/v1/socket"):
        socket = await house.socket(path)
        assert (await socket.next())["problem"]["reason"] == "WIDGET_NOT_FOUND"
        assert await socket.closed() == 4404


async def test_page_is_told_the_relays_its_media_may_need_before_it_calls(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="hello")
    welcome = await socket.next()
    assert welcome["type"] == "welcome" and welcome["expireTime"] == "2026-01-31T10:30:00Z"
    assert welcome["iceServers"] == [
        {"urls": ["turn:turn.example.com:3478"], "username": "1:ten/guest", "credential": "word"}
    ]
    (who, _) = house.world.seen["GetIceServers"][0]
    assert who.role == "service" and who.tenant_id == "ten_01jd3v9k8r5x7m2p4q6s8t0w1y"


async def test_customer_is_told_when_the_other_side_stalls_and_is_back(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="call", sdp="offer")
    await socket.until("answer")
    quality = CallQuality(call_id=CALL, agent_ids=["usr_a"])
    quality.legs.add(party="customer", stalled=True)
    quality.legs.add(party="agent", stalled=True)
    house.bus.publish_live(TENANT, "call_quality", quality)
    assert await socket.until("otherSide") == {"type": "otherSide", "stalled": True}
    house.bus.publish_live(TENANT, "call_quality", CallQuality(call_id=OTHER))
    house.bus.publish_live(TENANT, "call_quality", quality)
    quality.legs[1].stalled = False
    house.bus.publish_live(TENANT, "call_quality", quality)
    assert await socket.next() == {"type": "otherSide", "stalled": False}


async def test_page_is_welcome_without_relays_while_telephony_is_away(make_house: Any) -> None:
    house = await make_house(without="telephony")
    socket = await house.socket(PATH)
    await socket.send(type="hello")
    assert (await socket.next())["iceServers"] == []


async def test_customer_calls_and_follows_the_call_to_its_end(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="call", sdp="offer", callerName="Carla", callerNumber="+15550142", attributes={"page": "/"})
    assert await socket.next() == {"type": "state", "state": "ringing"}
    answer = await socket.next()
    expected = {"callId": CALL, "legId": "leg_1", "sdp": "answer", "token": "leg-secret", "callerNumber": "+15550142"}
    assert answer == {"type": "answer"} | expected
    who, request = house.world.seen["StartWebCall"][0]
    assert who.role == "service" and who.tenant_id == "ten_01jd3v9k8r5x7m2p4q6s8t0w1y"
    assert (request.widget_key, request.sdp_offer, request.caller_number) == ("wk_public", "offer", "+15550142")
    assert request.request_id.startswith("req_")
    queued = ContactQueued()
    queued.contact.call_id = CALL
    for fact in (
        CallStarted(call=Call(call_id=OTHER)),
        CallStarted(call=Call(call_id=CALL)),
        queued,
        CallAnswered(call=Call(call_id=CALL, agent_id="usr_a")),
        CallEnded(cdr=Cdr(call_id=OTHER)),
        CallHeld(call=Call(call_id=CALL)),
        CallResumed(call=Call(call_id=CALL)),
        CallEnded(cdr=Cdr(call_id=CALL, end_cause="NORMAL", agent_id="usr_a")),
    ):
        await house.publish(fact)
    heard = [await socket.next() for _ in range(6)]
    assert [each["state"] for each in heard] == ["menu", "queued", "answered", "held", "answered", "ended"]
    assert heard[-1] == {"type": "state", "state": "ended", "reason": "NORMAL"}, "nothing of the tenant's inside"
    await socket.close()


async def test_customer_does_not_hear_of_what_agents_ask_each_other(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="call", sdp="offer")
    await socket.until("answer")
    asked, dropped = ContactQueued(), ContactDequeued()
    for fact in (asked, dropped):
        fact.contact.call_id, fact.contact.kind = CALL, CONTACT_KIND_CONSULT
        await house.publish(fact)
    await house.publish(CallHeld(call=Call(call_id=CALL)))
    assert (await socket.next())["state"] == "held"
    await socket.close()


async def test_customer_is_told_that_they_wait_again_and_not_for_whom(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="call", sdp="offer")
    await socket.until("answer")
    led_by_flow = Call(call_id=CALL, state=call_pb2.CALL_STATE_IN_FLOW)
    dialing = Call(call_id=CALL, state=call_pb2.CALL_STATE_DIALING)
    talking = Call(call_id=CALL, state=call_pb2.CALL_STATE_TALKING)
    for fact in (
        CallAnswered(call=talking),
        CallTransferred(call=led_by_flow, agent_id="usr_a", target_kind="queue", target="que_1"),
        CallTransferred(call=led_by_flow, agent_id="usr_a", target_kind="flow", target="flw_1"),
        CallTransferred(call=dialing, target_kind="number", target="+15550142"),
        CallTransferred(call=talking, agent_id="usr_a", target_kind="agent", target="usr_b"),
        CallParked(call=Call(call_id=CALL, park_code="701"), agent_id="usr_a"),
        CallAnswered(call=talking),
    ):  # fmt: skip
        await house.publish(fact)
    heard = [await socket.next() for _ in range(7)]
    expected = ["answered", "queued", "menu", "held", "answered", "held", "answered"]
    assert heard == [{"type": "state", "state": state} for state in expected], "a state, and nothing beside it"
    await socket.close()


async def test_customer_is_back_in_the_menu_when_the_agent_has_hung_up_and_not_when_one_of_two_left(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="call", sdp="offer")
    await socket.until("answer")
    talking = Call(call_id=CALL, state=call_pb2.CALL_STATE_TALKING)
    for fact in (
        CallAnswered(call=talking),
        AgentLeft(call_id=CALL, agent_id="usr_a", reason="LEFT"),
        AgentLeft(call_id=OTHER, agent_id="usr_a", reason="HUNG_UP"),
        AgentLeft(call_id=CALL, agent_id="usr_b", reason="HUNG_UP"),
        CallEnded(cdr=Cdr(call_id=CALL, end_cause="FLOW_ENDED")),
    ):
        await house.publish(fact)
    heard = [(await socket.next())["state"] for _ in range(3)]
    assert heard == ["answered", "menu", "ended"]
    await socket.close()


async def test_page_of_a_call_that_moved_is_told_to_attach_anew(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="call", sdp="offer")
    await socket.until("answer")
    await house.publish(CallMoved(call=Call(call_id=OTHER), from_node_id="a", to_node_id="b"))
    await house.publish(CallMoved(call=Call(call_id=CALL), from_node_id="a", to_node_id="b"))
    assert await socket.next() == {"type": "moved"}, "which node is nobody's business outside"
    await socket.close()


async def test_customer_hears_nothing_of_supervisors_consults_and_other_parties(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="call", sdp="offer")
    await socket.until("answer")
    asked = Leg(leg_id="leg_2", party="agent", agent_id="usr_b", consulted=True, state=call_pb2.LEG_STATE_RINGING)
    call = Call(call_id=CALL, state=call_pb2.CALL_STATE_HELD, legs=[asked])
    watching = Leg(leg_id="leg_3", party="supervisor", agent_id="usr_s", mode=call_pb2.SUPERVISION_MODE_WHISPER)
    for fact in (
        LegChanged(call=call, leg=asked),
        SupervisionChanged(call_id=CALL, supervisor_id="usr_s", mode=call_pb2.SUPERVISION_MODE_LISTEN),
        LegMediaChanged(call_id=CALL, leg=watching),
        AgentLeft(call_id=CALL, agent_id="usr_b", reason="CONSULT_OVER"),
        CallEnded(cdr=Cdr(call_id=CALL, end_cause="NORMAL")),
    ):
        await house.publish(fact)
    assert await socket.next() == {"type": "state", "state": "ended", "reason": "NORMAL"}
    await socket.close()


async def test_facts_that_pass_before_the_answer_are_not_missed(house: Any) -> None:
    desk, socket = await house.signed_in("admin"), await house.socket(PATH)
    house.world.may_answer.clear()
    await socket.send(type="call", sdp="offer")
    assert (await socket.next())["state"] == "ringing"
    await house.publish(CallStarted(call=Call(call_id=CALL)))
    assert (await desk.until("event"))["fact"] == "CallStarted"
    house.world.may_answer.set()
    assert (await socket.next())["type"] == "answer"
    assert await socket.next() == {"type": "state", "state": "menu"}
    await desk.close()
    await socket.close()


async def test_refused_call_says_why_when_it_ends(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="call", sdp="offer")
    await socket.until("answer")
    await house.publish(CallRefused(call_id=CALL, reason="CONCURRENT_CALL_LIMIT_REACHED"))
    assert (await socket.next())["state"] == "refused"
    await house.publish(CallEnded(cdr=Cdr(call_id=CALL, end_cause="LIMIT")))
    ended = await socket.next()
    assert (ended["state"], ended["reason"]) == ("ended", "CONCURRENT_CALL_LIMIT_REACHED")
    await socket.close()


async def test_customer_hangs_up_only_the_own_call(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="hangUp", callId=OTHER)
    assert (await socket.next())["problem"]["reason"] == "NO_CALL"
    await socket.send(type="call", sdp="offer")
    await socket.until("answer")
    await socket.send(type="call", sdp="offer")
    assert (await socket.until("problem"))["problem"]["reason"] == "CALL_UNDER_WAY"
    await socket.send(type="digits", digits="1#", callId=OTHER)
    await socket.send(type="hangUp", callId=OTHER)
    async with asyncio.timeout(30):
        while not house.world.seen["HangUp"]:
            await asyncio.sleep(0.01)
    assert house.world.seen["HangUp"][0][1].call_id == CALL
    pressed = house.world.seen["SendDigits"][0][1]
    assert (pressed.call_id, pressed.digits) == (CALL, "1#")
    await socket.close()


async def test_reloaded_page_comes_back_to_its_call(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="reattach", token="leg-secret", sdp="new offer")
    answer = await socket.next()
    assert (answer["type"], answer["callId"], answer["sdp"]) == ("answer", CALL, "again")
    state = await socket.next()
    assert (state["state"], state["answerTime"]) == ("answered", "2026-01-31T09:30:00Z")
    assert state["time"] > state["answerTime"], "the page counts the talk by the server's clock"
    await house.publish(CallEnded(cdr=Cdr(call_id=CALL, end_cause="NORMAL")))
    assert (await socket.next())["state"] == "ended"
    await socket.close()


async def test_page_whose_socket_was_lost_follows_its_call_again_and_keeps_its_media(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="reattach", token="leg-secret")
    answer = await socket.next()
    assert (answer["type"], answer["callId"], answer["sdp"]) == ("answer", CALL, "")
    assert (await socket.next())["state"] == "answered"
    assert not house.world.seen["ReattachLeg"][0][1].sdp_offer
    await house.publish(CallHeld(call=Call(call_id=CALL)))
    assert (await socket.next())["state"] == "held"
    await socket.close()


async def test_waiting_customer_sees_their_place_and_how_long_it_may_take(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="call", sdp="offer")
    await socket.until("answer")
    queued = ContactQueued()
    queued.contact.call_id, queued.contact.contact_id = CALL, "con_1"
    await house.publish(queued)
    assert await socket.next() == {"type": "state", "state": "queued"}
    assert await socket.next() == {
        "type": "state", "state": "queued", "position": 2, "waitLowSeconds": 60, "waitHighSeconds": 150,
    }  # fmt: skip
    assert house.world.seen["GetWaitEstimate"][0][1].contact_id == "con_1"
    await socket.close()


async def test_page_learns_why_its_call_was_not_taken_before_it_learns_that_it_is_over(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="ping")
    await socket.until("pong")
    house.world.fail = InvalidInput.of("caller_number", "must be a telephone number")
    await socket.send(type="call", sdp="offer", callerNumber="call me")
    assert (await socket.next())["state"] == "ringing"
    problem = await socket.next()
    assert problem["about"] == "call"
    assert [wrong["field"] for wrong in problem["problem"]["errors"]] == ["callerNumber"]
    assert (await socket.next())["state"] == "ended"
    await socket.close()


async def test_page_that_sends_nonsense_is_told_what_is_wrong(house: Any) -> None:
    socket = await house.socket(PATH)
    await socket.send(type="call", sdp=7, callerName=["x"])
    problem = (await socket.until("problem"))["problem"]
    assert {error["field"] for error in problem["errors"]} == {"sdpOffer", "callerName"}
    await socket.send(type="fly")
    assert (await socket.until("problem"))["problem"]["reason"] == "MESSAGE_INVALID"
    await socket.send(type="ping")
    assert (await socket.next())["type"] == "pong"
    assert not house.world.seen["StartWebCall"]
    await socket.close()


async def test_address_that_calls_too_often_is_slowed_down(make_house: Any) -> None:
    house = await make_house(widget_calls_per_minute=2)
    first = await house.socket(PATH)
    await first.send(type="call", sdp="offer")
    await first.until("answer")
    second = await house.socket(PATH)
    await second.send(type="call", sdp="offer")
    problem = (await second.until("problem"))["problem"]
    assert problem["status"] == 429 and problem["retryAfter"] >= 1
    await first.close()
    await second.close()
