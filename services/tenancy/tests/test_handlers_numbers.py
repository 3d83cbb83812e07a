"""Numbers and where calls lead, as a caller sees it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from kernel.errors import DomainError, FailedPrecondition, InvalidInput, NotFound
from kernel.ids import new_id
from merkez.tenancy.v1 import (
    number_pb2,
    number_service_pb2,
    tenant_pb2,
    tenant_service_pb2,
)


async def reason_of(call: Any) -> str:
    with pytest.raises(DomainError) as refused:
        await call
    return refused.value.reason


async def free(firm: Any, country: str = "TR", size: int = 50, token: str = "") -> Any:
    request = number_service_pb2.ListAvailableNumbersRequest(country=country, page_size=size, page_token=token)
    with firm.as_("supervisor"):
        return await firm.town.stubs.numbers.ListAvailableNumbers(request)


async def assign(firm: Any, number: str, brand_id: str, flow_id: str = "", request_id: str = "") -> number_pb2.Number:
    request = number_service_pb2.AssignNumberRequest(
        request_id=request_id or f"{number} {brand_id}", number=number, brand_id=brand_id, flow_id=flow_id
    )
    with firm.as_("admin"):
        return await firm.town.stubs.numbers.AssignNumber(request)


async def take(firm: Any, brand_id: str) -> str:
    """Some free number, assigned to the brand."""
    number = (await free(firm)).numbers[0].number
    await assign(firm, number, brand_id)
    return number


async def update(firm: Any, number: str, version: int = 0, **news: Any) -> number_pb2.Number:
    request = number_service_pb2.UpdateNumberRequest(number=number_pb2.Number(number=number, **news), version=version)
    request.update_mask.paths.extend(news)
    with firm.as_("admin"):
        return await firm.town.stubs.numbers.UpdateNumber(request)


async def release(firm: Any, number: str) -> None:
    with firm.as_("admin"):
        await firm.town.stubs.numbers.ReleaseNumber(number_service_pb2.ReleaseNumberRequest(number=number))


async def look_up(town: Any, number: str = "", widget_key: str = "") -> Any:
    with town.as_service():
        return await town.stubs.numbers.LookupRoute(
            number_service_pb2.LookupRouteRequest(number=number, widget_key=widget_key)
        )


async def brand_of(firm: Any, brand_id: str) -> Any:
    with firm.as_():
        return await firm.town.stubs.brands.GetBrand(tenant_service_pb2.GetBrandRequest(brand_id=brand_id))


async def test_free_numbers_come_in_pages_by_country(firm: Any) -> None:
    page = await free(firm, "az", 60)
    rest = await free(firm, "AZ", 60, page.next_page_token)
    found = [each.number for each in (*page.numbers, *rest.numbers)]
    assert len(found) == 100 and found == sorted(found) and rest.next_page_token == ""
    assert all(each.country == "AZ" and each.test and not each.brand_id for each in page.numbers)


async def test_malformed_page_token_country_and_size_are_refused(firm: Any) -> None:
    wrongs: list[dict[str, Any]] = [{"token": "nonsense"}, {"country": "Turkey"}, {"size": -1}]
    for wrong in wrongs:
        with pytest.raises(InvalidInput):
            await free(firm, **wrong)


async def test_number_is_taken_for_a_brand_and_its_widget_calls_it(town: Any, firm: Any) -> None:
    brand, flow_id = await firm.brand(), firm.flow()
    number = (await free(firm)).numbers[0].number
    made = await assign(firm, number, brand.brand_id, flow_id)
    assert (made.number, made.brand_id, made.flow_id, made.version) == (number, brand.brand_id, flow_id, 1)
    assert number not in [each.number for each in (await free(firm)).numbers]
    changed = await brand_of(firm, brand.brand_id)
    assert (changed.widget_number, changed.version) == (number, brand.version + 1)
    for route in (await look_up(town, number), await look_up(town, widget_key=brand.widget_key)):
        assert (route.tenant_id, route.number.flow_id) == (firm.tenant_id, flow_id)
        assert route.brand.display_name == "Umbrella" and route.entitlements.limits.max_concurrent_calls == 30


async def test_repeated_assignment_is_made_once_and_the_same_number_not_twice(firm: Any) -> None:
    brand, number = await firm.brand(), (await free(firm)).numbers[0].number
    first = await assign(firm, number, brand.brand_id, request_id="one")
    assert await assign(firm, number, brand.brand_id, request_id="one") == first
    assert await reason_of(assign(firm, number, brand.brand_id, request_id="two")) == "NUMBER_TAKEN"
    other = (await free(firm)).numbers[0].number
    assert await reason_of(assign(firm, other, brand.brand_id, request_id="one")) == "REQUEST_ID_REUSED"


async def test_number_two_companies_want_at_once_goes_to_exactly_one(town: Any, firm: Any) -> None:
    rival = await town.sign_up()
    mine, theirs = await firm.brand(), await rival.brand()
    number = (await free(firm)).numbers[0].number
    found = await asyncio.gather(
        assign(firm, number, mine.brand_id), assign(rival, number, theirs.brand_id), return_exceptions=True
    )
    [lost] = [each for each in found if isinstance(each, BaseException)]
    assert isinstance(lost, FailedPrecondition) and lost.reason == "NUMBER_TAKEN"
    holder = (await look_up(town, number)).tenant_id
    assert holder == (firm if isinstance(found[1], BaseException) else rival).tenant_id


async def test_numbers_beyond_the_plan_are_refused(town: Any) -> None:
    firm = await town.sign_up(plan_id="starter")
    brand = await firm.brand()
    for _ in range(2):
        await take(firm, brand.brand_id)
    assert await reason_of(take(firm, brand.brand_id)) == "PLAN_LIMIT_REACHED"


async def test_number_nobody_has_is_not_found_and_a_malformed_one_is_named(town: Any, firm: Any) -> None:
    brand = await firm.brand()
    assert await reason_of(assign(firm, "+905551234567", brand.brand_id)) == "NUMBER_NOT_FOUND"
    number = (await free(firm)).numbers[0].number
    for arguments, field in (
        ((firm, "12", brand.brand_id), "number"),
        ((firm, number, "brd_1"), "brand_id"),
        ((firm, number, brand.brand_id, "flow"), "flow_id"),
        ((firm, number, brand.brand_id, "", "x" * 129), "request_id"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await assign(*arguments)
        assert refused.value.fields[0].field == field


async def test_released_number_is_free_again_and_leads_nowhere(town: Any, firm: Any) -> None:
    brand = await firm.brand()
    number = await take(firm, brand.brand_id)
    await release(firm, number)
    assert await reason_of(release(firm, number)) == "NUMBER_NOT_FOUND"
    assert await reason_of(look_up(town, number)) == "NUMBER_NOT_FOUND"
    by_widget = await look_up(town, widget_key=brand.widget_key)
    assert by_widget.brand.brand_id == brand.brand_id and by_widget.number.number == ""
    rival = await town.sign_up()
    await assign(rival, number, (await rival.brand()).brand_id)
    assert (await look_up(town, number)).tenant_id == rival.tenant_id


async def test_brand_with_a_number_is_not_deleted(town: Any, firm: Any) -> None:
    brand = await firm.brand()
    number = await take(firm, brand.brand_id)
    delete = tenant_service_pb2.DeleteBrandRequest(brand_id=brand.brand_id)
    with firm.as_("admin"):
        assert await reason_of(town.stubs.brands.DeleteBrand(delete)) == "BRAND_IN_USE"
    await release(firm, number)
    with firm.as_("admin"):
        await town.stubs.brands.DeleteBrand(delete)
    assert await reason_of(look_up(town, widget_key=brand.widget_key)) == "WIDGET_NOT_FOUND"


async def test_number_moves_to_another_brand_and_takes_the_widget_along(town: Any, firm: Any) -> None:
    old, new = await firm.brand("Umbrella"), await firm.brand("Stark")
    number = await take(firm, old.brand_id)
    await update(firm, number, brand_id=new.brand_id)
    assert (await brand_of(firm, old.brand_id)).widget_number == ""
    assert (await brand_of(firm, new.brand_id)).widget_number == number
    assert (await look_up(town, widget_key=old.widget_key)).number.number == ""
    assert (await look_up(town, number)).brand.display_name == "Stark"


async def test_number_points_at_another_flow_or_none(town: Any, firm: Any) -> None:
    number, flow_id = await take(firm, (await firm.brand()).brand_id), firm.flow()
    changed = await update(firm, number, 1, flow_id=flow_id)
    assert (changed.flow_id, changed.version) == (flow_id, 2)
    assert await reason_of(update(firm, number, 1, flow_id="")) == "VERSION_CONFLICT"
    assert (await update(firm, number, 2, flow_id="")).flow_id == ""


async def test_number_points_at_no_flow_that_is_another_companys_or_not_there(town: Any, firm: Any) -> None:
    brand, theirs = await firm.brand(), (await town.sign_up()).flow()
    number = await take(firm, brand.brand_id)
    for flow_id in (theirs, new_id("flw", town.clock.now())):
        assert await reason_of(update(firm, number, flow_id=flow_id)) == "FLOW_NOT_FOUND"
        other = (await free(firm)).numbers[0].number
        assert await reason_of(assign(firm, other, brand.brand_id, flow_id)) == "FLOW_NOT_FOUND"
    town.flows.away = True
    assert await reason_of(update(firm, number, flow_id=firm.flow())) == "UNAVAILABLE"
    assert (await look_up(town, number)).number.flow_id == ""


async def test_widget_calls_only_numbers_that_lead_to_its_brand(firm: Any) -> None:
    one, other = await firm.brand("Umbrella"), await firm.brand("Stark")
    mine, second = await take(firm, one.brand_id), await take(firm, one.brand_id)
    foreign = await take(firm, other.brand_id)

    async def point(number: str) -> Any:
        request = tenant_service_pb2.UpdateBrandRequest()
        request.brand.brand_id, request.brand.widget_number = one.brand_id, number
        request.update_mask.paths.append("widget_number")
        with firm.as_():
            return await firm.town.stubs.brands.UpdateBrand(request)

    assert (await brand_of(firm, one.brand_id)).widget_number == mine
    assert (await point(second)).widget_number == second
    with pytest.raises(InvalidInput):
        await point(foreign)


@pytest.mark.parametrize("asked", [{"number": "+12025550100"}, {"number": ""}, {"widget_key": "wgt_nobodys"}])
async def test_call_to_nobody_is_not_found(town: Any, asked: dict[str, str]) -> None:
    with pytest.raises(NotFound):
        await look_up(town, **asked)


async def test_numbers_are_listed_last_assigned_first(town: Any, firm: Any) -> None:
    brand, taken = await firm.brand(), []
    for _ in range(3):
        taken.append(await take(firm, brand.brand_id))
        town.clock.advance(1)
    with firm.as_("supervisor"):
        page = await town.stubs.numbers.ListNumbers(number_service_pb2.ListNumbersRequest(page_size=2))
        rest = await town.stubs.numbers.ListNumbers(
            number_service_pb2.ListNumbersRequest(page_size=2, page_token=page.next_page_token)
        )
    assert [each.number for each in (*page.numbers, *rest.numbers)] == taken[::-1]


async def caller_numbers(firm: Any, brand_id: str = "") -> Any:
    with firm.town.as_service(firm.tenant_id):
        return await firm.town.stubs.numbers.GetCallerNumbers(
            number_service_pb2.GetCallerNumbersRequest(brand_id=brand_id)
        )


async def show(firm: Any, brand_id: str, number: str) -> Any:
    request = tenant_service_pb2.UpdateBrandRequest(brand=tenant_pb2.Brand(brand_id=brand_id, caller_number=number))
    request.update_mask.paths.append("caller_number")
    with firm.as_("admin"):
        return await firm.town.stubs.brands.UpdateBrand(request)


async def test_those_who_are_called_see_the_brands_number_unless_it_chose_another(town: Any, firm: Any) -> None:
    brand, second = await firm.brand(), await firm.brand()
    number, other = await take(firm, brand.brand_id), await take(firm, second.brand_id)
    found = await caller_numbers(firm, brand.brand_id)
    assert (found.default_number, list(found.numbers)) == (number, sorted([number, other]))
    assert (found.brand_name, found.tenant_state) == ("Umbrella", tenant_pb2.TENANT_STATE_ACTIVE)
    await show(firm, brand.brand_id, other)
    assert (await caller_numbers(firm, brand.brand_id)).default_number == other
    assert (await look_up(town, number)).caller_number == other
    assert (await caller_numbers(firm)).default_number == ""


async def test_who_is_called_is_spoken_to_in_the_brands_language_else_in_the_tenants(firm: Any) -> None:
    brand = await firm.brand()
    request = tenant_service_pb2.UpdateBrandRequest(brand=tenant_pb2.Brand(brand_id=brand.brand_id, language="fa"))
    request.update_mask.paths.append("language")
    with firm.as_("admin"):
        await firm.town.stubs.brands.UpdateBrand(request)
    assert (await caller_numbers(firm, brand.brand_id)).language == "fa"
    await firm.brand()
    assert (await caller_numbers(firm)).language == "tr"


async def test_whoever_names_no_brand_calls_in_the_name_of_the_only_one_there_is(firm: Any) -> None:
    brand = await firm.brand()
    number = await take(firm, brand.brand_id)
    found = await caller_numbers(firm)
    assert (found.brand_id, found.default_number, found.brand_name) == (brand.brand_id, number, "Umbrella")
    await firm.brand()
    found = await caller_numbers(firm)
    assert (found.brand_id, found.default_number, found.brand_name) == ("", "", "")


async def test_only_ones_own_number_is_shown_and_none_that_was_given_back(town: Any, firm: Any) -> None:
    rival = await town.sign_up()
    theirs, brand, second = await rival.brand(), await firm.brand(), await firm.brand()
    foreign = await take(rival, theirs.brand_id)
    number, other = await take(firm, brand.brand_id), await take(firm, second.brand_id)
    with pytest.raises(InvalidInput) as refused:
        await show(firm, brand.brand_id, foreign)
    assert [each.field for each in refused.value.fields] == ["brand.caller_number"]
    await show(firm, brand.brand_id, other)
    await release(firm, other)
    found = await caller_numbers(firm, brand.brand_id)
    assert (found.default_number, list(found.numbers)) == (number, [number])
    assert (await brand_of(firm, brand.brand_id)).caller_number == ""
    assert await reason_of(caller_numbers(rival, brand.brand_id)) == "BRAND_NOT_FOUND"
