"""What the carrier says of port orders, and what follows. Each verb is one transaction after one answer: whatever ends
the process in between, the carrier is asked again and says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.sql import Tx

from tenancy.domain import port_orders as rules
from tenancy.domain.port_orders import PortNumber, PortOrder
from tenancy.domain.porting import OVER, Lane, PortState, Standing, Trigger, move
from tenancy.ops import ported
from tenancy.ops.porting import Orders
from tenancy.store import porting

_LEASE = timedelta(minutes=2)
"""Longer than a carrier may take to answer; then another process may ask."""

due = porting.due
hurry = porting.hurry


@dataclass(frozen=True)
class Worker:
    """Writes the carrier's answers down."""

    orders: Orders

    async def begin(self, tx: Tx, order_id: str, now: datetime) -> tuple[PortOrder, list[Lane]]:
        """An order and its channels that the carrier is to be asked about now; nobody else asks for a while."""
        order = await self.orders.get(tx, order_id)
        chosen = [each for each in order.lanes if each.next_time is not None and each.next_time <= now]
        leased = tuple(replace(each, next_time=now + _LEASE) if each in chosen else each for each in order.lanes)
        if chosen:
            await porting.save(tx, replace(order, lanes=leased))
        return order, chosen

    async def checked(self, tx: Tx, order_id: str, verdicts: Sequence[PortNumber], now: datetime) -> None:
        """Which numbers can come."""
        known = await self.orders.get(tx, order_id)
        if {each.number for each in verdicts} != set(known.texts):
            return  # its numbers were changed meanwhile: they are checked anew
        order = rules.judged(await self._reached(tx, known, now), verdicts, now)
        await self.orders.save(tx, known, order, now)

    async def taken(self, tx: Tx, order_id: str, asked: Lane, carrier_ref: str, now: datetime) -> None:
        """The carrier has a submission, and calls it so."""
        known = await self.orders.get(tx, order_id)
        lane = _same(known, asked)
        if lane is None or lane.carrier_ref:
            return
        await self._put(tx, known, replace(lane, carrier_ref=carrier_ref, next_time=now + rules.next_try(1)), now)

    async def stands(self, tx: Tx, order_id: str, asked: Lane, standing: Standing, now: datetime) -> None:
        """How a submission stands."""
        known = await self.orders.get(tx, order_id)
        lane = _same(known, asked)
        if lane is None or lane.state in OVER:
            return
        lane = replace(lane, foc_time=standing.foc_time or lane.foc_time)
        if standing.state == "ACTIVATED":
            moved = replace(move(lane, Trigger.ACTIVATED, now), port_time=standing.port_time or now)
        elif standing.state == "CANCELLED":
            moved = move(lane, Trigger.GIVEN_UP if lane.cancel_asked else Trigger.CARRIER_CANCELLED, now)
        elif standing.state == "REFUSED" and lane.state is not PortState.EXCEPTION:
            moved = replace(
                move(lane, Trigger.REFUSED, now), exception=standing.exception or "OTHER", exception_note=standing.note
            )
        elif standing.state == "ACCEPTED" and lane.state is not PortState.IN_PROCESS:
            moved = move(lane, Trigger.ACCEPTED, now)
        else:
            moved = lane
        if asked.foc_time and moved.foc_time != asked.foc_time and moved.foc_time:
            said = moved.foc_time.isoformat(timespec="minutes")
            await porting.note(tx, order_id, "FOC_CHANGED", now, channel=lane.channel, note=said)
        if moved.state not in OVER:
            moved = replace(moved, next_time=now + rules.next_look(moved, now))
        order = await self._put(tx, known, moved, now)
        if moved.state is PortState.PORTED:
            await (ported.come(tx, order, now) if moved.channel == "VOICE" else ported.carry_texts(tx, order))

    async def cancelled(self, tx: Tx, order_id: str, asked: Lane, refusal: str, now: datetime) -> None:
        """A submission was given up, or the carrier says that it is too late."""
        known = await self.orders.get(tx, order_id)
        lane = _same(known, asked)
        if lane is None or not lane.cancel_asked:
            return
        if not refusal:
            await self._put(tx, known, move(lane, Trigger.GIVEN_UP, now), now)
            return
        await porting.note(tx, order_id, "CANCEL_REFUSED", now, channel=lane.channel, note=refusal)
        await self._put(tx, known, replace(lane, cancel_asked=False, next_time=now), now)

    async def away(self, tx: Tx, order_id: str, asked: Sequence[Lane], now: datetime) -> None:
        """The carrier could not be reached: it is asked again, later each time, and the company sees it."""
        known = await self.orders.get(tx, order_id)
        chosen = [lane for each in asked if (lane := _same(known, each)) is not None and lane.next_time is not None]
        if not chosen:
            return
        later = {
            each.channel: replace(each, failures=each.failures + 1, next_time=now + rules.next_try(each.failures + 1))
            for each in chosen
        }
        order = replace(known, lanes=tuple(later.get(each.channel, each) for each in known.lanes))
        if any(each.failures for each in known.lanes):
            await porting.save(tx, order)
            return
        await porting.note(tx, order_id, "CARRIER_AWAY", now)
        await self.orders.save(tx, known, order, now)

    async def _put(self, tx: Tx, known: PortOrder, lane: Lane, now: datetime) -> PortOrder:
        order = await self._reached(tx, known, now)
        lanes = tuple(replace(lane, failures=0) if each.channel == lane.channel else each for each in order.lanes)
        order = replace(order, lanes=lanes)
        if _quiet(known, order):
            await porting.save(tx, order)
            return order
        return await self.orders.save(tx, known, order, now)

    async def _reached(self, tx: Tx, known: PortOrder, now: datetime) -> PortOrder:
        if not any(each.failures for each in known.lanes):
            return known
        await porting.note(tx, known.port_order_id, "CARRIER_BACK", now)
        return replace(known, lanes=tuple(replace(each, failures=0) for each in known.lanes))


def _same(order: PortOrder, asked: Lane) -> Lane | None:
    """The channel as it is now, if it is still about the same submission."""
    lane = order.lane(asked.channel)
    return lane if lane is not None and lane.submission == asked.submission else None


def _quiet(before: PortOrder, after: PortOrder) -> bool:
    """Whether nothing happened that anybody has to hear of: only the next look was moved."""

    def said(order: PortOrder) -> list[Lane]:
        return [replace(each, next_time=None, carrier_ref="") for each in order.lanes]

    return said(before) == said(after)
