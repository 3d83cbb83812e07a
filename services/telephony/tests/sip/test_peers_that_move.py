"""A phone behind a router, or on a connection of its own, that comes from elsewhere in the middle of a call: it is
answered and reached by the way it came last (its Contact can't be reached)."""

from __future__ import annotations

import asyncio

from chassis.lifecycle import Tasks
from telephony.sip import Ended, ListenPoint
from telephony.sip.messages import Request, Response
from telephony.sip.parsing import parse
from testkit.waiting import eventually

from .peers import HandTimers, Line, a_line, a_stranger, sdp, wire

PRIVATE = "<sip:phone@192.168.178.25:5060{}>"


def behind(text: str, transport: str = "UDP") -> str:
    """The message as a phone behind a router writes it: with its address inside."""
    tail = "" if transport == "UDP" else f";transport={transport.lower()}"
    lines = [f"Contact: {PRIVATE.format(tail)}" if line.startswith("Contact:") else line for line in text.split("\r\n")]
    return "\r\n".join(lines).replace("SIP/2.0/UDP", f"SIP/2.0/{transport}")


async def hang_up(bob: Line) -> None:
    (dialog,) = bob.agent.dialogs
    bob.agent.stack.spawn(dialog.bye(), "bye")


async def test_a_phone_whose_router_gave_it_another_port_hears_that_the_call_is_over() -> None:
    async with a_line() as bob, a_stranger(bob) as phone, a_stranger(bob) as moved:
        phone.say(behind(phone.invite()))
        await (await bob.invitation()).answer(sdp("bob"))
        answered = await phone.response(200)
        phone.say(behind(phone.message("ACK", "z9hG4bKack", to_tag=answered.to.tag)))
        (dialog,) = bob.agent.dialogs

        async def offered(_: str | None) -> str:
            return sdp("bob")

        dialog.on_offer = offered
        again = moved.message("INVITE", "z9hG4bKtwo", to_tag=answered.to.tag, cseq=2, body=sdp("stranger"))
        moved.say(behind(again.replace(f"sip:stranger@127.0.0.1:{moved.port}", f"sip:stranger@127.0.0.1:{phone.port}")))
        await moved.response(200)
        moved.say(behind(moved.message("ACK", "z9hG4bKack2", to_tag=answered.to.tag, cseq=2)))
        await asyncio.sleep(0.05)
        await hang_up(bob)
        bye = await moved.request("BYE")
        moved.answer(bye, 200)


async def test_a_call_of_a_phone_whose_router_gave_it_another_port_outlives_our_refresh_of_it() -> None:
    timers = HandTimers()
    session = "Supported: timer", "Session-Expires: 600;refresher=uas", "Allow: INVITE, ACK, BYE, UPDATE"
    async with a_line(timers) as bob, a_stranger(bob) as phone, a_stranger(bob) as moved:
        phone.say(behind(phone.invite("z9hG4bKone", *session)))
        await (await bob.invitation()).answer(sdp("bob"))
        answered = await phone.response(200)
        phone.say(behind(phone.message("ACK", "z9hG4bKack", to_tag=answered.to.tag)))
        (dialog,) = bob.agent.dialogs
        ended: list[Ended] = []
        dialog.on_bye = ended.append

        async def offered(_: str | None) -> str:
            return sdp("bob")

        dialog.on_offer = offered
        tag = answered.to.tag
        moved.say(behind(moved.message("INVITE", "z9hG4bKtwo", *session, to_tag=tag, cseq=2, body=sdp("stranger"))))
        await moved.response(200)
        moved.say(behind(moved.message("ACK", "z9hG4bKack2", to_tag=tag, cseq=2)))
        await asyncio.sleep(0.05)
        timers.pass_now(301)
        await asyncio.sleep(0.2)
        for refresh in moved.heard:
            if isinstance(refresh, Request) and refresh.method == "UPDATE":
                moved.answer(refresh, 200)
        await asyncio.sleep(0.2)
        timers.pass_now(33)
        await asyncio.sleep(0.05)
        assert not ended, f"a live call is cut: {ended[0].why}, {ended[0].status}"


class Wire:
    """One TCP connection of a phone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.heard: list[Request | Response] = []
        self._buffer = b""

    async def listen(self) -> None:
        while data := await self.reader.read(65_536):
            self._buffer += data
            while b"\r\n\r\n" in self._buffer:
                head, _, rest = self._buffer.partition(b"\r\n\r\n")
                length = next(
                    (
                        int(line.split(b":")[1])
                        for line in head.split(b"\r\n")
                        if line.lower().startswith(b"content-length")
                    ),
                    0,
                )
                if len(rest) < length:
                    break
                self.heard.append(parse(head + b"\r\n\r\n" + rest[:length]))
                self._buffer = rest[length:]

    def say(self, text: str) -> None:
        self.writer.write(wire(text))

    def last(self, kind: type, what: object) -> Request | Response | None:
        found = (
            each
            for each in reversed(self.heard)
            if isinstance(each, kind) and what in (getattr(each, "status", None), getattr(each, "method", None))
        )
        return next(found, None)


async def test_a_phone_that_connected_anew_hears_that_the_call_is_over() -> None:
    points = [ListenPoint("TCP", "127.0.0.1", 0)]
    tasks = Tasks("phone")
    async with a_line(points=points) as bob, a_stranger() as words:
        words.to = bob.port("TCP")
        first = Wire(*await asyncio.open_connection("127.0.0.1", words.to))
        tasks.spawn(first.listen(), "first connection")
        first.say(behind(words.invite(), "TCP"))
        await (await bob.invitation()).answer(sdp("bob"))
        answered = await eventually(lambda: first.last(Response, 200))
        tag = answered.to.tag
        first.say(behind(words.message("ACK", "z9hG4bKack", to_tag=tag), "TCP"))
        (dialog,) = bob.agent.dialogs

        async def offered(_: str | None) -> str:
            return sdp("bob")

        dialog.on_offer = offered
        first.writer.transport.abort()  # it went from one network to another
        second = Wire(*await asyncio.open_connection("127.0.0.1", words.to))
        tasks.spawn(second.listen(), "second connection")
        second.say(behind(words.message("INVITE", "z9hG4bKtwo", to_tag=tag, cseq=2, body=sdp("stranger")), "TCP"))
        await eventually(lambda: second.last(Response, 200))
        second.say(behind(words.message("ACK", "z9hG4bKack2", to_tag=tag, cseq=2), "TCP"))
        await asyncio.sleep(0.05)
        await hang_up(bob)
        await eventually(lambda: second.last(Request, "BYE"), deadline=15)
        second.writer.close()
    await tasks.close()
