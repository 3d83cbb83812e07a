"""`make bench-routing`: how fast the matcher decides, as JSON lines.

Steady state in plain memory: every decision takes an agent and a contact off the board, and both come back as a new
contact and the same agent idle anew. The trace of candidates is made each time, as in the service.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from statistics import quantiles

from routing.domain.board import Board
from routing.domain.courses import Line
from routing.domain.matches import Waiting
from routing.domain.ranking import Ready
from routing.domain.requirements import ANYBODY

EPOCH = datetime(2026, 3, 2, tzinfo=UTC)
SKILLS = [f"skl_{n}" for n in range(200)]


class Floor:
    """A board with agents and queues, and what comes next for each."""

    def __init__(self, agents: int, queues: int, seed: int = 7):
        self.random = random.Random(seed)
        self.board = Board()
        self.queues = [f"que_{n}" for n in range(queues)]
        self.clock = 0
        needs: dict[str, str] = {}
        for queue in self.queues:
            needs[queue] = self.random.choice(SKILLS)
            self.board.put_line(Line(queue, False, ((needs[queue], 1),)))
        self.agents = [self._agent(f"usr_{n}", needs) for n in range(agents)]

    def _agent(self, agent_id: str, needs: dict[str, str]) -> Ready:
        served = self.random.sample(self.queues, 8)
        held = {needs[queue]: self.random.randint(1, 5) for queue in served}
        return Ready(agent_id, self.now(), held, frozenset(served), 1)

    def now(self) -> datetime:
        """A later time at each call."""
        self.clock += 1
        return EPOCH + timedelta(milliseconds=self.clock)

    def contact(self) -> Waiting:
        """The next caller, in any queue."""
        name, priority = f"con_{self.clock}", self.random.randrange(3)
        return Waiting(name, self.random.choice(self.queues), self.now().timestamp(), priority, ANYBODY, 1)

    def back(self, agent: Ready) -> Ready:
        """The agent, idle from now on."""
        return Ready(agent.agent_id, self.now(), agent.skills, agent.queue_ids, 1)


def callers_find_idle_agents(floor: Floor, decisions: int) -> list[float]:
    """Agents are idle: each contact that comes is decided at once, and its agent is idle again."""
    for agent in floor.agents:
        floor.board.put_agent(agent)
    for queue in floor.queues:  # the first contact of a queue gathers its agents: not what is measured
        floor.board.put_contact(Waiting(f"con_{queue}", queue, floor.now().timestamp(), 0, ANYBODY, 1))
        if match := floor.board.decide():
            floor.board.put_agent(floor.back(match.agent))
    board, taken = floor.board, []
    for _ in range(decisions):
        contact = floor.contact()
        began = time.perf_counter()
        board.put_contact(contact)
        match = board.decide()
        middle = time.perf_counter()
        again = floor.back(match.agent) if match else None
        resumed = time.perf_counter()
        if again is not None:
            board.put_agent(again)
            taken.append(middle - began + time.perf_counter() - resumed)
        else:
            board.drop_contact(contact.contact_id)
    return taken


def agents_find_waiting_callers(floor: Floor, decisions: int, waiting: int) -> list[float]:
    """Contacts wait: each agent who becomes free is decided at once, and another contact comes."""
    for _ in range(waiting):
        floor.board.put_contact(floor.contact())
    board, taken = floor.board, []
    for _ in range(decisions):
        contact, agent = floor.contact(), floor.back(floor.random.choice(floor.agents))
        began = time.perf_counter()
        board.put_contact(contact)
        board.put_agent(agent)
        match = board.decide()
        if match is not None:
            taken.append(time.perf_counter() - began)
    return taken


def memory_of_waiting(floor: Floor, waiting: int) -> float:
    """Bytes a contact takes that waits, of many."""
    contacts = [floor.contact() for _ in range(waiting)]
    tracemalloc.start()
    for contact in contacts:
        floor.board.put_contact(contact)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (taken + sum(sys.getsizeof(each) for each in contacts)) / waiting


def report(name: str, taken: list[float], goal: float | None, tail_goal: float | None) -> None:
    """Two lines: decisions a second, and the tail."""
    rate, tail = len(taken) / sum(taken), quantiles(taken, n=1000)[-1] * 1e6
    _line(f"{name}_per_s", round(rate), "1/s", goal, "higher")
    _line(f"{name}_p999", round(tail, 1), "us", tail_goal, "lower")


def _line(metric: str, value: float, unit: str, goal: float | None, better: str) -> None:
    meets = None if goal is None else (value >= goal if better == "higher" else value <= goal)
    print(json.dumps({"metric": metric, "value": value, "unit": unit, "goal": goal, "better": better, "meets": meets}))


def main() -> None:
    """Bounded: some ten seconds."""
    gc.freeze()
    gc.disable()  # what is measured makes no cycles
    report("decisions_10k_agents_idle", callers_find_idle_agents(Floor(10_000, 1_000), 50_000), 100_000, 200)
    report("decisions_10k_agents_busy", agents_find_waiting_callers(Floor(10_000, 1_000), 50_000, 20_000), 100_000, 200)
    _line("memory_per_waiting_contact", round(memory_of_waiting(Floor(100, 1_000), 20_000)), "bytes", None, "lower")
    report("decisions_100k_agents_idle", callers_find_idle_agents(Floor(100_000, 5_000), 30_000), None, 1_000)


if __name__ == "__main__":
    main()
