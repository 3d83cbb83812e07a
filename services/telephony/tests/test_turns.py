"""Writers of one company's calls take turns on a node, so that they don't make each other run again."""

from __future__ import annotations

import asyncio

import pytest
from telephony.live.house import Turns


async def test_one_company_writes_in_turn_and_another_does_not_wait() -> None:
    turns, inside, most = Turns(), {"ten_a": 0, "ten_b": 0}, {"ten_a": 0, "ten_b": 0}
    both = asyncio.Event()

    async def write(tenant: str) -> None:
        async with turns.of(tenant):
            inside[tenant] += 1
            most[tenant] = max(most[tenant], inside[tenant])
            if all(inside.values()):
                both.set()
            await both.wait()
            inside[tenant] -= 1

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        for tenant in ("ten_a", "ten_a", "ten_b", "ten_a"):
            group.create_task(write(tenant))
    assert most == {"ten_a": 1, "ten_b": 1}


async def test_a_writer_who_fails_gives_the_turn_on() -> None:
    turns = Turns()
    with pytest.raises(ValueError, match="no"):
        async with turns.of("ten_a"):
            raise ValueError("no")
    async with asyncio.timeout(5), turns.of("ten_a"):
        pass


async def test_nobody_waits_for_ever_for_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Turns, "_SECONDS", 0.01)
    turns = Turns()
    async with asyncio.timeout(5), turns.of("ten_a"), turns.of("ten_a"):
        pass
    async with asyncio.timeout(5), turns.of("ten_a"):
        pass
