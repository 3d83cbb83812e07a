"""Rate decks as operators keep them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from billing.handlers.decks import RateDecks
from billing.live.decks import DeckShelf
from chassis.auth import acting_as
from chassis.instants import duration_out, time_out
from kernel.errors import Conflict, DomainError, FailedPrecondition, Forbidden, InvalidInput, NotFound
from kernel.ids import new_id
from kernel.tenant import PLATFORM
from merkez.billing.v1 import rate_deck_pb2, rate_deck_service_pb2
from merkez.billing.v1.rate_deck_service_pb2_grpc import RateDeckServiceStub, add_RateDeckServiceServicer_to_server
from testkit import RpcHouse, someone

from .conftest import Ledger

ask = rate_deck_service_pb2
DAY = timedelta(days=1)
SMALL = "prefix,price_per_minute,increments\n49,0.01,60/60\n4930,0.02,1/1\n44,0.03,60/60\n"


class Keeper:
    """A platform operator at rate decks."""

    def __init__(self, stub: Any, ledger: Ledger) -> None:
        self.stub, self.ledger = stub, ledger

    def request_id(self) -> str:
        """A fresh one."""
        return new_id("req", self.ledger.clock.now())

    async def create(self, **fields: Any) -> rate_deck_pb2.RateDeck:
        """A deck in euro."""
        markup = {name: fields.pop(name) for name in ("markup_percent", "markup_amount") if name in fields}
        said: dict[str, Any] = {"display_name": "Wholesale", "currency": "EUR"} | fields
        deck = rate_deck_pb2.RateDeck(**said)
        return await self.stub.CreateRateDeck(
            ask.CreateRateDeckRequest(request_id=self.request_id(), rate_deck=deck, **markup)
        )

    async def draft(self, deck_id: str, text: str, size: int = 30) -> int:
        """A draft with this file, brought in parts of `size` characters."""
        begun = await self.stub.BeginRateDeckImport(
            ask.BeginRateDeckImportRequest(request_id=self.request_id(), rate_deck_id=deck_id)
        )
        for part, start in enumerate(range(0, len(text), size)):
            await self.upload(deck_id, begun.version, part, text[start : start + size])
        return begun.version

    async def upload(self, deck_id: str, version: int, part: int, text: str) -> None:
        """One part."""
        await self.stub.UploadRateDeckPart(
            ask.UploadRateDeckPartRequest(rate_deck_id=deck_id, version=version, part=part, csv=text)
        )

    async def check(self, deck_id: str, version: int) -> rate_deck_pb2.RateDeckReport:
        """The dry run."""
        return await self.stub.CheckRateDeckImport(
            ask.CheckRateDeckImportRequest(rate_deck_id=deck_id, version=version)
        )

    async def activate(self, deck_id: str, version: int, **fields: Any) -> rate_deck_pb2.RateDeck:
        """Puts a draft in force."""
        request: dict[str, Any] = {"request_id": self.request_id()} | fields
        return await self.stub.ActivateRateDeckVersion(
            ask.ActivateRateDeckVersionRequest(rate_deck_id=deck_id, version=version, **request)
        )

    async def running(self, text: str = SMALL, **fields: Any) -> str:
        """A deck with a version in force; its id."""
        deck = await self.create(**fields)
        await self.activate(deck.rate_deck_id, await self.draft(deck.rate_deck_id, text))
        return deck.rate_deck_id

    async def cost(self, deck_id: str, number: str = "+49301234567", seconds: int = 60, **fields: Any) -> Any:
        """What the tester says."""
        return await self.stub.LookUpRate(
            ask.LookUpRateRequest(
                rate_deck_id=deck_id, number=number, duration=duration_out(timedelta(seconds=seconds)), **fields
            )
        )


@pytest_asyncio.fixture
async def keeper(ledger: Ledger, rpc: RpcHouse) -> Keeper:
    servicer = RateDecks(ledger.db, DeckShelf(ledger.db))
    await rpc.serve("billing", [(add_RateDeckServiceServicer_to_server, servicer)])
    return Keeper(rpc.stub(RateDeckServiceStub, "billing"), ledger)


@pytest.fixture(autouse=True)
def operator() -> Iterator[None]:
    with acting_as(someone("operator", PLATFORM)):
        yield


@contextmanager
def refused(kind: type[DomainError], reason: str) -> Iterator[None]:
    """What is asked within is refused for this reason."""
    with pytest.raises(kind) as error:
        yield
    assert error.value.reason == reason


async def test_deck_is_brought_in_parts_checked_activated_and_rates_calls(keeper: Keeper) -> None:
    deck = await keeper.create()
    assert (deck.current_version, deck.time_zone) == (0, "UTC")
    version = await keeper.draft(deck.rate_deck_id, SMALL, size=7)
    report = await keeper.check(deck.rate_deck_id, version)
    assert (report.line_count, report.error_count, report.compared_version) == (3, 0, 0)
    assert dict(report.change_counts)["NEW"] == 3
    assert (await keeper.cost(deck.rate_deck_id)).reason == "NO_VERSION"  # the dry run changed nothing
    active = await keeper.activate(deck.rate_deck_id, version)
    assert (active.current_version, active.versions[0].line_count) == (1, 3)
    rated = await keeper.cost(deck.rate_deck_id, seconds=90)
    assert (rated.amount.amount, rated.amount.currency, rated.billed_seconds) == ("0.03", "EUR", 90)
    assert [each.prefix for each in rated.segments] == ["4930"]


async def test_next_version_counts_from_its_time_on_and_the_report_says_what_it_changes(keeper: Keeper) -> None:
    deck_id = await keeper.running()
    later = keeper.ledger.clock.now() + DAY
    version = await keeper.draft(deck_id, SMALL.replace("0.02", "0.04").replace("44,0.03", "33,0.01"))
    report = await keeper.check(deck_id, version)
    assert dict(report.change_counts) == {"NEW": 1, "REMOVED": 1, "UP": 1, "DOWN": 0, "CHANGED": 0}
    up = next(each for each in report.changes if each.kind == "UP")
    assert (up.prefix, up.old_price, up.new_price, report.unchanged_count) == ("4930", "0.02", "0.04", 1)
    deck = await keeper.activate(deck_id, version, activate_time=time_out(later))
    assert deck.current_version == 1
    assert (await keeper.cost(deck_id)).amount.amount == "0.02"
    assert (await keeper.cost(deck_id, start_time=time_out(later))).amount.amount == "0.04"


async def test_bad_lines_are_reported_and_keep_the_draft_from_being_activated(keeper: Keeper) -> None:
    deck = await keeper.create()
    version = await keeper.draft(deck.rate_deck_id, SMALL + "49,0.05,60/60\nxx,1,1/1\n")
    report = await keeper.check(deck.rate_deck_id, version)
    assert [(each.line, each.reason, each.other_line) for each in report.problems] == [
        (5, "DUPLICATE", 2), (6, "PREFIX_INVALID", 0),
    ]  # fmt: skip
    with refused(FailedPrecondition, "RATE_DECK_HAS_ERRORS"):
        await keeper.activate(deck.rate_deck_id, version)


async def test_unlikely_prices_have_to_be_accepted(keeper: Keeper) -> None:
    deck = await keeper.create()
    version = await keeper.draft(deck.rate_deck_id, SMALL + "881,9.99,60/60\n")
    with refused(FailedPrecondition, "RATE_DECK_HAS_WARNINGS"):
        await keeper.activate(deck.rate_deck_id, version)
    assert (await keeper.activate(deck.rate_deck_id, version, accept_warnings=True)).current_version == 1


async def test_version_that_was_activated_never_changes(keeper: Keeper) -> None:
    deck_id = await keeper.running()
    with refused(FailedPrecondition, "RATE_DECK_VERSION_ACTIVE"):
        await keeper.upload(deck_id, 1, 9, "more")
    with refused(FailedPrecondition, "RATE_DECK_VERSION_ACTIVE"):
        await keeper.check(deck_id, 1)
    with refused(FailedPrecondition, "RATE_DECK_VERSION_ACTIVE"):
        await keeper.activate(deck_id, 1)
    with refused(NotFound, "RATE_DECK_VERSION_NOT_FOUND"):
        await keeper.check(deck_id, 7)


async def test_repeats_answer_as_the_first_did(keeper: Keeper) -> None:
    deck = await keeper.create()
    version = await keeper.draft(deck.rate_deck_id, SMALL)
    await keeper.upload(deck.rate_deck_id, version, 0, SMALL[:30])
    with refused(Conflict, "IMPORT_PART_DIFFERS"):
        await keeper.upload(deck.rate_deck_id, version, 0, "other")
    with refused(FailedPrecondition, "IMPORT_PART_MISSING"):
        await keeper.upload(deck.rate_deck_id, version, 99, "other")
    first = await keeper.activate(deck.rate_deck_id, version, request_id="again")
    assert await keeper.activate(deck.rate_deck_id, version, request_id="again") == first


async def test_two_at_once_activate_a_draft_once(keeper: Keeper) -> None:
    deck = await keeper.create()
    version = await keeper.draft(deck.rate_deck_id, SMALL)
    made = await asyncio.gather(
        *(keeper.activate(deck.rate_deck_id, version) for _ in range(2)), return_exceptions=True
    )
    assert len([each for each in made if isinstance(each, rate_deck_pb2.RateDeck)]) == 1


async def test_activation_in_the_past_and_wrong_fields_are_refused(keeper: Keeper) -> None:
    deck = await keeper.create()
    version = await keeper.draft(deck.rate_deck_id, SMALL)
    past = time_out(keeper.ledger.clock.now() - DAY)
    with refused(InvalidInput, "ACTIVATE_TIME_PAST"):
        await keeper.activate(deck.rate_deck_id, version, activate_time=past)
    for wrong in ({"currency": "euro"}, {"display_name": " "}, {"time_zone": "Mars/One"}, {"rounding_digits": 9}):
        with refused(InvalidInput, "RATE_DECK_INVALID"):
            await keeper.create(**wrong)
    with refused(InvalidInput, "NUMBER_INVALID"):
        await keeper.cost(deck.rate_deck_id, "0800-FLOWERS")
    with refused(InvalidInput, "DURATION_INVALID"):
        await keeper.cost(deck.rate_deck_id, seconds=-1)


async def test_derived_deck_has_its_parents_prefixes_at_its_own_prices(keeper: Keeper) -> None:
    parent = await keeper.running()
    deck = await keeper.create(parent_rate_deck_id=parent, markup_percent="50", markup_amount="0.001")
    assert (await keeper.cost(deck.rate_deck_id)).amount.amount == "0.031"
    later = keeper.ledger.clock.now() + DAY
    await keeper.stub.ChangeRateDeckMarkup(
        ask.ChangeRateDeckMarkupRequest(
            request_id="m", rate_deck_id=deck.rate_deck_id, markup_percent="100", activate_time=time_out(later)
        )
    )
    assert (await keeper.cost(deck.rate_deck_id, start_time=time_out(later))).amount.amount == "0.04"
    with refused(FailedPrecondition, "RATE_DECK_DERIVED"):
        await keeper.draft(deck.rate_deck_id, SMALL)
    with refused(FailedPrecondition, "RATE_DECK_PARENT_DERIVED"):
        await keeper.create(parent_rate_deck_id=deck.rate_deck_id)
    with refused(FailedPrecondition, "RATE_DECK_NOT_DERIVED"):
        await keeper.stub.ChangeRateDeckMarkup(
            ask.ChangeRateDeckMarkupRequest(request_id="n", rate_deck_id=parent, markup_percent="1")
        )
    with refused(InvalidInput, "RATE_DECK_INVALID"):
        await keeper.create(parent_rate_deck_id=parent, markup_percent="-100")


async def test_export_reads_as_the_same_deck(keeper: Keeper) -> None:
    deck_id = await keeper.running()
    part = await keeper.stub.ExportRateDeck(ask.ExportRateDeckRequest(rate_deck_id=deck_id))
    assert (part.more, part.version) == (False, 1)
    report = await keeper.check(deck_id, await keeper.draft(deck_id, part.csv, size=50))
    assert (report.error_count, report.unchanged_count) == (0, 3)
    assert sum(report.change_counts.values()) == 0


async def test_twenty_thousand_lines_are_exported_in_parts(keeper: Keeper) -> None:
    lines = "".join(f"{number},0.01\n" for number in range(100_000, 120_000))
    deck = await keeper.create()
    version = await keeper.draft(deck.rate_deck_id, "prefix,price_per_minute\n" + lines, size=100_000)
    await keeper.activate(deck.rate_deck_id, version)
    text, part, more = "", 0, True
    while more:
        got = await keeper.stub.ExportRateDeck(ask.ExportRateDeckRequest(rate_deck_id=deck.rate_deck_id, part=part))
        text, part, more = text + got.csv, part + 1, got.more
    assert (part, text.count("\n")) == (2, 20_001)
    assert len(set(text.split("\n"))) == 20_002


async def test_list_pages_newest_first(keeper: Keeper) -> None:
    made = []
    for _ in range(3):
        keeper.ledger.clock.advance(60)
        made.append((await keeper.create()).rate_deck_id)
    first = await keeper.stub.ListRateDecks(ask.ListRateDecksRequest(page_size=2))
    rest = await keeper.stub.ListRateDecks(ask.ListRateDecksRequest(page_size=200, page_token=first.next_page_token))
    listed = [each.rate_deck_id for each in (*first.rate_decks, *rest.rate_decks)]
    assert listed[:3] == made[::-1]


async def test_only_operators_keep_decks_and_other_tenants_decks_are_not_found(keeper: Keeper) -> None:
    deck_id = await keeper.running()
    with acting_as(someone("owner", keeper.ledger.tenant)), pytest.raises(Forbidden):
        await keeper.cost(deck_id)
    with acting_as(someone("operator", keeper.ledger.tenant)), refused(NotFound, "RATE_DECK_NOT_FOUND"):
        await keeper.cost(deck_id)


async def test_change_of_a_deck_is_known_within_seconds_and_a_version_is_read_once(keeper: Keeper) -> None:
    deck_id = await keeper.running()
    shelf, now = DeckShelf(keeper.ledger.db), keeper.ledger.clock.now()
    one = await shelf.current(PLATFORM, deck_id, now)
    assert one is not None
    assert one is await shelf.current(PLATFORM, deck_id, now)
    await keeper.activate(deck_id, await keeper.draft(deck_id, SMALL))
    shelf._known.clear()  # as after its seconds
    other = await shelf.current(PLATFORM, deck_id, now)
    assert other is not None
    assert (one.version, other.version) == (1, 2)
