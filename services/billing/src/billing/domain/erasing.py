"""How much of a dialled number is kept once nobody needs it: it is personal data of who was called.

What a call costs hangs on the digits its rate deck tells apart, and a finalized invoice must be made again to the byte;
so as many of the last four digits go as leave the price what it was. Who a call was with isn't told by the rest.
"""

from __future__ import annotations

from collections.abc import Callable

ERASED_DIGITS = 4
SHORTEST = 7
"""Shorter ones are of services, such as emergency numbers, not of people; with the plus sign."""
LEAST_DAYS = 90
"""A detail record may come, and come again, for this long: before, nothing is erased."""


def shortened(number: str, costs_the_same: Callable[[str], bool]) -> str:
    """The number without its last digits, as many as leave its price; the whole one where each of them decides."""
    if len(number) < SHORTEST:
        return number
    for digits in range(ERASED_DIGITS, 0, -1):
        if costs_the_same(number[:-digits]):
            return number[:-digits]
    return number
