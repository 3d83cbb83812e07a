"""A stranger who sends anything at all: the agent neither breaks, nor leaks, nor lets go of a call that lives."""

from __future__ import annotations

import asyncio

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from telephony.sip import InviteWish
from telephony.sip.messages import Flow
from testkit.waiting import eventually

from .peers import CALLER, Attempt, HandTimers, Line, Stranger, a_line, a_stranger, sdp

UNHURRIED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
METHODS = ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY", "WHO"]
LINES = [
    "Require: 100rel", "Require: x", "Supported: timer, 100rel, replaces", "Session-Expires: 90;refresher=uas",
    "Session-Expires: x", "Min-SE: 99999999999", "RAck: 1 1 INVITE", "RAck: x", "RSeq: 0", "Refer-To: <sip:a@b>",
    "Refer-To: <sip:a@b?Replaces=x%3Bto-tag%3D1%3Bfrom-tag%3D2>", "Refer-To: <sip:a@b?Replaces=%00>", "Refer-To: x",
    "Event: refer;id=1", "Event: refer;id=²", "Event: x", "Subscription-State: terminated", "Replaces: x",
    "Replaces: live;to-tag=a;from-tag=b", "Contact: *", "Contact: <isbn:1>", "Expires: -1", "Reason: Q.850;cause=x",
    "Record-Route: <tel:1>", "Record-Route: x", "Route: <sip:x;lr>", "Authorization: Digest x", "Referred-By: <",
    "Content-Encoding: gzip", "Content-Disposition: x;handling=optional", "History-Info: <", "Diversion: ,,",
    "P-Asserted-Identity: x", "Max-Forwards: 0", "Timestamp: 1", "Retry-After: x",
]  # fmt: skip
BODIES = ["", "x", sdp("fuzz"), "SIP/2.0 200 OK\r\n", "Signal=5\r\nDuration=99999\r\n", "--b\r\n\r\n--b--"]
KINDS = ["application/sdp", "message/sipfrag", "application/dtmf-relay", 'multipart/mixed;boundary="b"', "x", "a/b;c="]

ANSWERS: list[tuple[int, tuple[str, ...]]] = [
    (100, ()), (180, ("Require: 100rel", "RSeq: 1")), (180, ("Require: 100rel", "RSeq: x")), (183, ()), (200, ()),
    (302, ("Contact: <",)), (401, ('WWW-Authenticate: Digest realm="x',)), (422, ("Min-SE: x",)), (486, ()),
    (491, ()), (200, ("Session-Expires: x", "Record-Route: <tel:1>")),
]  # fmt: skip

requests = st.fixed_dictionaries(
    {
        "method": st.sampled_from(METHODS),
        "branch": st.sampled_from(["z9hG4bK1", "z9hG4bK2", "z9hG4bK", "old"]),
        "lines": st.lists(st.sampled_from(LINES), max_size=4),
        "to_tag": st.sampled_from(["", "LIVE", "x"]),
        "call": st.sampled_from(["LIVE", "c1", "c2"]),
        "cseq": st.sampled_from([1, 2, 3, 4, 2147483647]),
        "body": st.sampled_from(BODIES),
        "kind": st.sampled_from(KINDS),
        "from_tag": st.sampled_from(["ft", "gt"]),
    }
)


def one(method: str, *lines: str, **more: object) -> dict[str, object]:
    """A request kept as a seed: within the live call, unless said."""
    plain: dict[str, object] = {"branch": "z9hG4bK1", "to_tag": "LIVE", "call": "LIVE", "cseq": 2, "body": ""}
    return {"method": method, "lines": list(lines), **plain, "kind": "x", "from_tag": "ft", **more}


async def settle() -> None:
    """Let what is ready run."""
    for _ in range(10):
        await asyncio.sleep(0)


class Watched:
    """A flow that only counts what is sent back."""

    transport: str = "UDP"
    name = ""
    reliable = False
    alive = True

    def __init__(self, port: int) -> None:
        self.remote: tuple[str, int] = ("127.0.0.1", port)
        self.sent: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)


async def a_live_call(line: Line, stranger: Stranger) -> str:
    """A call of the stranger's (Call-ID LIVE) that is up; our tag."""
    stranger.say(stranger.invite("z9hG4bKlive", call="LIVE"))
    dialog = await (await line.invitation()).answer(sdp("ours"))
    tag = (await stranger.response(200)).to.tag
    stranger.say(stranger.message("ACK", "z9hG4bKliveack", call="LIVE", to_tag=tag))
    await eventually(lambda: not dialog.offers._unacknowledged)
    return tag


@settings(max_examples=80, deadline=None, suppress_health_check=UNHURRIED)
@given(st.lists(requests, max_size=6))
@example([one("REFER", "Refer-To: <sip:a@b>", "Referred-By: <")])
@example([one("NOTIFY", "Event: refer;id=²")])
@example([one("INVITE", "Contact: *", to_tag="", call="c1", branch="z9hG4bK")])
async def test_whatever_is_asked_is_answered_by_the_rules_and_forgotten(asked: list[dict[str, object]]) -> None:
    timers = HandTimers()
    async with a_line(timers) as line, a_stranger(line) as stranger:
        tag = await a_live_call(line, stranger)
        ours = line.agent.dialogs[0]
        said_bye = False
        for each in asked:
            wish: dict[str, object] = dict(each)
            lines = wish.pop("lines")
            wish["to_tag"] = tag if wish["to_tag"] == "LIVE" else wish["to_tag"]
            # Only the peer's own BYE may end the call; a stranger doesn't know our tag.
            lives = (wish["to_tag"], wish["call"], wish["from_tag"]) == (tag, "LIVE", "ft")
            said_bye = said_bye or (lives and wish["method"] == "BYE")
            stranger.say(stranger.message(wish.pop("method"), wish.pop("branch"), *lines, **wish))  # type: ignore[arg-type, misc]
        stranger.say(stranger.message("OPTIONS", "z9hG4bKend", call="end"))
        await eventually(lambda: any(each.call_id == "end" for each in stranger.heard))
        assert said_bye or not ours.ended
        for invitation in line.invitations[1:]:
            await invitation.refuse(480)
        for _ in range(8):
            timers.pass_now(40)
            await settle()
        assert line.agent.load == 0
        assert len(line.agent.dialogs) <= 1


@settings(max_examples=300, deadline=None, suppress_health_check=UNHURRIED)
@given(
    st.lists(st.tuples(st.integers(0, 700), st.binary(min_size=1, max_size=4)), max_size=4), st.sampled_from(METHODS)
)
@example([(0, b"\xff")], "INVITE")
async def test_a_request_with_bytes_changed_breaks_nothing(changes: list[tuple[int, bytes]], method: str) -> None:
    timers = HandTimers()
    async with a_line(timers) as line:
        stranger = Stranger()
        data = bytearray(stranger.message(method, "z9hG4bKone", "Supported: timer", body=sdp("x")).encode())
        for place, patch in changes:
            place %= len(data)
            data[place : place + len(patch)] = patch
        flow = Watched(5999)
        kept: Flow = flow
        line.agent.receive(bytes(data), kept)
        for invitation in line.invitations:
            await invitation.refuse(480)
        timers.pass_now(64)
        assert line.agent.load == 0 and line.agent.dialogs == []


@settings(max_examples=120, deadline=None, suppress_health_check=UNHURRIED)
@given(
    st.lists(st.tuples(st.integers(0, 600), st.binary(min_size=1, max_size=4)), max_size=3), st.sampled_from(ANSWERS)
)
@example([], (100, ()))
async def test_an_answer_with_bytes_changed_breaks_nothing(
    changes: list[tuple[int, bytes]], shape: tuple[int, tuple[str, ...]]
) -> None:
    timers = HandTimers()
    async with a_line(timers) as line, a_stranger(line) as stranger:
        attempt = Attempt(await line.agent.invite(InviteWish(f"sip:1@127.0.0.1:{stranger.port}", CALLER, sdp("a"))))
        request = await stranger.request("INVITE")
        response = request.response(shape[0], tag="x", body=sdp("x").encode())
        response.headers.set("contact", f"<sip:s@127.0.0.1:{stranger.port}>")
        for each in shape[1]:
            name, _, value = each.partition(": ")
            response.headers.set(name.lower(), value)
        data = bytearray(response.encode())
        for place, patch in changes:
            place %= len(data)
            data[place : place + len(patch)] = patch
        flow: Flow = Watched(stranger.port)
        line.agent.receive(bytes(data), flow)
        for _ in range(10):
            timers.pass_now(64)
            await settle()
        assert attempt.failed.done() or attempt.answered.done()
        assert line.agent.load == 0
