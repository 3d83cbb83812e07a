"""NumberListService."""

from __future__ import annotations

import asyncio
from typing import Any

from chassis.auth import principal
from chassis.paging import encode_token, page_size
from chassis.sql import Database
from google.protobuf.empty_pb2 import Empty
from kernel.clock import Clock
from kernel.errors import InvalidInput
from kernel.ids import require_id, require_request_id
from merkez.flows.v1 import number_list_pb2 as pb
from merkez.flows.v1 import number_list_service_pb2 as service_pb
from merkez.flows.v1 import number_list_service_pb2_grpc

from flows.convert import number_lists as convert
from flows.domain import number_lines
from flows.domain.number_lists import Entry, PatternInvalid, read_number, require_country
from flows.ops import number_lists as ops

_READING_AT_ONCE = 1
_EXPORTED_AT_ONCE = 1_500
"""Entries of up to 600 characters of up to four bytes, and what stands around them: less than a message's 4 MiB."""
_UPDATABLE = {"display_name", "description"}


class NumberListServicer(number_list_service_pb2_grpc.NumberListServiceServicer):
    """Lists of numbers that rules ask about."""

    def __init__(self, db: Database, clock: Clock):
        self._db = db
        self._clock = clock
        # A long file takes a core for a second or two: calls in progress come first.
        self._reading = asyncio.Semaphore(_READING_AT_ONCE)

    async def CreateNumberList(self, request: service_pb.CreateNumberListRequest, context: Any) -> pb.NumberList:
        require_request_id(request.request_id)
        draft = request.number_list

        async def create(tx: Any) -> pb.NumberList:
            async def once() -> pb.NumberList:
                now = self._clock.now()
                return convert.to_list(await ops.create_list(tx, draft.key, draft.display_name, draft.description, now))

            return await tx.once(request.request_id, "CreateNumberList", request, pb.NumberList, once)

        return await self._db.run(principal().tenant_id, create)

    async def GetNumberList(self, request: service_pb.GetNumberListRequest, context: Any) -> pb.NumberList:
        list_id = require_id("nls", request.number_list_id, "number_list_id")

        async def read(tx: Any) -> pb.NumberList:
            found = await ops.get_list(tx, list_id)
            return convert.to_list(found, await ops.uses(tx, found.key))

        return await self._db.run(principal().tenant_id, read, read_only=True)

    async def ListNumberLists(
        self, request: service_pb.ListNumberListsRequest, context: Any
    ) -> service_pb.ListNumberListsResponse:
        size = page_size(request.page_size)
        found = await self._db.run(
            principal().tenant_id, lambda tx: ops.list_lists(tx, request.page_token, size), read_only=True
        )
        page = found[:size]
        token = encode_token(page[-1].create_time, page[-1].number_list_id) if len(found) > size else ""
        return service_pb.ListNumberListsResponse(
            number_lists=[convert.to_list(each) for each in page], next_page_token=token
        )

    async def UpdateNumberList(self, request: service_pb.UpdateNumberListRequest, context: Any) -> pb.NumberList:
        list_id = require_id("nls", request.number_list.number_list_id, "number_list.number_list_id")
        paths = set(request.update_mask.paths)
        if paths - _UPDATABLE:
            raise InvalidInput.of("update_mask", "may hold display_name and description; a key never changes")
        if not paths:
            paths = {field.name for field, _ in request.number_list.ListFields()} & _UPDATABLE
        changes = {name: getattr(request.number_list, name) for name in paths}
        return convert.to_list(
            await self._db.run(
                principal().tenant_id,
                lambda tx: ops.update_list(tx, list_id, changes, request.version, self._clock.now()),
            )
        )

    async def DeleteNumberList(self, request: service_pb.DeleteNumberListRequest, context: Any) -> Empty:
        list_id = require_id("nls", request.number_list_id, "number_list_id")
        await self._db.run(principal().tenant_id, lambda tx: ops.delete_list(tx, list_id))
        return Empty()

    async def ListNumberListEntries(
        self, request: service_pb.ListNumberListEntriesRequest, context: Any
    ) -> service_pb.ListNumberListEntriesResponse:
        list_id = require_id("nls", request.number_list_id, "number_list_id")
        size = page_size(request.page_size)
        if len(request.query) > 200:
            raise InvalidInput.of("query", "is longer than 200 characters")
        found, token = await self._entries(list_id, request.query, request.page_token, size)
        return service_pb.ListNumberListEntriesResponse(
            entries=[convert.to_entry(each) for each in found], next_page_token=token
        )

    async def ImportNumberListEntries(
        self, request: service_pb.ImportNumberListEntriesRequest, context: Any
    ) -> service_pb.ImportNumberListEntriesResponse:
        require_request_id(request.request_id)
        list_id = require_id("nls", request.number_list_id, "number_list_id")
        country = require_country(request.country, "country")
        if not request.text.strip():
            raise InvalidInput.of("text", "is required: one number a line")
        if len(request.text.encode()) > number_lines.MAX_BYTES:
            raise InvalidInput.of("text", f"is bigger than {number_lines.MAX_BYTES} bytes: import it in parts")
        async with self._reading:
            read = await asyncio.to_thread(number_lines.read, request.text, country)
        if not read.lines and not read.problems:
            raise InvalidInput.of("text", "holds no number")
        wanted = ops.Import(list_id, read, request.skip_bad_lines, request.replace, request.dry_run)

        async def put(tx: Any) -> service_pb.ImportNumberListEntriesResponse:
            async def once() -> service_pb.ImportNumberListEntriesResponse:
                return convert.to_import(await ops.import_entries(tx, wanted, self._clock.now()), read)

            if request.dry_run:
                return await once()
            return await tx.once(
                request.request_id, "ImportNumberListEntries", request, service_pb.ImportNumberListEntriesResponse, once
            )

        return await self._db.run(principal().tenant_id, put, read_only=request.dry_run)

    async def ExportNumberListEntries(
        self, request: service_pb.ExportNumberListEntriesRequest, context: Any
    ) -> service_pb.ExportNumberListEntriesResponse:
        list_id = require_id("nls", request.number_list_id, "number_list_id")
        found, token = await self._entries(list_id, "", request.page_token, _EXPORTED_AT_ONCE)
        csv = number_lines.write(found, heading=not request.page_token)
        return service_pb.ExportNumberListEntriesResponse(csv=csv, next_page_token=token)

    async def UpdateNumberListEntry(
        self, request: service_pb.UpdateNumberListEntryRequest, context: Any
    ) -> pb.NumberListEntry:
        list_id = require_id("nls", request.number_list_id, "number_list_id")
        entry = Entry(request.entry.pattern, request.entry.label, request.entry.notes)
        return convert.to_entry(
            await self._db.run(
                principal().tenant_id, lambda tx: ops.update_entry(tx, list_id, entry, self._clock.now())
            )
        )

    async def DeleteNumberListEntries(
        self, request: service_pb.DeleteNumberListEntriesRequest, context: Any
    ) -> service_pb.DeleteNumberListEntriesResponse:
        list_id = require_id("nls", request.number_list_id, "number_list_id")
        removed, left = await self._db.run(
            principal().tenant_id,
            lambda tx: ops.delete_entries(tx, list_id, list(request.patterns), self._clock.now()),
        )
        return service_pb.DeleteNumberListEntriesResponse(removed=removed, entry_count=left)

    async def LookUpNumber(
        self, request: service_pb.LookUpNumberRequest, context: Any
    ) -> service_pb.LookUpNumberResponse:
        try:
            number = read_number(request.number, require_country(request.country, "country"))
        except PatternInvalid as wrong:
            raise InvalidInput.of("number", wrong.message) from wrong
        found = await self._db.run(principal().tenant_id, lambda tx: ops.matches(tx, number), read_only=True)
        return service_pb.LookUpNumberResponse(number=number, matches=[convert.to_match(each) for each in found])

    async def _entries(self, list_id: str, query: str, token: str, size: int) -> tuple[list[Entry], str]:
        found = await self._db.run(
            principal().tenant_id, lambda tx: ops.list_entries(tx, list_id, query, token, size), read_only=True
        )
        page = found[:size]
        return page, encode_token(page[-1].pattern, "") if len(found) > size else ""
