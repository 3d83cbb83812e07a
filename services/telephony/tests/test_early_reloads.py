"""Customers whose page is loaded anew, or whose network changes, while their call is still being connected."""

from __future__ import annotations

import dataclasses

import pytest
from chassis.auth import acting_for
from merkez.telephony.v1 import call_service_pb2
from testkit import eventually

from .conftest import MUSIC_HZ, Exchange

pytestmark = pytest.mark.media


async def test_a_page_that_is_reloaded_before_its_first_connection_stands_keeps_the_call(exchange: Exchange) -> None:
    gone, again = exchange.peer(), exchange.peer()
    request = call_service_pb2.StartWebCallRequest(
        widget_key=exchange.tenancy.widget(exchange.tenant_id), sdp_offer=await gone.offer(), request_id="r"
    )
    with acting_for(""):
        response = await exchange.calls.StartWebCall(request)
        answer = await exchange.calls.ReattachLeg(
            call_service_pb2.ReattachLegRequest(leg_token=response.leg_token, sdp_offer=await again.offer())
        )
    await again.accept(answer.sdp_answer)
    await again.hears(MUSIC_HZ)
    assert exchange.switchboard.find(response.call_id) is not None


async def test_a_call_whose_first_connection_fails_while_the_page_comes_back_waits_for_it(make_exchange) -> None:
    exchange = await make_exchange()
    plane = exchange.house.plane
    usual, plane.settings = plane.settings, dataclasses.replace(plane.settings, setup_seconds=3.0)
    gone, again = exchange.peer(), exchange.peer()
    request = call_service_pb2.StartWebCallRequest(
        widget_key=exchange.tenancy.widget(exchange.tenant_id), sdp_offer=await gone.offer(), request_id="r"
    )
    offer = await again.offer()
    with acting_for(""):
        response = await exchange.calls.StartWebCall(request)
        (first,) = plane.legs
        plane.settings = dataclasses.replace(usual, setup_seconds=120.0)
        answer = await exchange.calls.ReattachLeg(
            call_service_pb2.ReattachLegRequest(leg_token=response.leg_token, sdp_offer=offer)
        )
    await eventually(lambda: first.closed)
    await again.accept(answer.sdp_answer)
    await again.hears(MUSIC_HZ)


async def test_a_call_that_nobody_connects_to_is_over(make_exchange) -> None:
    exchange = await make_exchange()
    exchange.house.plane.settings = dataclasses.replace(exchange.house.plane.settings, setup_seconds=3.0)
    offer = await exchange.peer().offer()
    request = call_service_pb2.StartWebCallRequest(
        widget_key=exchange.tenancy.widget(exchange.tenant_id), sdp_offer=await exchange.peer().offer(), request_id="r"
    )
    with acting_for(""):
        response = await exchange.calls.StartWebCall(request)
        await exchange.calls.ReattachLeg(
            call_service_pb2.ReattachLegRequest(leg_token=response.leg_token, sdp_offer=offer)
        )
    await eventually(lambda: not exchange.switchboard.calls)
    with exchange.as_owner():
        found = await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=response.call_id))
    assert [cdr.end_cause for cdr in found.cdrs] == ["MEDIA_FAILED"]
