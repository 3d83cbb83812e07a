"""What a customer hears and does while flows leads the call."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from chassis.auth import acting_for
from google.protobuf.duration_pb2 import Duration
from merkez.flows.v1 import run_service_pb2 as run
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.media.clips import Clip
from testkit import eventually

pytestmark = pytest.mark.media

MUSIC_HZ, SPOKEN_HZ = 300.0, 1200.0


def _duration(seconds: float) -> Duration:
    return Duration(seconds=int(seconds), nanos=int(seconds % 1 * 1e9))


def play(*texts: str) -> run.Instruction:
    return run.Instruction(play=run.PlayInstruction(audio=[run.Audio(text=text) for text in texts]))


def gather(text: str = "", *, most: int = 1, terminator: str = "", timeout: float = 0.5) -> run.Instruction:
    audio = [run.Audio(text=text)] if text else []
    return run.Instruction(
        gather=run.GatherInstruction(audio=audio, max_digits=most, terminator=terminator, timeout=_duration(timeout))
    )


def queue(tick: float = 30.0, contact_id: str = "con_01jd3v9k8r5x7m2p4q6s8t0w1y") -> run.Instruction:
    return run.Instruction(queue=run.QueueInstruction(contact_id=contact_id, tick_interval=_duration(tick)))


def hang_up(text: str = "", cause: str = "FLOW_ENDED") -> run.Instruction:
    audio = [run.Audio(text=text)] if text else []
    return run.Instruction(hang_up=run.HangUpInstruction(audio=audio, cause=cause))


async def ended(exchange: Any, call_id: str) -> call_pb2.Cdr:
    await eventually(lambda: not exchange.switchboard.calls)
    with exchange.as_owner():
        return (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=call_id))).cdrs[0]


async def test_a_greeting_is_spoken_and_the_flow_hangs_up(exchange) -> None:
    exchange.flows.steps = [play("Hello", "and welcome"), hang_up("Goodbye", "CLOSED")]
    customer = exchange.peer()
    response = await exchange.call(customer)
    await customer.hears(SPOKEN_HZ)
    cdr = await ended(exchange, response.call_id)
    assert exchange.flows.events() == [("FINISHED", "")]
    assert exchange.house.clips.spoken == ["Hello", "and welcome", "Goodbye"]
    assert (cdr.end_cause, cdr.end_party) == ("CLOSED", call_pb2.END_PARTY_FLOW)
    assert cdr.talk_duration.ToMilliseconds() == 0
    assert cdr.duration.ToMilliseconds() > 1500


async def test_what_flows_calls_personal_is_spoken_as_such(exchange) -> None:
    exchange.flows.steps = [play("Hello"), play("Ada"), queue()]
    exchange.flows.steps[1].play.audio[0].personal = True
    customer = exchange.peer()
    await exchange.call(customer)
    await customer.hears(MUSIC_HZ)
    assert (exchange.house.clips.spoken, exchange.house.clips.personal) == (["Hello", "Ada"], ["Ada"])


async def test_a_digit_stops_the_menu_and_is_reported(exchange) -> None:
    exchange.flows.steps = [gather("Press one " * 5), queue()]
    customer = exchange.peer()
    await exchange.call(customer)
    await customer.hears(SPOKEN_HZ)
    await customer.press("1")
    await customer.hears(MUSIC_HZ)
    assert exchange.flows.events() == [("DIGITS", "1")]


async def test_digits_a_page_sends_over_its_socket_count_as_pressed(exchange) -> None:
    exchange.flows.steps = [gather("Press one"), queue()]
    response = await exchange.call(exchange.peer())
    with acting_for(exchange.tenant_id):
        await exchange.calls.SendDigits(call_service_pb2.SendDigitsRequest(call_id=response.call_id, digits="1"))
    await eventually(lambda: exchange.flows.events() == [("DIGITS", "1")])


async def test_digits_are_collected_up_to_the_terminator(exchange) -> None:
    exchange.flows.steps = [gather(most=10, terminator="#", timeout=2.0), queue()]
    customer = exchange.peer()
    await exchange.call(customer)
    await customer.press("4711#")
    await eventually(lambda: exchange.flows.events() == [("DIGITS", "4711")])


async def test_silence_after_the_menu_is_a_timeout_and_part_of_a_number_is_reported(exchange) -> None:
    exchange.flows.steps = [gather(timeout=0.2), gather(most=4, timeout=0.4), queue()]
    customer = exchange.peer()
    await exchange.call(customer)
    await eventually(lambda: len(exchange.flows.reports) == 1)
    await customer.press("12")
    await eventually(lambda: len(exchange.flows.reports) == 2)
    assert exchange.flows.events() == [("TIMEOUT", ""), ("DIGITS", "12")]


async def test_a_customer_who_knows_the_menu_types_ahead(exchange) -> None:
    exchange.flows.steps = [play("Welcome " * 3), gather("Press one"), queue()]
    customer = exchange.peer()
    await exchange.call(customer)
    await customer.press("1")
    await eventually(lambda: exchange.flows.events() == [("FINISHED", ""), ("DIGITS", "1")])
    assert exchange.flows.reports[0].sequence == 1


async def test_the_queue_plays_music_that_goes_on_through_ticks(exchange) -> None:
    exchange.flows.steps = [queue(0.3), queue(0.3), play("You are next"), queue(5)]
    customer = exchange.peer()
    response = await exchange.call(customer)
    await customer.hears(MUSIC_HZ)
    await customer.hears(SPOKEN_HZ)
    await customer.hears(MUSIC_HZ)
    assert exchange.flows.events() == [("QUEUE_TICK", ""), ("QUEUE_TICK", ""), ("FINISHED", "")]
    assert customer.sequence_gaps == 0
    with exchange.as_owner():
        call = await exchange.calls.GetCall(call_service_pb2.GetCallRequest(call_id=response.call_id))
    assert call.state == call_pb2.CALL_STATE_QUEUED
    assert call.contact_id == "con_01jd3v9k8r5x7m2p4q6s8t0w1y"


async def test_what_is_said_in_the_queue_is_heard_over_the_music_also_by_who_comes_back_meanwhile(exchange) -> None:
    exchange.house.clips._spoken = Clip(exchange.house.clips._spoken.packets * 100)  # a minute
    waiting = queue(60)
    waiting.queue.audio.append(run.Audio(text="You are number three"))
    exchange.flows.steps = [waiting]
    customer = exchange.peer()
    call = await exchange.call(customer)
    await customer.hears(SPOKEN_HZ)
    again = exchange.peer()
    with acting_for(""):
        answer = await exchange.calls.ReattachLeg(
            call_service_pb2.ReattachLegRequest(leg_token=call.leg_token, sdp_offer=await again.offer())
        )
    customer.forget()
    await customer.hears_all(SPOKEN_HZ, MUSIC_HZ)
    await again.accept(answer.sdp_answer)
    await again.hears_all(SPOKEN_HZ, MUSIC_HZ)
    assert customer.sequence_gaps == 0 and exchange.flows.events() == []


async def test_a_wait_covers_the_work_with_music(exchange) -> None:
    exchange.flows.steps = [run.Instruction(wait=run.WaitInstruction(filler="music")), hang_up()]
    customer = exchange.peer()
    response = await exchange.call(customer)
    await ended(exchange, response.call_id)
    assert exchange.flows.events() == [("PROCEED", "")]


async def test_music_plays_while_flows_is_away_and_the_same_report_is_sent_when_it_is_back(exchange) -> None:
    exchange.flows.steps = [gather(timeout=5), queue()]
    customer = exchange.peer()
    await exchange.call(customer)
    await eventually(lambda: exchange.switchboard.calls[0].journal)
    exchange.flows.down = True
    await customer.press("1")
    await customer.hears(MUSIC_HZ)
    exchange.flows.down = False
    await eventually(lambda: exchange.flows.events() == [("DIGITS", "1")])


async def test_a_call_begun_while_flows_is_away_waits_with_music(exchange) -> None:
    exchange.flows.down = True
    customer = exchange.peer()
    await exchange.call(customer)
    await customer.hears(MUSIC_HZ)
    exchange.flows.down = False
    exchange.flows.steps = [play("Hello"), queue()]
    await customer.hears(SPOKEN_HZ)


async def test_flows_that_stays_away_too_long_ends_the_call_with_an_apology(make_exchange) -> None:
    exchange = await make_exchange(flow_patience_seconds=0.5)
    exchange.flows.down = True
    customer = exchange.peer()
    response = await exchange.call(customer)
    await customer.hears(SPOKEN_HZ)
    assert (await ended(exchange, response.call_id)).end_cause == "FLOW_FAILED"


async def test_an_instruction_that_can_not_be_carried_out_ends_the_call_with_an_apology(exchange, capfd) -> None:
    endless = run.GatherInstruction(timeout=Duration(seconds=10**18))
    exchange.flows.steps = [run.Instruction(gather=endless)]
    customer = exchange.peer()
    response = await exchange.call(customer)
    await customer.hears(SPOKEN_HZ)
    assert (await ended(exchange, response.call_id)).end_cause == "FLOW_FAILED"
    [line] = [line for line in map(json.loads, capfd.readouterr().err.splitlines()) if line["level"] == "error"]
    assert line["call_id"] == response.call_id and line["error"].startswith("OverflowError")


async def test_a_prompt_that_is_missing_is_left_out_and_the_flow_goes_on(exchange) -> None:
    missing = run.Instruction(play=run.PlayInstruction(audio=[run.Audio(prompt_id="prm_gone"), run.Audio(text="Hi")]))
    exchange.flows.steps = [missing, queue()]
    customer = exchange.peer()
    await exchange.call(customer)
    await customer.hears(SPOKEN_HZ)
    await eventually(lambda: exchange.flows.events() == [("FINISHED", "")])


async def test_a_customer_who_reattaches_in_the_menu_hears_it_go_on(exchange) -> None:
    exchange.flows.steps = [gather("A long menu " * 4, timeout=20), queue()]
    customer = exchange.peer()
    response = await exchange.call(customer)
    await customer.hears(SPOKEN_HZ)
    customer.vanish()
    again = exchange.peer()
    with acting_for(""):
        answer = await exchange.calls.ReattachLeg(
            call_service_pb2.ReattachLegRequest(leg_token=response.leg_token, sdp_offer=await again.offer())
        )
    await again.accept(answer.sdp_answer)
    await again.press("3")
    await eventually(lambda: exchange.flows.events() == [("DIGITS", "3")])
    await again.hears(MUSIC_HZ)


async def test_over_the_plans_concurrent_calls_a_caller_is_told_so_and_the_owner_learns_of_it(exchange) -> None:
    widget = exchange.tenancy.widget(exchange.tenant_id, limit=1, language="tr")
    first, second = exchange.peer(), exchange.peer()
    await exchange.call(first, widget=widget)
    await first.hears(MUSIC_HZ)
    refused = await exchange.call(second, widget=widget)
    await second.hears(SPOKEN_HZ)
    await eventually(lambda: len(exchange.switchboard.calls) == 1)
    assert "hatlarımız" in exchange.house.clips.spoken[0]
    facts = await exchange.facts()
    assert facts.count("CallRefused") == 1
    assert facts.count("CallStarted") == 1
    with exchange.as_owner():
        cdrs = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=refused.call_id))).cdrs
    assert [cdr.end_cause for cdr in cdrs] == ["CONCURRENT_CALL_LIMIT_REACHED"]
    await first.hears(MUSIC_HZ)


async def test_caller_of_a_suspended_company_is_told_so_while_the_call_that_is_up_goes_on(exchange) -> None:
    up, next_one = exchange.peer(), exchange.peer()
    await exchange.call(up)
    await up.hears(MUSIC_HZ)
    suspended = exchange.tenancy.widget(exchange.tenant_id, language="fa", suspended=True)
    refused = await exchange.call(next_one, widget=suspended)
    await next_one.hears(SPOKEN_HZ)
    await eventually(lambda: len(exchange.switchboard.calls) == 1)
    assert "نمی‌پذیریم" in exchange.house.clips.spoken[0]
    facts = await exchange.facts()
    assert (facts.count("CallStarted"), facts.count("CallRefused")) == (1, 1)
    with exchange.as_owner():
        cdrs = (await exchange.calls.ListCdrs(call_service_pb2.ListCdrsRequest(call_id=refused.call_id))).cdrs
    assert [cdr.end_cause for cdr in cdrs] == ["TENANT_SUSPENDED"]
    await up.hears(MUSIC_HZ)


async def test_two_callers_at_once_can_not_both_take_the_last_line(exchange) -> None:
    widget = exchange.tenancy.widget(exchange.tenant_id, limit=1)
    peers = [exchange.peer() for _ in range(3)]
    await asyncio.gather(*(exchange.call(peer, widget=widget) for peer in peers))
    facts = await exchange.facts()
    assert (facts.count("CallStarted"), facts.count("CallRefused")) == (1, 2)


async def test_whose_page_is_reloaded_while_something_is_said_in_the_queue_hears_the_rest_and_goes_on_waiting(
    exchange,
) -> None:
    exchange.house.clips._spoken = Clip(exchange.house.clips._spoken.packets * 15)
    waiting = queue(0.3)
    waiting.queue.audio.append(run.Audio(text="You are number three"))
    exchange.flows.steps = [waiting, hang_up()]
    customer, again = exchange.peer(), exchange.peer()
    call = await exchange.call(customer)
    await customer.hears(SPOKEN_HZ)
    await customer.close()
    await eventually(lambda: exchange.switchboard.find(call.call_id).customer.closed)
    with acting_for(""):
        answer = await exchange.calls.ReattachLeg(
            call_service_pb2.ReattachLegRequest(leg_token=call.leg_token, sdp_offer=await again.offer())
        )
    await again.accept(answer.sdp_answer)
    await again.hears_all(SPOKEN_HZ, MUSIC_HZ)
    await eventually(lambda: exchange.flows.events())
