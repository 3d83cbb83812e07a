"""The formulas, one function each, over raw counters. A ratio over nothing is None, never zero.

Definitions and their sources are in docs/glossary.md; a figure is always shown with the words that say which it is.
"""

from __future__ import annotations


def service_level(answered_within: int, answered: int, abandoned: int, short_abandoned: int) -> float | None:
    """answered within T / (answered + abandoned - short abandons), 0..1. The wallboard's."""
    return _ratio(answered_within, answered + abandoned - short_abandoned)


def asa(wait_seconds: float, answered: int) -> float | None:
    """Average speed of answer in seconds, over answered contacts only."""
    return _ratio(wait_seconds, answered)


def aht(handle_seconds: float, handled: int) -> float | None:
    """Average handle time in seconds: (talk + hold + ACW) / handled, both of contacts whose wrap-up is over."""
    return _ratio(handle_seconds, handled)


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole > 0 else None
