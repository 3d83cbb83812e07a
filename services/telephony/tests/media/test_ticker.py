"""The beat of what we send ourselves."""

from __future__ import annotations

import asyncio
import socket
import time

from telephony.media.ticker import Ticker
from testkit import eventually


async def test_after_a_stall_packets_are_read_between_the_ticks_that_are_made_up_for() -> None:
    loop, ticker = asyncio.get_running_loop(), Ticker()
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    here.setblocking(False)
    happened: list[str] = []
    loop.add_reader(here, lambda: happened.append(here.recv(10).decode()))
    ticker.add(lambda: happened.append("tick"))
    try:
        await eventually(lambda: "tick" in happened)
        happened.clear()
        for _ in range(5):
            there.send(b"packet")
        time.sleep(0.11)  # noqa: ASYNC251 - the loop must stall
        await eventually(lambda: happened.count("tick") >= 6)
    finally:
        loop.remove_reader(here)
        ticker.close()
        here.close()
        there.close()
    assert happened.count("packet") == 5
    third = [at for at, what in enumerate(happened) if what == "tick"][3]
    assert happened[:third].count("packet") >= 3, happened


async def test_ticks_are_never_more_than_the_time_that_passed() -> None:
    ticker, ticks = Ticker(), 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1

    ticker.add(tick)
    began = time.monotonic()
    await eventually(lambda: ticks >= 10)
    time.sleep(0.1)  # noqa: ASYNC251 - the loop must stall
    await eventually(lambda: ticks >= 25)
    passed = time.monotonic() - began
    ticker.close()
    assert ticks <= passed / 0.02 + 2


async def test_what_has_come_is_read_before_what_is_due_is_sent_and_as_long_as_somebody_wants_it() -> None:
    ticker, happened = Ticker(), list[str]()
    read, tick = lambda: happened.append("read"), lambda: happened.append("tick")
    ticker.read_first(read)
    await eventually(lambda: happened.count("read") >= 3)
    ticker.add(tick)
    await eventually(lambda: happened.count("tick") >= 3)
    reported: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    failing = iter(()).__next__
    ticker.read_first(failing)
    await eventually(lambda: len(reported) >= 3)
    assert all(happened[at - 1] == "read" for at, what in enumerate(happened) if what == "tick")
    ticker.remove(tick)
    ticker.read_no_more(read)
    ticker.read_no_more(failing)
    await eventually(lambda: ticker._timer is None)
