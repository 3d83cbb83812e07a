"""Short words for boards in tests: who is ready, who waits, what a queue's rules say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from routing.domain.board import Board
from routing.domain.courses import Line
from routing.domain.matches import Waiting
from routing.domain.ranking import NOTHING, Ready, Tally
from routing.domain.requirements import of_levels
from routing.domain.rules import Change, Level, Rules, Step, Strategy
from routing.domain.urgency import HALF_A_POINT

EPOCH = datetime(2026, 3, 2, 9, tzinfo=UTC)
START = EPOCH.timestamp()


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def agent(
    name: str, idle: float = 0, skills: dict[str, int] | None = None, queues: Iterable[str] = (), tally: Tally = NOTHING
) -> Ready:
    return Ready(name, at(idle), skills or {}, frozenset(queues), 1, tally=tally)


def contact(
    name: str, queue: str = "q", since: float = 0, priority: float = 0, returned: bool = False,
    asked: dict[str, int] | None = None, target: str = "", preferred: str = "", preferred_wait: float = 0,
    fired: int = 0,
) -> Waiting:  # fmt: skip
    points = priority + (HALF_A_POINT if returned or target else 0)
    return Waiting(
        name, queue, START + since, points, of_levels((asked or {}).items()), 1, target=target,
        preferred=preferred, preferred_wait=preferred_wait, fired=fired,
    )  # fmt: skip


def board_with(*lines: Line) -> Board:
    board = Board()
    for line in lines or (Line("q", True, ()),):
        board.put_line(line)
    return board


def pairs(board: Board, seconds: float = 0) -> list[tuple[str, str]]:
    found = []
    while (match := board.decide(START + seconds)) is not None:
        found.append((match.contact.contact_id, match.agent.agent_id))
    return found


def listed(*levels: tuple[float, str]) -> Rules:
    return Rules(
        Strategy.LIST, levels=tuple(Level(tuple(names.split()), timedelta(seconds=wait)) for wait, names in levels)
    )


def after(seconds: float, *changes: Change) -> Step:
    return Step(changes, after=timedelta(seconds=seconds))
