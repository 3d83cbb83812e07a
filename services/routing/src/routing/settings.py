"""What routing reads from the environment."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.settings import ProcessSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ProcessSettings):
    """Process settings and the tempo of routing's own loops."""

    service: str = "routing"
    sweep_seconds: float = 0.5
    """How often all tenants are looked through for deadlines. Timers of this process are exact; this is for those
    of processes that are gone."""
    resync_seconds: float = 15.0
    """How often the matcher compares itself with the rows: news of other replicas may get lost on the way."""
    stand_in_seconds: float = 0.5
    """How long a process without the lease leaves a match to its holder before it makes the offer itself."""
