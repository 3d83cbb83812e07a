"""A dialog that came over a connection goes on at another node: that connection was the dead node's alone."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest
from telephony.sip import ListenPoint

from .peers import a_line, sdp

TCP = [ListenPoint("TCP", "127.0.0.1", 0)]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where whoever connects hears nothing, as behind any carrier's firewall but for what it published."""
    with contextlib.ExitStack() as held:
        listening = held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = listening.getsockname()[1]
        for _ in range(3):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                waiting.connect(("127.0.0.1", port))
        yield port


async def test_a_caller_who_had_connected_to_the_dead_node_is_called_back_at_its_contact_at_once(
    silent_port: int,
) -> None:
    async with a_line(points=TCP) as carrier, a_line(points=TCP) as dead, a_line(points=TCP) as heir:
        mine, theirs = await carrier.connect(dead, "TCP")
        kept = theirs.state()
        assert kept["hop"][0] == "TCP"
        kept["hop"] = ["TCP", "127.0.0.1", silent_port, ""]

        async def offered(_: str | None) -> str:
            return sdp("carrier")

        mine.on_offer = offered
        theirs.leave()
        began = time.monotonic()
        await heir.agent.take_over(kept).reinvite(sdp("heir"))
        assert time.monotonic() - began < 3, "of the five seconds in which a SIP leg's sound is to be back"
