"""Rate decks as operators keep them."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

from chassis.auth import principal
from chassis.instants import duration_in, time_in
from chassis.paging import encode_token
from chassis.sql import Database, Tx
from google.protobuf.empty_pb2 import Empty
from kernel.errors import InvalidInput
from kernel.ids import require_id, require_request_id
from merkez.billing.v1 import rate_deck_pb2, rate_deck_service_pb2, rate_deck_service_pb2_grpc

from billing.domain import deck_diffs
from billing.domain.deck_diffs import DeckDiff
from billing.domain.deck_files import DeckFile, write_deck
from billing.domain.deck_rating import rate_call
from billing.domain.decks import Deck
from billing.handlers import deck_messages as messages
from billing.handlers.reservations import direction_in
from billing.live.decks import DeckShelf
from billing.ops import decks as ops

EXPORTED_LINES = 10_000
"""Lines of one part of an export."""
_SECOND = timedelta(seconds=1)
_LONGEST = timedelta(days=7)
ask = rate_deck_service_pb2


class NumberInvalid(InvalidInput):
    """Not a number in E.164."""

    reason = "NUMBER_INVALID"


class DurationInvalid(InvalidInput):
    """No length of a call."""

    reason = "DURATION_INVALID"


class RateDecks(rate_deck_service_pb2_grpc.RateDeckServiceServicer):
    """merkez.billing.v1.RateDeckService."""

    def __init__(self, db: Database, shelf: DeckShelf) -> None:
        self._db = db
        self._shelf = shelf

    async def CreateRateDeck(self, request: ask.CreateRateDeckRequest, context: Any) -> rate_deck_pb2.RateDeck:
        request_id, now = require_request_id(request.request_id), self._db.clock.now()
        wanted = request.rate_deck
        name, header = messages.name_in(wanted), messages.header_in(wanted)
        markup = messages.markup_in(request.markup_percent, request.markup_amount)

        async def create(tx: Tx) -> rate_deck_pb2.RateDeck:
            made = await ops.create(tx, name, header, wanted.parent_rate_deck_id, markup, now)
            return await self._shown(tx, made)

        return await self._once(request_id, "CreateRateDeck", request, rate_deck_pb2.RateDeck, create)

    async def ListRateDecks(self, request: ask.ListRateDecksRequest, context: Any) -> ask.ListRateDecksResponse:
        now = self._db.clock.now()

        async def work(tx: Tx) -> ask.ListRateDecksResponse:
            found, more = await ops.list_decks(tx, request.page_size, request.page_token)
            last = found[-1] if more else None
            return ask.ListRateDecksResponse(
                rate_decks=[_brief(messages.deck_out(deck, versions, now)) for deck, versions in found],
                next_page_token=encode_token(last[0].create_time, last[0].rate_deck_id) if last else "",
            )

        return await self._db.run(principal().tenant_id, work, read_only=True)

    async def GetRateDeck(self, request: ask.GetRateDeckRequest, context: Any) -> rate_deck_pb2.RateDeck:
        deck_id = _deck_id(request)

        async def work(tx: Tx) -> rate_deck_pb2.RateDeck:
            return await self._shown(tx, await ops.get(tx, deck_id))

        return await self._db.run(principal().tenant_id, work, read_only=True)

    async def BeginRateDeckImport(
        self, request: ask.BeginRateDeckImportRequest, context: Any
    ) -> rate_deck_pb2.RateDeckVersion:
        request_id, deck_id, now = require_request_id(request.request_id), _deck_id(request), self._db.clock.now()

        async def begin(tx: Tx) -> rate_deck_pb2.RateDeckVersion:
            return messages.version_out(await ops.begin_import(tx, deck_id, now))

        return await self._once(request_id, "BeginRateDeckImport", request, rate_deck_pb2.RateDeckVersion, begin)

    async def UploadRateDeckPart(self, request: ask.UploadRateDeckPartRequest, context: Any) -> Empty:
        deck_id = _deck_id(request)
        if not request.csv or len(request.csv.encode()) > ops.PART_BYTES:
            raise InvalidInput.of("csv", f"is required, up to {ops.PART_BYTES} bytes")
        await self._db.run(
            principal().tenant_id,
            lambda tx: ops.upload_part(tx, deck_id, request.version, request.part, request.csv),
        )
        return Empty()

    async def CheckRateDeckImport(
        self, request: ask.CheckRateDeckImportRequest, context: Any
    ) -> rate_deck_pb2.RateDeckReport:
        owner, now = principal().tenant_id, self._db.clock.now()
        deck, file, _ = await self._shelf.read_draft(owner, _deck_id(request), request.version)
        running = await self._shelf.current(owner, deck.rate_deck_id, now)
        diff = await asyncio.to_thread(_compared, running, file)
        return messages.report_out(request.version, file, diff, running.version if running else 0)

    async def ActivateRateDeckVersion(
        self, request: ask.ActivateRateDeckVersionRequest, context: Any
    ) -> rate_deck_pb2.RateDeck:
        request_id, deck_id, time = require_request_id(request.request_id), _deck_id(request), _activation(request)
        now, owner = self._db.clock.now(), principal().tenant_id
        try:
            _, file, digests = await self._shelf.read_draft(owner, deck_id, request.version)
        except ops.RateDeckVersionActive:
            file, digests = DeckFile(), []  # a repeat is answered as the first, anything else is refused below

        async def activate(tx: Tx) -> rate_deck_pb2.RateDeck:
            made = await ops.activate(tx, deck_id, request.version, file, digests, time, request.accept_warnings, now)
            return await self._shown(tx, made)

        return await self._once(request_id, "ActivateRateDeckVersion", request, rate_deck_pb2.RateDeck, activate)

    async def ChangeRateDeckMarkup(
        self, request: ask.ChangeRateDeckMarkupRequest, context: Any
    ) -> rate_deck_pb2.RateDeck:
        request_id, deck_id, time = require_request_id(request.request_id), _deck_id(request), _activation(request)
        now, markup = self._db.clock.now(), messages.markup_in(request.markup_percent, request.markup_amount)

        async def change(tx: Tx) -> rate_deck_pb2.RateDeck:
            return await self._shown(tx, await ops.change_markup(tx, deck_id, markup, time, now))

        return await self._once(request_id, "ChangeRateDeckMarkup", request, rate_deck_pb2.RateDeck, change)

    async def ExportRateDeck(self, request: ask.ExportRateDeckRequest, context: Any) -> ask.ExportRateDeckResponse:
        owner, now = principal().tenant_id, self._db.clock.now()
        if request.part < 0:
            raise InvalidInput.of("part", "must not be negative")
        deck = await self._shelf.deck_at(owner, _deck_id(request), now, request.version)
        if deck is None:
            raise ops.RateDeckVersionNotFound("No version of the deck is in force: activate one first.")
        text, more = await asyncio.to_thread(_exported, deck, request.part)
        return ask.ExportRateDeckResponse(csv=text, more=more, version=deck.version)

    async def LookUpRate(self, request: ask.LookUpRateRequest, context: Any) -> rate_deck_pb2.RatedCall:
        owner, now = principal().tenant_id, self._db.clock.now()
        digits = request.number.removeprefix("+")
        if not digits.isascii() or not digits.isdigit() or not 1 <= len(digits) <= 15:
            raise NumberInvalid.of("number", "is not a number in E.164, such as +49301234567")
        talk = duration_in(request, "duration") or timedelta(0)
        if not timedelta(0) <= talk <= _LONGEST:
            raise DurationInvalid.of("duration", "must not be negative, nor more than 7 days")
        start = time_in(request, "start_time") or now
        deck = await self._shelf.deck_at(owner, _deck_id(request), start, request.version)
        if deck is None:
            return rate_deck_pb2.RatedCall(reason="NO_VERSION")
        rated = rate_call(deck, digits, start, -(-talk // _SECOND), direction_in(request.direction))
        return messages.rated_out(deck, rated)

    async def _shown(self, tx: Tx, deck: ops.DeckRow) -> rate_deck_pb2.RateDeck:
        return messages.deck_out(deck, await ops.list_versions(tx, deck.rate_deck_id), self._db.clock.now())

    async def _once(self, request_id: str, method: str, request: Any, kind: Any, work: Any) -> Any:
        return await self._db.run(
            principal().tenant_id,
            lambda tx: tx.once(request_id, method, request, kind, lambda: work(tx)),
        )


def _deck_id(request: Any) -> str:
    return require_id("rdk", request.rate_deck_id, "rate_deck_id")


def _activation(request: Any) -> Any:
    return time_in(request, "activate_time")


def _brief(deck: rate_deck_pb2.RateDeck) -> rate_deck_pb2.RateDeck:
    del deck.versions[:]
    return deck


def _compared(running: Deck | None, file: DeckFile) -> DeckDiff:
    return deck_diffs.compare(running.lines() if running is not None else (), file.lines)


def _exported(deck: Deck, part: int) -> tuple[str, bool]:
    """Rows of one part, the header before those of the first, and whether others follow."""
    rows = write_deck(deck.lines(), deck.header)
    start = part * EXPORTED_LINES + (1 if part else 0)
    found: Sequence[list[str]] = list(islice(rows, start, (part + 1) * EXPORTED_LINES + 2))
    wanted = EXPORTED_LINES + (0 if part else 1)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(found[:wanted])
    return text.getvalue(), len(found) > wanted
