"""Deadlines kept: exact timers for what this process knows of, a sweep over the columns for everything.

The column is the truth. A timer only makes sure that somebody looks at it in the right moment, so a restart loses
nothing but a fraction of a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from chassis.bus import Bus
from chassis.lifecycle import Tasks
from chassis.telemetry import current_tenant

from routing.domain import facts
from routing.domain.facts import Fact
from routing.ledger import Desk, Ledger
from routing.ops import agents as agent_ops
from routing.ops import callbacks as callback_ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops
from routing.ops import overflow, waits
from routing.settings import Settings
from routing.store import contacts as contact_store
from routing.store import sweeps

_AT_ONCE = 50
_CALL_MEMORY = timedelta(days=1)
_FORGET_EVERY = 3600.0
_WATCH_EVERY = 1.0
_SOON = timedelta(minutes=5)


class Deadlines:
    """Misses offers, ends wrap-ups, has agents back and moves callbacks when their time is over."""

    def __init__(self, desk: Desk, settings: Settings, tasks: Tasks, bus: Bus | None = None):
        self._desk, self._settings, self._tasks, self._bus = desk, settings, tasks, bus
        self._heard_since: datetime | None = None
        """When the bus was back last: of older offers nobody may have heard in time. None while it never was away."""

    def start(self) -> None:
        """Sweep from now on."""
        if self._bus is not None:
            self._bus.when_back(self._bus_is_back)
        self._tasks.every(self._settings.sweep_seconds, self.sweep, "sweep deadlines")
        self._tasks.every(_WATCH_EVERY, self._watch_waits, "watch expected waits")
        self._tasks.every(_FORGET_EVERY, self._forget_calls, "forget ended calls")

    def hear(self, tenant_id: str, told: Sequence[Fact]) -> None:
        """Facts of this process: those with a deadline get a timer."""
        for fact in told:
            if isinstance(fact, facts.OfferMade):
                self.at(tenant_id, fact.offer.expire_time)
            elif isinstance(fact, facts.WrapUpStarted | facts.WrapUpChanged):
                if fact.contact.wrap_up_expire_time is not None:
                    self.at(tenant_id, fact.contact.wrap_up_expire_time)
            elif isinstance(fact, facts.AgentStateChanged) and fact.agent.return_time is not None:
                self.at(tenant_id, fact.agent.return_time)
            elif isinstance(fact, facts.CallbackFact) and fact.callback.next_time is not None:
                self._soon(tenant_id, fact.callback.next_time)

    def _soon(self, tenant_id: str, time: datetime) -> None:
        """Callbacks may be days away: those the sweep finds early enough."""
        if time - self._desk.clock.now() <= _SOON:
            self.at(tenant_id, time)

    def at(self, tenant_id: str, time: datetime) -> None:
        """Look at the tenant's columns at this time."""
        delay = max(0.0, (time - self._desk.clock.now()).total_seconds()) + 0.001

        def due() -> None:
            self._tasks.spawn(self.keep(tenant_id), "keep deadlines")

        asyncio.get_running_loop().call_later(delay, due)

    async def sweep(self) -> None:
        """Every tenant with something due."""
        now = self._desk.clock.now()
        for tenant_id in await self._desk.db.system(lambda tx: sweeps.tenants_due(tx, now), read_only=True):
            await self.keep(tenant_id)

    async def keep(self, tenant_id: str) -> None:
        """What is due in one tenant."""
        held = current_tenant.set(tenant_id)
        try:
            verbs = (
                self._expire_offers, contact_ops.expire_wrap_ups, agent_ops.return_agents, callback_ops.keep_times,
            )  # fmt: skip
            for verb in verbs:
                done = _AT_ONCE
                while done == _AT_ONCE:
                    now = self._desk.clock.now()
                    done = await self._desk.run(tenant_id, lambda tx, verb=verb, now=now: verb(tx, now, _AT_ONCE))
        finally:
            current_tenant.reset(held)

    async def _watch_waits(self) -> None:
        """Have the steps come whose contacts would wait too long, and send on whom their queues can't serve."""
        for tenant_id in await self._desk.db.system(sweeps.tenants_watching_waits, read_only=True):
            held = current_tenant.set(tenant_id)
            try:
                now = self._desk.clock.now()
                await self._desk.run(tenant_id, lambda tx, now=now: waits.fire_steps(tx, now))
                await self._send_on(tenant_id)
            finally:
                current_tenant.reset(held)

    async def _send_on(self, tenant_id: str) -> None:
        # Looked for in one reading transaction, carried out one by one: a transaction over a whole line would meet
        # every other one of the tenant.
        now = self._desk.clock.now()
        for contact_id in await self._desk.run(tenant_id, lambda tx: overflow.due(tx, now), read_only=True):
            await self._desk.run(tenant_id, lambda tx, each=contact_id: overflow.send_on(tx, each, now))

    async def _expire_offers(self, tx: Ledger, now: datetime, limit: int) -> int:
        away = self._bus is not None and not self._bus.connected
        return await offer_ops.expire_offers(tx, now, limit, heard_since=now if away else self._heard_since)

    def _bus_is_back(self) -> None:
        self._heard_since = self._desk.clock.now()

    async def _forget_calls(self) -> None:
        before = self._desk.clock.now() - _CALL_MEMORY
        tenants = await self._desk.db.system(lambda tx: sweeps.tenants_with_old_calls(tx, before), read_only=True)
        for tenant_id in tenants:
            await self._desk.run(tenant_id, lambda tx: contact_store.forget_ended_calls(tx, before))
