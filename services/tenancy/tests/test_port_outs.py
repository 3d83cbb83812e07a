"""Other carriers ask for a company's numbers: it agrees by its PIN, refuses, or lets the time pass."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from kernel.errors import InvalidInput
from merkez.tenancy.v1 import number_service_pb2, porting_pb2, porting_service_pb2
from tenancy.carriers.port import OutRequest
from testkit.told import told

from .test_handlers_numbers import assign, look_up, reason_of
from .test_inventory import Stock

NUMBERS = ("+442079460400", "+442079460401")
PIN = "204816"


class Owner:
    """A company whose numbers another carrier wants."""

    def __init__(self, firm: Any) -> None:
        self.firm, self.town, self.out_id = firm, firm.town, ""

    async def call(self, rpc: str, role: str = "admin", **said: Any) -> Any:
        request = getattr(porting_service_pb2, f"{rpc}Request")(**said)
        with self.firm.as_(role):
            return await getattr(self.town.stubs.porting, rpc)(request)

    async def asked(self, numbers: tuple[str, ...] = NUMBERS, ref: str = "out-1") -> None:
        self.town.carrier.outs[ref] = OutRequest(ref, numbers, "New Telecom")
        await self.town.porter.work_outs()

    async def out(self) -> Any:
        found = (await self.call("ListPortOuts")).port_outs
        return found[0] if found else None

    async def state(self) -> str:
        return porting_pb2.PortOutState.Name((await self.out()).state).removeprefix("PORT_OUT_STATE_")

    async def confirm(self, pin: str = PIN) -> Any:
        return await self.call("ConfirmPortOut", port_out_id=(await self.out()).port_out_id, pin=pin)


@pytest_asyncio.fixture
async def owner(open_town: Any) -> Owner:
    town = await open_town(fresh=True)
    stock = Stock(town)
    await stock.add("\n".join(NUMBERS))
    firm = await town.sign_up()
    brand = await firm.brand()
    town.clock.advance(1)
    for each in NUMBERS:
        await assign(firm, each, brand.brand_id)
    return Owner(firm)


async def test_company_agrees_by_its_pin_and_its_numbers_are_gone_when_the_other_carrier_takes_them(
    owner: Owner,
) -> None:
    await owner.call("SetPortOutPin", role="owner", pin=PIN)
    await owner.asked()
    out = await owner.out()
    assert (list(out.numbers), out.gaining_carrier, await owner.state()) == (list(NUMBERS), "New Telecom", "REQUESTED")
    assert (await owner.confirm()).state == porting_pb2.PORT_OUT_STATE_CONFIRMED
    await owner.town.porter.work_outs()
    assert owner.town.carrier.answers == {"out-1": (True, "")}
    assert (await look_up(owner.town, NUMBERS[0])).tenant_id == owner.firm.tenant_id
    owner.town.carrier.settle_out("out-1", "COMPLETED")
    owner.town.clock.advance(1)
    for _ in range(2):
        await owner.town.porter.work_outs()
    assert await owner.state() == "COMPLETED"
    assert await reason_of(look_up(owner.town, NUMBERS[0])) == "NUMBER_NOT_FOUND"
    stock = Stock(owner.town)
    assert await stock.one(NUMBERS[0]) is None
    assert [event for event, _ in await stock.history(NUMBERS[0])] == ["ADDED", "ASSIGNED", "PORTED_OUT"]
    notices = await told(owner.town.db, owner.firm.tenant_id, "NoticeRaised")
    assert [each.notice.kind for each in notices] == ["PORT_OUT_ASKED", "PORT_OUT_DONE"]


async def test_nobody_agrees_without_the_pin_and_five_wrong_ones_lock_it(owner: Owner) -> None:
    await owner.asked()
    assert await reason_of(owner.confirm()) == "PORT_PIN_WRONG"
    assert await reason_of(owner.call("SetPortOutPin", role="admin", pin=PIN)) == "PERMISSION_DENIED"
    await owner.call("SetPortOutPin", role="owner", pin=PIN)
    for _ in range(5):
        assert await reason_of(owner.confirm("111222")) == "PORT_PIN_WRONG"
    assert await reason_of(owner.confirm()) == "PORT_PIN_LOCKED"
    await owner.call("SetPortOutPin", role="owner", pin=PIN)
    await owner.confirm()
    assert await reason_of(owner.confirm()) == "PORT_STATE_WRONG"


@pytest.mark.parametrize("pin", ["", "12345", "12345678901", "12a456", "111111", "１２３４５６"])
async def test_pin_that_is_too_easy_or_no_number_is_refused(owner: Owner, pin: str) -> None:
    with pytest.raises(InvalidInput):
        await owner.call("SetPortOutPin", role="owner", pin=pin)


async def test_company_refuses_and_the_other_carrier_is_told_why(owner: Owner) -> None:
    await owner.asked()
    refuse = {"port_out_id": (await owner.out()).port_out_id, "reason": "we never asked for this"}
    await owner.call("RefusePortOut", **refuse)
    await owner.town.porter.work_outs()
    assert owner.town.carrier.answers == {"out-1": (False, "we never asked for this")}
    assert await reason_of(owner.call("RefusePortOut", **refuse)) == "PORT_STATE_WRONG"


async def test_request_nobody_answers_is_refused(owner: Owner) -> None:
    await owner.asked()
    owner.town.clock.advance(timedelta(days=3))
    await owner.town.porter.work_outs()
    assert await owner.state() == "REFUSED" and owner.town.carrier.answers["out-1"][0] is False


async def test_answer_reaches_a_carrier_that_was_away(owner: Owner) -> None:
    await owner.call("SetPortOutPin", role="owner", pin=PIN)
    await owner.asked()
    await owner.confirm()
    owner.town.carrier.away = True
    await owner.town.porter.work_outs()
    owner.town.carrier.away = False
    await owner.town.porter.work_outs()
    assert owner.town.carrier.answers == {"out-1": (True, "")}


async def test_request_the_other_carrier_withdraws_is_over(owner: Owner) -> None:
    await owner.asked()
    owner.town.carrier.settle_out("out-1", "WITHDRAWN")
    await owner.town.porter.work_outs()
    assert await owner.state() == "WITHDRAWN"
    assert (await look_up(owner.town, NUMBERS[0])).tenant_id == owner.firm.tenant_id


async def test_request_for_numbers_of_nobody_or_of_two_companies_is_refused_at_once(owner: Owner) -> None:
    rival = await owner.town.sign_up()
    await Stock(owner.town).add("+442079460402")
    await assign(rival, "+442079460402", (await rival.brand()).brand_id)
    await owner.asked((NUMBERS[0], "+442079460402"), "mixed")
    await owner.asked(("+442079460499",), "nobodys")
    assert {ref: agreed for ref, (agreed, _) in owner.town.carrier.answers.items()} == {
        "mixed": False,
        "nobodys": False,
    }
    assert await owner.out() is None


async def test_request_is_no_other_companys(owner: Owner) -> None:
    await owner.asked()
    rival = Owner(await owner.town.sign_up())
    out_id = (await owner.out()).port_out_id
    assert await rival.out() is None
    assert await reason_of(rival.call("ConfirmPortOut", port_out_id=out_id, pin=PIN)) == "PORT_OUT_NOT_FOUND"
    assert await reason_of(rival.call("RefusePortOut", port_out_id=out_id, reason="no")) == "PORT_OUT_NOT_FOUND"


async def test_number_released_after_it_was_promised_is_gone_without_harm(owner: Owner) -> None:
    await owner.call("SetPortOutPin", role="owner", pin=PIN)
    await owner.asked()
    await owner.confirm()
    with owner.firm.as_("admin"):
        await owner.town.stubs.numbers.ReleaseNumber(number_service_pb2.ReleaseNumberRequest(number=NUMBERS[0]))
    owner.town.carrier.settle_out("out-1", "COMPLETED")
    await owner.town.porter.work_outs()
    assert await owner.state() == "COMPLETED"
