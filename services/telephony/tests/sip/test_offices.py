"""Many phones at one address: whoever has shown who they are isn't counted among strangers."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from telephony.sip import Credentials, Limits, ListenPoint, Registration
from testkit.waiting import eventually

from .peers import a_line
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
