"""What about a call's sound is worth a warning."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Warned(StrEnum):
    """What is too much of it, or too little."""

    ROUND_TRIP = "ROUND_TRIP"
    JITTER = "JITTER"
    LOSS = "LOSS"
    MOS = "MOS"


@dataclass(frozen=True)
class LegQuality:
    """What is received from one party now. Seconds and shares; `mos` is 0 while unknown."""

    leg_id: str = ""
    party: str = ""
    agent_id: str = ""
    stalled: bool = False
    round_trip_seconds: float | None = None
    jitter_seconds: float = 0.0
    loss: float = 0.0
    mos: float = 0.0

    @property
    def warnings(self) -> tuple[Warned, ...]:
        """By the thresholds of Twilio's voice SDK: 400 ms, 30 ms, 3 %, 3.5. An unknown MOS is no bad one."""
        over = {
            Warned.ROUND_TRIP: (self.round_trip_seconds or 0.0) > 0.4,
            Warned.JITTER: self.jitter_seconds > 0.03,
            Warned.LOSS: self.loss > 0.03,
            Warned.MOS: 0 < self.mos < 3.5,
        }
        return tuple(warned for warned, true in over.items() if true)
