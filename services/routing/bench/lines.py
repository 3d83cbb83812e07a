"""A figure as a JSON line, beside the goal it is held to."""

from __future__ import annotations

import json


def line(metric: str, value: float, unit: str, goal: float | None, better: str, **more: object) -> None:
    """Print it; `better` is higher or lower."""
    meets = None if goal is None else (value >= goal if better == "higher" else value <= goal)
    shown = {"metric": metric, "value": round(value, 2), "unit": unit, "goal": goal, "better": better, "meets": meets}
    print(json.dumps(shown | more), flush=True)
