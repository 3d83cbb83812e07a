"""Carries a run through one turn: the interpreter says what to do outside, this does it and comes back.

A turn that is asked for twice at the same time runs once, and it goes on when the one who asked has stopped waiting:
whoever asks next gets its outcome. So a slow HTTP step outlives the deadline of the rpc that began it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import replace
from datetime import timedelta

from chassis.lifecycle import Tasks
from chassis.sql import Database
from kernel.clock import Clock
from kernel.errors import DomainError, Unavailable

from flows.clients import Engagement, Routing
from flows.domain import builtin
from flows.domain.branching import point_of
from flows.domain.deeds import (
    Answered,
    CallerLeft,
    CheckCallback,
    Draw,
    Drawn,
    ListsSeen,
    LookAtQueue,
    LookInLists,
    LookUp,
    RequestCallback,
)
from flows.domain.definitions import Definition
from flows.domain.effects import ChangeFlow, CheckContact, CheckHours, Dequeue, Enqueue, Estimate, Fetch
from flows.domain.interpreter import advance
from flows.domain.runs import Effect, Event, FlowChanged, Instruction, Run, RunHasEnded, Trail  # fmt: skip
from flows.domain.subflows import EnterFlow, FlowEntered, FlowLeft, LeaveFlow
from flows.fetching import Fetcher
from flows.ops import departures
from flows.ops import flows as flow_ops
from flows.ops import number_lists as list_ops
from flows.ops import runs as ops
from flows.ops.runs import Seal

LONGEST_WAIT = 20.0
_DEFINITIONS = 512


class StillWorking(Unavailable):
    """The turn's work is not done yet: ask again with the same sequence."""

    reason = "RUN_STILL_WORKING"


class Turns:
    """Every turn of this process."""

    def __init__(
        self, db: Database, routing: Routing, engagement: Engagement, fetcher: Fetcher, seal: Seal, clock: Clock
    ):
        self._db = db
        self._routing = routing
        self._engagement = engagement
        self._fetcher = fetcher
        self._seal = seal
        self._clock = clock
        self._tasks = Tasks("flows.turns")
        self._running: dict[tuple[str, int], asyncio.Task[Instruction | DomainError]] = {}
        self._definitions: OrderedDict[tuple[str, str], Definition] = OrderedDict()

    async def take(self, tenant_id: str, run: Run, event: Event, wait_seconds: float) -> Instruction:
        """The instruction that follows `event`. StillWorking when it isn't there after `wait_seconds`."""
        key = (run.run_id, run.sequence)
        task = self._running.get(key)
        if task is None:
            task = self._tasks.spawn(self._settle(tenant_id, run, event), f"turn {run.run_id}")
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key, None))
        await asyncio.wait({task}, timeout=min(wait_seconds, LONGEST_WAIT))
        if not task.done():
            raise StillWorking("the step's work is not done yet", retry_after=timedelta(milliseconds=300))
        outcome = task.result()
        if isinstance(outcome, DomainError):
            raise outcome
        return outcome

    async def spoken(self, contact_id: str) -> str:
        """The language of a customer who is called back and waits already; empty when it isn't known."""
        return await self._routing.spoken(contact_id)

    async def drain(self) -> None:
        """Let turns at hand come to their end."""
        if self._running:
            await asyncio.wait(set(self._running.values()))

    async def close(self) -> None:
        """Drop what still runs: it will be asked for again, by the same sequence."""
        await self._tasks.close()

    async def _settle(self, tenant_id: str, run: Run, event: Event) -> Instruction | DomainError:
        try:
            return await self._turn(tenant_id, run, event)
        except DomainError as error:
            return error

    async def _turn(self, tenant_id: str, run: Run, event: Event) -> Instruction:
        run, outcome = await self._outcome(tenant_id, run, event)
        # A caller who leaves in the meantime leaves no contact behind: routing refuses or abandons the contact of a
        # call that has ended, whichever it hears of first.
        try:
            return await self._db.run(tenant_id, lambda tx: ops.record(tx, run, outcome, self._seal, self._clock.now()))
        except RunHasEnded:
            now = self._clock.now()
            await self._db.run(tenant_id, lambda tx: departures.overtaken(tx, run, outcome, self._seal, now))
            raise

    async def leave(self, tenant_id: str, run: Run) -> None:
        """Do what a flow still has to do for a caller who hung up while they waited, and keep what it came to."""
        after, outcome = await self._outcome(tenant_id, run, CallerLeft())
        await self._db.run(
            tenant_id, lambda tx: departures.record(tx, run, after, outcome, self._seal, self._clock.now())
        )

    async def _outcome(self, tenant_id: str, run: Run, event: Event) -> tuple[Run, ops.Outcome]:
        definition = await self._definition(tenant_id, run)
        trail: list[Trail] = []
        answers, comment = list[Answered](), timedelta(0)
        while True:
            turn = advance(run.run_id, definition, run.state, event, self._clock.now())
            run = replace(run, state=turn.state)
            trail += turn.trail
            answers += turn.answers
            comment += turn.comment
            if turn.order is not None:
                break
            assert turn.effect is not None
            event = await self._do(tenant_id, turn.effect, run)
            if isinstance(event, FlowChanged | FlowEntered | FlowLeft) and event.release_id:
                run = replace(run, flow_id=event.flow_id, release_id=event.release_id)
                definition = await self._definition(tenant_id, run)
        return run, ops.Outcome(run.state, turn.order, trail, answers, comment)

    async def _do(self, tenant_id: str, effect: Effect, run: Run) -> Event:
        match effect:
            case Enqueue():
                return await self._routing.enqueue(effect, run)
            case Dequeue():
                return await self._routing.dequeue(effect)
            case Estimate():
                return await self._routing.estimate(effect)
            case CheckHours():
                return await self._routing.check_hours(effect)
            case Fetch():
                return await self._fetcher.fetch(effect, tenant_id)
            case CheckContact():
                return await self._routing.check_contact(effect)
            case CheckCallback():
                return await self._routing.callbacks.check(effect)
            case RequestCallback():
                return await self._routing.callbacks.request(effect, run)
            case ChangeFlow(flow_id):
                return await self._db.run(tenant_id, lambda tx: ops.newest_release(tx, flow_id), read_only=True)
            case EnterFlow(flow_id):
                found = await self._db.run(tenant_id, lambda tx: ops.newest_release(tx, flow_id), read_only=True)
                return FlowEntered(found.flow_id, found.release_id, run.flow_id, run.release_id)
            case LeaveFlow(flow_id, release_id):
                return FlowLeft(flow_id, release_id)
            case Draw(step_id):
                return Drawn(point_of(run.run_id, step_id))
            case LookAtQueue(queue_id):
                return await self._routing.standing(queue_id)
            case LookInLists(asked):
                found = await self._db.run(tenant_id, lambda tx: list_ops.look_up(tx, asked), read_only=True)
                return ListsSeen(found)
            case LookUp():
                return await self._engagement.look_up(effect, run.brand_id)

    async def _definition(self, tenant_id: str, run: Run) -> Definition:
        release_id = run.release_id
        if release_id.startswith(builtin.PREFIX):
            return builtin.definition_of(release_id, run.state.origin)
        # Releases never change, so a copy is as good as the row.
        key = (tenant_id, release_id)
        known = self._definitions.get(key)
        if known is None:
            release = await self._db.run(tenant_id, lambda tx: flow_ops.get_release(tx, release_id), read_only=True)
            known = self._definitions[key] = release.definition
            while len(self._definitions) > _DEFINITIONS:
                self._definitions.popitem(last=False)
        self._definitions.move_to_end(key)
        return known
