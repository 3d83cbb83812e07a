"""One rate of new calls, shared by who asks for it: who asks for little has it, the others share what is left alike.

Max-min fairness (Bertsekas-Gallager, Data Networks 6.5.2) without a queue. What somebody was let in for weighs on them
until it has drained; so many a second drain of all weight, from each in proportion to theirs. Who would weigh more than
what is left in store gets no more (dynamic thresholds, Choudhury-Hahne 1998): N who flood us come to weigh 1/(N + 1) of
the store each, so each has 1/N of the rate, and as much as each weighs is left for who comes next.
"""

from __future__ import annotations

from collections import OrderedDict
from math import exp, log

from telephony.sip.timers import Timers

_LIGHT = 0.5
"""Who weighs less than that is about to be let in for the first time in a while: the others leave them one."""
_FORGOTTEN = 0.05


class FairRate:
    """So many a second of all names together, however many there are; a second's worth may come at once, half of it
    of one name. A decision takes O(1)."""

    def __init__(self, timers: Timers, a_second: float) -> None:
        self._timers = timers
        self._a_second = a_second
        self._store = max(2.0, a_second)
        self._looked = timers.now()
        self._weight = 0.0
        """Of all names together."""
        self._shrunk = 0.0
        """What every weight has been multiplied by so far, as a logarithm."""
        self._weights: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Name -> its weight when it was let in last, and what `_shrunk` was then; who was let in last is last."""

    def __len__(self) -> int:
        """How many names are kept in mind."""
        return len(self._weights)

    def admits(self, name: str) -> bool:
        """Let one in for this name, if it may have one now."""
        self._drain()
        own, left = self._weight_of(name), self._store - self._weight
        if own + 1 > left or (own >= _LIGHT and left < 2):
            return False
        self._weights[name] = own + 1, self._shrunk
        self._weights.move_to_end(name)
        self._weight += 1
        while self._weight_of(next(iter(self._weights))) < _FORGOTTEN:
            self._weights.popitem(last=False)
        return True

    def _weight_of(self, name: str) -> float:
        weight, shrunk = self._weights.get(name, (0.0, 0.0))
        return weight * exp(self._shrunk - shrunk)

    def _drain(self) -> None:
        now = self._timers.now()
        left, self._looked = self._weight - (now - self._looked) * self._a_second, now
        if left > 0:
            self._shrunk += log(left / self._weight)
            self._weight = left
        elif self._weights:
            # Nobody weighs anything: what was rounded on the way is forgotten too.
            self._weights.clear()
            self._weight = self._shrunk = 0.0
