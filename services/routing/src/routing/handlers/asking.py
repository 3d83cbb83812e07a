"""What every servicer here does with a request: who asks, one transaction, one page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from chassis.auth import principal
from chassis.statements import Sought
from google.protobuf.message import Message
from kernel.ids import require_request_id

from routing.ledger import Desk, Ledger

T = TypeVar("T")
M = TypeVar("M", bound=Message)


class Asked:
    """A servicer's way to the desk. The tenant is the verified caller's, never the request's."""

    def __init__(self, desk: Desk):
        self._desk = desk

    async def _run(self, fn: Callable[[Ledger], Awaitable[T]], *, read_only: bool = False) -> T:
        return await self._desk.run(principal().tenant_id, fn, read_only=read_only)

    async def _once(self, method: str, request: Any, response_type: type[M], fn: Callable[[Ledger], Awaitable[M]]) -> M:
        """Run a verb once per request_id, which must be there."""
        require_request_id(request.request_id)
        return await self._run(lambda tx: tx.once(request.request_id, method, request, response_type, lambda: fn(tx)))

    async def _once_together(
        self, method: str, request: Any, response_type: type[M], fn: Callable[[Ledger], Awaitable[M]],
        sought: Iterable[Sought] = (),
    ) -> M:  # fmt: skip
        """The same of a verb that many mean at once: see `Desk.together`."""
        require_request_id(request.request_id)
        return await self._desk.once_together(
            principal().tenant_id, method, request, response_type, fn, sought
        )  # fmt: skip


def page(rows: Sequence[T], size: int, token: Callable[[T], str]) -> tuple[Sequence[T], str]:
    """The page and the token of the next one, from a query that asked for one row more than `size`."""
    return rows[:size], token(rows[size - 1]) if len(rows) > size else ""
