"""What is needed against who is there, group of queues by slot, and what it costs when they differ.

A missing agent costs 3 for each slot, one too many 1. On the way there the same is asked for with squares: a linear
cost is blind to how wide a gap is, and agents who answer to it get stuck in each other's way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

UNDER, OVER = 3.0, 1.0


@dataclass(frozen=True)
class Price:
    """Cost of a difference x = needed - there of one slot: linear + `square` times the same of x squared."""

    linear: float = 1.0
    square: float = 0.0

    def of(self, lacking: np.ndarray) -> np.ndarray:
        """Cost of each difference."""
        under, over = np.maximum(lacking, 0.0), np.maximum(-lacking, 0.0)
        cost = self.linear * (UNDER * under + OVER * over)
        if self.square:
            cost += self.square * (UNDER * under * under + OVER * over * over)
        return cost


TRUE = Price()


@dataclass(frozen=True)
class Figures:
    """How a schedule covers its week, in agent hours."""

    needed: float
    under: float
    over: float
    cost: float
    """needed + 3 under + over: every hour at its price, so that two schedules compare by a ratio."""


def figures(need: np.ndarray, cover: np.ndarray, hours: float) -> Figures:
    """`need`, `cover`: groups by slots of the week; `hours`: of a slot."""
    lacking = need - cover
    under, over = float(np.maximum(lacking, 0).sum()), float(np.maximum(-lacking, 0).sum())
    needed = float(need.sum())
    return Figures(needed * hours, under * hours, over * hours, (needed + UNDER * under + OVER * over) * hours)
