"""One trace for one call: what a person does about a call joins the trace the call began with.

Facts carry the trace of what caused them. The gateway sees them pass and remembers, by the ids of call, contact and
offer, which trace a call is under; a request that names one of these ids continues that trace.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from chassis.telemetry import context_from
from google.protobuf.message import Message
from opentelemetry.context import Context

_REMEMBERED = 50_000
_NAMES = ("call_id", "contact_id", "offer_id")


class CallTraces:
    """Which trace a call, contact or offer belongs to."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    def note(self, tenant_id: str, fact: Message, traceparent: str) -> None:
        """Learn from a tenant's fact. The first trace known of a call stays its trace."""
        found = [(tenant_id, each) for each in _ids(fact)]
        known = next((self._known[each] for each in found if each in self._known), "") or traceparent
        if not known:
            return
        for each in found:
            self._known[each] = known
            self._known.move_to_end(each)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def begin(self, tenant_id: str, call_id: str, traceparent: str) -> None:
        """A call was started from here, under this trace."""
        if traceparent:
            self._known[tenant_id, call_id] = traceparent

    def parent(self, tenant_id: str, values: Iterable[str]) -> Context | None:
        """The trace to continue when one of these ids is known in the asker's tenant: nobody joins another's."""
        for value in values:
            if (known := self._known.get((tenant_id, value))) is not None:
                return context_from(known)
        return None

    def parent_of(self, tenant_id: str, body: object) -> Context | None:
        """As `parent`, for the ids a decoded JSON body names at its top."""
        if not isinstance(body, Mapping):
            return None
        wanted = (body.get(name) for name in ("callId", "contactId", "offerId", *_NAMES))
        return self.parent(tenant_id, (value for value in wanted if isinstance(value, str)))


def _ids(message: Message, depth: int = 2) -> Iterable[str]:
    for field, value in message.ListFields():
        if isinstance(value, str) and field.name in _NAMES:
            if value:
                yield value
        elif isinstance(value, Message) and depth and value.DESCRIPTOR.file.package.startswith("merkez"):
            yield from _ids(value, depth - 1)
