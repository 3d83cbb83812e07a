"""What wfm reads from its environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chassis.settings import ProcessSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ProcessSettings):
    """What every process needs, and how many forecasts and schedules are made beside each other."""

    forecast_workers: int = 1
    """Processes of this replica that forecast; each takes a core."""

    schedule_workers: int = 1
    """Processes of this replica that make schedules; each takes a core."""

    skill_plan_workers: int = 1
    """Processes of this replica that make skill plans; each takes a core."""

    def wrong(self) -> Iterator[str]:
        """A sentence for each setting that can't work."""
        yield from super().wrong()
        if not 0 <= self.forecast_workers <= 64:
            yield "MERKEZ_FORECAST_WORKERS must be 0 to 64"
        if not 0 <= self.schedule_workers <= 64:
            yield "MERKEZ_SCHEDULE_WORKERS must be 0 to 64"
        if not 0 <= self.skill_plan_workers <= 64:
            yield "MERKEZ_SKILL_PLAN_WORKERS must be 0 to 64"
