"""The matcher of this process: wakes when a board may have a match, and carries matches out.

It decides in memory and commits in SQL. A decision takes contact and agent off the board and, when the commit fails
because either row moved on, both rows are read again: what the board believes never decides anything by itself.
"""

from __future__ import annotations

import asyncio

from chassis.bus import Bus, LiveMessage
from chassis.lifecycle import Tasks
from chassis.telemetry import context_from, current_tenant, histogram, log, tracer
from kernel.errors import DomainError
from merkez.routing.v1 import routing_events_pb2 as events

from routing.boards import Boards, TenantBoard
from routing.domain.matches import Match
from routing.domain.offers import DecisionStale
from routing.leases import Leases
from routing.ledger import Desk
from routing.notes import Notes
from routing.ops import offers as ops
from routing.settings import Settings
from routing.store import sweeps

_FORGET_SECONDS = 600.0
_GATHER_SECONDS = 0.01
_JUST_AFTER = 0.001
_latency = histogram("merkez.routing.decision", "ms", "From a match on the board to its committed offer")


class Matcher:
    """Matches for every tenant this process has a board of."""

    def __init__(self, desk: Desk, leases: Leases, settings: Settings, tasks: Tasks, bus: Bus | None):
        self._desk, self._leases, self._settings, self._tasks, self._bus = desk, leases, settings, tasks, bus
        self.boards = Boards(desk, self.wake)
        self._notes = Notes(desk, leases, tasks, settings.resync_seconds)
        self._working: set[str] = set()
        self._again: set[str] = set()
        self._standing_in: set[str] = set()
        self._news: dict[str, tuple[set[str], set[str]]] = {}
        self._timers: dict[str, tuple[float, asyncio.TimerHandle]] = {}
        self._stopped = False

    async def start(self) -> None:
        """Rebuild what the rows say is at work, then listen to the other replicas."""
        if self._bus is not None:
            self._tasks.spawn(self._listen(self._bus), "listen to replicas")
            self._bus.when_back(self._wake_all)
        self._tasks.spawn(self._touch_all(), "rebuild boards")
        self._tasks.every(self._settings.resync_seconds, self._resync_all, "compare boards with rows")

    async def drain(self) -> None:
        """Decide nothing new; wait for offers being written; give the leases back."""
        self._stopped = True
        for _, timer in self._timers.values():
            timer.cancel()
        while self._working or self.boards.in_flight:
            await asyncio.sleep(0.01)
        await self._notes.close()
        await self._leases.release()

    def wake(self, tenant_id: str) -> None:
        """The tenant's board may have a match now."""
        if self._stopped:
            return
        self._leases.want(tenant_id)
        if tenant_id in self._working:
            self._again.add(tenant_id)
            return
        self._working.add(tenant_id)
        self._tasks.spawn(self._work(tenant_id), "match")

    async def _work(self, tenant_id: str) -> None:
        # Own trace: what runs here belongs to the calls it serves, not to the request that woke it.
        context = current_tenant.set(tenant_id)
        try:
            while True:
                self._again.discard(tenant_id)
                tenant = await self.boards.load(tenant_id)
                tenant.board.advance(self._desk.clock.now().timestamp())
                self._decide(tenant)
                self._wake_when_due(tenant)
                self._notes.look(tenant)
                if tenant_id not in self._again:
                    break
        except DomainError as error:
            log.warning("matching waits", exc_info=error)
            self._later(tenant_id, 0.5)
        finally:
            current_tenant.reset(context)
            self._working.discard(tenant_id)

    def _decide(self, tenant: TenantBoard, *, stand_in: bool = False) -> None:
        if self._bus is not None and not self._bus.connected:
            return  # no offer would ring: who waits waits on, and agents stay ready
        if not stand_in and not self._leases.holds(tenant.tenant_id):
            if tenant.board.matchable and tenant.tenant_id not in self._standing_in:
                self._standing_in.add(tenant.tenant_id)
                self._tasks.spawn(self._stand_in(tenant.tenant_id), "stand in")
            return
        now = self._desk.clock.now().timestamp()
        while not self._stopped and (match := tenant.board.decide(now)) is not None:
            tenant.reserve(match)
            self._tasks.spawn(self._offer(tenant, match), "make an offer")

    def _wake_when_due(self, tenant: TenantBoard) -> None:
        """Look again when what a contact asks for changes by itself."""
        due, (known, timer) = tenant.board.next_due, self._timers.get(tenant.tenant_id, (None, None))
        if due == known:
            return
        if timer is not None:
            timer.cancel()
        self._timers.pop(tenant.tenant_id, None)
        if due is not None:
            delay = max(0.0, due - self._desk.clock.now().timestamp()) + _JUST_AFTER
            made = asyncio.get_running_loop().call_later(delay, self._come_due, tenant.tenant_id)
            self._timers[tenant.tenant_id] = (due, made)

    def _come_due(self, tenant_id: str) -> None:
        self._timers.pop(tenant_id, None)
        self.wake(tenant_id)

    async def _stand_in(self, tenant_id: str) -> None:
        # The holder may be gone without its lease having ended: its matches are made here then.
        try:
            await asyncio.sleep(self._settings.stand_in_seconds)
        finally:
            self._standing_in.discard(tenant_id)
        self._decide(await self.boards.load(tenant_id), stand_in=True)

    async def _offer(self, tenant: TenantBoard, match: Match) -> None:
        began = self._desk.clock.monotonic()
        held = current_tenant.set(tenant.tenant_id)
        try:
            with tracer.start_as_current_span(
                "make offer",
                context=context_from(match.contact.traceparent),
                attributes={"merkez.rule": match.rule, "merkez.epoch": self._leases.epoch(tenant.tenant_id)},
                record_exception=False,
            ):
                await self._desk.together(
                    tenant.tenant_id,
                    lambda tx: ops.make_offer(tx, match, self._desk.clock.now()),
                    ops.sought_by(match),
                )
            _latency.record((self._desk.clock.monotonic() - began) * 1000)
            # Who was to ring along and couldn't any more is not heard of by what was written.
            left_out = [each for each in match.companions if not tenant.knows(each.agent_id, each.version + 1)]
            if tenant.release(match) or left_out:
                await self._reread(tenant, match)
        except DecisionStale:
            await self._reread(tenant, match)
        except Exception as error:
            log.warning("an offer could not be written", exc_info=error)
            await asyncio.sleep(0.5)
            await self._reread(tenant, match)
        finally:
            tenant.release(match)
            current_tenant.reset(held)

    async def _reread(self, tenant: TenantBoard, match: Match) -> None:
        tenant.release(match)
        try:
            await self.boards.reread(
                tenant.tenant_id, [each.agent_id for each in match.agents], [match.contact.contact_id]
            )
        except DomainError as error:
            log.warning("rows could not be read again", exc_info=error)
            tenant.loaded = False
            self._later(tenant.tenant_id, 1.0)

    def _later(self, tenant_id: str, seconds: float) -> None:
        async def wake() -> None:
            await asyncio.sleep(seconds)
            self.wake(tenant_id)

        self._tasks.spawn(wake(), "wake later")

    async def _touch_all(self) -> None:
        while True:
            try:
                tenants = await self._desk.db.system(sweeps.tenants_at_work, read_only=True)
                break
            except DomainError as error:
                log.warning("boards wait for the database", exc_info=error)
                await asyncio.sleep(1)
        for tenant_id in tenants:
            self.wake(tenant_id)

    async def _resync_all(self) -> None:
        now = self._desk.clock.monotonic()
        for tenant_id in self.boards.tenants:
            idle = self.boards.idle_since(tenant_id)
            if idle is not None and now - idle > _FORGET_SECONDS:
                self.boards.drop(tenant_id)
                self._leases.forget(tenant_id)
            else:
                await self.boards.resync(tenant_id)
                self._notes.look(self.boards.of(tenant_id), again=True)
                self.wake(tenant_id)

    async def _listen(self, bus: Bus) -> None:
        for noun in ("contact", "offer", "agent", "queue"):
            await bus.subscribe(f"merkez.*.{noun}.v1.*", self._passing)
        self._wake_all()

    def _wake_all(self) -> None:
        for tenant_id in self.boards.tenants:
            self.wake(tenant_id)

    async def _passing(self, message: LiveMessage) -> None:
        """A fact on the bus: our own comes by too and is known already."""
        tenant = self.boards.of(message.tenant_id)
        fact = message.decode()
        if isinstance(fact, events.QueueChanged | events.QueueDeleted | events.CapacityChanged):
            self._gather(message.tenant_id)
        elif isinstance(fact, events.AgentStateChanged | events.AgentChanged):
            self._desk.arrivals.tell(message.tenant_id, fact.agent.agent_id)
            if not tenant.knows(fact.agent.agent_id, fact.agent.version):
                self._gather(message.tenant_id, agent_id=fact.agent.agent_id)
        else:
            contact = getattr(fact, "offer", fact).contact  # pyright: ignore[reportAttributeAccessIssue]
            if not tenant.knows(contact.contact_id, contact.version):
                self._gather(message.tenant_id, contact_id=contact.contact_id)

    def _gather(self, tenant_id: str, *, agent_id: str = "", contact_id: str = "") -> None:
        known = self._news.get(tenant_id)
        if known is None:
            known = self._news[tenant_id] = (set(), set())
            self._tasks.spawn(self._read_news(tenant_id), "read news")
        known[0].update({agent_id} - {""})
        known[1].update({contact_id} - {""})

    async def _read_news(self, tenant_id: str) -> None:
        # News comes in bursts: one read for what arrives within a moment.
        await asyncio.sleep(_GATHER_SECONDS)
        agents, contacts = self._news.pop(tenant_id)
        if agents or contacts:
            await self.boards.reread(tenant_id, sorted(agents), sorted(contacts))
        else:
            await self.boards.resync(tenant_id)
            self.wake(tenant_id)
