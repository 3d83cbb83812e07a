"""Consent goes on for the whole of a call, is settled without being read anew, and its end is noticed."""

from __future__ import annotations

import asyncio

import aioice.ice
import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st
from telephony.media import aioice_private
from telephony.media.consent import Asking, Repeats, genuine
from testkit import eventually

OURS, THEIRS = b"our password, of 22 by", b"theirs"
FROM = ("192.0.2.17", 50_123)

ADDRESSES = st.tuples(st.ip_addresses(v=4).map(str), st.integers(1, 65_535))
NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=9, max_size=60)


def check(name: str = "abcd:efgh", *, nominates: bool = False, key: bytes = OURS, priority: int = 1853824767) -> bytes:
    """A browser's, as aioice would send it."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes |= {"USERNAME": name, "PRIORITY": priority, "ICE-CONTROLLING": 1 << 60}
    if nominates:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(key)
    return bytes(message)


def answer_to(request: bytes, address: tuple[str, int], key: bytes) -> bytes:
    """As aioice gives it."""
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request[8:20])
    answer.attributes["XOR-MAPPED-ADDRESS"] = address
    answer.add_message_integrity(key)
    return bytes(answer)


def taken(first: bytes, address: tuple[str, int] = FROM) -> Repeats:
    """Of a browser whose first check aioice has read."""
    repeats = Repeats(OURS)
    repeats.taken(first[:-32], address)
    return repeats


@given(NAMES, st.booleans(), ADDRESSES, st.binary(min_size=12, max_size=12))
def test_a_repeated_check_is_answered_with_the_bytes_aioice_would_send(name, nominates, address, transaction) -> None:
    repeats = taken(check(name, nominates=nominates), address)
    again = stun.parse_message(check(name, nominates=nominates))
    again.transaction_id = transaction
    again.add_message_integrity(OURS)
    request = bytes(again)
    assert repeats.answer(request, address) == answer_to(request, address, OURS)


@given(st.integers(0, 8 * len(check()) - 1))
def test_a_check_with_any_bit_changed_is_not_answered(bit: int) -> None:
    repeats, request = taken(check()), bytearray(check())
    request[bit // 8] ^= 1 << bit % 8
    assert repeats.answer(bytes(request), FROM) is None


@given(st.binary(max_size=120))
def test_whatever_comes_is_no_repeat_unless_it_is_one(data: bytes) -> None:
    assert taken(check()).answer(data, FROM) is None
    assert not genuine(data, OURS)


def test_what_differs_from_the_check_that_was_taken_is_read_by_aioice() -> None:
    repeats = taken(check())
    assert repeats.answer(check(), FROM)
    assert repeats.answer(check(nominates=True), FROM) is None
    assert repeats.answer(check(priority=1), FROM) is None
    assert repeats.answer(check(key=b"another's"), FROM) is None
    assert repeats.answer(check(), ("192.0.2.17", 50_124)) is None
    repeats.forget()
    assert repeats.answer(check(), FROM) is None


def test_a_browser_of_ipv6_is_answered_by_aioice() -> None:
    assert taken(check(), ("2001:db8::7", 50_123)).answer(check(), ("2001:db8::7", 50_123)) is None


def test_each_of_our_checks_is_a_new_transaction_and_the_same_to_whoever_reads_it() -> None:
    asking = Asking(check(key=THEIRS), THEIRS)
    messages = [asking.ask() for _ in range(5)]
    read = [stun.parse_message(each) for each in messages]
    assert all(each.check_message_integrity(THEIRS) for each in read)
    assert len({each.transaction_id for each in read}) == 5
    assert {each[20:-32] for each in messages} == {check()[20:-32]}
    assert asking.unanswered == 5


def test_only_a_genuine_answer_to_the_last_check_is_consent() -> None:
    asking = Asking(check(key=THEIRS), THEIRS)
    old, last = asking.ask(), asking.ask()
    for answer in (answer_to(old, FROM, THEIRS), answer_to(last, FROM, OURS), answer_to(last, FROM, THEIRS)[:-1], b""):
        assert not asking.heard(answer) and asking.unanswered == 2
    assert asking.heard(answer_to(last, FROM, THEIRS)) and asking.unanswered == 0


def test_an_answer_that_looks_unusual_is_consent_once_aioice_has_read_it() -> None:
    asking = Asking(check(key=THEIRS), THEIRS)
    message = stun.parse_message(answer_to(asking.ask(), FROM, THEIRS))
    forged = stun.parse_message(answer_to(asking.ask(), FROM, OURS))
    asking.response_received(forged, FROM)
    assert asking.unanswered == 2
    asking.response_received(message, FROM)
    assert asking.unanswered == 0


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends ask fifty times a second."""
    monkeypatch.setattr(aioice_private, "CONSENT_INTERVAL", 0.02)
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.02)


@pytest.mark.media
async def test_a_call_goes_on_while_both_ends_ask_for_consent_and_nobody_reads_what_repeats(
    studio, often, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer, leg = await studio.connect()
    connection, checks, read = leg._transport.connection, [0], []
    on_check = connection.on_check
    connection.on_check = lambda: (checks.__setitem__(0, checks[0] + 1), on_check())
    await eventually(lambda: checks[0] >= 5 and connection._asking is not None)
    monkeypatch.setattr(connection, "request_received", lambda *message: read.append(message))
    asked = connection._asking.transaction
    await eventually(lambda: checks[0] >= 15 and connection._asking.transaction != asked)
    assert not read and len(connection._protocols[0].transactions) <= 1
    assert leg.stands and peer.connection.connectionState == "connected"


@pytest.mark.media
async def test_a_leg_whose_browser_gives_no_consent_any_more_is_closed(studio, often) -> None:
    peer, leg = await studio.connect()
    closed = asyncio.Event()
    leg.on_closed = closed.set
    peer.vanish()
    await asyncio.wait_for(closed.wait(), 30)
    assert leg.closed
