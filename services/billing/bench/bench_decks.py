"""`make bench-billing`, part of it: rate decks of 200,000 prefixes, as JSON lines.

Prefixes are of 3 to 9 digits under 5,000 destinations with a price and increments each, as carriers' decks are; numbers
asked for have 11 to 13 digits. One process, no database.
"""

from __future__ import annotations

import json
import random
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from billing.domain.deck_diffs import compare
from billing.domain.deck_files import read_deck
from billing.domain.deck_rating import in_force, rate_call
from billing.domain.decks import Deck, DeckHeader

LINES, NUMBERS = 200_000, 200_000
_GOAL_P99_US = 50.0
_NOW = datetime(2026, 3, 1, tzinfo=UTC)


def line(metric: str, value: float, unit: str, goal: float | None = None, better: str = "lower") -> None:
    """One figure, as every bench prints it."""
    meets = None if goal is None else (value <= goal if better == "lower" else value >= goal)
    print(
        json.dumps(
            {"metric": metric, "value": round(value, 3), "unit": unit, "goal": goal, "better": better, "meets": meets}
        ),
        flush=True,
    )


def deck_text(lines: int, seed: int = 7) -> Iterator[str]:
    """A carrier's file."""
    chance = random.Random(seed)
    prefixes: set[str] = set()
    while len(prefixes) < lines:
        prefixes.add(str(chance.randrange(10**8, 10**9))[: chance.choice((3, 4, 5, 6, 6, 7, 7, 8, 8, 9, 9))])
    destinations = [
        f"Destination {number},0.{chance.randrange(10, 9000):04},{chance.choice(('60/60', '1/1', '30/6'))}"
        for number in range(5_000)
    ]
    yield "prefix,destination,price_per_minute,increments\n"
    for prefix in sorted(prefixes):
        yield f"{prefix},{chance.choice(destinations)}\n"


def share(taken: Sequence[int], part: float) -> float:
    """The value that so large a part of them is below; microseconds of nanoseconds."""
    ordered = sorted(taken)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] / 1000


def main() -> None:
    """Print all of it."""
    text = list(deck_text(LINES))
    began = time.perf_counter()
    file = read_deck(text, DeckHeader("EUR"))
    read = time.perf_counter() - began
    line("deck_import_lines_per_second", len(file.lines) / read, "lines/s", 20_000, "higher")
    tracemalloc.start()
    deck = Deck(DeckHeader("EUR"), file.lines)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    line("deck_prefixes", len(deck), "prefixes")
    line("deck_memory", held / 1e6, "MB", 20)
    line("deck_memory_per_prefix", held / len(deck), "bytes")
    began = time.perf_counter()
    compare(deck.lines(), file.lines)
    line("deck_diff", time.perf_counter() - began, "s", 10)
    chance = random.Random(11)
    numbers = [f"+{chance.randrange(10**10, 10**13)}" for _ in range(NUMBERS)]
    taken: list[int] = []
    for number in numbers:
        begin = time.perf_counter_ns()
        in_force(deck, number, _NOW)
        taken.append(time.perf_counter_ns() - begin)
    for name, part, goal in (("p50", 0.5, None), ("p99", 0.99, _GOAL_P99_US), ("p999", 0.999, None)):
        line(f"deck_lookup_{name}", share(taken, part), "us", goal)
    taken.clear()
    for number in numbers[:50_000]:
        begin = time.perf_counter_ns()
        rate_call(deck, number, _NOW, 185)
        taken.append(time.perf_counter_ns() - begin)
    for name, part in (("p50", 0.5), ("p99", 0.99)):
        line(f"deck_rate_call_{name}", share(taken, part), "us")


if __name__ == "__main__":
    main()
