"""Numbers that answer while the database is away: they are heard at once, and written down when it is back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from merkez.telephony.v1 import call_pb2, call_service_pb2
from telephony.sip import SipDialog
from testkit import eventually

from .conftest import Exchange, an_id
from .desk_phones import DeskPhone
from .seeking import mobiles
from .test_phones_that_dial import MOBILE_HZ, PHONE_HZ, cdr, exchange, mobile
from .test_sip_calls import AGENT_HZ, NUMBER, an_agent, dial
from .test_sip_outages import FarDatabase

__all__ = ["exchange", "mobile", "mobiles"]
pytestmark = pytest.mark.media


def away(exchange: Exchange) -> FarDatabase:
    """From now on nothing can be read or written."""
    far = FarDatabase(exchange.house.db)
    far.away = True
    exchange.house.db = far  # type: ignore[assignment]
    return far


def back(exchange: Exchange, far: FarDatabase) -> None:
    far.away = False
    exchange.house.db = far._db


async def call_of(exchange: Exchange) -> call_pb2.Call:
    with exchange.as_owner():
        (found,) = (await exchange.calls.ListCalls(call_service_pb2.ListCallsRequest())).calls
    return found


async def ringing(exchange: Exchange, mobile: Any) -> tuple[DeskPhone, Any]:
    phone = await DeskPhone.signed_in(exchange, an_id("usr"), PHONE_HZ)
    dialled = await phone.begins(NUMBER)
    await eventually(lambda: dialled.rang and mobile.invitations)
    return phone, dialled


async def test_a_phone_hears_who_answers_at_once_and_the_answer_is_written_with_its_time(
    exchange: Exchange, mobile: Any
) -> None:
    phone, dialled = await ringing(exchange, mobile)
    far = away(exchange)
    before = exchange.house.now()
    mobile.answer_now.set()
    assert isinstance(await asyncio.wait_for(dialled.outcome, 30), SipDialog)
    await asyncio.gather(mobile.peer.hears(PHONE_HZ), phone.peer.hears(MOBILE_HZ))
    since = exchange.house.now()
    back(exchange, far)
    assert (await call_of(exchange)).state in (call_pb2.CALL_STATE_DIALING, call_pb2.CALL_STATE_TALKING)
    await eventually(lambda: _talking(exchange))
    answered = (await call_of(exchange)).answer_time.ToDatetime(before.tzinfo)
    assert before - timedelta(milliseconds=1) <= answered <= since, "the answer's own time"
    await asyncio.gather(mobile.peer.hears(PHONE_HZ), phone.peer.hears(MOBILE_HZ))
    await phone.close()


async def _talking(exchange: Exchange) -> bool:
    return (await call_of(exchange)).state == call_pb2.CALL_STATE_TALKING


async def test_a_talk_that_ends_before_the_database_is_back_is_written_from_its_answer_to_its_end(
    exchange: Exchange, mobile: Any
) -> None:
    phone, dialled = await ringing(exchange, mobile)
    far = away(exchange)
    mobile.answer_now.set()
    dialog = await asyncio.wait_for(dialled.outcome, 30)
    assert isinstance(dialog, SipDialog)
    await asyncio.gather(mobile.peer.hears(PHONE_HZ), phone.peer.hears(MOBILE_HZ))
    await dialog.bye()
    await eventually(lambda: mobile.ended)
    until = exchange.house.now()
    back(exchange, far)
    record = await cdr(exchange)
    assert (record.end_cause, record.end_party) == ("NORMAL", call_pb2.END_PARTY_AGENT)
    assert record.answer_time.ToDatetime(until.tzinfo) < until
    talked = record.talk_duration.ToTimedelta()
    assert timedelta(0) < talked <= until - record.answer_time.ToDatetime(until.tzinfo)
    assert (await exchange.facts()).count("CallAnswered") == 1
    await phone.close()


async def test_an_agent_at_the_desk_is_heard_by_who_answers_while_it_can_not_be_written(
    exchange: Exchange, mobile: Any
) -> None:
    agent, agent_id = await an_agent(exchange)
    await dial(exchange, agent_id)
    await eventually(lambda: mobile.invitations)
    far = away(exchange)
    mobile.answer_now.set()
    await asyncio.gather(mobile.peer.hears(AGENT_HZ), agent.hears(MOBILE_HZ))
    back(exchange, far)
    await eventually(lambda: _talking(exchange))
    await mobile.peer.hears(AGENT_HZ)


async def test_who_is_not_waited_for_any_more_is_not_heard_by_what_comes_late(exchange: Exchange, mobile: Any) -> None:
    """The phone gives up, nobody can write that, and the number answers: it is hung up on, and nobody answered it."""
    phone, dialled = await ringing(exchange, mobile)
    far = away(exchange)
    await dialled.attempt.cancel()
    assert (await asyncio.wait_for(dialled.outcome, 30)).status == 487
    mobile.answer_now.set()
    await eventually(lambda: mobile.ended or not mobile.invitations[0].is_open)
    back(exchange, far)
    assert not (await cdr(exchange)).HasField("answer_time")
    await phone.close()
