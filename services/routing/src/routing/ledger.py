"""The one way a verb touches the world: a transaction that also tells facts.

A fact told here goes into the outbox with the transaction and, once that has committed, to the matcher of this
process: it must not wait for the bus to hear what happened in its own house.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from chassis.putoff import Refused
from chassis.sql import Database, Tx
from chassis.statements import Sought
from chassis.telemetry import log
from google.protobuf.message import Message
from sqlalchemy import CursorResult, Executable, Insert, RowMapping, Update

from routing import convert
from routing.arrivals import Arrivals
from routing.clients import Flows
from routing.domain import facts
from routing.domain.facts import Fact

T = TypeVar("T")
M = TypeVar("M", bound=Message)
Hear = Callable[[str, Sequence[Fact]], None]


class Ledger:
    """One open transaction of one tenant, with the facts it tells."""

    def __init__(self, tx: Tx, hear: Hear):
        self.tenant_id = tx.tenant_id
        self._tx = tx
        self._hear = hear
        self._told: list[Fact] = []

    def tell(self, fact: Fact) -> None:
        """A fact of this transaction; facts about one entity keep this order."""
        if not self._told:
            self._tx.after_commit(self._committed)
        self._told.append(fact)
        self._tx.emit(convert.fact_to_proto(fact), key=facts.key_of(fact))

    def follow(self, traceparent: str) -> None:
        """The facts of this transaction belong to this trace: the call's."""
        self._tx.continue_trace(traceparent)

    async def once(
        self, request_id: str, method: str, request: Message, response_type: type[M], fn: Callable[[], Awaitable[M]]
    ) -> M:
        """Run `fn` once per request_id (see `chassis.sql.Tx.once`)."""
        return await self._tx.once(request_id, method, request, response_type, fn)

    async def execute(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Run any statement."""
        return await self._tx.execute(statement, parameters)

    async def write_later(
        self, statement: Insert | Update, values: Mapping[str, Any], row: Hashable, *, refused: Refused | None = None
    ) -> None:
        """Write one row by the commit (see `chassis.tx.Tx.write_later`)."""
        await self._tx.write_later(statement, values, row, refused=refused)

    @property
    def known(self) -> dict[Hashable, Any]:
        """What was read in this transaction and is not written since, by the name of its row."""
        return self._tx.known

    async def one(self, statement: Executable) -> RowMapping:
        """The only row."""
        return await self._tx.one(statement)

    async def one_or_none(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None, *, row: Hashable = None
    ) -> RowMapping | None:
        """The only row, or None; `row` names it when it goes by its key alone."""
        return await self._tx.one_or_none(statement, parameters, row=row)

    async def all(self, statement: Executable) -> Sequence[RowMapping]:
        """Every row."""
        return await self._tx.all(statement)

    def _committed(self) -> None:
        for fact in self._told:
            log.info(convert.sentence_of(fact), **convert.ids_of(fact))
        self._hear(self.tenant_id, self._told)


class Desk:
    """Where verbs are carried out: the database, and who hears what came of them. `flows` is asked before one that
    takes something away flows may name; without them nobody is asked."""

    def __init__(self, db: Database, hear: Hear | None = None, flows: Flows | None = None):
        self.db = db
        self.flows = flows
        self.clock = db.clock
        self.arrivals = Arrivals()
        self._hear = hear

    def hear(self, tenant_id: str, told: Sequence[Fact]) -> None:
        """What was committed, for who waits in this process."""
        self.arrivals.hear(tenant_id, told)
        if self._hear is not None:
            self._hear(tenant_id, told)

    def on(self, tx: Tx) -> Ledger:
        """The ledger of a transaction somebody else opened (the inbox does)."""
        return Ledger(tx, self.hear)

    async def run(self, tenant_id: str, fn: Callable[[Ledger], Awaitable[T]], *, read_only: bool = False) -> T:
        """One transaction around one verb; the closure may run again."""
        return await self.db.run(tenant_id, lambda tx: fn(self.on(tx)), read_only=read_only)

    async def together(
        self, tenant_id: str, fn: Callable[[Ledger], Awaitable[T]], sought: Iterable[Sought] = ()
    ) -> T:  # fmt: skip
        """A verb that many mean at once, and that goes by nothing of its context: one transaction may carry out
        several, each as if those before it were committed. `sought` are rows it will read."""
        return await self.db.together(tenant_id, lambda tx: fn(self.on(tx)), sought)

    async def once_together(
        self, tenant_id: str, method: str, request: Any, response_type: type[M],
        fn: Callable[[Ledger], Awaitable[M]], sought: Iterable[Sought] = (),
    ) -> M:  # fmt: skip
        """The same, once per the request's `request_id`."""
        answered = self.db.standard.sought_request(method, request.request_id)
        return await self.together(
            tenant_id,
            lambda tx: tx.once(request.request_id, method, request, response_type, lambda: fn(tx)),
            (answered, *sought),
        )
