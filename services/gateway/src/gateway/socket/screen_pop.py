"""What an agent sees with an offer, put into the push itself: one message, nothing to fetch while it rings."""

from __future__ import annotations

import asyncio
from typing import Any

from chassis.auth import acting_as
from chassis.telemetry import context_from, log, tracer
from kernel.tenant import Principal

from gateway.neighbours import Neighbours
from gateway.socket.hub import Event
from gateway.transcode import to_json

SECONDS = 0.15
"""Longer than this an offer is not held back: it rings without."""


class ScreenPops:
    """Adds the screen pop to an offer's push."""

    def __init__(self, neighbours: Neighbours, seconds: float = SECONDS):
        self._neighbours = neighbours
        self._seconds = seconds

    async def text(self, event: Event, agent: Principal) -> str:
        """The pushed message of an offer; without a screen pop when there is no customer or it takes too long."""
        offer: Any = getattr(event.message, "offer", None)
        customer_id = offer.contact.customer_id if offer is not None else ""
        if not customer_id:
            return event.text
        try:
            with tracer.start_as_current_span("push offer", context=context_from(event.traceparent)), acting_as(agent):
                async with asyncio.timeout(self._seconds):
                    found = await self._neighbours.screen_pop(customer_id, self._seconds)
            return event.text_with({"screenPop": to_json(found)})
        except Exception as error:  # an offer must ring whatever is wrong elsewhere
            log.warning("an offer goes out without its screen pop", error_kind=type(error).__name__)
            return event.text
