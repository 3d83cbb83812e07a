"""Numbers a company brings from its own carrier: whose they are, and who is shown them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from kernel.errors import DomainError, FailedPrecondition, InvalidInput
from merkez.tenancy.v1 import number_service_pb2, operator_service_pb2, session_service_pb2

from .test_handlers_numbers import caller_numbers, free, look_up, reason_of, release, show, take, update


async def bring(firm: Any, *entries: str, brand_id: str = "", trunk_id: str = "", **more: Any) -> list[Any]:
    said = {"request_id": f"bring {entries} {more}", "country": "TR", "trunk_id": trunk_id or firm.trunk()} | more
    brand_id = brand_id or (await firm.brand("Brought")).brand_id
    request = number_service_pb2.BringNumbersRequest(entries=entries, brand_id=brand_id, **said)
    with firm.as_("admin"):
        return list((await firm.town.stubs.numbers.BringNumbers(request)).numbers)


async def approve(firm: Any, *numbers: str, revoke: bool = False) -> list[Any]:
    stub, kind = firm.town.stubs.operators, operator_service_pb2
    with firm.town.as_operator():
        if revoke:
            wish = kind.RevokeNumbersRequest(tenant_id=firm.tenant_id, numbers=numbers)
            return list((await stub.RevokeNumbers(wish)).numbers)
        return list(
            (await stub.ApproveNumbers(kind.ApproveNumbersRequest(tenant_id=firm.tenant_id, numbers=numbers))).numbers
        )


async def brought_anywhere(town: Any, waiting: bool = False) -> dict[str, Any]:
    with town.as_operator():
        wish = operator_service_pb2.ListBroughtNumbersRequest(waiting=waiting, page_size=200)
        return {each.number.number: each for each in (await town.stubs.operators.ListBroughtNumbers(wish)).numbers}


async def test_numbers_of_ones_own_carrier_lead_to_the_flow_and_are_shown_over_their_trunk(
    town: Any, firm: Any
) -> None:
    brand, trunk_id, flow_id = await firm.brand("Delta"), firm.trunk(), firm.flow()

    made = await bring(
        firm, "0212 900 10 00", "+902129001002-04", brand_id=brand.brand_id, trunk_id=trunk_id, flow_id=flow_id
    )

    assert [each.number for each in made] == ["+902129001000", "+902129001002", "+902129001003", "+902129001004"]
    assert all(each.brought and not each.test and each.country == "TR" for each in made)
    assert all((each.brand_id, each.flow_id, each.trunk_id) == (brand.brand_id, flow_id, trunk_id) for each in made)
    route = await look_up(town, made[1].number)
    assert (route.tenant_id, route.number.flow_id, route.number.trunk_id) == (firm.tenant_id, flow_id, trunk_id)
    assert not (await caller_numbers(firm, brand.brand_id)).numbers, "nobody has said that they are its own"
    await approve(firm, *(each.number for each in made))
    shown = await caller_numbers(firm, brand.brand_id)
    assert shown.default_number == made[0].number and dict(shown.trunk_ids) == dict.fromkeys(shown.numbers, trunk_id)


async def test_another_companys_number_is_refused_by_its_name_and_nothing_of_the_rest_is_taken(
    town: Any, firm: Any
) -> None:
    other = await town.sign_up()
    await bring(other, "+902129002001")

    with pytest.raises(FailedPrecondition) as refused:
        await bring(firm, "+902129002000-05")

    assert (refused.value.reason, refused.value.metadata["numbers"]) == ("NUMBERS_TAKEN", "+902129002001")
    assert await reason_of(look_up(town, "+902129002000")) == "NUMBER_NOT_FOUND"
    assert (await look_up(town, "+902129002001")).tenant_id == other.tenant_id


async def test_two_companies_that_bring_a_number_at_once_do_not_both_get_it(town: Any, firm: Any) -> None:
    other = await town.sign_up()
    ends = await asyncio.gather(*(bring(each, "+902129003000") for each in (firm, other)), return_exceptions=True)
    refused = [each for each in ends if isinstance(each, DomainError)]
    assert len(refused) == 1 and refused[0].reason in {"NUMBERS_TAKEN", "NUMBER_TAKEN"}


async def test_a_number_of_the_inventory_and_one_of_ones_own_are_not_brought(firm: Any) -> None:
    listed = (await free(firm)).numbers[0].number
    assert await reason_of(bring(firm, listed)) == "NUMBERS_TAKEN"
    await bring(firm, "+902129004000")
    assert await reason_of(bring(firm, "+902129004000", "+902129004001")) == "NUMBERS_TAKEN"


async def test_a_repeated_request_brings_once_and_answers_the_same(firm: Any) -> None:
    brand, trunk_id = await firm.brand("Again"), firm.trunk()
    again = {"brand_id": brand.brand_id, "trunk_id": trunk_id, "request_id": "bring-once"}
    assert await bring(firm, "+902129005000", **again) == await bring(firm, "+902129005000", **again)
    assert await reason_of(bring(firm, "+902129005001", **again)) == "REQUEST_ID_REUSED"


async def test_every_entry_that_can_not_be_read_is_named_and_nothing_is_taken(town: Any, firm: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        await bring(firm, "+902129006000", "sales", "+902129006009-05", "12", "+902129006000-9999")
    assert [each.field for each in refused.value.fields] == [f"entries[{index}]" for index in (1, 2, 3, 4)]
    assert await reason_of(look_up(town, "+902129006000")) == "NUMBER_NOT_FOUND"


async def test_a_trunk_of_somebody_else_is_not_found_and_telephony_away_is_told(town: Any, firm: Any) -> None:
    other = await town.sign_up()
    assert await reason_of(bring(firm, "+902129007000", trunk_id=other.trunk())) == "TRUNK_NOT_FOUND"
    town.trunks.away = True
    with pytest.raises(DomainError) as refused:
        await bring(firm, "+902129007001")
    assert type(refused.value).__name__ == "Unavailable"


async def test_numbers_brought_count_for_the_plan_all_of_them_or_none(town: Any) -> None:
    firm = await town.sign_up(plan_id="starter")
    assert await reason_of(bring(firm, "+902129008000-02")) == "PLAN_LIMIT_REACHED"
    with firm.as_():
        assert not (await town.stubs.numbers.ListNumbers(number_service_pb2.ListNumbersRequest())).numbers


async def test_a_number_that_is_unbound_is_still_called_but_shown_to_nobody_until_bound_again(
    town: Any, firm: Any
) -> None:
    (made,) = await bring(firm, "+902129009000")
    await approve(firm, made.number)
    await update(firm, made.number, trunk_id="")
    assert made.number not in (await caller_numbers(firm)).numbers
    assert (await look_up(town, made.number)).tenant_id == firm.tenant_id
    other = firm.trunk()
    await update(firm, made.number, trunk_id=other)
    assert (await caller_numbers(firm)).trunk_ids[made.number] == other


async def test_a_number_of_the_inventory_is_bound_to_no_trunk(firm: Any) -> None:
    brand = await firm.brand("Listed")
    number = await take(firm, brand.brand_id)
    assert await reason_of(update(firm, number, trunk_id=firm.trunk())) == "NUMBER_NOT_BROUGHT"


async def test_a_brought_number_that_was_let_go_is_nobodys_and_may_be_brought_by_another(town: Any, firm: Any) -> None:
    (made,) = await bring(firm, "+902129010000")
    await release(firm, made.number)
    assert await reason_of(look_up(town, made.number)) == "NUMBER_NOT_FOUND"
    assert made.number not in [each.number for each in (await free(firm, size=200)).numbers]
    other = await town.sign_up()
    assert await bring(other, made.number)


async def test_an_operator_approves_numbers_for_showing_and_takes_it_back(town: Any) -> None:
    firm = await town.sign_up(plan_id="scale")
    brand = await firm.brand("Gamma")
    first, second = await bring(firm, "+902129011000-01", brand_id=brand.brand_id)
    waiting = await brought_anywhere(town, waiting=True)
    assert waiting[first.number].tenant_id == firm.tenant_id and waiting[first.number].tenant_name
    with pytest.raises(InvalidInput, match="approved"):
        await show(firm, brand.brand_id, first.number)

    (approved,) = await approve(firm, first.number)
    assert approved.HasField("approve_time") and approved.version == first.version + 1
    assert await approve(firm, first.number) == [approved], "a second time changes nothing"
    assert list((await caller_numbers(firm)).numbers) == [first.number]
    assert first.number not in await brought_anywhere(town, waiting=True)
    assert {first.number, second.number} <= set(await brought_anywhere(town))
    assert (await show(firm, brand.brand_id, first.number)).caller_number == first.number
    await update(firm, first.number, trunk_id=firm.trunk())
    assert list((await caller_numbers(firm)).numbers) == [first.number], "it is the company's over whichever trunk"

    await approve(firm, first.number, revoke=True)
    shown = await caller_numbers(firm, brand.brand_id)
    assert not shown.numbers and not shown.default_number
    with firm.as_("admin"):
        entries = (await town.stubs.audit.ListAuditEntries(session_service_pb2.ListAuditEntriesRequest())).entries
    verbs = sorted(each.action.rpartition("/")[2] for each in entries if each.target == first.number)
    assert verbs == ["ApproveNumbers", "ApproveNumbers", "RevokeNumbers"]


async def test_a_number_brought_anew_is_approved_anew(firm: Any) -> None:
    (made,) = await bring(firm, "+902129012000")
    await approve(firm, made.number)
    await release(firm, made.number)
    (again,) = await bring(firm, "+902129012000", request_id="again")
    assert not again.HasField("approve_time") and made.number not in (await caller_numbers(firm)).numbers


async def test_only_brought_numbers_of_the_company_named_are_approved_all_or_none(town: Any, firm: Any) -> None:
    other = await town.sign_up()
    (theirs,) = await bring(other, "+902129013000")
    (ours,) = await bring(firm, "+902129013001")
    assert await reason_of(approve(firm, ours.number, theirs.number)) == "NUMBER_NOT_FOUND"
    listed = await take(firm, (await firm.brand("Listed")).brand_id)
    assert await reason_of(approve(firm, ours.number, listed)) == "NUMBER_NOT_BROUGHT"
    assert ours.number in await brought_anywhere(town, waiting=True)
    with pytest.raises(InvalidInput):
        await approve(firm)
    with firm.as_("owner"):
        wish = operator_service_pb2.ApproveNumbersRequest(tenant_id=firm.tenant_id, numbers=[ours.number])
        assert await reason_of(town.stubs.operators.ApproveNumbers(wish)) == "PERMISSION_DENIED"
