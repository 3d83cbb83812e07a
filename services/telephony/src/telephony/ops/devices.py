"""Looking after desk phones, and where they can be reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from chassis.paging import MAX_PAGE_SIZE
from chassis.sql import Tx
from chassis.telemetry import log
from kernel.ids import new_id

from telephony.domain import devices
from telephony.domain.devices import Binding, Device, DeviceNotFound, Patience, Register
from telephony.domain.trunks import require_version
from telephony.store import devices as store


async def create_device(
    tx: Tx, agent_id: str, display_name: str, now: datetime, brand_id: str = ""
) -> tuple[Device, str]:
    """A new desk phone of an agent, and its secret, which is kept nowhere."""
    user_name, secret = devices.new_user_name(), devices.new_secret()
    sha256, md5 = devices.digests(user_name, secret)
    device = Device(
        new_id("dev", now), agent_id, devices.check_name(display_name), user_name, sha256, md5, now, now,
        brand_id=brand_id,
    )  # fmt: skip
    await store.add_device(tx, device)
    tx.after_commit(partial(log.info, "desk phone added", device_id=device.device_id, agent_id=agent_id))
    return device, secret


async def get_device(tx: Tx, device_id: str) -> Device:
    """The tenant's desk phone. DeviceNotFound."""
    device = await store.find_device(tx, device_id)
    if device is None:
        raise DeviceNotFound("there is no such desk phone")
    return device


async def list_devices(
    tx: Tx, agent_id: str, token: str, size: int, now: datetime
) -> Sequence[tuple[Device, Sequence[Binding]]]:
    """Newest first with where they can be reached, one more than `size` when there is a next page."""
    found = await store.list_devices(tx, agent_id, token, size)
    bindings = await store.bindings_of(tx, [each.device_id for each in found])
    return [(each, devices.living(bindings[each.device_id], now)) for each in found]


async def update_device(
    tx: Tx, device_id: str, changes: Mapping[str, Any], version: int, now: datetime
) -> tuple[Device, Sequence[Binding]]:
    """Change the named fields. Who may not sign in any more loses its bindings. VersionConflict."""
    before = await get_device(tx, device_id)
    require_version(before.version, version)
    after = replace(before, **changes, update_time=now, version=before.version + 1)
    after = replace(after, display_name=devices.check_name(after.display_name))
    await store.change_device(tx, after, before.version)
    if not after.enabled:
        await store.replace_bindings(tx, device_id, ())
    bindings = await store.bindings_of(tx, [device_id])
    return after, devices.living(bindings[device_id], now)


async def delete_device(tx: Tx, device_id: str) -> None:
    """The phone, its user name and its bindings."""
    await get_device(tx, device_id)
    await store.drop_device(tx, device_id)
    tx.after_commit(partial(log.info, "desk phone deleted", device_id=device_id))


async def shut_out(tx: Tx, agent_id: str, now: datetime) -> None:
    """Somebody's sign-in was taken away: their desk phones may not sign in either. They stay off until an admin says
    otherwise, also when the person comes back."""
    for device in await store.list_devices(tx, agent_id, "", MAX_PAGE_SIZE):
        if device.enabled:
            await update_device(tx, device.device_id, {"enabled": False}, device.version, now)
            tx.after_commit(partial(log.info, "desk phone shut out", device_id=device.device_id, agent_id=agent_id))


# -- for those who speak SIP ------------------------------------------------------------------------------------


async def find_by_user_name(tx: Tx, user_name: str) -> tuple[str, str] | None:
    """(tenant id, device id) of a user name, None when it is nobody's. System transaction."""
    return await store.find_by_user_name(tx, user_name)


async def signed_in_from(tx: Tx, device_id: str, host: str, now: datetime) -> bool:
    """Whether a phone is signed in from an address."""
    bindings = (await store.bindings_of(tx, [device_id]))[device_id]
    return any(each.source.rpartition(":")[0] == host for each in devices.living(bindings, now))


async def register(tx: Tx, device_id: str, request: Register, now: datetime) -> Sequence[Binding]:
    """The phone's bindings after an authenticated REGISTER. DeviceNotFound also when it may not sign in; what
    `devices.register` raises."""
    device = await get_device(tx, device_id)
    if not device.enabled:
        raise DeviceNotFound("the desk phone may not sign in")
    before = (await store.bindings_of(tx, [device_id]))[device_id]
    after = devices.register(before, request, now)
    if set(after) != set(before):
        await store.replace_bindings(tx, device_id, after)
    return after


async def reachable(tx: Tx, agent_id: str, now: datetime) -> Sequence[tuple[Device, Sequence[Binding]]]:
    """An agent's desk phones that may ring now, each with where."""
    found = await store.list_devices(tx, agent_id, "", 20)
    usable = [each for each in found if each.enabled]
    bindings = await store.bindings_of(tx, [each.device_id for each in usable])
    reached = [(each, devices.living(bindings[each.device_id], now)) for each in usable]
    able = [(device, [place for place in places if not place.unreachable]) for device, places in reached]
    return [(device, places) for device, places in able if places]


async def note_silence(tx: Tx, device_id: str, rung: Binding, patience: Patience, now: datetime) -> bool:
    """A place that was rung said nothing; whether it counts as unreachable by that. What it has said meanwhile, by a
    REGISTER or to another call, counts more."""
    before = await _place(tx, device_id, rung)
    if before is None or before.register_time != rung.register_time or before.silent_invites < rung.silent_invites:
        return False
    after = devices.silent(before, patience, now)
    await store.keep_silence(tx, device_id, after)
    return after.unreachable and not before.unreachable


async def note_heard(tx: Tx, device_id: str, place: Binding) -> bool:
    """Something was heard from there; whether it counted as unreachable until now."""
    before = await _place(tx, device_id, place)
    if before is None or not before.silent_invites:
        return False
    await store.keep_silence(tx, device_id, devices.heard(before))
    return before.unreachable


async def unreachable(tx: Tx, now: datetime) -> Sequence[tuple[str, Device, Binding]]:
    """(tenant id, phone, place) of those that are to be asked whether they are there. System transaction."""
    return await store.unreachable(tx, now)


async def _place(tx: Tx, device_id: str, known: Binding) -> Binding | None:
    bindings = (await store.bindings_of(tx, [device_id]))[device_id]
    return next((each for each in bindings if each.contact == known.contact), None)


async def has_expired(tx: Tx, now: datetime) -> bool:
    """Whether there are bindings that count no more. System transaction."""
    return await store.has_expired(tx, now)


async def purge_bindings(tx: Tx, now: datetime) -> None:
    """Forget bindings that count no more. System transaction."""
    await store.purge(tx, now)
