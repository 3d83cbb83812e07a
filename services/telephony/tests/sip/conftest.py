"""Agents and strangers on loopback, and a watch that nothing went wrong unseen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from chassis.telemetry import log

from .peers import Line, Stranger, a_line, a_stranger


@pytest.fixture(autouse=True)
def nothing_wrong(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Exceptions the agent caught and logged: a test that expects one takes it out of the list."""
    wrong: list[str] = []

    def seen(event: str, **fields: Any) -> None:
        wrong.append(f"{event} {fields}")

    monkeypatch.setattr(log, "exception", seen)
    monkeypatch.setattr(log, "error", seen)
    yield wrong
    assert wrong == []


@pytest_asyncio.fixture(autouse=True)
async def loop_is_quiet() -> AsyncIterator[None]:
    """No callback of the loop raised."""
    raised: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
    yield
    assert raised == []


@pytest_asyncio.fixture
async def alice() -> AsyncIterator[Line]:
    async with a_line() as line:
        yield line


@pytest_asyncio.fixture
async def bob() -> AsyncIterator[Line]:
    async with a_line() as line:
        yield line


@pytest_asyncio.fixture
async def stranger(bob: Line) -> AsyncIterator[Stranger]:
    """Somebody who talks to bob."""
    async with a_stranger(bob) as somebody:
        yield somebody
