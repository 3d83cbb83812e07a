"""Digits: every one, once, whatever is lost on the way."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from telephony.media.dtmf import DIGITS, DigitReader
from testkit import eventually


def _event(code: int, duration: int, *, end: bool = False) -> bytes:
    return struct.pack("!BBH", code, (0x80 if end else 0) | 10, duration)


def _packets(digits: str, start: int = 1000) -> list[tuple[int, bytes]]:
    """What a browser sends: five packets while the key is down, the end three times."""
    found = []
    for index, digit in enumerate(digits):
        timestamp = (start + index * 9600) & 0xFFFFFFFF
        code = DIGITS.index(digit)
        found += [(timestamp, _event(code, step * 960)) for step in range(1, 6)]
        found += [(timestamp, _event(code, 4800, end=True))] * 3
    return found


def _read(packets: list[tuple[int, bytes]]) -> str:
    heard: list[str] = []
    reader = DigitReader(heard.append)
    for timestamp, payload in packets:
        reader.packet(timestamp, payload)
    return "".join(heard)


def test_a_digit_sent_eight_times_is_one_digit() -> None:
    assert _read(_packets("5")) == "5"


@settings(max_examples=200, deadline=None)
@given(st.text(DIGITS, min_size=1, max_size=12), st.integers(), st.integers(0, 2**32 - 1))
def test_dtmf_survives_five_percent_loss(digits: str, seed: int, start: int) -> None:
    rng = random.Random(seed)
    # Eight packets carry a digit: losing all of them at 5 % happens once in 25 billion.
    kept = [packet for packet in _packets(digits, start) if rng.random() >= 0.05]
    assert _read(kept) == digits


def test_the_same_digit_twice_is_two_digits() -> None:
    assert _read(_packets("11")) == "11"


def test_a_digit_of_which_only_the_end_arrives_counts() -> None:
    assert _read(_packets("9")[-1:]) == "9"


def test_a_tone_longer_than_a_segment_is_one_digit() -> None:
    code = DIGITS.index("7")
    first = [(1000, _event(code, step)) for step in (960, 30_000, 0xFFFF)]
    second = [(1000 + 0xFFFF, _event(code, step)) for step in (960, 40_000)]
    end = [(1000 + 0xFFFF, _event(code, 41_000, end=True))] * 3
    assert _read(first + second + end) == "7"


def test_packets_out_of_order_change_nothing() -> None:
    packets = _packets("12")
    packets[7], packets[8] = packets[8], packets[7]
    assert _read(packets) == "12"


@given(st.text(DIGITS, min_size=8, max_size=12), st.text(DIGITS, max_size=12), st.integers(0, 2**32 - 1))
@example("01234567", "95", 2_000_000_000)
def test_each_digit_counts_once_also_when_the_carrier_goes_on_by_another_stream(
    before: str, after: str, start: int
) -> None:
    pressed = [*_packets(before, 3_000_000_000), *_packets(after, start)]
    # Two digits of different streams may share a timestamp, once in thousands of millions.
    assume(abs(start - 3_000_000_000) > 10_000_000)
    assert _read(pressed) == before + after


def test_digits_that_overtake_each_other_count_once_each_however_many_came_before() -> None:
    first, second, third = (_packets("0123456789")[at * 8 : at * 8 + 8] for at in (7, 8, 9))
    assert _read([*_packets("0123456"), *second, *third, *first]) == "0123456897"


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=8)), max_size=50))
def test_garbage_is_ignored(packets: list[tuple[int, bytes]]) -> None:
    assert set(_read(packets)) <= set(DIGITS)


@pytest.mark.media
async def test_digits_arrive_through_a_lossy_connection_and_are_not_heard_by_the_other_side(studio) -> None:
    customer, leg = await studio.connect(440, loss=0.05, seed=7)
    agent, other = await studio.connect(880)
    heard: list[str] = []
    leg.on_digit = heard.append
    leg.forward_to = other.outbound
    await agent.hears(440)
    await customer.press("0123456789*#")
    await eventually(lambda: "".join(heard) == "0123456789*#")
    assert agent.digits == ""


@pytest.mark.media
async def test_digits_we_send_are_understood_and_the_voice_goes_on_behind_them(studio) -> None:
    customer, leg = await studio.connect(440)
    _, other = await studio.connect(880)
    other.forward_to = leg.outbound
    await customer.hears(880)
    leg.send_digits("19#")
    leg.send_digits("A")
    await eventually(lambda: customer.digits == "19#A")
    customer.forget()
    await customer.hears(880)
    assert customer.sequence_gaps == 0
