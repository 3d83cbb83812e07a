"""Wishes of several tenants, some of whom leave, over a database that is away now and then: nobody waits for ever, none
is written twice or among another tenant's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from chassis import rounds
from chassis.lifecycle import Tasks
from chassis.rounds import Rounds
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel.errors import NotFound, Unavailable

Wish = tuple[str, int]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(longest: float = 5.0) -> Iterator[float]:
        while True:
            yield 0.0

    monkeypatch.setattr(rounds, "pauses", at_once)


@dataclass
class Ledger:
    """Holds what was committed. Each round takes some turns of the loop and goes as `troubles` say, in their order."""

    troubles: list[str]
    held: list[Wish] = field(default_factory=list)
    taken: set[Wish] = field(default_factory=set)

    async def write(self, key: str, take: Callable[[], Sequence[Wish]]) -> Sequence[Any]:
        trouble = self.troubles.pop() if self.troubles else ""
        await asyncio.sleep(0)
        if trouble == "away":
            raise Unavailable("away")
        wishes = take()
        for _ in range(trouble.count("again")):
            await asyncio.sleep(0)
            wishes = take()
        self.taken.update(wishes)
        assert wishes and {tenant for tenant, _ in wishes} == {key}
        if trouble == "wrong" and any(number % 5 == 0 for _, number in wishes):
            raise ValueError("wrong")
        await asyncio.sleep(0)
        if trouble == "lost":
            raise Unavailable("lost")
        refused = [number % 7 == 3 for _, number in wishes]
        self.held += [wish for wish, no in zip(wishes, refused, strict=True) if not no]
        if trouble == "unanswered":
            raise Unavailable("the answer to the commit is lost")
        return [NotFound("no such queue") if no else wish for wish, no in zip(wishes, refused, strict=True)]


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["ten_a", "ten_b", "ten_c"]), st.booleans()),  # one comes, and stays or not
        st.integers(0, 40),  # one leaves
        st.none(),  # a turn of the loop
    ),
    max_size=120,
)
TROUBLES = st.lists(st.sampled_from(["", "away", "lost", "again", "again again again", "wrong"]), max_size=30)


@settings(deadline=None)
@given(ACTIONS, TROUBLES)
def test_whoever_leaves_and_whatever_fails_everybody_else_is_answered_once(
    actions: list[tuple[str, bool] | int | None], troubles: list[str]
) -> None:
    ledger = Ledger(list(troubles))
    puts: dict[Wish, tuple[asyncio.Future[Any], bool]] = {}
    left_before: set[Wish] = set()

    async def act() -> None:
        async with Tasks("test") as tasks, asyncio.timeout(30):
            writing: Rounds[Wish] = Rounds(ledger.write, tasks, "wishes")
            for action in actions:
                if action is None:
                    await asyncio.sleep(0)
                elif isinstance(action, int):
                    for wish, (future, _) in list(puts.items())[action : action + 1]:
                        if future.cancel() and wish not in ledger.taken:
                            left_before.add(wish)
                else:
                    tenant, stays = action
                    wish = (tenant, len(puts))
                    puts[wish] = (writing.put(tenant, wish, stays=stays), stays)
            await asyncio.gather(*(future for future, _ in puts.values()), return_exceptions=True)

    asyncio.run(act())
    assert len(set(ledger.held)) == len(ledger.held)
    for tenant in "abc":
        order = [number for key, number in ledger.held if key == f"ten_{tenant}"]
        assert order == sorted(order)
    for wish, (future, stays) in puts.items():
        assert future.done()
        if future.cancelled():
            assert wish not in left_before or wish not in ledger.held
        elif (error := future.exception()) is None:
            assert future.result() == wish and wish in ledger.held
        else:
            assert wish not in ledger.held
            assert isinstance(error, NotFound | ValueError) or (isinstance(error, Unavailable) and not stays)


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 12), TROUBLES)
def test_when_the_process_closes_nobody_is_left_waiting(many: int, turns: int, troubles: list[str]) -> None:
    async def close() -> list[asyncio.Future[Any]]:
        tasks = Tasks("test")
        writing: Rounds[Wish] = Rounds(Ledger(list(troubles)).write, tasks, "wishes")
        puts = [writing.put(f"ten_{number % 3}", (f"ten_{number % 3}", number), stays=True) for number in range(many)]
        for _ in range(turns):
            await asyncio.sleep(0)
        await tasks.close()
        await asyncio.wait_for(asyncio.gather(*puts, return_exceptions=True), 30)
        return puts

    assert all(each.done() for each in asyncio.run(close()))


async def test_one_who_comes_as_the_last_round_ends_is_written_by_the_next() -> None:
    ledger = Ledger([])
    async with Tasks("test") as tasks, asyncio.timeout(30):
        writing: Rounds[Wish] = Rounds(ledger.write, tasks, "wishes")
        for turns in range(30):
            first = writing.put("ten_a", ("ten_a", 7 * turns))
            for _ in range(turns % 10):
                await asyncio.sleep(0)
            second = writing.put("ten_a", ("ten_a", 7 * turns + 1))
            assert [await first, await second] == [("ten_a", 7 * turns), ("ten_a", 7 * turns + 1)]
    assert len(ledger.held) == 60


async def test_who_is_told_that_a_commit_is_in_doubt_asks_again_by_their_request_id() -> None:
    ledger = Ledger(["unanswered"])
    async with Tasks("test") as tasks, asyncio.timeout(30):
        writing: Rounds[Wish] = Rounds(ledger.write, tasks, "wishes")
        with pytest.raises(Unavailable):
            await writing.put("ten_a", ("ten_a", 1))
    assert ledger.held == [("ten_a", 1)]
