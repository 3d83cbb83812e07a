"""Desk phones as an admin looks after them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from kernel.errors import Conflict, InvalidInput, NotFound
from merkez.telephony.v1 import trunk_pb2
from merkez.telephony.v1 import trunk_service_pb2 as pb
from sqlalchemy import text
from telephony.domain import devices as device_rules
from telephony.domain.devices import DeviceNotFound
from telephony.ops import devices as device_ops

from .office import AGENT, an_id, office, reason_of

__all__ = ["office"]


async def test_a_phones_secret_is_told_once_and_only_its_digests_are_kept(office) -> None:
    made = await office.device("once")
    again = await office.device("once")
    assert made.secret and made.domain == "sip.merkez.example"
    assert (again.secret, again.device) == ("", made.device)
    name = made.device.user_name
    tenant_id, device_id = await office.db.system(lambda tx: device_ops.find_by_user_name(tx, name))
    assert (tenant_id, device_id) == (office.tenant, made.device.device_id)
    row = await office.db.run(office.tenant, lambda tx: device_ops.get_device(tx, device_id))
    assert (row.ha1_sha256, row.ha1_md5) == device_rules.digests(name, made.secret)
    for table in ("devices", "requests"):
        found = await office.db.run(office.tenant, lambda tx, t=table: tx.all(text(f"select * from telephony.{t}")))
        assert made.secret not in str(found) and made.secret.encode() not in b"".join(
            each for row in found for each in row.values() if isinstance(each, bytes)
        )


async def test_where_a_phone_can_be_reached_is_listed_until_it_expires(office) -> None:
    made = await office.device()
    await office.sign_in(made.device.device_id, expires=120, user_agent="Fanvil")
    [device] = (await office.listed()).devices
    assert [(each.contact, each.user_agent) for each in device.bindings] == [("sip:x@192.0.2.7", "Fanvil")]
    now = office.clock.now()
    reached = await office.db.run(office.tenant, lambda tx: device_ops.reachable(tx, AGENT, now))
    assert [each.device_id for each, _ in reached] == [made.device.device_id]
    office.clock.advance(timedelta(seconds=121))
    assert not (await office.listed()).devices[0].bindings
    await office.db.system(lambda tx: device_ops.purge_bindings(tx, office.clock.now()))
    later = office.clock.now()
    assert await office.db.run(office.tenant, lambda tx: device_ops.reachable(tx, AGENT, later)) == []


async def test_two_registrations_of_a_phone_at_once_leave_the_newer(office) -> None:
    made = await office.device()
    await asyncio.gather(*(office.sign_in(made.device.device_id, cseq) for cseq in (1, 2, 3)), return_exceptions=True)
    kept = await office.db.run(
        office.tenant, lambda tx: device_ops.reachable(tx, AGENT, office.clock.now()), read_only=True
    )
    assert [each.cseq for _, places in kept for each in places] == [3]


async def test_a_phone_that_may_not_sign_in_is_reachable_no_more(office) -> None:
    made = await office.device()
    await office.sign_in(made.device.device_id)
    request = pb.UpdateDeviceRequest(device=made.device, version=made.device.version)
    request.device.enabled = False
    request.update_mask.paths.append("enabled")
    with office.as_():
        changed = await office.devices.UpdateDevice(request)
        assert not changed.enabled and not changed.bindings
        with pytest.raises(Conflict):
            await office.devices.UpdateDevice(request)
    with pytest.raises(DeviceNotFound):
        await office.sign_in(made.device.device_id, 2)


async def test_a_phone_is_given_a_brand_to_dial_for_and_another_companys_brand_is_refused(office) -> None:
    ours, theirs = an_id("brd"), an_id("brd")
    office.numbers.brands = {ours}
    made = await office.device(brand_id=ours)
    assert made.device.brand_id == ours
    with pytest.raises(NotFound):
        await office.device(brand_id=theirs)
    with pytest.raises(InvalidInput):
        await office.device(brand_id="somewhere")
    request = pb.UpdateDeviceRequest(device=trunk_pb2.Device(device_id=made.device.device_id, brand_id=theirs))
    request.update_mask.paths.append("brand_id")
    with office.as_():
        assert await reason_of(office.devices.UpdateDevice(request)) == "BRAND_NOT_FOUND"
        office.numbers.down = True
        request.device.brand_id = ""
        assert (await office.devices.UpdateDevice(request)).brand_id == "", "taking it away asks nobody"
    assert [each.brand_id for each in (await office.listed()).devices] == [""]


async def test_a_deleted_phone_and_another_tenants_are_not_there(office) -> None:
    made = await office.device()
    request = pb.DeleteDeviceRequest(device_id=made.device.device_id)
    with office.as_(tenant=an_id("ten")):
        assert await reason_of(office.devices.DeleteDevice(request)) == "DEVICE_NOT_FOUND"
    with office.as_():
        await office.devices.DeleteDevice(request)
        assert await reason_of(office.devices.DeleteDevice(request)) == "DEVICE_NOT_FOUND"
    name = made.device.user_name
    assert await office.db.system(lambda tx: device_ops.find_by_user_name(tx, name)) is None


async def test_a_phone_needs_an_agent_and_a_name_and_is_listed_by_agent(office) -> None:
    with pytest.raises(InvalidInput):
        await office.device(agent_id="somebody")
    with pytest.raises(InvalidInput):
        await office.device(name="  ")
    other = an_id("usr")
    await office.device()
    theirs = await office.device(agent_id=other)
    assert [each.device_id for each in (await office.listed(agent_id=other)).devices] == [theirs.device.device_id]
