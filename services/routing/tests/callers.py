"""Short words for callbacks in tests: who asks, how their agent's call goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kernel.ids import new_id
from routing.domain.callbacks import Callback, CallbackState, When
from routing.ops import callbacks as ops
from routing.ops import contacts as contact_ops
from routing.ops import offers as offer_ops

from .conftest import Floor

NUMBER = "+994501234567"
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def wish(queue_id: str, **changes: Any) -> Callback:
    plain = Callback("", CallbackState.SCHEDULED, queue_id, NUMBER, _NEVER, _NEVER, _NEVER, _NEVER)
    return replace(plain, **changes)


async def ask(floor: Floor, queue_id: str, when: When = When(), **changes: Any) -> Callback:  # noqa: B008
    made, _ = await floor.run(ops.create_callback, wish(queue_id, **changes), when)
    return made


async def see(floor: Floor, callback: Callback) -> Callback:
    return await floor.read(lambda tx: ops.get_callback(tx, callback.callback_id))


async def accept(floor: Floor) -> Callback:
    """What is matched next is a callback, and its agent accepts."""
    offer = await floor.match()
    assert offer is not None
    _, contact = await floor.run(offer_ops.accept_offer, offer.offer_id, offer.agent_id)
    return await floor.read(lambda tx: ops.get_callback(tx, contact.callback_id))


async def dial(floor: Floor, callback: Callback) -> str:
    """Its agent's call begins."""
    call_id = new_id("call", floor.clock.now())
    await floor.run(ops.begin_call, callback.contact_id, callback.agent_id, call_id)
    return call_id


async def end(floor: Floor, call_id: str, cause: str = "NORMAL", *, answered: bool = False) -> None:
    """The call is over, as telephony tells it."""
    now = floor.clock.now()
    await floor.desk.run(floor.tenant_id, lambda tx: ops.end_call(tx, call_id, cause, now, answered=answered))
    await floor.run(contact_ops.end_call, call_id, now)


async def attempt(floor: Floor, cause: str = "NO_ANSWER", *, answered: bool = False) -> Callback:
    """From the match to the end of the call and of its wrap-up."""
    callback = await accept(floor)
    await end(floor, await dial(floor, callback), cause, answered=answered)
    floor.clock.advance(30)
    await floor.run(contact_ops.expire_wrap_ups)
    return await see(floor, callback)
