"""Who waits for news of an agent: a microphone that was just connected is heard of a moment later, by a fact that this
process or another replica works."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

from routing.domain.facts import AgentChanged, AgentStateChanged, Fact


class Arrivals:
    """News of agents, for whoever waits for it in this process."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], set[asyncio.Event]] = {}

    @contextlib.contextmanager
    def of(self, tenant_id: str, agent_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the agent has changed; whoever waits again clears it before looking."""
        key, event = (tenant_id, agent_id), asyncio.Event()
        self._waiting.setdefault(key, set()).add(event)
        try:
            yield event
        finally:
            self._waiting[key].discard(event)
            if not self._waiting[key]:
                del self._waiting[key]

    def hear(self, tenant_id: str, told: Sequence[Fact]) -> None:
        """Facts committed in this process."""
        for fact in told:
            if isinstance(fact, AgentChanged | AgentStateChanged):
                self.tell(tenant_id, fact.agent.agent_id)

    def tell(self, tenant_id: str, agent_id: str) -> None:
        """The agent has changed."""
        for event in self._waiting.get((tenant_id, agent_id), ()):
            event.set()
