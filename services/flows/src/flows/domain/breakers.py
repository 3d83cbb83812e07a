"""When a tenant's system is left alone: after failures in a row it is asked no more for a while, then once to see.

A system that is down costs every caller the whole time-out, several times with retries. Closed: it is asked. Open:
nothing is asked until `until`. Half open: one request goes through, and what becomes of it decides.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

FAILURES = 5
"""Steps that fail in a row, retries included in each, before it is left alone."""
OPEN_SECONDS = 30.0
MOST = 10_000
"""Systems that are remembered; those that were not asked for longest are forgotten, which closes them."""


@dataclass
class _Circuit:
    failures: int = 0
    until: float = 0.0
    trying: bool = False


class Breakers:
    """The circuits of one process, by tenant and host. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._circuits: OrderedDict[tuple[str, str], _Circuit] = OrderedDict()

    def wait(self, tenant_id: str, host: str, now: float) -> float | None:
        """None when it may be asked now, and whoever asks must tell what came; else for how many seconds not."""
        circuit = self._circuits.get((tenant_id, host))
        if circuit is None or circuit.failures < FAILURES:
            return None
        if now < circuit.until:
            return circuit.until - now
        if circuit.trying:
            return 1.0
        circuit.trying = True
        return None

    def worked(self, tenant_id: str, host: str) -> None:
        """It answered: whatever was before is forgotten."""
        self._circuits.pop((tenant_id, host), None)

    def failed(self, tenant_id: str, host: str, now: float) -> bool:
        """It did not answer; whether it is left alone from now on."""
        circuit = self._circuits.setdefault((tenant_id, host), _Circuit())
        self._circuits.move_to_end((tenant_id, host))
        while len(self._circuits) > MOST:
            self._circuits.popitem(last=False)
        circuit.failures += 1
        circuit.trying = False
        if circuit.failures >= FAILURES:
            circuit.until = now + OPEN_SECONDS
            return True
        return False

    def given_up(self, tenant_id: str, host: str) -> None:
        """Whoever asked was stopped before anything came: another may try."""
        circuit = self._circuits.get((tenant_id, host))
        if circuit is not None:
            circuit.trying = False
