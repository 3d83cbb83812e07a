"""What billing reads from its environment."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.settings import ProcessSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ProcessSettings):
    """Nothing beyond what every process needs."""
