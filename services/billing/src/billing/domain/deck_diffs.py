"""What a new version of a deck changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from billing.domain.decks import DeckLine, Direction, Terms

MOST_KEPT = 200


@dataclass(frozen=True)
class DeckChange:
    """A prefix whose lines are others than before. `kind`: NEW, REMOVED, UP, DOWN or CHANGED (not in its price).
    Prices are those of its dearest line; None where there is none."""

    kind: str
    prefix: str
    direction: Direction
    name: str
    old_price: Decimal | None
    new_price: Decimal | None


@dataclass
class DeckDiff:
    """How many prefixes change and how, with the first of each kind."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    unchanged: int = 0
    changes: list[DeckChange] = field(default_factory=list[DeckChange])


def compare(old: Iterable[DeckLine], new: Iterable[DeckLine]) -> DeckDiff:
    """From `old` to `new`, by prefix and direction. Most expensive first within a kind where they are kept."""
    before, after = _grouped(old), _grouped(new)
    made = DeckDiff({kind: 0 for kind in ("NEW", "REMOVED", "UP", "DOWN", "CHANGED")})
    kept: dict[str, list[DeckChange]] = {kind: [] for kind in made.counts}
    for key in before.keys() | after.keys():
        was, now = before.get(key, ()), after.get(key, ())
        if was == now or (len(was) == len(now) and set(was) == set(now)):
            made.unchanged += 1
            continue
        old_price, new_price = _dearest(was), _dearest(now)
        kind = _kind(old_price, new_price)
        made.counts[kind] += 1
        name = (now or was)[0].name
        kept[kind].append(DeckChange(kind, key[1], key[0], name, old_price, new_price))
    for changes in kept.values():
        changes.sort(key=lambda each: (-max(each.new_price or 0, each.old_price or 0), each.prefix))
        made.changes += changes[:MOST_KEPT]
    return made


def _grouped(lines: Iterable[DeckLine]) -> dict[tuple[Direction, str], tuple[Terms, ...]]:
    found: dict[tuple[Direction, str], tuple[Terms, ...]] = {}
    for line in lines:
        key = line.direction, line.prefix
        found[key] = (*found.get(key, ()), line.terms)
    return found


def _dearest(terms: Sequence[Terms]) -> Decimal | None:
    return max((each.price for each in terms), default=None)


def _kind(old: Decimal | None, new: Decimal | None) -> str:
    if old is None:
        return "NEW"
    if new is None:
        return "REMOVED"
    if new == old:
        return "CHANGED"
    return "UP" if new > old else "DOWN"
