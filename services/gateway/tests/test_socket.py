"""The live socket: who hears what, requests, and how a connection begins and ends."""

from __future__ import annotations

from typing import Any

import pytest
from gateway.socket import agent as agent_module
from gateway.socket import connection as connection_module
from gateway.socket import screen_pop
from merkez.analytics.v1.analytics_pb2 import Wallboard
from merkez.billing.v1.billing_events_pb2 import UsageRated
from merkez.routing.v1 import contact_pb2
from merkez.routing.v1.routing_events_pb2 import AgentStateChanged, OfferMade, OfferRescinded
from merkez.telephony.v1.call_pb2 import Call, Cdr, Leg
from merkez.telephony.v1.quality_pb2 import CallQuality, QualityWarning
from merkez.telephony.v1.telephony_events_pb2 import CallAnswered, CallEnded, LegMediaChanged
from merkez.tenancy.v1.session_pb2 import ROLE_AGENT, USER_STATE_DISABLED, User
from merkez.tenancy.v1.tenancy_events_pb2 import UserChanged
from testkit.waiting import PATIENCE, eventually
from websockets.exceptions import ConnectionClosed


def offer(agent_id: str, customer_id: str = "cus_1") -> OfferMade:
    """An offer to an agent."""
    made = OfferMade()
    made.offer.offer_id, made.offer.agent_id = "ofr_1", agent_id
    made.offer.contact.contact_id, made.offer.contact.customer_id = "con_1", customer_id
    return made


async def test_connection_without_hello_is_closed(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "HELLO_SECONDS", 0.1)
    socket = await house.socket()
    assert await socket.closed() == 4408


async def test_request_before_hello_is_refused(house: Any) -> None:
    socket = await house.socket()
    await socket.send(type="request", id=1, method="routing.v1.QueueService/ListQueues")
    assert (await socket.next())["problem"]["status"] == 401
    assert await socket.closed() == 4401


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "mrk_guess", None])
async def test_hello_with_a_bad_token_is_refused(house: Any, token: str | None) -> None:
    socket = await house.socket()
    await socket.send(type="hello", token=token)
    problem = (await socket.next())["problem"]
    assert problem["status"] in (400, 401)
    assert await socket.closed() in (4400, 4401)


@pytest.mark.parametrize("content", ["{", "[]", '"hello"', '{"type":1}', "[" * 5000, b"\xff\xfe"])
async def test_what_is_no_message_ends_the_connection(house: Any, content: Any) -> None:
    socket = await house.socket()
    await socket.connection.send(content)
    assert await socket.closed() in (4400, 1007)


async def test_message_over_a_megabyte_ends_the_connection(house: Any) -> None:
    socket = await house.signed_in()
    with pytest.raises(ConnectionClosed):
        await socket.connection.send('{"type":"ping","x":"' + "x" * 5_000_000 + '"}')
        await socket.next()
    assert await socket.closed() == 1009


async def test_agent_accepts_over_the_socket(house: Any) -> None:
    socket = await house.signed_in("agent", "usr_a")
    answer = await socket.request("routing.v1.OfferService/AcceptOffer", offerId="ofr_1")
    assert answer["body"]["offerId"] == "ofr_1" and answer["body"]["agentId"] == "usr_a"
    for method, status, reason in (
        ("routing.v1.QueueService/CreateQueue", 403, "PERMISSION_DENIED"),
        ("routing.v1.ContactService/EnqueueContact", 404, "METHOD_NOT_FOUND"),
        ("telephony.v1.CallService/HoldCall", 409, "CALL_NOT_TALKING"),
        ("recording.v1.RecordingService/GetRecordingAudio", 404, "METHOD_NOT_FOUND"),
    ):
        problem = (await socket.request(method))["problem"]
        assert (problem["status"], problem["reason"]) == (status, reason)
    late = {"type": "request", "id": 70, "method": "routing.v1.OfferService/AcceptOffer", "body": {"offerId": "ofr_2"}}
    for before, reason in (("2026-01-31T09:30:00.123Z", "REQUEST_TOO_LATE"), ("soon", "MESSAGE_INVALID")):
        await socket.send(**late, before=before)
        assert (await socket.until("response"))["problem"]["reason"] == reason
    assert [asked.offer_id for _, asked in house.world.seen["AcceptOffer"]] == ["ofr_1"], "it was not carried out"
    wrong = await socket.request("routing.v1.OfferService/AcceptOffer", nope=1)
    assert wrong["problem"]["errors"][0]["field"] == "nope"
    await socket.send(type="ping")
    assert (await socket.next())["type"] == "pong"
    await socket.close()


def waits_for_screen_pops(house: Any) -> None:
    """However long they take on a busy machine."""
    house.gateway.hub._with_screen_pop.__self__._seconds = PATIENCE


async def test_offer_reaches_its_agent_with_the_screen_pop_and_nobody_elses(house: Any) -> None:
    waits_for_screen_pops(house)
    mine, other = await house.signed_in("agent", "usr_a"), await house.signed_in("agent", "usr_b")
    boss = await house.signed_in("supervisor", "usr_s")
    stranger = await house.signed_in("owner", "usr_o", tenant="ten_01jd3v9k8r5x7m2p4q6s8t0w1z")
    event_id = await house.publish(offer("usr_a"))
    event = await mine.until("event")
    assert (event["id"], event["fact"]) == (event_id, "OfferMade") and event["time"].endswith("Z")
    assert event["data"]["offer"]["offerId"] == "ofr_1"
    assert event["screenPop"]["customer"]["customerId"] == "cus_1" and event["screenPop"]["contactCount"] == 3
    who, _ = house.world.seen["GetScreenPop"][0]
    assert who.subject == "usr_a", "asked as the agent, so that the agent's permissions count"
    assert "screenPop" not in await boss.until("event")
    assert await other.silent() and await stranger.silent()
    for each in (mine, other, boss, stranger):
        await each.close()


async def test_slow_screen_pop_does_not_hold_an_offer_back_and_keeps_the_order(house: Any) -> None:
    house.world.screen_pop_wait = 3600.0
    socket = await house.signed_in("agent", "usr_a")
    await house.publish(offer("usr_a"))
    gone = OfferRescinded()
    gone.offer.CopyFrom(offer("usr_a").offer)
    await house.publish(gone)
    first, second = await socket.until("event"), await socket.until("event")
    assert screen_pop.SECONDS < 1, "a person would notice"
    assert (first["fact"], second["fact"]) == ("OfferMade", "OfferRescinded") and "screenPop" not in first
    await socket.close()


async def test_two_tabs_of_an_agent_both_hear_and_the_screen_pop_is_asked_once(house: Any) -> None:
    waits_for_screen_pops(house)
    tabs = [await house.signed_in("agent", "usr_a") for _ in range(3)]
    await house.publish(offer("usr_a"))
    for tab in tabs:
        assert "screenPop" in await tab.until("event")
        await tab.close()
    assert len(house.world.seen["GetScreenPop"]) == 1


async def test_lost_media_of_the_customer_concerns_the_agent_who_talks(house: Any) -> None:
    socket = await house.signed_in("agent", "usr_a")
    await house.publish(CallAnswered(call=Call(call_id="call_1", agent_id="usr_a")))
    await house.publish(LegMediaChanged(call_id="call_1", leg=Leg(leg_id="leg_1", party="customer")))
    await house.publish(LegMediaChanged(call_id="call_2", leg=Leg(leg_id="leg_2", party="customer")))
    await house.publish(CallEnded(cdr=Cdr(call_id="call_1", agent_id="usr_a")))
    assert [(await socket.until("event"))["fact"] for _ in range(3)] == ["CallAnswered", "LegMediaChanged", "CallEnded"]
    await socket.close()


async def test_usage_is_only_for_who_may_see_bills(house: Any) -> None:
    boss, owner = await house.signed_in("supervisor"), await house.signed_in("owner")
    await house.publish(UsageRated())
    assert (await owner.until("event"))["fact"] == "UsageRated" and await boss.silent()
    await boss.close()
    await owner.close()


async def test_partner_hears_of_facts_once_subscribed_by_a_key_that_may(house: Any) -> None:
    house.world.add_key("mrk_events", "events.read")
    house.world.add_key("mrk_queues", "queues.read")
    socket = await house.socket()
    await socket.send(type="hello", token="mrk_events")
    assert (await socket.next())["role"] == "api_client"
    await house.publish(offer("usr_a"))
    assert await socket.silent()
    await socket.send(type="subscribe", topics=["facts"])
    assert (await socket.next()) == {"type": "subscribed", "topics": ["facts"]}
    await house.publish(offer("usr_a"))
    assert (await socket.until("event"))["fact"] == "OfferMade"
    await socket.send(type="subscribe", topics=["nothing"])
    assert (await socket.until("problem"))["problem"]["reason"] == "TOPIC_UNKNOWN"
    await socket.close()
    weak = await house.socket()
    await weak.send(type="hello", token="mrk_queues")
    await weak.next()
    await weak.send(type="subscribe", topics=["facts"])
    assert (await weak.next())["problem"]["status"] == 403
    await weak.close()


async def test_wallboard_moves_for_supervisors_who_watch_it(house: Any) -> None:
    boss, agent = await house.signed_in("supervisor"), await house.signed_in("agent")
    await boss.send(type="subscribe", topics=["wallboard"])
    assert (await boss.next())["type"] == "subscribed"
    await agent.send(type="subscribe", topics=["wallboard"])
    assert (await agent.next())["problem"]["status"] == 403
    house.bus.publish_live("ten_01jd3v9k8r5x7m2p4q6s8t0w1y", "wallboard", Wallboard(sequence=7))
    live = await boss.until("live")
    assert live["name"] == "wallboard" and live["data"]["sequence"] == "7"
    assert await agent.silent()
    await boss.close()
    await agent.close()


async def test_how_a_call_sounds_is_told_to_its_agents_alone(house: Any) -> None:
    agent, other = await house.signed_in("agent", "usr_a"), await house.signed_in("agent", "usr_b")
    boss = await house.signed_in("supervisor", "usr_boss")
    quality = CallQuality(call_id="call_1", agent_ids=["usr_a"])
    quality.legs.add(party="customer", loss=0.05, warnings=[QualityWarning.QUALITY_WARNING_LOSS])
    house.bus.publish_live("ten_01jd3v9k8r5x7m2p4q6s8t0w1y", "call_quality", quality)
    live = await agent.until("live")
    assert (live["name"], live["data"]["callId"]) == ("call_quality", "call_1")
    assert live["data"]["legs"][0]["warnings"] == ["QUALITY_WARNING_LOSS"]
    assert await other.silent() and await boss.silent()


async def test_client_that_does_not_read_is_dropped_and_the_others_go_on(make_house: Any) -> None:
    house = await make_house(socket_queue=8)
    slow, quick = await house.signed_in("agent", "usr_slow"), await house.signed_in("agent", "usr_quick")
    slow.connection.transport.pause_reading()
    for _ in range(400):
        change = AgentStateChanged()
        change.agent.agent_id, change.agent.reason = "usr_slow", "x" * 50_000
        await house.publish(change)
    await house.publish(offer("usr_quick"))
    assert (await quick.until("event", 20))["fact"] == "OfferMade"
    slow.connection.transport.resume_reading()
    with pytest.raises(ConnectionClosed):
        while True:
            await slow.next()
    # Who reads again after the server has given up waiting finds the connection gone, without a reason.
    assert await slow.closed() in (connection_module.TOO_SLOW, 1006)
    await quick.close()


async def test_user_and_tenant_have_only_so_many_sockets(make_house: Any) -> None:
    house = await make_house(sockets_per_user=2, sockets_per_tenant=3)
    opened = [await house.signed_in("agent", "usr_a") for _ in range(2)]
    third = await house.socket()
    await third.send(type="hello", token=house.token("agent", "usr_a"))
    assert (await third.next())["problem"]["reason"] == "SOCKET_LIMIT_REACHED"
    assert await third.closed() == 4429
    opened.append(await house.signed_in("agent", "usr_b"))
    full = await house.socket()
    await full.send(type="hello", token=house.token("agent", "usr_c"))
    assert (await full.next())["problem"]["metadata"] == {"limit": "tenant"}
    await opened[0].close()

    async def let_in() -> Any:
        again = await house.socket()
        await again.send(type="hello", token=house.token("agent", "usr_a"))
        return again if (await again.next())["type"] == "welcome" else None

    opened.append(await eventually(let_in))
    for each in opened:
        await each.close()


async def test_expired_token_ends_an_idle_connection_after_its_grace(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "GRACE_SECONDS", 0.2)
    socket = await house.signed_in("agent", seconds=0.6)
    assert (await socket.until("problem"))["problem"]["status"] == 401
    assert await socket.closed() == 4401


async def test_expired_token_never_ends_the_connection_of_a_live_call(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_module, "GRACE_SECONDS", 0.1)
    monkeypatch.setattr(agent_module, "_ON_CALL_PAUSE", 0.1)
    house.world.desktop.agent.state = contact_pb2.AGENT_STATE_ON_CONTACT
    socket = await house.signed_in("agent", "usr_a", seconds=0.3)
    assert await socket.silent(1.2)
    await socket.send(type="request", id=1, method="routing.v1.QueueService/ListQueues", body={})
    assert (await socket.until("response"))["problem"]["reason"] == "TOKEN_EXPIRED"
    await socket.send(type="request", id=2, method="telephony.v1.CallService/HoldCall", body={"callId": "call_1"})
    assert (await socket.until("response"))["problem"]["reason"] == "CALL_NOT_TALKING"
    await house.publish(CallEnded(cdr=Cdr(call_id="call_1", agent_id="usr_a")))
    assert (await socket.until("event"))["fact"] == "CallEnded"
    house.world.desktop.agent.state = contact_pb2.AGENT_STATE_AVAILABLE
    assert await socket.closed() == 4401


async def test_renewed_hello_keeps_the_connection(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "GRACE_SECONDS", 0.1)
    socket = await house.signed_in("agent", "usr_a", seconds=0.5)
    await socket.send(type="hello", token=house.token("agent", "usr_a"))
    assert (await socket.next())["type"] == "welcome"
    assert await socket.silent(1.0)
    await socket.send(type="hello", token=house.token("agent", "usr_b"))
    assert (await socket.next())["problem"]["reason"] == "MESSAGE_INVALID"
    assert await socket.closed() == 4400


async def test_disabled_user_is_out_at_once(house: Any) -> None:
    token = house.token("agent", "usr_a", iat=1)
    socket = await house.socket()
    await socket.send(type="hello", token=token)
    await socket.next()
    await house.publish(UserChanged(user=User(user_id="usr_a", role=ROLE_AGENT, state=USER_STATE_DISABLED)))
    assert await socket.closed() == 4401
    answer = await house.http.get("/v1/desktop", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401 and answer.json()["reason"] == "TOKEN_STALE"


async def test_revoked_key_ends_its_connection(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_module, "_RECHECK_KEY_SECONDS", 0.2)
    house.world.add_key("mrk_events", "events.read")
    socket = await house.socket()
    await socket.send(type="hello", token="mrk_events")
    assert (await socket.next())["userId"] == "key_events"
    await house.http.post("/v1/apiKeys/key_events:revoke", headers=house.as_role())
    assert await socket.closed() == 4401


async def test_draining_gateway_sends_its_sockets_away(house: Any) -> None:
    socket = await house.signed_in()
    assert await house.process.drain()
    assert await socket.closed() == 1012


async def test_partner_who_was_away_hears_what_happened_since(house: Any) -> None:
    house.world.add_key("mrk_events", "events.read")
    first = await house.publish(offer("usr_a"))
    for number in range(700):
        change = AgentStateChanged()
        change.agent.agent_id, change.agent.version = "usr_a", number
        await house.publish(change)
    await house.publish(offer("usr_b"), tenant_id="ten_01jd3v9k8r5x7m2p4q6s8t0w1z")
    await house.publish(UsageRated())
    socket = await house.socket()
    await socket.send(type="hello", token="mrk_events")
    await socket.next()
    await socket.send(type="subscribe", topics=["facts"], since=first)
    await socket.until("subscribed")
    events = []
    while (message := await socket.next(10))["type"] == "event":
        events.append(message)
    assert message == {"type": "replayed", "count": len(events), "complete": True}
    mine = [event for event in events if event["fact"] == "AgentStateChanged"]
    assert [int(event["data"]["agent"]["version"]) for event in mine[-700:]] == list(range(700))
    assert all(event["replayed"] for event in events) and first not in {event["id"] for event in events}
    assert "usr_b" not in {event["data"].get("offer", {}).get("agentId") for event in events}
    assert "UsageRated" not in {event["fact"] for event in events}, "the key may not see bills"
    await socket.send(type="subscribe", topics=["facts"], since="yesterday")
    assert (await socket.until("problem"))["problem"]["reason"] == "SINCE_INVALID"
    await socket.close()
