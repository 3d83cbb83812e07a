"""What a value leads to before a tenant is known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """Whose a value is, and what it leads to there."""

    tenant_id: str
    target: str
