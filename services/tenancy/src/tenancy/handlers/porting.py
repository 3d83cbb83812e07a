"""Port orders and port-outs as the company works on them, and what carriers tell by webhook."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from chassis.auth import principal
from chassis.paging import Page
from chassis.sealing import Seal
from chassis.sql import Database, Tx
from google.protobuf.empty_pb2 import Empty
from kernel.ids import new_id, require_id, require_request_id
from merkez.tenancy.v1 import porting_pb2, porting_service_pb2, porting_service_pb2_grpc

from tenancy import numbers_proto
from tenancy.clients import Flows
from tenancy.desk import Desk
from tenancy.domain import fields
from tenancy.domain import port_outs as out_rules
from tenancy.domain.numbers import read_entries
from tenancy.domain.port_orders import LONGEST_COMMENT, Document, PortOrder, media_type_of, read_date
from tenancy.domain.port_outs import PortPinWrong
from tenancy.domain.porting import NoCarrier
from tenancy.domain.standing import LONGEST_REASON
from tenancy.ops import numbers, port_outs
from tenancy.ops.porting import Change, Draft, Orders


class Porting(porting_service_pb2_grpc.PortingServiceServicer):
    """merkez.tenancy.v1.PortingService."""

    def __init__(self, db: Database, desk: Desk, flows: Flows, seal: Seal, has_carrier: bool) -> None:
        self._db = db
        self._has_carrier = has_carrier
        self._passwords = desk.passwords
        self._flows = flows
        self._orders = Orders(seal)

    async def CreatePortOrder(
        self, request: porting_service_pb2.CreatePortOrderRequest, context: Any
    ) -> porting_pb2.PortOrder:
        request_id, now, who = require_request_id(request.request_id), self._db.clock.now(), principal()
        if not self._has_carrier:
            raise NoCarrier("This platform has no carrier that could port numbers: ask whoever runs it.")
        entries = read_entries(request.entries, fields.country(request.country))
        draft = Draft(entries, require_id("brd", request.brand_id, "brand_id"), request.flow_id, request.sms)
        if request.flow_id:
            await self._flows.require(who.tenant_id, require_id("flw", request.flow_id, "flow_id"))
        await self._db.system(lambda tx: numbers.free_to_bring(tx, who.tenant_id, entries), read_only=True)
        return await self._once(
            request_id, "CreatePortOrder", request, lambda tx: self._orders.create(tx, draft, who.subject, now)
        )

    async def GetPortOrder(
        self, request: porting_service_pb2.GetPortOrderRequest, context: Any
    ) -> porting_pb2.PortOrder:
        order_id = _order_id(request.port_order_id)
        order = await self._db.run(principal().tenant_id, lambda tx: self._orders.get(tx, order_id), read_only=True)
        return self._out(order)

    async def ListPortOrders(
        self, request: porting_service_pb2.ListPortOrdersRequest, context: Any
    ) -> porting_service_pb2.ListPortOrdersResponse:
        page = Page(request.page_size, request.page_token)
        found, token = await self._db.run(principal().tenant_id, lambda tx: self._orders.page(tx, page), read_only=True)
        return porting_service_pb2.ListPortOrdersResponse(
            orders=[self._out(each) for each in found], next_page_token=token
        )

    async def UpdatePortOrder(
        self, request: porting_service_pb2.UpdatePortOrderRequest, context: Any
    ) -> porting_pb2.PortOrder:
        order_id, now, who = _order_id(request.port_order_id), self._db.clock.now(), principal()
        change = Change(
            numbers_proto.details_in(request.details) if request.HasField("details") else None,
            read_date(request.wanted_date) if request.wanted_date else None,
            tuple(request.removed_numbers),
        )
        changed = await self._db.run(
            who.tenant_id, lambda tx: self._orders.update(tx, order_id, change, request.version, who.subject, now)
        )
        return self._out(changed)

    async def UploadPortDocument(
        self, request: porting_service_pb2.UploadPortDocumentRequest, context: Any
    ) -> porting_pb2.PortOrder:
        request_id, now, who = require_request_id(request.request_id), self._db.clock.now(), principal()
        order_id = _order_id(request.port_order_id)
        document = Document(
            new_id("pdc", now), numbers_proto.document_kind_in(request.kind, "kind"),
            fields.name(request.file_name, "file_name"), media_type_of(request.content), len(request.content), now,
        )  # fmt: skip
        return await self._once(
            request_id, "UploadPortDocument", request,
            lambda tx: self._orders.add_document(tx, order_id, document, request.content, who.subject, now),
        )  # fmt: skip

    async def DeletePortDocument(
        self, request: porting_service_pb2.DeletePortDocumentRequest, context: Any
    ) -> porting_pb2.PortOrder:
        order_id, now, who = _order_id(request.port_order_id), self._db.clock.now(), principal()
        document_id = require_id("pdc", request.port_document_id, "port_document_id")
        changed = await self._db.run(
            who.tenant_id, lambda tx: self._orders.remove_document(tx, order_id, document_id, who.subject, now)
        )
        return self._out(changed)

    async def GetPortDocument(
        self, request: porting_service_pb2.GetPortDocumentRequest, context: Any
    ) -> porting_service_pb2.GetPortDocumentResponse:
        order_id = _order_id(request.port_order_id)
        document_id = require_id("pdc", request.port_document_id, "port_document_id")
        document, content = await self._db.run(
            principal().tenant_id, lambda tx: self._orders.read_document(tx, order_id, document_id), read_only=True
        )
        return porting_service_pb2.GetPortDocumentResponse(
            document=numbers_proto.document_out(document), content=content
        )

    async def SubmitPortOrder(
        self, request: porting_service_pb2.SubmitPortOrderRequest, context: Any
    ) -> porting_pb2.PortOrder:
        request_id, now, who = require_request_id(request.request_id), self._db.clock.now(), principal()
        order_id = _order_id(request.port_order_id)
        order = await self._db.run(who.tenant_id, lambda tx: self._orders.get(tx, order_id), read_only=True)
        # What was free when the order was begun may be somebody's by now.
        await self._db.system(lambda tx: numbers.free_to_port(tx, who.tenant_id, order.texts), read_only=True)
        return await self._once(
            request_id, "SubmitPortOrder", request,
            lambda tx: self._orders.submit(tx, order_id, request.version, who.subject, now),
        )  # fmt: skip

    async def CancelPortOrder(
        self, request: porting_service_pb2.CancelPortOrderRequest, context: Any
    ) -> porting_pb2.PortOrder:
        order_id, now, who = _order_id(request.port_order_id), self._db.clock.now(), principal()
        reason = fields.name(request.reason, "reason", LONGEST_REASON) if request.reason.strip() else ""
        channel = numbers_proto.channel_in(request.channel, "channel")
        changed = await self._db.run(
            who.tenant_id, lambda tx: self._orders.cancel(tx, order_id, channel, reason, who.subject, now)
        )
        return self._out(changed)

    async def CommentPortOrder(
        self, request: porting_service_pb2.CommentPortOrderRequest, context: Any
    ) -> porting_pb2.PortOrder:
        request_id, now, who = require_request_id(request.request_id), self._db.clock.now(), principal()
        order_id = _order_id(request.port_order_id)
        text = fields.text(request.text, "text", LONGEST_COMMENT)
        return await self._once(
            request_id, "CommentPortOrder", request,
            lambda tx: self._orders.comment(tx, order_id, text, who.subject, now),
        )  # fmt: skip

    async def ListPortEvents(
        self, request: porting_service_pb2.ListPortEventsRequest, context: Any
    ) -> porting_service_pb2.ListPortEventsResponse:
        order_id, page = _order_id(request.port_order_id), Page(request.page_size, request.page_token)
        found, token = await self._db.run(
            principal().tenant_id, lambda tx: self._orders.events(tx, order_id, page), read_only=True
        )
        return porting_service_pb2.ListPortEventsResponse(
            events=[numbers_proto.event_out(each) for each in found], next_page_token=token
        )

    async def ListPortOuts(
        self, request: porting_service_pb2.ListPortOutsRequest, context: Any
    ) -> porting_service_pb2.ListPortOutsResponse:
        page = Page(request.page_size, request.page_token)
        found, token, pin_set = await self._db.run(
            principal().tenant_id, lambda tx: port_outs.list_outs(tx, page), read_only=True
        )
        return porting_service_pb2.ListPortOutsResponse(
            port_outs=[numbers_proto.port_out_out(each) for each in found], next_page_token=token, pin_set=pin_set
        )

    async def ConfirmPortOut(
        self, request: porting_service_pb2.ConfirmPortOutRequest, context: Any
    ) -> porting_pb2.PortOut:
        out_id, now = require_id("pou", request.port_out_id, "port_out_id"), self._db.clock.now()
        tenant_id = principal().tenant_id
        stored = await self._db.run(tenant_id, lambda tx: port_outs.pin_to_try(tx, out_id), read_only=True)
        fits = await self._passwords.verify(stored, request.pin)
        # Counting a wrong one has to be committed, so it is refused afterwards.
        agreed = await self._db.run(tenant_id, lambda tx: port_outs.confirm(tx, out_id, stored, fits, now))
        if agreed is None:
            raise PortPinWrong("This isn't the PIN.")
        return numbers_proto.port_out_out(agreed)

    async def RefusePortOut(
        self, request: porting_service_pb2.RefusePortOutRequest, context: Any
    ) -> porting_pb2.PortOut:
        out_id = require_id("pou", request.port_out_id, "port_out_id")
        reason = fields.name(request.reason, "reason", LONGEST_REASON)
        refused = await self._db.run(principal().tenant_id, lambda tx: port_outs.refuse(tx, out_id, reason))
        return numbers_proto.port_out_out(refused)

    async def SetPortOutPin(self, request: porting_service_pb2.SetPortOutPinRequest, context: Any) -> Empty:
        pin_hash = await self._passwords.hash(out_rules.pin(request.pin))
        await self._db.run(principal().tenant_id, lambda tx: port_outs.set_pin(tx, pin_hash))
        return Empty()

    async def _once(
        self, request_id: str, method: str, request: Any, verb: Callable[[Tx], Awaitable[PortOrder]]
    ) -> porting_pb2.PortOrder:
        async def work(tx: Tx) -> porting_pb2.PortOrder:
            async def run() -> porting_pb2.PortOrder:
                # Only its id is kept for a repeat: what the losing carrier has to know is stored sealed or not at all.
                return porting_pb2.PortOrder(port_order_id=(await verb(tx)).port_order_id)

            done = await tx.once(request_id, method, request, porting_pb2.PortOrder, run)
            return self._out(await self._orders.get(tx, done.port_order_id))

        return await self._db.run(principal().tenant_id, work)

    def _out(self, order: PortOrder) -> porting_pb2.PortOrder:
        return numbers_proto.order_out(order, self._db.clock.now())


def _order_id(value: str) -> str:
    return require_id("prt", value, "port_order_id")
