"""A database where the writers of one tenant take turns in this process.

Facts of one tenant touch neighbouring rows: the same counters, the same index page. At the same time their
transactions abort each other and are run again until luck helps (8 facts a second with 128 at once); in turns they
don't meet. Other replicas still may, which is what running again is for.

Those who come `together` share a turn as well: what waits for one is carried out by one transaction, verb after verb,
so that the more there is to do the less each costs. With nobody waiting a verb is a transaction of its own, as ever.
Of all tenants so many such rounds are under way at once, and the fewer the more there is to do: more of them would be
slower each, and shorter.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, nullcontext
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from opentelemetry import trace
from sqlalchemy.exc import DBAPIError

from chassis.sql import Database, Tx, may_have_held
from chassis.sqlerrors import DatabaseUnavailable, TryAgain, must_run_again
from chassis.statements import Sought
from chassis.telemetry import tracer

T = TypeVar("T")

MOST_TOGETHER = 16
"""Verbs of one transaction: it is in the way of other replicas' for as long as all of them take."""
ROUNDS_AT_ONCE = 8
"""Rounds of different tenants, and so connections that those who come together need, at most."""
_FEWEST_ROUNDS, _WISHES_A_ROUND = 2, 4
"""With PostgreSQL, of those that don't last: one fewer for so many verbs that are to be carried out. When this process
has all hands full more rounds are only shorter, with less to share each; when it hasn't, each that waits is latency.
CockroachDB's nodes agree on each commit first: there rounds wait more than they work, and none is too many."""
_LASTING_SECONDS = 0.1
"""A round that takes longer waits for somebody's lock or for the disk: its place is another's from then on."""


@dataclass(eq=False)
class _Wish:
    """A verb that waits for its turn, and what comes of it."""

    fn: Callable[[Tx], Awaitable[Any]]
    context: Context
    sought: Iterable[Sought] = ()
    outcome: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def fail(self, error: BaseException) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)

    def succeed(self, result: Any) -> None:
        if not self.outcome.done():
            self.outcome.set_result(result)


class _Places:
    """How many rounds go on at once. One that lasts counts as waiting, not as work."""

    def __init__(self, fewest: int):
        self.wishes = 0
        """Verbs that wait, and those that are carried out."""
        self._fewest = fewest
        self._all, self._at_work = asyncio.Semaphore(ROUNDS_AT_ONCE), 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        async with self._all:
            while self._at_work >= max(self._fewest, ROUNDS_AT_ONCE - self.wishes // _WISHES_A_ROUND):
                turn = asyncio.get_running_loop().create_future()
                self._waiting.append(turn)
                await turn
            self._at_work += 1
            held = ExitStack()
            held.callback(self._give_back)
            lasts = asyncio.get_running_loop().call_later(_LASTING_SECONDS, held.close)
            try:
                yield
            finally:
                lasts.cancel()
                held.close()

    def _give_back(self) -> None:
        self._at_work -= 1
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)


class TurnTaking(Database):
    """`chassis.sql.Database` with a line per tenant for writers. Readers don't wait, nor do those who go `ahead`."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._wishes: dict[str, list[_Wish]] = {}
        far = self.engine.dialect.name == "cockroachdb"
        self._places = _Places(ROUNDS_AT_ONCE if far else _FEWEST_ROUNDS)

    async def run(self, tenant_id: str, fn: Callable[[Tx], Awaitable[T]], *, read_only: bool = False) -> T:
        """As `Database.run`, when it is this tenant's turn."""
        if read_only:
            return await super().run(tenant_id, fn, read_only=True)
        async with self._turn(tenant_id):
            return await super().run(tenant_id, fn)

    async def ahead(self, tenant_id: str, fn: Callable[[Tx], Awaitable[T]]) -> T:
        """As `Database.run`, at once: for what would be old behind a burst of facts and writes nothing they touch."""
        return await super().run(tenant_id, fn)

    async def together(
        self, tenant_id: str, fn: Callable[[Tx], Awaitable[T]], sought: Iterable[Sought] = ()
    ) -> T:  # fmt: skip
        """As `run`, in one transaction with others of the tenant that come together and wait for their turn. `fn` sees
        what those before it wrote, and goes by nothing of its context: only its facts and hooks do. When one of them
        fails, none is written and each is run by itself."""
        with self._waiting():
            wish = _Wish(fn, copy_context(), sought)
            if tenant_id in self._wishes:
                self._wishes[tenant_id].append(wish)
            else:
                self._wishes[tenant_id] = [wish]
                # In a context of its own: it is of whoever comes later, too.
                Context().run(self.tasks.spawn, self._rounds(tenant_id), "rounds")
            self._places.wishes += 1
            try:
                return await wish.outcome
            finally:
                self._places.wishes -= 1

    def _waiting(self) -> AbstractContextManager[object]:
        """A span for whoever waits for a round: its transaction is many's."""
        recording = trace.get_current_span().is_recording()
        return (
            tracer.start_as_current_span(f"sql {self.schema}", record_exception=False) if recording else nullcontext()
        )

    def _turn(self, tenant_id: str) -> asyncio.Lock:
        turn = self._turns.get(tenant_id)
        if turn is None:
            turn = self._turns[tenant_id] = asyncio.Lock()
        return turn

    async def _rounds(self, tenant_id: str) -> None:
        """Carry out what waits, a turn for each round: who doesn't come together has one in between."""
        wishes: list[_Wish] = []
        try:
            while self._wishes[tenant_id]:
                # Whose turn it is not yet takes no place from others.
                async with self._turn(tenant_id), self._places.take():
                    # Whoever stopped waiting has gone: it isn't begun.
                    waiting = [each for each in self._wishes[tenant_id] if not each.outcome.done()]
                    wishes, self._wishes[tenant_id] = waiting[:MOST_TOGETHER], waiting[MOST_TOGETHER:]
                    await self._carry_out(tenant_id, wishes)
        finally:
            # Before anybody else may run: who comes now begins anew.
            for wish in (*wishes, *self._wishes.pop(tenant_id, ())):
                wish.outcome.cancel()

    async def _carry_out(self, tenant_id: str, wishes: Sequence[_Wish]) -> None:
        if len(wishes) < 2:
            for wish in wishes:
                await self._alone(tenant_id, wish)
            return
        try:
            results = await self._attempt(
                self.engine, tenant_id, lambda tx: _one_by_one(tx, wishes), False, "SERIALIZABLE"
            )
        except Exception as error:
            if may_have_held(error):
                for wish in wishes:
                    wish.fail(DatabaseUnavailable("the connection was lost in a commit"))
                return
            # Others were in the way: each part has less to meet them with. Or one is wrong, and nobody knows which.
            again = isinstance(error, DBAPIError | TryAgain) and must_run_again(error)
            size = len(wishes) // 2 if again else 1
            for first in range(0, len(wishes), size):
                await self._carry_out(tenant_id, wishes[first : first + size])
            return
        for wish, result in zip(wishes, results, strict=True):
            wish.succeed(result)

    async def _alone(self, tenant_id: str, wish: _Wish) -> None:
        async def within(tx: Tx) -> Any:
            with tx.part_of(wish.context):
                return await wish.fn(tx)

        try:
            wish.succeed(await super().run(tenant_id, within))
        except Exception as error:
            wish.fail(error)


async def _one_by_one(tx: Tx, wishes: Sequence[_Wish]) -> list[Any]:
    await tx.read_ahead(chain.from_iterable(wish.sought for wish in wishes))
    results: list[Any] = []
    for wish in wishes:
        with tx.part_of(wish.context):
            results.append(await wish.fn(tx))
    return results
