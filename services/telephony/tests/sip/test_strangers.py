"""Who has no call with us and proved nothing: answered, and forgotten."""

from __future__ import annotations

import pytest

from .peers import HandTimers, a_line, a_stranger


@pytest.mark.parametrize(
    ("method", "more", "to_tag", "status"),
    [
        ("INVITE", (), "no-such-tag", 481),
        ("BYE", (), "no-such-tag", 481),
        ("INVITE", ("Require: moonshine",), "", 420),
        ("OPTIONS", (), "", 200),
        ("CANCEL", (), "", 481),
        ("PUBLISH", (), "", 501),
        ("MESSAGE", (), "", 501),
    ],
)
async def test_who_has_no_call_with_us_is_answered_once_and_nothing_is_kept(method, more, to_tag, status) -> None:
    timers = HandTimers()
    async with a_line(timers, trusted=lambda _: False) as bob, a_stranger(bob) as stranger:
        stranger.say(stranger.message(method, "z9hG4bKone", *more, to_tag=to_tag))
        await stranger.response(status)
        assert bob.agent.load == 0 and timers.waiting == 0, "a flood of these would keep calls out"
        timers.pass_now(64)
        stranger.say(stranger.message("OPTIONS", "z9hG4bKtwo"))
        await stranger.response(200)  # and no repetition before it, in whosever name it was asked
