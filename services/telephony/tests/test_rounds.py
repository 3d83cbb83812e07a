"""Writes of one company's calls are made in rounds: in their order, each once, whatever becomes of a transaction."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from chassis.lifecycle import Tasks
from hypothesis import given
from hypothesis import strategies as st
from kernel.errors import Unavailable
from telephony.live import rounds
from telephony.live.ledger import Step, each, stages
from telephony.live.rounds import MOST, Rounds, patiently

Take = Callable[[], Sequence[int]]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(longest: float = 5.0) -> Iterator[float]:
        while True:
            yield 0.0

    monkeypatch.setattr(rounds, "pauses", at_once)


@dataclass
class Database:
    """Keeps what a transaction wrote when it held. `troubles` says how the next ones go, one after the other."""

    troubles: list[str] = field(default_factory=list)
    wrong: frozenset[int] = frozenset()
    kept: list[int] = field(default_factory=list)
    rounds: list[int] = field(default_factory=list)

    async def write(self, _key: str, take: Take) -> Sequence[int]:
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "away":
            raise Unavailable("away")
        wishes = take()
        for _ in range(trouble.count("again")):
            await asyncio.sleep(0)
            wishes = take()
        if trouble == "lost":  # nothing held, and nobody knows before the commit
            raise Unavailable("lost")
        if self.wrong & set(wishes):
            raise ValueError("wrong")
        await asyncio.sleep(0)
        self.kept += wishes
        self.rounds.append(len(wishes))
        return [wish * 10 for wish in wishes]


TROUBLES = st.lists(st.sampled_from(["", "away", "lost", "again", "again again"]), max_size=6)


@given(st.lists(st.booleans(), min_size=1, max_size=60), TROUBLES, st.sets(st.integers(0, 59), max_size=3))
def test_whatever_goes_wrong_what_stays_is_written_once_and_in_its_order(
    stay: list[bool], troubles: list[str], wrong: set[int]
) -> None:
    database = Database(list(troubles), frozenset(wrong))

    async def all_of_it() -> list[object]:
        async with Tasks("test") as tasks:
            row: Rounds[int] = Rounds(database.write, tasks, "numbers")
            puts = [row.put("ten_a", wish, stays=stays) for wish, stays in enumerate(stay)]
            return await asyncio.wait_for(asyncio.gather(*puts, return_exceptions=True), 30)

    outcomes = asyncio.run(all_of_it())
    assert max(Counter(database.kept).values(), default=1) == 1 and database.kept == sorted(database.kept)
    for wish, (outcome, stays) in enumerate(zip(outcomes, stay, strict=True)):
        if wish in wrong and not isinstance(outcome, Unavailable):
            assert isinstance(outcome, ValueError) and wish not in database.kept
        elif isinstance(outcome, Unavailable):
            assert not stays and wish not in database.kept
        else:
            assert outcome == wish * 10 and wish in database.kept


async def test_what_comes_while_a_round_is_under_way_is_written_by_the_next_all_together() -> None:
    database = Database()
    async with Tasks("test") as tasks:
        row: Rounds[int] = Rounds(database.write, tasks, "numbers")
        first = row.put("ten_a", 0)
        await asyncio.sleep(0)
        await asyncio.gather(first, *(row.put("ten_a", wish) for wish in range(1, MOST + 3)))
    assert database.rounds == [1, MOST, 2]


async def test_a_round_that_is_run_again_is_shorter_each_time() -> None:
    database = Database(["again again again"])
    async with Tasks("test") as tasks:
        row: Rounds[int] = Rounds(database.write, tasks, "numbers")
        await asyncio.gather(*(row.put("ten_a", wish) for wish in range(MOST)))
    assert database.rounds == [MOST // 8, MOST - MOST // 8] and database.kept == list(range(MOST))


async def test_another_company_does_not_wait_and_who_left_is_not_written() -> None:
    slow, written = asyncio.Event(), list[str]()

    async def write(key: str, take: Callable[[], Sequence[str]]) -> Sequence[str]:
        if key == "ten_a" and not slow.is_set():
            await slow.wait()
        wishes = take()
        written.extend(wishes)
        return wishes

    async with Tasks("test") as tasks, asyncio.timeout(30):
        row: Rounds[str] = Rounds(write, tasks, "words")
        held = row.put("ten_a", "a")
        await asyncio.sleep(0)
        gone, held_back = row.put("ten_a", "gone"), row.put("ten_a", "later")
        assert await row.put("ten_b", "b") == "b" and written == ["b"]
        gone.cancel()
        slow.set()
        assert [await held, await held_back] == ["a", "later"]
    assert written == ["b", "a", "later"]


async def test_who_waits_hears_at_once_that_the_database_is_away_and_what_stays_is_written_when_it_is_back() -> None:
    database = Database(["away"] * 5)
    async with Tasks("test") as tasks:
        row: Rounds[int] = Rounds(database.write, tasks, "numbers")
        stays = row.put("ten_a", 1, stays=True)
        with pytest.raises(Unavailable):
            await row.put("ten_a", 2)
        assert await asyncio.wait_for(stays, 30) == 10
    assert database.kept == [1]


async def test_a_write_is_tried_for_as_long_as_is_said() -> None:
    tries = 0

    async def write() -> int:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise Unavailable("away")
        return tries

    assert await patiently(write, "a test") == 4
    tries = 0
    with pytest.raises(Unavailable):
        await patiently(write, "a test", seconds=-1)
    assert tries == 1


# -- what is written together -----------------------------------------------------------------------------------


async def begin(*_: object) -> Sequence[None]:
    return []


async def change(*_: object) -> Sequence[None]:
    return []


async def end(*_: object) -> Sequence[None]:
    return []


STEPS = st.lists(st.builds(Step, st.sampled_from("abcd"), st.sampled_from([begin, change, end, each]), st.none()))


@given(STEPS)
def test_what_is_of_one_call_is_written_in_its_order_and_everything_once(steps: list[Step]) -> None:
    found = stages(steps)
    assert sorted(place for places in found for place in places) == list(range(len(steps)))
    at = {place: (stage, n) for stage, places in enumerate(found) for n, place in enumerate(places)}
    for call in "abcd":
        mine = [at[place] for place, step in enumerate(steps) if step.whose == call]
        assert mine == sorted(mine)
    for places in found:
        assert len({steps[place].batch for place in places}) == 1


def test_the_same_steps_of_many_calls_are_as_many_stages_as_those_of_one() -> None:
    life = (begin, change, change, end)
    steps = [Step(call, batch, None) for batch in life for call in "abcd"]
    mixed = [Step(call, batch, None) for call in "abcd" for batch in life]
    assert len(stages(steps)) == len(stages(mixed)) == 3
