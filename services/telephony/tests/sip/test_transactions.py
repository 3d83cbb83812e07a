"""How often a request is sent, and when one gives up (RFC 3261 17.1), in time of our own."""

from __future__ import annotations

import asyncio

from telephony.sip import Failure, InviteWish, Limits
from testkit.waiting import eventually

from .peers import CALLER, Attempt, HandTimers, Line, Stranger, a_line, a_stranger, sdp


async def calling(line: Line, stranger: Stranger) -> Attempt:
    wish = InviteWish(f"sip:1@127.0.0.1:{stranger.port}", CALLER, sdp("a"), response_seconds=1000, ring_seconds=1000)
    return Attempt(await line.agent.invite(wish))


async def heard(stranger: Stranger, count: int) -> None:
    await eventually(lambda: len(stranger.heard) >= count)
    assert len(stranger.heard) == count


async def test_an_invite_nobody_answers_is_sent_seven_times_and_given_up() -> None:
    timers = HandTimers()
    async with a_line(timers) as line, a_stranger(line) as stranger:
        attempt = await calling(line, stranger)
        for count, pause in enumerate((0.5, 1, 2, 4, 8, 16), start=1):
            await heard(stranger, count)
            timers.pass_now(pause)
        await heard(stranger, 7)
        timers.pass_now(0.5)
        assert await attempt.failed == Failure(408, "Request Timeout", 18, local=True)
        assert line.agent.load == 0
        assert len({message.encode() for message in stranger.heard}) == 1


async def test_an_invite_that_was_heard_is_not_repeated() -> None:
    timers = HandTimers()
    async with a_line(timers) as line, a_stranger(line) as stranger:
        attempt = await calling(line, stranger)
        stranger.answer(await stranger.request("INVITE"), 180)
        await eventually(lambda: attempt.rings)
        timers.pass_now(100)
        await heard(stranger, 1)
        assert not attempt.failed.done()


async def test_another_request_is_repeated_up_to_every_four_seconds() -> None:
    timers = HandTimers()
    async with a_line(timers) as line, a_stranger(line) as stranger:
        place = line.place().__class__("UDP", "127.0.0.1", stranger.port)
        asking = asyncio.ensure_future(line.agent.options("sip:127.0.0.1", place, seconds=100))  # noqa: TID251
        for count, pause in enumerate((0.5, 1, 2, 4, 4, 4, 4, 4, 4, 4), start=1):
            await heard(stranger, count)
            timers.pass_now(pause)
        await heard(stranger, 11)
        timers.pass_now(0.5)
        assert (await asking).status == 408
        assert line.agent.load == 0


async def test_an_answer_repeated_is_passed_on_once() -> None:
    timers = HandTimers()
    async with a_line(timers) as line, a_stranger(line) as stranger:
        place = line.place().__class__("UDP", "127.0.0.1", stranger.port)
        asking = asyncio.ensure_future(line.agent.options("sip:127.0.0.1", place))  # noqa: TID251
        request = await stranger.request("OPTIONS")
        for status in (404, 200):
            stranger.answer(request, status)
        assert (await asking).status == 404
        assert line.agent.load == 1
        timers.pass_now(5)
        assert line.agent.load == 0 and timers.waiting == 0


async def test_an_answer_for_somebody_else_is_dropped(bob: Line, stranger: Stranger) -> None:
    attempt = await calling(bob, stranger)
    request = await stranger.request("INVITE")
    response = request.response(200, tag="x")
    response.headers.set("via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKother", *request.headers.lines("via"))
    stranger.say(response.encode())
    response.headers.set("via", request.headers.lines("via")[0].replace("z9hG4bK", "z9hG4bK0"))
    stranger.say(response.encode())
    stranger.answer(request, 486)
    assert (await attempt.failed).status == 486


async def test_more_requests_than_can_be_kept_are_refused_without_state() -> None:
    async with a_line(limits=Limits(transactions=3)) as line, a_stranger(line) as stranger:
        for number in range(3):
            stranger.say(stranger.invite(f"z9hG4bK{number}", call=str(number)))
            await line.invitation(number)
        stranger.say(stranger.message("OPTIONS", "z9hG4bKmore", call="more"))
        assert (await stranger.response(503)).headers.get("retry-after") == "5"
        assert line.agent.load == 3


async def test_a_sender_without_rport_is_answered_at_the_port_it_names(bob: Line, stranger: Stranger) -> None:
    async with a_stranger(bob) as other:
        text = stranger.message("OPTIONS", "z9hG4bKone").replace(";rport", "")
        stranger.say(text.replace(f"127.0.0.1:{stranger.port};branch", f"127.0.0.1:{other.port};branch"))
        await other.response(200)
        assert stranger.heard == []


async def test_a_sender_is_told_where_it_was_heard(bob: Line, stranger: Stranger) -> None:
    stranger.say(stranger.message("OPTIONS", "z9hG4bKone").replace("UDP 127.0.0.1", "UDP 192.168.9.9"))
    via = (await stranger.response(200)).via
    assert (via.parameters["received"], via.parameters["rport"]) == ("127.0.0.1", str(stranger.port))
