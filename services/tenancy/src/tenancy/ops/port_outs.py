"""Requests of other carriers for numbers of a tenant: heard of, answered by her, settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.paging import Page
from chassis.sql import Tx
from kernel.ids import new_id

from tenancy import numbers_proto
from tenancy.domain import port_outs as rules
from tenancy.domain.port_orders import shown
from tenancy.domain.port_outs import OutTrigger, PortOut, PortOutNotFound, PortPinLocked, PortPinWrong
from tenancy.ops import ported
from tenancy.ops.notices import raise_notice
from tenancy.store import lookups, porting, rows, tables

untold = porting.untold_outs


@dataclass(frozen=True)
class Asked:
    """What the carrier says of a request: REQUESTED, COMPLETED or WITHDRAWN."""

    carrier_ref: str
    numbers: tuple[str, ...]
    gaining_carrier: str
    state: str
    answer_until: datetime | None


async def owners(tx: Tx, numbers: Sequence[str]) -> set[str]:
    """Whose numbers they are; "" is in it when one is nobody's, or was only brought. System transaction."""
    found: set[str] = set()
    for number in numbers:
        held = await lookups.find(tx, lookups.NUMBER, number)
        row = await rows.get_of(tx, held.tenant_id, tables.numbers, number=number) if held else None
        found.add(held.tenant_id if held and row is not None and not row["brought"] else "")
    return found


async def known_tenant(tx: Tx, carrier_ref: str) -> str:
    """Whose request the carrier calls so; empty when it is new. System transaction."""
    return await porting.tenant_of_out(tx, carrier_ref)


async def heard(tx: Tx, asked: Asked, now: datetime) -> None:
    """Writes down what the carrier says of a request, once."""
    known = await rows.find(tx, tables.port_outs, PortOut, carrier_ref=asked.carrier_ref)
    if known is None:
        if asked.state != "REQUESTED":
            return
        until = asked.answer_until or now + rules.ANSWER_WITHIN
        made = PortOut(
            new_id("pou", now), asked.carrier_ref, tuple(sorted(asked.numbers)), asked.gaining_carrier, "REQUESTED",
            now, until,
        )  # fmt: skip
        await rows.add(tx, tables.port_outs, **(vars(made) | {"numbers": list(made.numbers)}))
        await _notice(tx, "PORT_OUT_ASKED", made, now)
        tx.emit(numbers_proto.port_out_changed(made), key=made.port_out_id)
        return
    trigger = {"COMPLETED": OutTrigger.COMPLETE, "WITHDRAWN": OutTrigger.WITHDRAW}.get(asked.state)
    if trigger is None or (rules.PortOutState(known.state), trigger) not in rules.OUT_TRANSITIONS:
        return
    changed = await _save(tx, replace(known, state=rules.move_out(known.state, trigger), told=True))
    if trigger is OutTrigger.COMPLETE:
        await ported.go(tx, changed.numbers, now)
        await _notice(tx, "PORT_OUT_DONE", changed, now)


async def list_outs(tx: Tx, page: Page) -> tuple[list[PortOut], str, bool]:
    """Requests, newest first, and whether a PIN is set."""
    found, token = await rows.page(tx, tables.port_outs, PortOut, ("create_time", "port_out_id"), page)
    return found, token, bool((await rows.get(tx, tables.port_pins) or {}).get("pin_hash"))


async def pin_to_try(tx: Tx, port_out_id: str) -> str:
    """The hash a PIN is held against. Raises `PortOutNotFound`, `PortStateWrong`, `PortPinLocked`, `PortPinWrong` when
    none is set."""
    known = await _find(tx, port_out_id)
    rules.move_out(known.state, OutTrigger.CONFIRM)
    row = await rows.get(tx, tables.port_pins)
    if row is None:
        raise PortPinWrong("No PIN is set yet: the company's owner has to set one first.")
    if row["wrong"] >= rules.MAX_WRONG_PINS:
        raise PortPinLocked("The PIN was wrong too often: the company's owner has to set a new one.")
    return row["pin_hash"]


async def confirm(tx: Tx, port_out_id: str, tried: str, fits: bool, now: datetime) -> PortOut | None:
    """Agrees when the PIN fits; None counts one more that doesn't. Raises as `pin_to_try`."""
    if await pin_to_try(tx, port_out_id) != tried:
        raise PortPinWrong("The PIN has just been changed: try again.")
    if not fits:
        row = await rows.get(tx, tables.port_pins) or {"wrong": 0}
        await rows.change(tx, tables.port_pins, {}, wrong=row["wrong"] + 1)
        return None
    await rows.change(tx, tables.port_pins, {}, wrong=0)
    known = await _find(tx, port_out_id)
    return await _save(tx, replace(known, state=rules.move_out(known.state, OutTrigger.CONFIRM), told=False))


async def refuse(tx: Tx, port_out_id: str, reason: str) -> PortOut:
    """Raises `PortOutNotFound`, `PortStateWrong`."""
    known = await _find(tx, port_out_id)
    state = rules.move_out(known.state, OutTrigger.REFUSE)
    return await _save(tx, replace(known, state=state, refusal=reason, told=False))


async def set_pin(tx: Tx, pin_hash: str) -> None:
    """Sets the PIN, and unlocks it."""
    await rows.remove(tx, tables.port_pins)
    await rows.add(tx, tables.port_pins, pin_hash=pin_hash, wrong=0)


async def to_tell(tx: Tx, port_out_id: str, now: datetime) -> PortOut | None:
    """A request whose answer the carrier is to be told; one whose time has passed is refused first."""
    known = await _find(tx, port_out_id)
    if known.state == "REQUESTED" and known.answer_until <= now:
        return await refuse(tx, port_out_id, "not answered in time")
    return None if known.told else known


async def told(tx: Tx, port_out_id: str, state: str) -> None:
    """The carrier knows this answer."""
    await rows.change(tx, tables.port_outs, {"port_out_id": port_out_id, "state": state}, told=True)


async def _find(tx: Tx, port_out_id: str) -> PortOut:
    known = await rows.find(tx, tables.port_outs, PortOut, port_out_id=port_out_id)
    if known is None:
        raise PortOutNotFound("There is no such request.")
    return known


async def _save(tx: Tx, out: PortOut) -> PortOut:
    changed = replace(out, version=out.version + 1)
    values = {name: getattr(changed, name) for name in ("state", "refusal", "told", "version")}
    await rows.change(tx, tables.port_outs, {"port_out_id": out.port_out_id}, **values)
    tx.emit(numbers_proto.port_out_changed(changed), key=out.port_out_id)
    return changed


async def _notice(tx: Tx, kind: str, out: PortOut, now: datetime) -> None:
    said = {"numbers": shown(out.numbers), "carrier": out.gaining_carrier, "port_out_id": out.port_out_id}
    await raise_notice(tx, kind, out.port_out_id, said, now)
