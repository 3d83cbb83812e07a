"""Writes in rounds: what is wished while one transaction is under way is made by the next, all of it together.

Who counts rows and adds one competes with everybody who does the same: at the same time their transactions make each
other run again, one after the other each pays for all of its way to the database. In rounds a node never competes with
itself, and the more is wished the less each wish costs. Other nodes are competed with all the same: the database says
who may, and a round that was run again takes less with it each time, until it is as short as a single write.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from typing import Any, Generic, TypeVar

from chassis.lifecycle import Tasks
from chassis.telemetry import log, tracer
from kernel.errors import Unavailable
from opentelemetry import trace

T = TypeVar("T")
W = TypeVar("W")

MOST = 32
"""Wishes of one round."""

Write = Callable[[str, Callable[[], Sequence[W]]], Awaitable[Sequence[Any]]]
"""Makes a round of one key. What it is to write it asks for anew whenever it begins again, and answers with what came
of each of those: an exception is raised to whoever wished it."""


def pauses(longest: float = 5.0) -> Iterator[float]:
    """Seconds between tries while the database is away, for ever."""
    pause = 0.1
    while True:
        yield pause
        pause = min(longest, pause * 2)


async def patiently(
    write: Callable[[], Awaitable[T]], what: str, *, seconds: float = inf, pause_at_most: float = 5.0, **ids: str
) -> T:
    """Try until the database takes it, for so many seconds. Unavailable then."""
    began = monotonic()
    for pause in pauses(pause_at_most):
        try:
            return await write()
        except Unavailable as error:
            # It may be committed all the same: what is written so gives the same when it is written again.
            if monotonic() - began > seconds:
                raise
            log.warning("the database is away; a write waits", what=what, **ids, exc_info=error)
        await asyncio.sleep(pause)
    raise AssertionError("pauses end never")


@dataclass(eq=False)
class _Wish(Generic[W]):
    what: W
    stays: bool
    outcome: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(eq=False)
class _Row(Generic[W]):
    """Who waits for the next round of a key."""

    wishes: deque[_Wish[W]] = field(default_factory=deque)
    alone: int = 0
    """So many rounds are of one wish each: one of them failed a round, and nobody knows which."""
    hurried: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody came who doesn't wait for the database."""
    worker: asyncio.Task[Any] | None = None


class Rounds(Generic[W]):
    """One round after the other for each key; keys don't wait for each other. `what` is written, for the log."""

    def __init__(self, write: Write[W], tasks: Tasks, what: str) -> None:
        self._write = write
        self._tasks = tasks
        self._what = what
        self._rows: dict[str, _Row[W]] = {}

    def put(self, key: str, what: W, *, stays: bool = False) -> asyncio.Future[Any]:
        """What comes of it, in the order of the wishes of the key. While the database is away a wish that `stays` is
        tried again and again, any other ends in Unavailable. One whose future is cancelled before its round is none.
        """
        wish = _Wish(what, stays)
        row = self._rows.get(key)
        if row is None or (row.worker is not None and row.worker.done()):  # cancelled before it began
            row = self._rows[key] = _Row()
            # In a context of its own: its rounds are those of whoever comes later, too.
            row.worker = Context().run(self._tasks.spawn, self._work(key, row), f"rounds of {self._what}")
        row.wishes.append(wish)
        if not stays:
            row.hurried.set()
        return wish.outcome

    def waiting(self) -> AbstractContextManager[object]:
        """A span for whoever waits for a round: its transaction is many's."""
        recording = trace.get_current_span().is_recording()
        return tracer.start_as_current_span(f"round of {self._what}") if recording else nullcontext()

    async def _work(self, key: str, row: _Row[W]) -> None:
        wishes: list[_Wish[W]] = []
        waits = pauses()
        try:
            while row.wishes:
                wishes = self._next(row)
                try:
                    left = await self._round(key, row, wishes)
                    waits = pauses()
                except Unavailable as error:
                    left = _given_up(wishes, error)
                    row.wishes.extendleft(reversed(left))
                    wishes = []
                    if left:
                        log.warning("the database is away; what is written of calls waits", what=self._what,
                                    waiting=len(row.wishes), exc_info=error)  # fmt: skip
                        await _pause(row, next(waits))
                    continue
                row.wishes.extendleft(reversed(left))
                wishes = []
        finally:
            # Before anybody else may run: who comes now begins anew.
            if self._rows.get(key) is row:
                del self._rows[key]
            for wish in (*wishes, *row.wishes):
                wish.outcome.cancel()

    @staticmethod
    def _next(row: _Row[W]) -> list[_Wish[W]]:
        row.hurried.clear()
        most = MOST if not row.alone else 1
        row.alone = max(0, row.alone - 1)
        wishes: list[_Wish[W]] = []
        while row.wishes and len(wishes) < most:
            wish = row.wishes.popleft()
            if not wish.outcome.done():
                wishes.append(wish)
        return wishes

    async def _round(self, key: str, row: _Row[W], wishes: list[_Wish[W]]) -> list[_Wish[W]]:
        """Make a round; who is left for the next one. Unavailable."""
        if not wishes:
            return []
        asked, taken = 0, wishes

        def take() -> Sequence[W]:
            nonlocal asked, taken
            taken = wishes[: max(1, len(wishes) >> asked)]
            asked += 1
            return [wish.what for wish in taken]

        try:
            outcomes = await self._write(key, take)
        except Unavailable:
            raise
        except Exception as error:
            if len(taken) > 1:
                row.alone = len(taken)
                return wishes
            _settle(taken[0], error)
            return wishes[1:]
        for wish, outcome in zip(taken, outcomes, strict=True):
            _settle(wish, outcome)
        return wishes[len(taken) :]


def _settle(wish: _Wish[Any], outcome: Any) -> None:
    if wish.outcome.done():
        return
    if isinstance(outcome, Exception):
        wish.outcome.set_exception(outcome)
    else:
        wish.outcome.set_result(outcome)


def _given_up(wishes: Sequence[_Wish[W]], error: Unavailable) -> list[_Wish[W]]:
    """Who stays; the others hear that the database is away."""
    for wish in wishes:
        if not wish.stays:
            _settle(wish, error)
    return [wish for wish in wishes if wish.stays]


async def _pause(row: _Row[Any], seconds: float) -> None:
    """Wait before the next try, but for who came in a hurry."""
    if any(not wish.stays for wish in row.wishes):
        return
    try:
        async with asyncio.timeout(seconds):
            await row.hurried.wait()
    except TimeoutError:
        pass
