"""The rpcs: bad input, wrong state, other tenants, repeats."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from chassis.auth import acting_as, acting_for
from kernel.errors import (
    AlreadyExists,
    FailedPrecondition,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from merkez.telephony.v1 import call_pb2
from merkez.telephony.v1 import call_service_pb2 as pb
from testkit import eventually, someone

pytestmark = pytest.mark.media

AGENT, OTHER_AGENT = "usr_01jd3v9k8r5x7m2p4q6s8t0w1y", "usr_01jd3v9k8r5x7m2p4q6s8t0w2y"
CALL = "call_01jd3v9k8r5x7m2p4q6s8t0w1y"


async def start(exchange: Any, request: pb.StartWebCallRequest) -> pb.StartWebCallResponse:
    with acting_for(""):
        return await exchange.calls.StartWebCall(request)


async def wish(exchange: Any, **fields: Any) -> pb.StartWebCallRequest:
    given = {
        "widget_key": exchange.tenancy.widget(exchange.tenant_id),
        "sdp_offer": await exchange.peer().offer(),
        "request_id": "once",
    }
    return pb.StartWebCallRequest(**{**given, **fields})


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"widget_key": ""}, "widget_key"),
        ({"widget_key": "a b"}, "widget_key"),
        ({"sdp_offer": ""}, "sdp_offer"),
        ({"request_id": ""}, "request_id"),
        ({"request_id": "x" * 129}, "request_id"),
        ({"caller_name": "x" * 121}, "caller_name"),
        ({"caller_number": "12345"}, "caller_number"),
        ({"attributes": {"k": "v" * 501}}, "attributes"),
        ({"attributes": {"order": "7\0"}}, "attributes"),
        ({"attributes": {str(n): "v" for n in range(33)}}, "attributes"),
    ],
)
async def test_a_call_asked_for_wrongly_names_the_field(exchange, fields, field) -> None:
    with pytest.raises(InvalidInput) as caught:
        await start(exchange, await wish(exchange, **fields))
    assert [violation.field for violation in caught.value.fields] == [field]
    assert await exchange.facts() == []


async def test_a_name_that_holds_what_nobody_sees_is_kept_on_one_line(exchange) -> None:
    given = await wish(exchange, caller_name=" A\x01da\tde la\r\nCruz ", attributes={"note": "two\nlines"})
    started = await start(exchange, given)
    live = exchange.switchboard.find(started.call_id)
    assert (live.call.caller_name, live.call.attributes["note"]) == ("A da de la Cruz", "two\nlines")


async def test_a_malformed_offer_is_said_to_be_one_and_leaves_nothing_behind(exchange) -> None:
    with pytest.raises(InvalidInput) as caught:
        await start(exchange, await wish(exchange, sdp_offer="v=0\r\nnonsense"))
    assert caught.value.reason == "SDP_INVALID"
    assert not exchange.house.plane.legs
    assert await exchange.facts() == []


async def test_an_unknown_widget_is_not_found_and_one_without_a_flow_says_so(exchange) -> None:
    with pytest.raises(NotFound) as caught:
        await start(exchange, await wish(exchange, widget_key="unknown"))
    assert caught.value.reason == "WIDGET_NOT_FOUND"
    key = exchange.tenancy.widget(exchange.tenant_id)
    exchange.tenancy.routes[key].number.flow_id = ""
    with pytest.raises(FailedPrecondition) as refused:
        await start(exchange, await wish(exchange, widget_key=key))
    assert refused.value.reason == "NUMBER_HAS_NO_FLOW"


async def test_a_repeated_request_is_answered_as_the_first_was(exchange) -> None:
    request = await wish(exchange)
    first = await start(exchange, request)
    second = await start(exchange, request)
    assert second == first
    assert len(exchange.switchboard.calls) == 1
    changed = pb.StartWebCallRequest()
    changed.CopyFrom(request)
    changed.caller_name = "Someone else"
    with pytest.raises(AlreadyExists) as caught:
        await start(exchange, changed)
    assert caught.value.reason == "REQUEST_ID_REUSED"
    await eventually(lambda: len(exchange.house.plane.legs) == 1)


async def test_calls_keep_coming_while_tenancy_restarts(exchange) -> None:
    key = exchange.tenancy.widget(exchange.tenant_id)
    await start(exchange, await wish(exchange, widget_key=key))
    exchange.tenancy.down = True
    exchange.house.tenancy._routes[key] = (
        exchange.house.tenancy._routes[key][0] - 60,
        exchange.house.tenancy._routes[key][1],
    )
    await start(exchange, await wish(exchange, widget_key=key, request_id="second"))
    with pytest.raises(Unavailable):
        await start(exchange, await wish(exchange, widget_key="never-seen", request_id="third"))


async def test_a_person_can_not_start_calls_for_the_widget(exchange) -> None:
    with acting_as(someone("owner", exchange.tenant_id)), pytest.raises(Forbidden) as caught:
        await exchange.calls.StartWebCall(await wish(exchange))
    assert caught.value.reason == "PERMISSION_DENIED"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "ten_01jd3v9k8r5x7m2p4q6s8t0w1y.leg_x.secret"])
async def test_a_forged_leg_token_opens_nothing(exchange, token) -> None:
    offer = await exchange.peer().offer()
    with acting_for(""), pytest.raises(Unauthenticated) as caught:
        await exchange.calls.ReattachLeg(pb.ReattachLegRequest(leg_token=token, sdp_offer=offer))
    assert caught.value.reason == "LEG_TOKEN_INVALID"


async def test_a_leg_token_dies_with_its_call_and_with_a_changed_secret(exchange) -> None:
    customer = exchange.peer()
    response = await exchange.call(customer)
    offer = await exchange.peer().offer()
    with acting_for(""), pytest.raises(Unauthenticated):
        await exchange.calls.ReattachLeg(
            pb.ReattachLegRequest(leg_token=response.leg_token[:-1] + "!", sdp_offer=offer)
        )
    with acting_for(exchange.tenant_id):
        await exchange.calls.HangUp(pb.HangUpRequest(call_id=response.call_id))
    with acting_for(""), pytest.raises(Unauthenticated):
        await exchange.calls.ReattachLeg(pb.ReattachLegRequest(leg_token=response.leg_token, sdp_offer=offer))


VERBS = [
    ("HangUp", pb.HangUpRequest),
    ("HoldCall", pb.HoldCallRequest),
    ("ResumeCall", pb.ResumeCallRequest),
    ("SetMute", pb.SetMuteRequest),
    ("SendDigits", pb.SendDigitsRequest),
    ("GetCall", pb.GetCallRequest),
]


def _of(kind: Any, call_id: str) -> Any:
    return kind(call_id=call_id, digits="1") if kind is pb.SendDigitsRequest else kind(call_id=call_id)


@pytest.mark.parametrize(("verb", "kind"), VERBS)
async def test_an_id_that_is_none_and_a_call_of_another_tenant(exchange, verb, kind) -> None:
    response = await exchange.call(exchange.peer())
    with exchange.as_owner():
        with pytest.raises(InvalidInput):
            await getattr(exchange.calls, verb)(_of(kind, "call_nonsense"))
        with pytest.raises(NotFound) as caught:
            await getattr(exchange.calls, verb)(_of(kind, CALL))
        assert caught.value.reason == "CALL_NOT_FOUND"
    with acting_as(someone("owner", "ten_01jd3v9k8r5x7m2p4q6s8t0w9z")), pytest.raises(NotFound) as other:
        await getattr(exchange.calls, verb)(_of(kind, response.call_id))
    assert other.value.reason == "CALL_NOT_FOUND"
    assert len(exchange.switchboard.calls) == 1


@pytest.mark.parametrize(("verb", "kind"), VERBS[1:5])
async def test_a_call_that_waits_or_has_ended_can_not_be_held_muted_or_sent_digits(exchange, verb, kind) -> None:
    response = await exchange.call(exchange.peer())
    with exchange.as_owner():
        with pytest.raises(FailedPrecondition) as waiting:
            await getattr(exchange.calls, verb)(_of(kind, response.call_id))
        await exchange.calls.HangUp(pb.HangUpRequest(call_id=response.call_id))
        with pytest.raises(FailedPrecondition) as over:
            await getattr(exchange.calls, verb)(_of(kind, response.call_id))
    assert waiting.value.reason == ("CALL_NOT_HELD" if verb == "ResumeCall" else "CALL_NOT_TALKING")
    assert over.value.reason == "CALL_ENDED"


async def test_an_agent_controls_only_their_own_call_and_a_supervisor_any(exchange) -> None:
    response = await exchange.call(exchange.peer())
    await exchange.attach(exchange.peer(880), AGENT)
    await exchange.accept(response.call_id, AGENT)
    with exchange.as_agent(OTHER_AGENT), pytest.raises(Forbidden) as caught:
        await exchange.calls.HoldCall(pb.HoldCallRequest(call_id=response.call_id))
    assert caught.value.reason == "CALL_OF_OTHER_AGENT"
    with acting_as(someone("supervisor", exchange.tenant_id)):
        held = await exchange.calls.HoldCall(pb.HoldCallRequest(call_id=response.call_id))
    assert held.state == call_pb2.CALL_STATE_HELD


@pytest.mark.parametrize("digits", ["", "12a3x", "1" * 33, "1 2"])
async def test_digits_that_are_not_on_a_keypad_are_refused(exchange, digits) -> None:
    with exchange.as_owner(), pytest.raises(InvalidInput):
        await exchange.calls.SendDigits(pb.SendDigitsRequest(call_id=CALL, digits=digits))


async def test_two_holds_at_once_are_one_hold(exchange) -> None:
    response = await exchange.call(exchange.peer())
    await exchange.attach(exchange.peer(880), AGENT)
    await exchange.accept(response.call_id, AGENT)
    request = pb.HoldCallRequest(call_id=response.call_id)
    with exchange.as_agent(AGENT):
        results = await asyncio.gather(*(exchange.calls.HoldCall(request) for _ in range(3)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Call", "FailedPrecondition", "FailedPrecondition"]
    assert (await exchange.facts()).count("CallHeld") == 1


async def test_lists_page_newest_first_and_know_what_is_live(exchange) -> None:
    started = [(await exchange.call(exchange.peer())).call_id for _ in range(3)]
    with exchange.as_owner():
        await exchange.calls.HangUp(pb.HangUpRequest(call_id=started[0]))
        first = await exchange.calls.ListCalls(pb.ListCallsRequest(page_size=2))
        second = await exchange.calls.ListCalls(pb.ListCallsRequest(page_size=2, page_token=first.next_page_token))
        live = await exchange.calls.ListCalls(pb.ListCallsRequest(live=True))
        with pytest.raises(InvalidInput):
            await exchange.calls.ListCalls(pb.ListCallsRequest(page_token="!"))
    assert [call.call_id for call in [*first.calls, *second.calls]] == started[::-1]
    assert second.next_page_token == ""
    assert {call.call_id for call in live.calls} == set(started[1:])


async def test_a_station_is_let_go_only_when_idle_and_only_by_its_own_tab(exchange) -> None:
    await exchange.attach(exchange.peer(880), AGENT)
    response = await exchange.call(exchange.peer())
    await exchange.accept(response.call_id, AGENT)
    with exchange.as_agent(AGENT):
        with pytest.raises(FailedPrecondition) as caught:
            await exchange.stations.DetachStation(pb.DetachStationRequest(client_id="tab1"))
        assert caught.value.reason == "STATION_ON_CALL"
        await exchange.calls.HangUp(pb.HangUpRequest(call_id=response.call_id))
        await exchange.stations.DetachStation(pb.DetachStationRequest(client_id="tab2"))
        assert (await exchange.stations.GetStation(pb.GetStationRequest())).client_id == "tab1"
        await exchange.stations.DetachStation(pb.DetachStationRequest(client_id="tab1"))
        with pytest.raises(NotFound) as gone:
            await exchange.stations.GetStation(pb.GetStationRequest())
        assert gone.value.reason == "STATION_NOT_FOUND"
    assert (await exchange.facts()).count("StationDetached") == 1


@pytest.mark.parametrize("client", ["", "a b", "x" * 65])
async def test_a_tab_without_a_proper_id_can_not_attach(exchange, client) -> None:
    with exchange.as_agent(AGENT), pytest.raises(InvalidInput):
        await exchange.stations.AttachStation(pb.AttachStationRequest(sdp_offer="v=0", client_id=client))


async def test_a_draining_node_takes_no_new_calls(exchange) -> None:
    exchange.switchboard.draining = True
    with pytest.raises(Unavailable) as caught:
        await start(exchange, await wish(exchange))
    assert caught.value.reason == "NODE_DRAINING"
