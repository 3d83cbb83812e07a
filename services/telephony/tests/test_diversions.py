"""Calls that are passed on and on: refused once they come back, however their networks tell of it."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from kernel.errors import Unavailable
from merkez.flows.v1 import run_service_pb2 as run
from merkez.telephony.v1 import telephony_events_pb2
from telephony.domain.diversions import CallLooped, Diversion, goes_in_a_circle, hops_left
from telephony.sip import Failure, SipDialog
from testkit import eventually

from .neighbours import queue_instruction
from .test_sip_calls import NUMBER, OURS, carrier, exchange, port, trunk

__all__ = ["carrier", "exchange"]
MOBILE, OTHER = "+905329999999", "+905321111111"


def path(*numbers: str) -> list[Diversion]:
    return [Diversion(number) for number in numbers]


def test_a_call_that_comes_back_to_a_number_it_had_left_goes_in_a_circle() -> None:
    assert goes_in_a_circle(OURS, path(OURS, MOBILE))
    assert goes_in_a_circle(OURS, path(MOBILE, OTHER, MOBILE))
    assert goes_in_a_circle(OURS, path(OURS, "", MOBILE, ""))


def test_a_call_that_was_only_passed_on_does_not() -> None:
    assert not goes_in_a_circle(OURS, [])
    assert not goes_in_a_circle(OURS, path(MOBILE))
    assert not goes_in_a_circle(OURS, path(MOBILE, OTHER))
    assert not goes_in_a_circle(OURS, path(OURS)), "carriers name whom they deliver to"
    assert not goes_in_a_circle(OURS, path("", MOBILE, "", OTHER, "")), "two who are private may be two"


def test_more_diversions_than_a_telephone_network_allows_are_a_circle() -> None:
    assert not goes_in_a_circle(OURS, [Diversion(MOBILE, 5)])
    assert goes_in_a_circle(OURS, [Diversion(MOBILE, 6)])
    assert goes_in_a_circle(OURS, [Diversion("", 3), Diversion(MOBILE, 3)])


def test_each_call_that_is_made_for_another_may_pass_one_server_less() -> None:
    assert (hops_left(70), hops_left(2), hops_left(255)) == (69, 1, 69)
    with pytest.raises(CallLooped):
        hops_left(1)
    with pytest.raises(CallLooped):
        hops_left(0)


def by(*numbers: str) -> tuple[str, str]:
    """Diversion names the latest first."""
    return "diversion", ", ".join(f"<sip:{each}@carrier.example>;reason=unconditional" for each in reversed(numbers))


def history(*numbers: str) -> tuple[str, str]:
    places = (f"<sip:{each}@carrier.example?Reason=SIP%3Bcause%3D302>;index=1.{at}" for at, each in enumerate(numbers))
    return "history-info", ", ".join(places)


@pytest.mark.media
@pytest.mark.parametrize(
    "told",
    [
        by(OURS, MOBILE),
        ("diversion", f"<tel:{MOBILE}>;counter=6"),
        history(OURS, MOBILE, OURS),
        by(MOBILE, OURS.replace("+", "00"), MOBILE),
    ],
)
async def test_a_call_that_goes_in_a_circle_is_refused_and_told_of(exchange: Any, carrier: Any, told: Any) -> None:
    await trunk(exchange, carrier)
    refused = await carrier.call(port(exchange), OURS, NUMBER, headers=(told,))
    assert isinstance(refused, Failure) and (refused.status, refused.q850) == (482, 25)
    refusal, ended = await exchange.told()
    assert isinstance(refusal, telephony_events_pb2.CallRefused) and refusal.reason == "CALL_LOOPED"
    cdr = ended.cdr
    assert (cdr.end_cause, cdr.sip_status, cdr.q850_cause) == ("CALL_LOOPED", 482, 25)
    assert (cdr.caller_number, cdr.dialed_number, cdr.duration.ToTimedelta().total_seconds()) == (NUMBER, OURS, 0)
    assert not exchange.switchboard.calls and not exchange.house.plane.legs
    assert isinstance(await carrier.call(port(exchange), OURS, NUMBER), SipDialog), "the next one is taken"


@pytest.mark.media
@pytest.mark.parametrize(
    "told",
    [by(MOBILE), by(OURS), history(MOBILE, OTHER, OURS), history(*[OTHER] * 9, OURS), ("diversion", "<broken")],
)
async def test_a_call_that_was_passed_on_to_us_is_taken_as_ever(exchange: Any, carrier: Any, told: Any) -> None:
    await trunk(exchange, carrier)
    assert isinstance(await carrier.call(port(exchange), OURS, NUMBER, headers=(told,)), SipDialog)


@pytest.mark.media
async def test_a_call_in_a_circle_is_refused_while_the_database_is_away_too(
    exchange: Any, carrier: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trunk(exchange, carrier)

    async def away(*_: Any, **__: Any) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(exchange.house.ledger, "begin_by", away)
    refused = await carrier.call(port(exchange), OURS, NUMBER, headers=(by(OURS, MOBILE),))
    assert isinstance(refused, Failure) and refused.status == 482


@pytest.mark.media
@pytest.mark.parametrize("hops", [30, 1])
async def test_a_call_that_a_flow_sends_on_carries_how_often_it_may_be(exchange: Any, carrier: Any, hops: int) -> None:
    await trunk(exchange, carrier)
    exchange.flows.steps = [
        run.Instruction(dial=run.DialInstruction(number=MOBILE, timeout=Duration(seconds=20))), queue_instruction(),
    ]  # fmt: skip
    assert isinstance(await carrier.call(port(exchange), OURS, NUMBER, hops=hops), SipDialog)
    if hops == 1:
        await eventually(lambda: any(report.detail for report in exchange.flows.reports))
        assert carrier.invitations == []
        assert [each.detail for each in exchange.flows.reports if each.detail] == ["CALL_LOOPED"]
    else:
        await eventually(lambda: carrier.invitations)
        assert carrier.invitations[0].hops == hops - 1
