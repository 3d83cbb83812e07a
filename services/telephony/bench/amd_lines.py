"""The lines that answering-machine benches print: shares and medians, each with the interval it is surely in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

_SURE = 0.95


def line(metric: str, value: float | None, unit: str, goal: float | None, better: str = "lower", **more: Any) -> None:
    """One line in the house's format."""
    meets = None if goal is None or value is None else (value <= goal if better == "lower" else value >= goal)
    shown = None if value is None else round(value, 3)
    told = {"metric": metric, "value": shown, "unit": unit, "goal": goal, "better": better, "meets": meets, **more}
    print(json.dumps(told), flush=True)


def share(metric: str, right: int, calls: int, goal: float | None = None, **more: Any) -> None:
    """How many of `calls` were told right, with Wilson's interval (1927) of 95 %.

    It takes calls for strangers to each other. Those with the same voice or sentence aren't: in truth it is wider.
    """
    if not calls:
        return line(metric, None, "share", goal, "higher", right=0, calls=0, **more)
    low, high = stats.binomtest(right, calls).proportion_ci(_SURE, "wilson")
    line(metric, right / calls, "share", goal, "higher", right=right, calls=calls, interval=_rounded(low, high), **more)


def seconds(metric: str, found: Sequence[float], goal: float | None = None, **more: Any) -> None:
    """Two lines: the median with its interval of 95 % (order statistics, Conover 1999, 3.2); the 95th percentile."""
    if not found:
        return line(f"{metric}_p50", None, "s", goal, calls=0, **more)
    low, high = stats.quantile_test(np.array(found), p=0.5).confidence_interval(_SURE)
    shown = {"calls": len(found), "interval": _rounded(low, high), **more}
    line(f"{metric}_p50", float(np.median(found)), "s", goal, **shown)
    line(f"{metric}_p95", float(np.percentile(found, 95)), "s", None, calls=len(found), **more)


def _rounded(low: float, high: float) -> list[float]:
    return [round(float(low), 3), round(float(high), 3)]
