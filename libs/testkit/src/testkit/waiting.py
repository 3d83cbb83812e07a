"""Waiting on a condition with a deadline, in place of sleeping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

Value = TypeVar("Value")

PATIENCE = 30.0
"""Seconds a test waits for what is to come: how fast it comes is for benchmarks, on a machine that does little else."""

_PATIENT = 0.05
"""What has taken long is asked for again after this share of the time it took, so that asking isn't what takes long."""
_SLOWEST = 0.1


@overload
async def eventually(
    condition: Callable[[], Awaitable[Value | None]], *, deadline: float = PATIENCE, every: float = 0.02
) -> Value: ...


@overload
async def eventually(
    condition: Callable[[], Value | None], *, deadline: float = PATIENCE, every: float = 0.02
) -> Value: ...


async def eventually(
    condition: Callable[[], Awaitable[Value | None] | Value | None], *, deadline: float = PATIENCE, every: float = 0.02
) -> Value:
    """The first truthy answer of `condition`, asked again until then: after `every` s, and less often the longer it
    takes, but ten times a second. Raises `AssertionError` after `deadline` s."""
    began = time.monotonic()
    while True:
        answer = condition()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer  # type: ignore[return-value]
        taken = time.monotonic() - began
        if taken > deadline:
            name = getattr(condition, "__name__", "the condition")
            raise AssertionError(f"{name} did not hold within {deadline:g} s; last answer: {answer!r}")
        await asyncio.sleep(max(every, min(_SLOWEST, taken * _PATIENT)))
