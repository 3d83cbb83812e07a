"""Neighbours that go away and come back, and what the edge goes on doing meanwhile."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from chassis.facts import STREAMS, subject_for
from kernel.errors import InvalidInput
from kernel.ids import is_id
from merkez.gateway.v1.gateway_events_pb2 import RequestAudited
from merkez.routing.v1.routing_events_pb2 import OfferMissed
from merkez_local.nats import start_nats
from testkit.waiting import eventually


async def test_sockets_come_back_after_the_bus_did_and_requests_never_stop(
    make_house: Any, make_bus: Any, tmp_path: Path
) -> None:
    own_nats = start_nats(tmp_path / "nats", durable=False)
    house = await make_house(nats_url=own_nats.url)
    socket = await house.signed_in("agent", "usr_a")
    own_nats.stop()
    assert "body" in await socket.request("routing.v1.OfferService/AcceptOffer", offerId="ofr_1")
    late = await house.signed_in("agent", "usr_b")  # hears nothing yet, but may ask
    assert "body" in await late.request("routing.v1.OfferService/AcceptOffer", offerId="ofr_2")
    assert (await house.http.get("/healthz")).status_code == 200
    again = start_nats(tmp_path / "nats", port=own_nats.port, durable=False)
    try:
        assert await socket.closed(15) == 1012 and await late.closed(15) == 1012
        socket = await house.signed_in("agent", "usr_a")
        house.bus = await make_bus("routing", url=again.url)
        missed = OfferMissed()
        missed.offer.agent_id = "usr_a"
        await house.publish(missed)
        assert (await socket.until("event"))["fact"] == "OfferMissed"
        await socket.close()
    finally:
        await house.process.drain()
        again.stop()


TENANT = "ten_01jd3v9k8r5x7m2p4q6s8t0w1y"
BODY = {"requestId": "r", "queue": {"displayName": "Front desk"}}


async def test_entry_is_in_its_stream_when_the_answer_is_given(house: Any) -> None:
    assert (await house.http.post("/v1/queues", json=BODY, headers=house.as_role())).status_code == 200
    stored = await house.bus.jetstream.get_last_msg(STREAMS["gateway"], subject_for(RequestAudited, TENANT))
    entry = RequestAudited.FromString(stored.data).entry
    assert (entry.action, entry.target, entry.outcome) == ("routing.v1.QueueService/CreateQueue", "que_1", "OK")
    assert is_id("aud", entry.audit_entry_id) and stored.headers["Nats-Msg-Id"] == stored.headers["ce-id"]


async def test_audit_entries_wait_for_the_bus_and_answers_do_not(
    make_house: Any, make_bus: Any, tmp_path: Path
) -> None:
    own_nats = start_nats(tmp_path / "nats", durable=False)
    house = await make_house(nats_url=own_nats.url)
    own_nats.stop()
    took: list[float] = []
    for _ in range(5):
        began = time.monotonic()
        assert (await house.http.post("/v1/queues", json=BODY, headers=house.as_role())).status_code == 200
        took.append(time.monotonic() - began)
    assert min(took) < 1 and house.world.audit == [], took
    again = start_nats(tmp_path / "nats", port=own_nats.port, durable=False)
    try:
        async with asyncio.timeout(30):
            await house.gateway.audit.drain()
        bus = await make_bus("tenancy", url=again.url)
        state = (await bus.jetstream.stream_info(STREAMS["gateway"])).state
        assert state.messages == 5, "each entry once, however often it had to be sent"
    finally:
        await house.process.drain()
        again.stop()


async def test_simulation_ends_when_its_asker_has_gone_and_is_answered_when_not(house: Any) -> None:
    ask = {"url": "/v1/simulations:simulateDay", "json": {}, "headers": house.as_role("supervisor")}
    assert (await house.http.post(**ask)).json()["contacts"] == 3
    house.world.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(house.http.post(**ask))
        await eventually(lambda: len(house.world.seen["SimulateDay"]) == 2)
        asking.cancel()
    await eventually(lambda: len(house.world.seen["SimulateDay cancelled"]) == 1)
    house.world.may_answer.set()
    assert (await house.http.post(**ask)).status_code == 200
    house.world.fail = InvalidInput.of("variants", "are more than 4")
    assert (await house.http.post(**ask)).status_code == 400


async def test_entry_of_an_endless_id_is_cut_not_lost(house: Any) -> None:
    await house.http.delete(f"/v1/queues/{'x' * 10_000}", headers=house.as_role())
    assert [entry.target for entry in await house.audited()] == ["x" * 200]


async def test_edge_without_tenancy_is_not_ready_but_alive(make_house: Any) -> None:
    house = await make_house(without="tenancy")
    ready = await house.http.get("/readyz")
    assert ready.status_code == 503 and ready.json()["checks"]["signingKeys"] is False
    assert (await house.http.get("/healthz")).status_code == 200
    answer = await house.http.get("/v1/queues", headers=house.as_role())
    assert answer.status_code == 503 and "retry-after" in answer.headers


async def test_request_under_way_is_finished_in_a_drain(house: Any) -> None:
    house.world.may_answer.clear()
    socket = await house.socket("/widget/v1/socket?key=wk_public")
    await socket.send(type="call", sdp="offer")
    assert (await socket.next())["state"] == "ringing"
    slow = asyncio.get_running_loop().create_task(house.process.drain())
    await eventually(lambda: house.gateway.hub.draining)
    house.world.may_answer.set()
    assert await slow, "the drain ends in its bound"
    assert await socket.closed() == 1012


async def test_who_keeps_a_connection_is_sent_away_with_an_answer_before_it_is_closed(house: Any) -> None:
    assert "connection" not in (await house.http.get("/healthz")).headers
    leaving = asyncio.get_running_loop().create_task(house.process.drain())
    await eventually(lambda: house.gateway.hub.draining)
    answer = await house.http.get("/healthz")
    assert answer.status_code == 200 and answer.headers["connection"] == "close"
    assert await leaving, "the drain ends in its bound"
