"""Callers who say what they want instead of pressing a key, over a real SIP trunk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from merkez.flows.v1 import run_service_pb2 as run
from numpy.typing import NDArray
from testkit import eventually
from testkit.rtp_peer import RtpPeer

from .carriers import Carrier
from .conftest import MUSIC_HZ, SPOKEN_HZ, Exchange
from .media.voices import line, quiet
from .neighbours import queue_instruction
from .test_sip_calls import NUMBER, OURS, port, trunk

pytestmark = pytest.mark.media

MENU = {"sales": "1", "technical support": "2", "opening hours": "3"}


@pytest_asyncio.fixture
async def exchange(make_exchange: Any) -> Exchange:
    return await make_exchange(sip_listen="udp:127.0.0.1:0")


@pytest_asyncio.fixture
async def carrier() -> AsyncIterator[Carrier]:
    made = Carrier(await RtpPeer.start(None))
    await made.start()
    yield made
    await made.close()


def a_menu(text: str = "", *, seconds: int = 10, language: str = "") -> run.Instruction:
    spoken = [run.SpokenChoice(phrase=phrase, digit=digit) for phrase, digit in MENU.items()]
    gather = run.GatherInstruction(max_digits=1, timeout=Duration(seconds=seconds), spoken=spoken, language=language)
    if text:
        gather.audio.add(text=text)
    return run.Instruction(gather=gather)


async def call(exchange: Exchange, carrier: Carrier, *sounds: NDArray[np.float64]) -> None:
    await trunk(exchange, carrier)
    carrier.peer.will_say(line(quiet(0.4), *sounds))
    await carrier.call(port(exchange), OURS, NUMBER)


async def test_what_is_said_counts_as_its_key(exchange, carrier, said) -> None:
    exchange.flows.steps = [a_menu(), queue_instruction()]
    await call(exchange, carrier, await said("technical support"))
    await carrier.peer.hears(MUSIC_HZ)
    (report,) = exchange.flows.reports
    assert (report.event, report.digits, report.detail) == (run.RUN_EVENT_KIND_DIGITS, "2", "SPOKEN")


async def test_who_says_it_while_the_menu_is_read_out_hears_no_more_of_it(exchange, carrier, said) -> None:
    exchange.flows.steps = [a_menu("Please say what you call for. " * 20), queue_instruction()]
    await call(exchange, carrier, quiet(1.0), await said("opening hours, please"))
    await carrier.peer.hears(SPOKEN_HZ)
    await carrier.peer.hears(MUSIC_HZ)
    assert exchange.flows.events() == [("DIGITS", "3")]


async def test_what_is_on_no_menu_is_reported_as_not_understood_and_the_next_word_is_heard(
    exchange, carrier, said
) -> None:
    exchange.flows.steps = [a_menu(), a_menu(), queue_instruction()]
    strange = await said("Could somebody tell me what the weather is like over there?")
    await call(exchange, carrier, strange, quiet(4.0), await said("opening hours"))
    await eventually(lambda: len(exchange.flows.reports) == 2, deadline=40)
    first, second = exchange.flows.reports
    assert (first.digits, first.detail) == ("", "NOT_UNDERSTOOD")
    assert (second.digits, second.detail) == ("3", "SPOKEN")


async def test_who_chose_a_language_of_which_no_word_is_understood_is_not_taken_for_saying_something_else(
    exchange, carrier, said
) -> None:
    exchange.flows.steps = [a_menu(seconds=5, language="tr"), a_menu(language="en"), queue_instruction()]
    await call(exchange, carrier, await said("technical support"), quiet(6.0), await said("opening hours"))
    await eventually(lambda: len(exchange.flows.reports) == 2, deadline=40)
    assert exchange.flows.events() == [("TIMEOUT", ""), ("DIGITS", "3")]


async def test_the_keypad_works_in_every_speech_menu(exchange, carrier) -> None:
    exchange.flows.steps = [a_menu(), queue_instruction()]
    await call(exchange, carrier)
    await carrier.peer.press("3")
    await carrier.peer.hears(MUSIC_HZ)
    (report,) = exchange.flows.reports
    assert (report.digits, report.detail) == ("3", "")


async def test_an_engine_that_breaks_leaves_the_keypad(exchange, carrier, said, monkeypatch) -> None:
    monkeypatch.setattr(exchange.house.recognizer._process, "_module", "no.such.module")
    exchange.flows.steps = [a_menu(seconds=2), a_menu(), queue_instruction()]
    await call(exchange, carrier, await said("sales"))
    await eventually(lambda: len(exchange.flows.reports) == 1, deadline=40)
    assert exchange.flows.events() == [("TIMEOUT", "")]
    await carrier.peer.press("1")
    await carrier.peer.hears(MUSIC_HZ)
