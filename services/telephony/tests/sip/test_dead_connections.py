"""A connection whose far end is gone without a word (a firewall that forgot it, a gateway without power) is no way."""

from __future__ import annotations

import asyncio
import re

import pytest
from telephony.sip import Destination, Limits, Registration
from testkit.waiting import eventually

from .peers import HandTimers, a_line


class Carrier:
    """A gateway over TCP behind a firewall: what `forget` was told to forget is swallowed from then on."""

    def __init__(self) -> None:
        self.connections = 0
        self.forgotten = 0
        self.asked = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        mine = self.connections
        try:
            while data := await reader.read(65_536):
                if mine <= self.forgotten:
                    continue  # neither an answer nor the end of the connection ever comes
                for request in re.findall(rb"(?:OPTIONS|REGISTER) .*?\r\n\r\n", data, re.DOTALL):
                    self.asked += 1
                    kept = [
                        line for line in request.split(b"\r\n") if re.match(rb"(?i)(via|from|to|call-id|cseq):", line)
                    ]
                    writer.write(b"\r\n".join([b"SIP/2.0 200 OK", *kept, b"Content-Length: 0", b"", b""]))
        except ConnectionError:
            return

    def forget(self) -> None:
        self.forgotten = self.connections


@pytest.fixture
def quick_look(monkeypatch: pytest.MonkeyPatch) -> None:
    import telephony.sip.connections as connections

    monkeypatch.setattr(connections, "_LOOK_SECONDS", 0.2)


@pytest.mark.usefixtures("quick_look")
async def test_a_gateway_whose_connection_died_silently_is_reached_by_a_new_one() -> None:
    carrier = Carrier()
    server = await asyncio.start_server(carrier.talk, "127.0.0.1", 0)
    place = Destination("TCP", "127.0.0.1", server.sockets[0].getsockname()[1])
    async with a_line(limits=Limits(ping_seconds=0.2)) as alice:
        assert (await alice.agent.options("sip:127.0.0.1", place)).status == 200
        carrier.forget()
        # Keep-alives of ours go unanswered (RFC 5626 4.4.1), and so does what is asked.
        said = [(await alice.agent.options("sip:127.0.0.1", place, seconds=0.7)).status for _ in range(5)]
        assert said[-1] == 200, f"still on the dead connection: {said}, {carrier.connections} made"
    server.close()


async def test_a_trunk_whose_registrations_connection_broke_registers_anew_and_not_minutes_later() -> None:
    """Calls in come by the connection that registered (RFC 5626 4.2.1, 5.3): until there is another one none do."""
    carrier, timers = Carrier(), HandTimers()
    server = await asyncio.start_server(carrier.talk, "127.0.0.1", 0)
    place = Destination("TCP", "127.0.0.1", server.sockets[0].getsockname()[1])
    async with a_line(timers) as alice:
        wish = Registration("sip:carrier.example", "sip:acct@carrier.example", None, hop=place, seconds=600)
        registrant = alice.agent.register(wish, lambda *_: None)
        await eventually(lambda: registrant.registered)
        carrier.writers[0].transport.abort()
        await eventually(lambda: not alice.agent.stack.transports._connections)
        timers.pass_now(60)
        await eventually(lambda: carrier.asked >= 2, deadline=5)
        await registrant.stop()
    server.close()
