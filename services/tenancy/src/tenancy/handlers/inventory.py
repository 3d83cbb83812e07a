"""The inventory as platform operators work on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chassis.paging import Page, decode_token, encode_token, page_size
from chassis.sql import Database
from google.protobuf.empty_pb2 import Empty
from kernel.ids import require_request_id
from kernel.phone import require_e164
from merkez.tenancy.v1 import inventory_pb2, inventory_service_pb2, inventory_service_pb2_grpc

from tenancy import numbers_proto
from tenancy.domain import fields
from tenancy.domain.fields import FieldInvalid
from tenancy.domain.inventory import Wanted, check_quarantine, flags, price_class, wanted_digits, wanted_prefix
from tenancy.domain.standing import LONGEST_REASON
from tenancy.domain.stock_files import SHOWN_PROBLEMS, read_stock
from tenancy.ops import inventory

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_SAID = ("type", "capabilities", "emergency_capable", "carrier", "price_class")
_LONGEST_CARRIER = 100


class Inventory(inventory_service_pb2_grpc.InventoryServiceServicer):
    """merkez.tenancy.v1.InventoryService."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ListInventory(
        self, request: inventory_service_pb2.ListInventoryRequest, context: Any
    ) -> inventory_service_pb2.ListInventoryResponse:
        size = page_size(request.page_size)
        _, last = decode_token(request.page_token) or (_BEGINNING, "")
        wanted = Wanted(
            fields.country(request.country), wanted_prefix(request.prefix), wanted_digits(request.contains),
            numbers_proto.type_in(request.type, "type"),
            numbers_proto.capabilities_in(request.capabilities, "capabilities"),
            numbers_proto.inventory_state_in(request.state, "state"),
        )  # fmt: skip
        found = await self._db.system(lambda tx: inventory.page(tx, wanted, last, size + 1), read_only=True)
        return inventory_service_pb2.ListInventoryResponse(
            numbers=[numbers_proto.stock_out(*each) for each in found[:size]],
            next_page_token=encode_token(_BEGINNING, found[size - 1][0].number) if len(found) > size else "",
        )

    async def ImportInventory(
        self, request: inventory_service_pb2.ImportInventoryRequest, context: Any
    ) -> inventory_service_pb2.ImportInventoryResponse:
        # Adding what is there already changes nothing, so a repeat is harmless by itself.
        require_request_id(request.request_id)
        now, country = self._db.clock.now(), fields.country(request.country)
        file = read_stock(request.text, country)
        came = await self._db.system(lambda tx: inventory.import_file(tx, file, request.dry_run, now))
        return inventory_service_pb2.ImportInventoryResponse(
            added=came.added,
            unchanged=came.unchanged,
            bad_lines=len(came.problems),
            problems=[
                inventory_pb2.InventoryLineProblem(line=each.line, value=each.value, reason=each.reason)
                for each in came.problems[:SHOWN_PROBLEMS]
            ],
        )

    async def UpdateInventoryNumber(
        self, request: inventory_service_pb2.UpdateInventoryNumberRequest, context: Any
    ) -> inventory_pb2.InventoryNumber:
        asked = request.number
        number = require_e164(asked.number, "number.number")
        paths = fields.mask(request.update_mask.paths, _SAID)
        news: dict[str, Any] = {}
        if "type" in paths:
            news["type"] = numbers_proto.kind_in(asked.type, "number.type").name
        if "capabilities" in paths:
            news |= flags(numbers_proto.capabilities_in(asked.capabilities, "number.capabilities"))
        if "emergency_capable" in paths:
            news["emergency"] = asked.emergency_capable
        if "carrier" in paths:
            carrier = asked.carrier
            news["carrier"] = fields.name(carrier, "number.carrier", _LONGEST_CARRIER) if carrier.strip() else ""
        if "price_class" in paths:
            news["price_class"] = price_class(asked.price_class, "number.price_class")
        changed = await self._db.system(lambda tx: inventory.say(tx, number, news, request.version))
        return numbers_proto.stock_out(*changed)

    async def RemoveInventoryNumber(
        self, request: inventory_service_pb2.RemoveInventoryNumberRequest, context: Any
    ) -> Empty:
        number, now = require_e164(request.number, "number"), self._db.clock.now()
        await self._db.system(lambda tx: inventory.remove(tx, number, now))
        return Empty()

    async def SetQuarantine(
        self, request: inventory_service_pb2.SetQuarantineRequest, context: Any
    ) -> inventory_pb2.InventoryNumber:
        number, now = require_e164(request.number, "number"), self._db.clock.now()
        reason = fields.name(request.reason, "reason", LONGEST_REASON)
        if not request.HasField("until_time"):
            raise FieldInvalid.of("until_time", "is required")
        until = numbers_proto.instant_in(request.until_time)
        check_quarantine(until, now)
        changed = await self._db.system(lambda tx: inventory.set_quarantine(tx, number, until, reason, now))
        return numbers_proto.stock_out(*changed)

    async def ListNumberHistory(
        self, request: inventory_service_pb2.ListNumberHistoryRequest, context: Any
    ) -> inventory_service_pb2.ListNumberHistoryResponse:
        number, page = require_e164(request.number, "number"), Page(request.page_size, request.page_token)
        found, token = await self._db.system(lambda tx: inventory.list_history(tx, number, page), read_only=True)
        return inventory_service_pb2.ListNumberHistoryResponse(
            entries=[numbers_proto.history_out(each) for each in found], next_page_token=token
        )
