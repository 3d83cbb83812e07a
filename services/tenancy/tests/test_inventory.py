"""The inventory: what operators put in, what companies find, hold, take, give back, and for how long it rests."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.timestamp_pb2 import Timestamp
from kernel.errors import DomainError, InvalidInput
from merkez.tenancy.v1 import inventory_pb2, inventory_service_pb2, number_pb2, number_service_pb2
from tenancy.sweeper import end_kept
from testkit.told import told

from .test_handlers_numbers import assign, look_up, reason_of, release

FILE = """number,type,capabilities,emergency,carrier,price_class
+442079460200-02,,voice sms,yes,Northern,
+448081570200,toll-free,,no,Northern,
"+44 7400 123200",,voice sms fax,,,gold
"""
LONDON, FREEPHONE, MOBILE = "+442079460200", "+448081570200", "+447400123200"


class Stock:
    """The operators' side."""

    def __init__(self, town: Any) -> None:
        self.town = town

    async def call(self, rpc: str, **said: Any) -> Any:
        request = getattr(inventory_service_pb2, f"{rpc}Request")(**said)
        with self.town.as_operator():
            return await getattr(self.town.stubs.inventory, rpc)(request)

    async def add(self, text: str = FILE, **more: Any) -> Any:
        return await self.call("ImportInventory", request_id="import", text=text, **more)

    async def one(self, number: str) -> Any:
        found = (await self.call("ListInventory", prefix=number)).numbers
        return found[0] if found else None

    async def state(self, number: str) -> str:
        return inventory_pb2.InventoryState.Name((await self.one(number)).state).removeprefix("INVENTORY_STATE_")

    async def history(self, number: str) -> list[tuple[str, str]]:
        found = await self.call("ListNumberHistory", number=number)
        return [(each.event, each.tenant_name) for each in found.entries][::-1]

    async def rest_until(self, number: str, after: timedelta, reason: str = "asked for") -> Any:
        until = Timestamp()
        until.FromDatetime(self.town.clock.now() + after)
        return await self.call("SetQuarantine", number=number, until_time=until, reason=reason)


@pytest_asyncio.fixture
async def stock(open_town: Any) -> Stock:
    made = Stock(await open_town(fresh=True))
    await made.add()
    made.town.clock.advance(1)
    return made


async def search(firm: Any, **asked: Any) -> list[str]:
    with firm.as_("supervisor"):
        found = await firm.town.stubs.numbers.ListAvailableNumbers(
            number_service_pb2.ListAvailableNumbersRequest(**asked)
        )
    return [each.number for each in found.numbers]


async def hold(firm: Any, number: str) -> Any:
    with firm.as_("admin"):
        return await firm.town.stubs.numbers.HoldNumber(number_service_pb2.HoldNumberRequest(number=number))


async def taken(firm: Any, number: str) -> Any:
    return await assign(firm, number, (await firm.brand()).brand_id)


async def test_file_says_what_numbers_are_and_the_numbering_plan_what_it_leaves_out(stock: Stock) -> None:
    london, free, mobile = [await stock.one(each) for each in (LONDON, FREEPHONE, MOBILE)]
    assert (london.country, london.type, london.price_class) == ("GB", number_pb2.NUMBER_TYPE_LOCAL, "local")
    assert london.emergency_capable and list(london.capabilities) == [1, 2] and london.carrier == "Northern"
    assert (free.type, free.price_class) == (number_pb2.NUMBER_TYPE_TOLL_FREE, "toll-free")
    assert (mobile.type, mobile.price_class) == (number_pb2.NUMBER_TYPE_MOBILE, "gold")
    assert await stock.history(LONDON) == [("ADDED", "")]


async def test_rehearsal_adds_nothing_and_names_each_bad_line(stock: Stock) -> None:
    text = (
        "number,country,type,capabilities,emergency,price_class\n"
        "+442079460210,,,,,\n"
        "12,,,,,\n"
        "+442079460220-19,,,,,\n"
        "+442079460211,XX,,,,\n"
        "+442079460212,,satellite,,,\n"
        "+442079460213,,,telex,,\n"
        "+442079460214,,,,perhaps,\n"
        "+442079460215,,,,,Gold!\n"
        "+442079460210,,,,,\n"
        f"{LONDON},,,,,\n"
    )
    came = await stock.add(text, dry_run=True)
    assert (came.added, came.unchanged, came.bad_lines) == (1, 1, 8)
    assert [(each.line, each.reason) for each in came.problems] == [
        (3, "NUMBER_UNREADABLE"), (4, "RANGE_WRONG"), (5, "COUNTRY_UNKNOWN"), (6, "TYPE_UNKNOWN"),
        (7, "CAPABILITY_UNKNOWN"), (8, "YES_OR_NO"), (9, "PRICE_CLASS_WRONG"), (10, "TWICE"),
    ]  # fmt: skip
    await stock.add(text)
    assert await stock.one("+442079460210") is None
    came = await stock.add("+442079460210\n+442079460216-17", dry_run=True)
    assert (came.added, came.bad_lines) == (3, 0) and await stock.one("+442079460210") is None


@pytest.mark.parametrize("text", ["", "\n\n", 'number\n"+44', "x" * 900_001])
async def test_text_that_is_no_file_is_refused(stock: Stock, text: str) -> None:
    with pytest.raises(InvalidInput):
        await stock.add(text)


async def test_number_a_company_brought_cannot_be_put_in(stock: Stock) -> None:
    firm = await stock.town.sign_up()
    brand = await firm.brand()
    bring = number_service_pb2.BringNumbersRequest(
        request_id="b", entries=["+442079460230"], trunk_id=firm.trunk(), brand_id=brand.brand_id
    )
    with firm.as_("admin"):
        await stock.town.stubs.numbers.BringNumbers(bring)
    came = await stock.add("+442079460230")
    assert [(each.line, each.reason) for each in came.problems] == [(1, "NUMBER_TAKEN")]


async def test_numbers_are_found_by_beginning_digits_kind_and_what_they_carry(stock: Stock) -> None:
    firm = await stock.town.sign_up()
    assert await search(firm, prefix="+44 20") == ["+442079460200", "+442079460201", "+442079460202"]
    assert await search(firm, contains="40?123", country="GB") == [MOBILE]
    assert await search(firm, type=number_pb2.NUMBER_TYPE_TOLL_FREE, country="GB") == [FREEPHONE]
    assert await search(firm, capabilities=[2, 3]) == [MOBILE]
    assert await search(firm, prefix="+4420", contains="0202") == ["+442079460202"]


@pytest.mark.parametrize("asked", [{"prefix": "abc"}, {"prefix": "+"}, {"contains": "12a"}, {"contains": "1" * 16}])
async def test_search_that_cannot_be_read_is_refused(stock: Stock, asked: Any) -> None:
    firm = await stock.town.sign_up()
    with pytest.raises(InvalidInput) as refused:
        await search(firm, **asked)
    assert [each.field for each in refused.value.fields] == list(asked)


async def test_of_two_who_take_a_number_at_once_one_gets_it(stock: Stock) -> None:
    firms = [await stock.town.sign_up() for _ in range(2)]
    came = await asyncio.gather(*(taken(each, LONDON) for each in firms), return_exceptions=True)
    refused = [each for each in came if isinstance(each, DomainError)]
    assert [each.reason for each in refused] == ["NUMBER_TAKEN"]
    assert [event for event, _ in await stock.history(LONDON)] == ["ADDED", "ASSIGNED"]


async def test_of_two_who_hold_a_number_at_once_one_gets_it(stock: Stock) -> None:
    firms = [await stock.town.sign_up() for _ in range(2)]
    came = await asyncio.gather(*(hold(each, LONDON) for each in firms), return_exceptions=True)
    assert [each.reason for each in came if isinstance(each, DomainError)] == ["NUMBER_TAKEN"]


async def test_held_number_is_offered_to_its_holder_alone_for_a_quarter_of_an_hour(stock: Stock) -> None:
    firm, rival = await stock.town.sign_up(), await stock.town.sign_up()
    held = await hold(firm, LONDON)
    assert held.kept == number_pb2.NUMBER_KEPT_HOLD and held.kept_until_time.seconds
    assert LONDON in await search(firm, prefix=LONDON) and LONDON not in await search(rival, prefix="+4420")
    assert await reason_of(taken(rival, LONDON)) == "NUMBER_TAKEN"
    assert await stock.state(LONDON) == "HELD"
    stock.town.clock.advance(14 * 60)
    await end_kept(stock.town.db)
    assert await search(rival, prefix=LONDON) == []
    await hold(firm, LONDON)
    stock.town.clock.advance(14 * 60)
    await end_kept(stock.town.db)
    assert await search(rival, prefix=LONDON) == []
    stock.town.clock.advance(61)
    await end_kept(stock.town.db)
    await taken(rival, LONDON)


async def test_holder_takes_a_held_number_or_lets_it_go(stock: Stock) -> None:
    firm, rival = await stock.town.sign_up(), await stock.town.sign_up()
    await hold(firm, LONDON)
    await taken(firm, LONDON)
    await hold(firm, MOBILE)
    with firm.as_("admin"):
        for _ in range(2):
            await stock.town.stubs.numbers.DropHold(number_service_pb2.DropHoldRequest(number=MOBILE))
    await taken(rival, MOBILE)
    assert await reason_of(hold(firm, MOBILE)) == "NUMBER_TAKEN"
    assert await reason_of(hold(firm, "+442079469999")) == "NUMBER_NOT_FOUND"


async def test_nobody_holds_more_than_twenty_numbers(stock: Stock) -> None:
    firm = await stock.town.sign_up()
    await stock.add("+442079460300-20")
    for each in range(20):
        await hold(firm, f"+4420794603{each:02d}")
    assert await reason_of(hold(firm, "+442079460320")) == "TOO_MANY_NUMBERS_HELD"
    await hold(firm, "+442079460300")


async def test_number_given_back_rests_and_only_its_company_may_take_it_again(stock: Stock) -> None:
    firm, rival = await stock.town.sign_up(), await stock.town.sign_up()
    await taken(firm, LONDON)
    await release(firm, LONDON)
    assert await stock.state(LONDON) == "QUARANTINE"
    assert await reason_of(look_up(stock.town, LONDON)) == "NUMBER_IN_QUARANTINE"
    assert await search(rival, prefix=LONDON) == [] and await search(firm, kept=True) == [LONDON]
    assert await reason_of(taken(rival, LONDON)) == "NUMBER_TAKEN"
    assert await reason_of(hold(rival, LONDON)) == "NUMBER_TAKEN"
    held = await hold(firm, LONDON)
    assert held.kept == number_pb2.NUMBER_KEPT_QUARANTINE
    await taken(firm, LONDON)
    assert (await look_up(stock.town, LONDON)).tenant_id == firm.tenant_id


async def test_quarantine_ends_after_its_days_and_the_history_keeps_who_had_it(stock: Stock) -> None:
    firm, rival = await stock.town.sign_up(), await stock.town.sign_up(company_name="Rival")
    await taken(firm, LONDON)
    stock.town.clock.advance(1)
    await release(firm, LONDON)
    stock.town.clock.advance(timedelta(days=44, hours=23))
    await end_kept(stock.town.db)
    assert await stock.state(LONDON) == "QUARANTINE"
    stock.town.clock.advance(timedelta(hours=1))
    await end_kept(stock.town.db)
    assert await stock.state(LONDON) == "FREE"
    stock.town.clock.advance(1)
    await taken(rival, LONDON)
    assert await stock.history(LONDON) == [
        ("ADDED", ""), ("ASSIGNED", "Acme Contact"), ("RELEASED", "Acme Contact"),
        ("QUARANTINE_ENDED", "Acme Contact"), ("ASSIGNED", "Rival"),
    ]  # fmt: skip
    for role in ("owner", "admin"):
        with firm.as_(role):
            asked = inventory_service_pb2.ListNumberHistoryRequest(number=LONDON)
            assert await reason_of(stock.town.stubs.inventory.ListNumberHistory(asked)) == "PERMISSION_DENIED"


async def test_operator_shortens_lengthens_and_ends_a_quarantine_with_a_reason(stock: Stock) -> None:
    firm = await stock.town.sign_up()
    assert await reason_of(stock.rest_until(LONDON, timedelta(days=9))) == "NUMBER_NOT_IN_QUARANTINE"
    await taken(firm, LONDON)
    await release(firm, LONDON)
    rests = await stock.rest_until(LONDON, timedelta(days=90), "still called a lot")
    assert rests.kept_until_time.seconds == int((stock.town.clock.now() + timedelta(days=90)).timestamp())
    with pytest.raises(InvalidInput):
        await stock.rest_until(LONDON, timedelta(days=900))
    with pytest.raises(InvalidInput):
        await stock.rest_until(LONDON, timedelta(days=9), " ")
    await stock.rest_until(LONDON, timedelta(0), "nobody ever called it")
    assert await stock.state(LONDON) == "FREE"
    entries = (await stock.call("ListNumberHistory", number=LONDON)).entries
    assert "nobody ever called it" in [each.note for each in entries]


async def test_what_an_operator_says_of_a_number_its_company_sees_at_once(stock: Stock) -> None:
    firm = await stock.town.sign_up()
    await taken(firm, LONDON)
    news = inventory_pb2.InventoryNumber(number=LONDON, type=number_pb2.NUMBER_TYPE_NATIONAL, price_class="special")
    asked = inventory_service_pb2.UpdateInventoryNumberRequest(number=news, version=1)
    asked.update_mask.paths.extend(["type", "price_class"])
    with stock.town.as_operator():
        await stock.town.stubs.inventory.UpdateInventoryNumber(asked)
        assert await reason_of(stock.town.stubs.inventory.UpdateInventoryNumber(asked)) == "VERSION_CONFLICT"
    with firm.as_("admin"):
        [mine] = (await stock.town.stubs.numbers.ListNumbers(number_service_pb2.ListNumbersRequest())).numbers
    assert (mine.type, mine.price_class) == (number_pb2.NUMBER_TYPE_NATIONAL, "special")
    changed = (await told(stock.town.db, firm.tenant_id, "NumberChanged"))[-1]
    assert changed.number.price_class == "special"


async def test_only_a_number_nobody_has_is_taken_out(stock: Stock) -> None:
    firm = await stock.town.sign_up()
    await taken(firm, LONDON)
    assert await reason_of(stock.call("RemoveInventoryNumber", number=LONDON)) == "NUMBER_HELD"
    await release(firm, LONDON)
    assert await reason_of(stock.call("RemoveInventoryNumber", number=LONDON)) == "NUMBER_HELD"
    await stock.call("RemoveInventoryNumber", number=MOBILE)
    assert await stock.one(MOBILE) is None
    assert await reason_of(stock.call("RemoveInventoryNumber", number=MOBILE)) == "NUMBER_NOT_FOUND"


async def test_operators_list_numbers_as_they_stand_in_pages(stock: Stock) -> None:
    firm = await stock.town.sign_up()
    await taken(firm, LONDON)
    found = await stock.call("ListInventory", state=inventory_pb2.INVENTORY_STATE_ASSIGNED)
    assert [(each.number, each.tenant_name) for each in found.numbers] == [(LONDON, "Acme Contact")]
    first = await stock.call("ListInventory", country="GB", page_size=3)
    rest = await stock.call("ListInventory", country="GB", page_size=3, page_token=first.next_page_token)
    assert (len(first.numbers), len(rest.numbers), rest.next_page_token) == (3, 2, "")


async def test_companies_neither_read_nor_change_the_inventory(stock: Stock) -> None:
    firm = await stock.town.sign_up()
    with firm.as_():
        for rpc in ("ListInventory", "ImportInventory", "SetQuarantine", "RemoveInventoryNumber"):
            asked = getattr(inventory_service_pb2, f"{rpc}Request")()
            assert await reason_of(getattr(stock.town.stubs.inventory, rpc)(asked)) == "PERMISSION_DENIED"
