"""What the boards of this process decide by and no row says: whom they hold back, and for which contact.

It is written down, so that every process can tell why a contact waits, also one that doesn't own the tenant's board. It
is a note and decides nothing: it expires unless its writer says it again, so nothing is left of a process that is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from chassis.lifecycle import Tasks
from chassis.telemetry import log
from kernel.errors import DomainError

from routing.boards import TenantBoard
from routing.domain.fairness import HeldBack
from routing.leases import Leases
from routing.ledger import Desk
from routing.store import held_back as store

MOST_NOTED = 200


class Notes:
    """The notes of this process. One counts for twice as long as it takes until boards are compared with rows: then it
    is written again."""

    def __init__(self, desk: Desk, leases: Leases, tasks: Tasks, resync_seconds: float):
        self._desk, self._leases, self._tasks = desk, leases, tasks
        self._life = timedelta(seconds=2 * resync_seconds)
        self._told: dict[str, Mapping[str, HeldBack]] = {}
        self._writing: set[str] = set()

    def look(self, tenant: TenantBoard, *, again: bool = False) -> None:
        """Note whom the board holds back, when that changed since it was noted, or `again`."""
        tenant_id, told = tenant.tenant_id, self._told.get(tenant.tenant_id)
        if not tenant.board.held_back and told is None:
            return
        if not self._leases.holds(tenant_id):
            self._told.pop(tenant_id, None)  # whoever holds it says so
            return
        now, told = self._desk.clock.now().timestamp(), told or {}
        held = {
            each.agent_id: each._replace(since=told[each.agent_id].since if each.agent_id in told else now)
            for each in tenant.board.held_for(now)[:MOST_NOTED]
        }
        if again or _for_whom(held) != _for_whom(told):
            self._told[tenant_id] = held
            if tenant_id not in self._writing:
                self._writing.add(tenant_id)
                self._tasks.spawn(self._write(tenant_id), "note who is held back")

    async def close(self) -> None:
        """Nobody is held back by this process any more."""
        for tenant_id in list(self._told):
            self._told[tenant_id] = {}
            await self._write(tenant_id)

    async def _write(self, tenant_id: str) -> None:
        try:
            while (held := self._told.get(tenant_id)) is not None:
                await self._put(tenant_id, list(held.values()))
                if self._told.get(tenant_id) is held:
                    if not held:
                        self._told.pop(tenant_id)
                    break
        except DomainError as error:
            log.warning("who is held back could not be noted", exc_info=error)
        finally:
            self._writing.discard(tenant_id)

    async def _put(self, tenant_id: str, held: Sequence[HeldBack]) -> None:
        until = self._desk.clock.now() + self._life
        await self._desk.run(tenant_id, lambda tx: store.put_held_back(tx, held, until))


def _for_whom(held: Mapping[str, HeldBack]) -> Mapping[str, str]:
    return {each.agent_id: each.contact_id for each in held.values()}
