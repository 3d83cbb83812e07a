"""Port orders as the company works on them. What the carrier says of them is `port_work`'s."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime

from chassis.paging import Page
from chassis.sealing import Seal
from chassis.sql import Tx
from kernel.ids import new_id

from tenancy import numbers_proto
from tenancy.domain import people
from tenancy.domain import port_orders as rules
from tenancy.domain.emergency import CivicAddress
from tenancy.domain.numbers import NumberTaken, country_of
from tenancy.domain.port_orders import (
    Details,
    Document,
    PortDocumentNotFound,
    PortDocumentUnreadable,
    PortNumber,
    PortOrder,
)
from tenancy.domain.porting import OVER, Lane, PortEvent, PortOrderNotFound, PortState, Trigger, move
from tenancy.ops import limits
from tenancy.ops.held import plan_of
from tenancy.ops.notices import raise_notice
from tenancy.ops.organisation import get_brand
from tenancy.store import lookups, porting, rows, tables

PURPOSE = "merkez tenancy port orders"
"""What the key that seals details and documents is derived for."""
_NOTICES = {PortState.EXCEPTION: "PORT_EXCEPTION", PortState.PORTED: "PORT_DONE", PortState.CANCELLED: "PORT_CANCELLED"}


@dataclass(frozen=True)
class Draft:
    """An order to begin."""

    numbers: Sequence[str]
    brand_id: str
    flow_id: str = ""
    sms: bool = False


@dataclass(frozen=True)
class Change:
    """What becomes of an order; None and nothing leave it as it is."""

    details: Details | None = None
    wanted_date: date | None = None
    removed_numbers: Sequence[str] = ()


@dataclass(frozen=True)
class Orders:
    """The port orders of whoever the transaction is for, with the key that opens them."""

    seal: Seal

    async def create(self, tx: Tx, draft: Draft, by: str, now: datetime) -> PortOrder:
        """Begins an order. Raises `BrandNotFound`, `FieldInvalid`."""
        await get_brand(tx, draft.brand_id)
        countries = {country_of(each) for each in draft.numbers}
        rules.check_numbers(draft.numbers, countries)
        channels = ("VOICE", "SMS") if draft.sms else ("VOICE",)
        order = PortOrder(
            new_id("prt", now), draft.brand_id, draft.flow_id, countries.pop(),
            tuple(PortNumber(each) for each in sorted(draft.numbers)),
            tuple(Lane(each, PortState.PORTABILITY_CHECK, now, next_time=now) for each in channels), now, now,
        )  # fmt: skip
        await porting.add(tx, order)
        for channel in channels:
            state = PortState.PORTABILITY_CHECK.value
            await porting.note(tx, order.port_order_id, "STATE", now, channel=channel, state=state, by=by)
        tx.emit(numbers_proto.porting_changed(order, now), key=order.port_order_id)
        return order

    async def get(self, tx: Tx, order_id: str) -> PortOrder:
        """An order, opened. Raises `PortOrderNotFound`."""
        stored = await porting.find(tx, order_id)
        if stored is None:
            raise PortOrderNotFound("There is no such order.")
        return self._open(stored)

    async def page(self, tx: Tx, page: Page) -> tuple[list[PortOrder], str]:
        """Orders, newest first."""
        found, token = await porting.page(tx, page)
        return [self._open(each) for each in found], token

    async def update(self, tx: Tx, order_id: str, change: Change, version: int, by: str, now: datetime) -> PortOrder:
        """Raises `PortOrderNotFound`, `VersionConflict`, `PortStateWrong`, `FieldInvalid`."""
        known = await self.get(tx, order_id)
        people.check_version(version, known.version, "order")
        rules.check_changeable(known)
        order = known
        if change.details is not None:
            details = rules.checked_details(change.details, order.country)
            if not details.account_pin:
                details = replace(details, account_pin=order.details.account_pin)
            order = replace(order, details=details, pin_set=bool(details.account_pin))
            await porting.note(tx, order_id, "DETAILS", now, by=by)
        if change.wanted_date is not None:
            rules.check_date(order, change.wanted_date, now)
            order = replace(order, wanted_date=change.wanted_date)
        if change.removed_numbers:
            order = rules.without(order, change.removed_numbers, now)
        return await self.save(tx, known, rules.progressed(order, now), now, by)

    async def add_document(
        self, tx: Tx, order_id: str, document: Document, content: bytes, by: str, now: datetime
    ) -> PortOrder:
        """Keeps a document. Raises `PortOrderNotFound`, `PortStateWrong`, `FieldInvalid`."""
        known = await self.get(tx, order_id)
        rules.check_changeable(known)
        rules.check_room_for_document(known)
        await porting.add_document(tx, order_id, document, self.seal.close(content, document.port_document_id))
        await porting.note(tx, order_id, "DOCUMENT_ADDED", now, note=document.file_name, by=by)
        order = replace(known, documents=(*known.documents, document))
        return await self.save(tx, known, rules.progressed(order, now), now, by)

    async def remove_document(self, tx: Tx, order_id: str, document_id: str, by: str, now: datetime) -> PortOrder:
        """Forgets a document. Raises `PortOrderNotFound`, `PortDocumentNotFound`, `PortStateWrong`."""
        known = await self.get(tx, order_id)
        gone = next((each for each in known.documents if each.port_document_id == document_id), None)
        if gone is None:
            raise PortDocumentNotFound("The order has no such document.")
        rules.check_changeable(known)
        await porting.remove_document(tx, order_id, document_id)
        await porting.note(tx, order_id, "DOCUMENT_REMOVED", now, note=gone.file_name, by=by)
        order = replace(known, documents=tuple(each for each in known.documents if each is not gone))
        return await self.save(tx, known, rules.progressed(order, now), now, by)

    async def read_document(self, tx: Tx, order_id: str, document_id: str) -> tuple[Document, bytes]:
        """A document, opened. Raises `PortDocumentNotFound`, `PortDocumentUnreadable`."""
        found = await porting.document(tx, order_id, document_id)
        if found is None:
            raise PortDocumentNotFound("The order has no such document.")
        content = self.seal.open(found[1], document_id)
        if content is None:
            raise PortDocumentUnreadable("The document was sealed with another key: upload it again.")
        return found[0], content

    async def submit(self, tx: Tx, order_id: str, version: int, by: str, now: datetime) -> PortOrder:
        """Sends an order off, or again. Raises `PortOrderNotFound`, `VersionConflict`, `PortStateWrong`,
        `PortOrderIncomplete`, `NumberTaken`, `PlanLimitReached`."""
        known = await self.get(tx, order_id)
        people.check_version(version, known.version, "order")
        order = rules.sent_off(known, now)
        plan = await plan_of(tx)
        mine = await rows.every(tx, tables.numbers, tables.numbers.c.number.in_(order.texts))
        used = await rows.count(tx, tables.numbers)
        await limits.take_room(tx, plan, "max_numbers", used, now, len(order.numbers) - len(mine))
        try:
            await lookups.add_port(tx, order_id, order.texts)
        except lookups.ValueTaken as error:
            raise NumberTaken("Another order brings one of these numbers already.") from error
        return await self.save(tx, known, order, now, by)

    async def cancel(self, tx: Tx, order_id: str, channel: str, reason: str, by: str, now: datetime) -> PortOrder:
        """Gives an order up, or one channel; what the carrier has, once it agrees. Raises `PortOrderNotFound`,
        `PortStateWrong`, `PortPastNoReturn`."""
        known = await self.get(tx, order_id)
        chosen = rules.check_cancellable(known, channel, now)

        def given_up(lane: Lane) -> Lane:
            if lane not in chosen:
                return lane
            if lane.submission:
                return replace(lane, cancel_asked=True, next_time=now)
            return move(lane, Trigger.GIVEN_UP, now)

        order = replace(known, lanes=tuple(given_up(each) for each in known.lanes))
        for lane in chosen:
            await porting.note(tx, order_id, "CANCEL_ASKED", now, channel=lane.channel, note=reason, by=by)
        return await self.save(tx, known, order, now, by)

    async def comment(self, tx: Tx, order_id: str, text: str, by: str, now: datetime) -> PortOrder:
        """Writes a comment. Raises `PortOrderNotFound`."""
        order = await self.get(tx, order_id)
        await porting.note(tx, order_id, "COMMENT", now, note=text, by=by)
        return order

    async def events(self, tx: Tx, order_id: str, page: Page) -> tuple[list[PortEvent], str]:
        """The time line. Raises `PortOrderNotFound`."""
        await self.get(tx, order_id)
        return await porting.events(tx, order_id, page)

    async def save(self, tx: Tx, before: PortOrder, order: PortOrder, now: datetime, by: str = "") -> PortOrder:
        """Writes an order as it has become, with a line for each channel that moved; tells of it, and the owner of what
        she has to know."""
        order = replace(order, version=before.version + 1, update_time=now)
        sealed = {}
        if order.details != before.details:
            plain = json.dumps(asdict(order.details)).encode()
            sealed = {"details": self.seal.close(plain, order.port_order_id)}
        await porting.save(tx, order, **sealed)
        for old, new in zip(before.lanes, order.lanes, strict=True):
            if old.state is new.state:
                continue
            words = f"{new.exception}: {new.exception_note}".strip(": ")
            await porting.note(
                tx, order.port_order_id, "STATE", now, channel=new.channel, state=new.state.value, note=words, by=by
            )
            kind = _NOTICES.get(new.state)
            if kind and not by:
                said = {
                    "numbers": rules.shown(order.texts),
                    "channel": new.channel,
                    "port_order_id": order.port_order_id,
                }
                await raise_notice(tx, kind, order.port_order_id, said, now)
        if order.over and any(each.state not in OVER for each in before.lanes):
            await lookups.remove(tx, lookups.PORT, *order.texts)
        tx.emit(numbers_proto.porting_changed(order, now), key=order.port_order_id)
        return order

    def _open(self, stored: porting.Stored) -> PortOrder:
        if stored.sealed is None:
            return stored.order
        plain = self.seal.open(stored.sealed, stored.order.port_order_id)
        if plain is None:  # the key has changed since: they have to be written down again
            return stored.order
        said = json.loads(plain)
        details = Details(**(said | {"address": CivicAddress(**said["address"])}))
        return replace(stored.order, details=details, pin_set=bool(details.account_pin))
