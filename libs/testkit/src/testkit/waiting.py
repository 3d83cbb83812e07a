"""Waiting on a condition with a deadline, in place of sleeping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

Value = TypeVar("Value")


@overload
async def eventually(
    condition: Callable[[], Awaitable[Value | None]], *, deadline: float = 10.0, every: float = 0.02
) -> Value: ...


@overload
async def eventually(
    condition: Callable[[], Value | None], *, deadline: float = 10.0, every: float = 0.02
) -> Value: ...


async def eventually(
    condition: Callable[[], Awaitable[Value | None] | Value | None], *, deadline: float = 10.0, every: float = 0.02
) -> Value:
    """The first truthy answer of `condition`, asked again until then. Raises `AssertionError` after `deadline` s."""
    end = time.monotonic() + deadline
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer  # type: ignore[return-value]
        if time.monotonic() > end:
            name = getattr(condition, "__name__", "the condition")
            raise AssertionError(f"{name} did not hold within {deadline:g} s; last answer: {answer!r}")
        await asyncio.sleep(every)
