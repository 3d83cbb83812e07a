"""Calls that are passed on and on: who has diverted a call before it came here, and when that is a circle. Pure.

A company's number is diverted to a mobile, which is diverted to the company: each round takes two lines, until the
trunks are full. What networks tell of it (Diversion, RFC 5806; History-Info, RFC 7044) is believed for this alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from kernel.errors import FailedPrecondition

MOST_DIVERSIONS = 5
"""As many as the telephone network itself allows: its counter ends there (ITU-T Q.732.2, Q.763 3.44)."""
MOST_HOPS = 70
"""What Max-Forwards begins with (RFC 3261 8.1.1.6)."""


class CallLooped(FailedPrecondition):
    """A call has been passed on so often that it must be going in a circle."""

    reason = "CALL_LOOPED"


@dataclass(frozen=True)
class Diversion:
    """One that a call has gone through."""

    number: str
    """Who diverted it (E.164); empty when it can't be read, or is kept private."""
    times: int = 1
    """How often, as far as the network has counted."""


def goes_in_a_circle(dialed: str, diversions: Sequence[Diversion]) -> bool:
    """Whether a call for `dialed` (E.164) is passed on for ever; `diversions` are in their order, the first one first.

    It is when it comes to a number that it had left for another one, or after more than MOST_DIVERSIONS. A number that
    stands there twice in a row has only been told of twice, as by a carrier that names whom it delivers to.
    """
    path = [number for number, _ in groupby([*(each.number for each in diversions), dialed])]
    readable = [number for number in path if number]
    return len(readable) > len(set(readable)) or sum(each.times for each in diversions) > MOST_DIVERSIONS


def hops_left(hops: int) -> int:
    """What a call may pass of servers that is called on behalf of one which came with `hops` (RFC 7332 3). CallLooped
    when there are none."""
    if hops <= 1:
        raise CallLooped("the call has been passed on too often: two numbers may be forwarded to each other")
    return min(hops, MOST_HOPS) - 1
