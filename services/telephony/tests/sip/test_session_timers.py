"""Sessions that are refreshed, by whom it was agreed, and given up when nobody does (RFC 4028), in time of our own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from telephony.sip import Ended, SipDialog
from telephony.sip.messages import Headers, Request, Response
from telephony.sip.session_timer import Agreed, IntervalTooSmall, SessionTimes, answer, put, settled
from testkit.waiting import eventually

from .peers import HandTimers, Line, Stranger, a_line, a_stranger, sdp

TIMES = SessionTimes(1800, 90)


def asked(**fields: str) -> Request:
    return Request("INVITE", "sip:a@b", Headers([(name.replace("_", "-"), value) for name, value in fields.items()]))


@pytest.mark.parametrize(
    ("fields", "agreed"),
    [
        ({}, None),
        ({"supported": "timer"}, Agreed(1800, False)),
        ({"supported": "timer", "session_expires": "600"}, Agreed(600, False)),
        ({"supported": "timer", "session_expires": "600;refresher=uas"}, Agreed(600, True)),
        ({"supported": "timer", "session_expires": "600;refresher=uac"}, Agreed(600, False)),
        ({"supported": "timer", "session_expires": "7200"}, Agreed(1800, False)),
        ({"supported": "timer", "session_expires": "4000", "min_se": "3000"}, Agreed(3000, False)),
        ({"session_expires": "600"}, Agreed(600, True)),
        ({"session_expires": "30"}, Agreed(90, True)),
    ],
)
def test_the_called_side_decides_within_what_was_asked(fields: dict[str, str], agreed: Agreed | None) -> None:
    assert answer(asked(**fields), TIMES) == agreed
    response = Response(200, "OK", Headers())
    put(response, agreed, supported="timer" in fields.get("supported", ""))
    as_caller = settled(response)
    assert (as_caller is None) == (agreed is None)
    if as_caller is not None and agreed is not None:
        assert (as_caller.seconds, as_caller.we_refresh) == (agreed.seconds, not agreed.we_refresh)


def test_who_knows_timers_is_told_when_the_session_is_too_short() -> None:
    with pytest.raises(IntervalTooSmall):
        answer(asked(supported="timer", session_expires="60"), TIMES)


class Call:
    """The stranger's call to us, answered."""

    def __init__(self, timers: HandTimers, line: Line, stranger: Stranger) -> None:
        self.timers, self.line, self.stranger = timers, line, stranger
        self.ended: list[Ended] = []
        self.tag = ""

    async def begin(self, *more: str) -> SipDialog:
        self.stranger.say(self.stranger.invite("z9hG4bKone", *more))
        dialog = await (await self.line.invitation()).answer(sdp("ours"))
        dialog.on_bye = self.ended.append
        self.tag = (await self.stranger.response(200)).to.tag
        self.stranger.say(self.stranger.message("ACK", "z9hG4bKack", to_tag=self.tag))
        await eventually(lambda: not dialog.offers._unacknowledged)
        return dialog


@pytest_asyncio.fixture
async def call() -> AsyncIterator[Call]:
    timers = HandTimers()
    async with a_line(timers) as line, a_stranger(line) as stranger:
        yield Call(timers, line, stranger)


async def test_we_refresh_by_update_at_half_time(call: Call) -> None:
    dialog = await call.begin("Supported: timer", "Session-Expires: 600;refresher=uas", "Allow: UPDATE, INVITE")
    for _ in range(3):
        call.timers.pass_now(300)
        refresh = await call.stranger.request("UPDATE")
        assert (refresh.body, refresh.headers.get("session-expires")) == (b"", "600;refresher=uac")
        call.stranger.answer(refresh, 200, "", "Session-Expires: 600;refresher=uac", "Require: timer")
        await eventually(lambda: not dialog.offers._asking)
    assert call.ended == []


async def test_we_refresh_by_reinvite_with_the_same_description_where_update_is_unknown(call: Call) -> None:
    dialog = await call.begin("Session-Expires: 600", "Allow: INVITE, BYE")
    call.timers.pass_now(300)
    refresh = await call.stranger.request("INVITE")
    assert refresh.body.decode() == sdp("ours")
    call.stranger.answer(refresh, 200, sdp("stranger"), "Session-Expires: 600;refresher=uac")
    await call.stranger.request("ACK")
    await eventually(lambda: dialog.state()["we_refresh"] and not dialog.offers._asking)
    call.timers.pass_now(300)
    await call.stranger.request("INVITE")


async def test_a_refresh_refused_isnt_the_end_until_the_interval_is_over(call: Call) -> None:
    await call.begin("Session-Expires: 600", "Allow: UPDATE")
    for seconds in (300, 150, 75, 37.5):
        call.timers.pass_now(seconds)
        call.stranger.answer(await call.stranger.request("UPDATE"), 500)
        await eventually(lambda: not call.line.agent.dialogs[0].offers._asking)
        assert call.ended == []
    call.timers.pass_now(37.5)
    assert "cause=102" in ((await call.stranger.request("BYE")).headers.get("reason") or "")
    assert [each.why for each in call.ended] == ["expired"]


async def test_a_refresh_refused_once_by_a_peer_without_time_is_tried_again_and_keeps_the_call(call: Call) -> None:
    dialog = await call.begin("Session-Expires: 600", "Allow: UPDATE")
    call.timers.pass_now(300)
    call.stranger.answer(await call.stranger.request("UPDATE"), 503)
    await eventually(lambda: not dialog.offers._asking)
    call.timers.pass_now(150)
    call.stranger.answer(await call.stranger.request("UPDATE"), 200, "", "Session-Expires: 600;refresher=uac")
    await eventually(lambda: not dialog.offers._asking)
    call.timers.pass_now(290)
    assert call.ended == []


async def test_the_shortest_interval_leaves_time_to_try_again_before_the_peer_gives_up(call: Call) -> None:
    dialog = await call.begin("Session-Expires: 90", "Allow: UPDATE")
    call.timers.pass_now(45)
    call.stranger.answer(await call.stranger.request("UPDATE"), 503)
    await eventually(lambda: not dialog.offers._asking)
    # The peer hangs up a third of the interval before its end (RFC 4028 10).
    call.timers.pass_now(14)
    call.stranger.answer(await call.stranger.request("UPDATE"), 200, "", "Session-Expires: 90;refresher=uac")
    await eventually(lambda: not dialog.offers._asking)
    call.timers.pass_now(40)
    assert call.ended == []


@pytest.mark.parametrize("status", [405, 501, 488])
async def test_a_peer_that_allows_update_and_refuses_it_is_refreshed_by_reinvite(call: Call, status: int) -> None:
    dialog = await call.begin("Session-Expires: 600", "Allow: UPDATE, INVITE")
    call.timers.pass_now(300)
    call.stranger.answer(await call.stranger.request("UPDATE"), status)
    for _ in range(3):
        refresh = await call.stranger.request("INVITE")
        assert refresh.body.decode() == sdp("ours")
        call.stranger.answer(
            refresh, 200, sdp("stranger"), "Session-Expires: 600;refresher=uac", "Allow: UPDATE, INVITE"
        )
        await call.stranger.request("ACK")
        await eventually(lambda: not dialog.offers._asking)
        call.timers.pass_now(300)
    assert call.ended == []


async def test_a_refresh_to_a_peer_who_forgot_ends_the_call(call: Call) -> None:
    await call.begin("Session-Expires: 600", "Allow: UPDATE")
    call.timers.pass_now(300)
    call.stranger.answer(await call.stranger.request("UPDATE"), 481)
    await eventually(lambda: [each.why for each in call.ended] == ["gone"])


async def test_a_peer_who_refreshes_keeps_the_call_and_one_who_stops_loses_it(call: Call) -> None:
    await call.begin("Supported: timer", "Session-Expires: 600;refresher=uac")
    for cseq in (2, 3):
        call.timers.pass_now(500)
        call.stranger.say(
            call.stranger.message(
                "UPDATE", f"z9hG4bK{cseq}", "Supported: timer", "Session-Expires: 600;refresher=uac",
                to_tag=call.tag, cseq=cseq,
            )
        )  # fmt: skip
        ok = await call.stranger.response(200)
        assert ok.headers.get("session-expires") == "600;refresher=uac"
    assert call.ended == []
    call.timers.pass_now(600 - 32 + 1)
    await call.stranger.request("BYE")
    assert [each.why for each in call.ended] == ["expired"]


async def test_a_call_without_agreement_has_no_timer(call: Call) -> None:
    await call.begin()
    call.timers.pass_now(64)
    assert call.timers.waiting == 0
