"""Many phones at one address: whoever has shown who they are isn't counted among strangers."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from telephony.sip import Credentials, Limits, ListenPoint, Registration, connections
from testkit.waiting import eventually

from .peers import a_line, wire
from .test_digest import House, house

__all__ = ["house"]


async def test_an_office_of_phones_over_tcp_shares_an_address_and_strangers_there_are_few(house: House) -> None:
    points, few = [ListenPoint("TCP", "127.0.0.1", 0)], Limits(connections_per_source=2, phones_per_source=6)
    credentials = Credentials("1000", "right horse")
    async with AsyncExitStack() as office:
        asked = a_line(points=points, trusted=lambda _: False, keys=house.keys, limits=few)
        registrar = await office.enter_async_context(asked)
        registrar.agent.on_register = house.register
        phones = [await office.enter_async_context(a_line(points=points)) for _ in range(6)]
        for phone in phones:
            registered: list[bool] = []
            wish = Registration(
                "sip:merkez.example", "sip:1000@merkez.example", credentials, hop=registrar.place("TCP")
            )
            phone.agent.register(wish, lambda known, _, registered=registered: registered.append(known))
            await eventually(lambda registered=registered: registered)
            assert registered == [True]
        transports = registrar.agent.stack.transports
        assert (transports._known, transports._incoming) == ({"127.0.0.1": 6}, {})
        strangers = [await asyncio.open_connection("127.0.0.1", registrar.port("TCP")) for _ in range(3)]
        assert await asyncio.wait_for(strangers[2][0].read(1), 30) == b""
        for _, writer in strangers:
            writer.close()
        for phone in phones:
            await phone.agent.close()
        await eventually(lambda: (transports._known, transports._incoming) == ({}, {}))


async def test_strangers_who_hold_every_connection_keep_no_trunk_out() -> None:
    """Whoever has many addresses, and one network of IP version 6 is enough, says OPTIONS once on each connection."""
    points, limits = [ListenPoint("TCP", "127.0.0.1", 0)], Limits(connections=6, connections_per_source=2)
    async with a_line(points=points, limits=limits, trusted=lambda source: source.host == "127.0.0.9") as bob:
        port, held = bob.port("TCP"), []
        for number in range(6):
            source = (f"127.0.0.{2 + number // 2}", 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=source)
            held.append(writer)
            writer.write(wire(asking(port, number)))
            await asyncio.wait_for(reader.readuntil(b"200 OK"), 30)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.9", 0))
        writer.write(wire(asking(port, 9)))
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"\r\n"), 30), "the carrier is turned away"
        for each in (*held, writer):
            each.close()


def asking(port: int, number: int) -> str:
    """An OPTIONS of nobody's."""
    return (
        f"OPTIONS sip:100@127.0.0.1:{port} SIP/2.0\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK{number};rport\n"
        f"From: <sip:a@b>;tag=t{number}\nTo: <sip:100@127.0.0.1>\nCall-ID: {number}\nCSeq: 1 OPTIONS\n"
        "Max-Forwards: 70\nContent-Length: 0\n\n"
    )


async def test_a_phone_that_may_be_called_for_an_hour_keeps_the_connection_it_is_called_by(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour is granted, and is what phones ask for. Strangers without a word are hung up on sooner."""
    monkeypatch.setattr(connections, "_LOOK_SECONDS", 0.1)
    points, silent = [ListenPoint("TCP", "127.0.0.1", 0)], Limits(idle_seconds=0.3, ping_seconds=3600)
    keys = {"trusted": lambda _: False, "keys": house.keys}
    quiet = a_line(points=points, limits=Limits(ping_seconds=3600))
    async with a_line(points=points, limits=silent, **keys) as registrar, quiet as phone:
        registrar.agent.on_register = house.register
        wish = Registration(
            "sip:merkez.example", "sip:1000@merkez.example", Credentials("1000", "right horse"),
            hop=registrar.place("TCP"), seconds=3600,
        )  # fmt: skip
        registrant = phone.agent.register(wish, lambda *_: None)
        await eventually(lambda: registrant.registered)
        stranger, _ = await asyncio.open_connection("127.0.0.1", registrar.port("TCP"))
        assert await asyncio.wait_for(stranger.read(1), 30) == b""
        await asyncio.sleep(0.5)
        assert house.wishes[-1].bindings[0].seconds == 3600
        assert len(registrar.agent.stack.transports._connections) == 1, "nobody can call the phone any more"
