"""Work that can wait until a deadline, such as e-mail: the evenest way to do all of it in time.

Work of interval i must be done by the end of interval i + wait - 1. What is done by the end of each interval lies
between what must be by then and what has come; the shortest line between the two (the taut string) has, of all ways to
do it, the lowest peak and the least sum of squares (Yao, Demers, Shenker 1995, for jobs first come, first served).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def smoothest(work: Sequence[float], wait: int) -> list[float]:
    """What to do in each interval; sums to the sum of `work`: its last intervals, too, are done by the end."""
    count = len(work)
    came, due = [0.0], [0.0]
    for each in work:
        came.append(came[-1] + each)
    due += [came[max(0, at - wait + 1)] for at in range(1, count + 1)]
    due[count] = came[count]
    done, at, level = [0.0], 0, 0.0
    while at < count:
        until, slope = _taut(came, due, at, level)
        done += [level + slope * step for step in range(1, until - at + 1)]
        level, at = done[-1], until
    return [max(0.0, after - before) for before, after in pairwise(done)]


def smoothest_worked(work: Sequence[float], wait: int, open_in: Sequence[bool]) -> list[float]:
    """The same where nothing is done in some intervals. What comes in them has come when the next one is worked in, and
    `wait` counts intervals that are. What comes after the last of them stands for what came as late before the first:
    it is done from there on, as weeks follow on weeks. Where none is worked in, nothing is done."""
    at = [each for each, is_worked in enumerate(open_in) if is_worked]
    done = [0.0] * len(work)
    if not at:
        return done
    came, begin = [], 0
    for each in at:
        came.append(sum(work[begin : each + 1]))
        begin = each + 1
    came[0] += sum(work[begin:])
    for each, amount in zip(at, smoothest(came, wait), strict=True):
        done[each] = amount
    return done


def _taut(came: Sequence[float], due: Sequence[float], at: int, level: float) -> tuple[int, float]:
    """The straight piece from here: until where, and how much an interval."""
    highest, lowest, high_end, low_end = float("inf"), 0.0, at + 1, at + 1
    for end in range(at + 1, len(came)):
        upper, lower = (came[end] - level) / (end - at), (due[end] - level) / (end - at)
        if lower > highest:
            return high_end, highest
        if upper < lowest:
            return low_end, lowest
        if upper <= highest:
            highest, high_end = upper, end
        if lower >= lowest:
            lowest, low_end = lower, end
    return low_end, lowest
