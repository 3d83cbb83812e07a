"""What flows needs from its environment."""

from __future__ import annotations

from dataclasses import dataclass

from chassis.settings import ProcessSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ProcessSettings):
    """ProcessSettings and what is flows' own."""

    http_allow_loopback: bool = False
    """Whether HTTP steps may ask this machine itself: for trying a flow out, never where tenants share machines."""
    transfer_wait_seconds: float = 30.0
    """How long a call that is handed to one agent waits for them before it goes on."""
