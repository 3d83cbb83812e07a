"""Which number shows in an emergency call, and where help is sent."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from kernel.errors import InvalidInput
from merkez.tenancy.v1 import emergency_pb2, emergency_service_pb2, number_service_pb2

from .test_handlers_numbers import assign, caller_numbers, reason_of
from .test_inventory import Stock

FILE = "number,emergency\n+12025550300,yes\n+12025550301,yes\n+12025550302,no\n+994125550300,yes\n"
US = ["+12025550300", "+12025550301", "+12025550302"]
VALID, REFUSED, PENDING = (
    emergency_pb2.EMERGENCY_ADDRESS_STATE_VALID, emergency_pb2.EMERGENCY_ADDRESS_STATE_REFUSED,
    emergency_pb2.EMERGENCY_ADDRESS_STATE_PENDING,
)  # fmt: skip


def place(**more: Any) -> emergency_pb2.CivicAddress:
    said = {
        "name": "Acme", "street": "12 Main Street", "city": "Washington", "region": "DC", "postal_code": "20001",
        "country": "US",
    }  # fmt: skip
    return emergency_pb2.CivicAddress(**(said | more))


class Desk:
    """A company with numbers that could call for help."""

    def __init__(self, firm: Any, brand_id: str) -> None:
        self.firm, self.town, self.brand_id = firm, firm.town, brand_id

    async def call(self, rpc: str, role: str = "admin", **said: Any) -> Any:
        request = getattr(emergency_service_pb2, f"{rpc}Request")(**said)
        with self.firm.as_(role):
            return await getattr(self.town.stubs.emergency, rpc)(request)

    async def create(self, address: Any = None, request_id: str = "create") -> Any:
        asked = emergency_pb2.EmergencyAddress(brand_id=self.brand_id, address=address or place())
        return await self.call("CreateEmergencyAddress", request_id=request_id, emergency_address=asked)

    async def caller(self) -> tuple[str, str]:
        found = await caller_numbers(self.firm, self.brand_id)
        return found.emergency_number, found.emergency_address.address.street


@pytest_asyncio.fixture
async def desk(open_town: Any) -> Desk:
    town = await open_town(fresh=True)
    await Stock(town).add(FILE)
    firm = await town.sign_up()
    brand_id = (await firm.brand()).brand_id
    for each in US:
        await assign(firm, each, brand_id)
    return Desk(firm, brand_id)


async def test_no_number_of_a_country_that_needs_an_address_calls_for_help_before_one_holds(desk: Desk) -> None:
    assert await desk.caller() == ("", "")
    made = await desk.create()
    assert made.state == PENDING and await desk.caller() == ("", "")
    await desk.town.porter.work_due()
    [kept] = (await desk.call("ListEmergencyAddresses", role="supervisor")).emergency_addresses
    assert kept.state == VALID and kept.validate_time.seconds
    assert await desk.caller() == (US[0], "12 Main Street")


async def test_address_that_help_would_not_find_is_refused_and_judged_again_once_corrected(desk: Desk) -> None:
    made = await desk.create(place(street="Main Street"))
    await desk.town.porter.work_due()
    [kept] = (await desk.call("ListEmergencyAddresses")).emergency_addresses
    assert kept.state == REFUSED and kept.problem and await desk.caller() == ("", "")
    address_id = made.emergency_address_id
    old = desk.call("UpdateEmergencyAddress", emergency_address_id=address_id, address=place(), version=9)
    assert await reason_of(old) == "VERSION_CONFLICT"
    changed = await desk.call("UpdateEmergencyAddress", emergency_address_id=address_id, address=place(), version=1)
    assert changed.state == PENDING
    await desk.town.porter.work_due()
    assert await desk.caller() == (US[0], "12 Main Street")


async def test_carrier_that_is_away_leaves_an_address_waiting_and_is_asked_again(desk: Desk) -> None:
    desk.town.carrier.away = True
    await desk.create()
    await desk.town.porter.work_due()
    desk.town.carrier.away = False
    desk.town.clock.advance(299)
    await desk.town.porter.work_due()
    assert await desk.caller() == ("", "")
    desk.town.clock.advance(2)
    await desk.town.porter.work_due()
    assert await desk.caller() == (US[0], "12 Main Street")


async def test_number_has_an_address_of_its_own_before_that_of_its_brand(desk: Desk) -> None:
    await desk.create()
    own = await desk.create(place(street="99 Side Street"), "own")
    await desk.town.porter.work_due()
    address_id = own.emergency_address_id
    desk.town.clock.advance(1)
    newer = await desk.create(place(street="7 New Street"), "newer")
    await desk.town.porter.work_due()
    assert await desk.caller() == (US[0], "7 New Street")
    number = await desk.call("SetEmergencyAddress", number=US[0], emergency_address_id=address_id)
    assert number.emergency_address_id == address_id and await desk.caller() == (US[0], "99 Side Street")
    in_use = desk.call("DeleteEmergencyAddress", emergency_address_id=address_id)
    assert await reason_of(in_use) == "EMERGENCY_ADDRESS_IN_USE"
    await desk.call("SetEmergencyAddress", number=US[0])
    for each in (address_id, newer.emergency_address_id):
        await desk.call("DeleteEmergencyAddress", emergency_address_id=each)
    gone = desk.call("DeleteEmergencyAddress", emergency_address_id=address_id)
    assert await reason_of(gone) == "EMERGENCY_ADDRESS_NOT_FOUND"


async def test_address_of_another_brand_or_country_fits_no_number(desk: Desk) -> None:
    abroad = await desk.create(place(country="GB", region=""))
    other = Desk(desk.firm, (await desk.firm.brand()).brand_id)
    elsewhere = await other.create(request_id="other")
    for each in (abroad, elsewhere):
        given = desk.call("SetEmergencyAddress", number=US[0], emergency_address_id=each.emergency_address_id)
        assert await reason_of(given) == "EMERGENCY_ADDRESS_ELSEWHERE"


async def test_where_no_address_is_needed_a_number_calls_for_help_without_one(desk: Desk) -> None:
    brand_id = (await desk.firm.brand()).brand_id
    await assign(desk.firm, "+994125550300", brand_id)
    assert await Desk(desk.firm, brand_id).caller() == ("+994125550300", "")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"street": " "}, "street"), ({"region": ""}, "region"), ({"country": ""}, "country"), ({"city": "a\nb"}, "city")],
)
async def test_address_without_what_help_needs_is_refused(desk: Desk, wrong: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await desk.create(place(**wrong))
    assert [each.field for each in refused.value.fields] == [f"emergency_address.address.{field}"]


async def test_address_is_written_down_once_and_is_no_other_companys(desk: Desk) -> None:
    made = await desk.create()
    assert (await desk.create()).emergency_address_id == made.emergency_address_id
    rival = Desk(await desk.town.sign_up(), desk.brand_id)
    assert await reason_of(rival.create()) == "BRAND_NOT_FOUND"
    address_id = made.emergency_address_id
    theirs = rival.call("UpdateEmergencyAddress", emergency_address_id=address_id, address=place())
    assert await reason_of(theirs) == "EMERGENCY_ADDRESS_NOT_FOUND"
    assert await reason_of(rival.call("SetEmergencyAddress", number=US[0])) == "NUMBER_NOT_FOUND"


async def test_number_without_the_flag_never_calls_for_help(desk: Desk) -> None:
    await desk.create()
    await desk.town.porter.work_due()
    for each in US[:2]:
        with desk.firm.as_("admin"):
            await desk.town.stubs.numbers.ReleaseNumber(number_service_pb2.ReleaseNumberRequest(number=each))
    assert await desk.caller() == ("", "")
