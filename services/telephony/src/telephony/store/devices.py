"""Desk phones and where they can be reached. `device_names` finds a phone's tenant before one is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.paging import keyset
from chassis.sql import Tx
from sqlalchemy import RowMapping, delete, insert, select, update

from telephony.domain.devices import Binding, Device
from telephony.domain.trunks import Transport, VersionConflict
from telephony.store.trunk_tables import device_bindings, device_names, devices

_FIELDS = (
    "device_id", "agent_id", "display_name", "user_name", "ha1_sha256", "ha1_md5", "create_time", "update_time",
    "enabled", "version", "brand_id",
)  # fmt: skip
_BINDING = (
    "contact", "expire_time", "source", "node_id", "call_id", "cseq", "register_time", "user_agent", "silent_invites",
    "silent_since", "unreachable",
)  # fmt: skip


_PLACE = [device_bindings.c[name] for name in (*_BINDING, "transport", "path")]


async def add_device(tx: Tx, device: Device) -> None:
    """The phone, and its user name for all to find it by."""
    await tx.execute(insert(devices), {"tenant_id": tx.tenant_id, **_row(device)})
    name = {"user_name": device.user_name, "tenant_id": tx.tenant_id, "device_id": device.device_id}
    await tx.execute(insert(device_names), name)


async def find_device(tx: Tx, device_id: str) -> Device | None:
    mine = (devices.c.tenant_id == tx.tenant_id, devices.c.device_id == device_id)
    row = await tx.one_or_none(select(devices).where(*mine))
    return None if row is None else _device(row)


async def find_by_user_name(tx: Tx, user_name: str) -> tuple[str, str] | None:
    """(tenant id, device id) of a user name. System transaction."""
    row = await tx.one_or_none(select(device_names).where(device_names.c.user_name == user_name))
    return None if row is None else (row["tenant_id"], row["device_id"])


async def list_devices(tx: Tx, agent_id: str, token: str, size: int) -> Sequence[Device]:
    """Newest first, one more than `size` when there is a next page; of one agent, or of all."""
    mine = select(devices).where(devices.c.tenant_id == tx.tenant_id)
    if agent_id:
        mine = mine.where(devices.c.agent_id == agent_id)
    return [_device(row) for row in await tx.all(keyset(mine, devices.c.create_time, devices.c.device_id, token, size))]


async def change_device(tx: Tx, device: Device, was: int) -> None:
    """Over version `was`; VersionConflict when that is no longer there."""
    mine = (devices.c.tenant_id == tx.tenant_id, devices.c.device_id == device.device_id, devices.c.version == was)
    if (await tx.execute(update(devices).where(*mine).values(**_row(device)))).rowcount != 1:
        raise VersionConflict("somebody else changed it first")


async def drop_device(tx: Tx, device_id: str) -> None:
    """The phone, its name and its bindings."""
    for table in (device_bindings, device_names, devices):
        await tx.execute(delete(table).where(table.c.tenant_id == tx.tenant_id, table.c.device_id == device_id))


async def bindings_of(tx: Tx, device_ids: Sequence[str]) -> Mapping[str, Sequence[Binding]]:
    """Device id -> its bindings, the expired ones too."""
    mine = (device_bindings.c.tenant_id == tx.tenant_id, device_bindings.c.device_id.in_(device_ids))
    found: dict[str, list[Binding]] = {device_id: [] for device_id in device_ids}
    for row in await tx.all(select(device_bindings).where(*mine).order_by(device_bindings.c.contact)):
        found[row["device_id"]].append(_binding(row))
    return found


async def keep_silence(tx: Tx, device_id: str, binding: Binding) -> None:
    """How silent this place is."""
    mine = (device_bindings.c.tenant_id == tx.tenant_id, device_bindings.c.device_id == device_id)
    values = {name: getattr(binding, name) for name in ("silent_invites", "silent_since", "unreachable")}
    place = device_bindings.c.contact == binding.contact
    await tx.execute(update(device_bindings).where(*mine, place).values(**values))


async def replace_bindings(tx: Tx, device_id: str, bindings: Sequence[Binding]) -> None:
    """These and no others."""
    mine = (device_bindings.c.tenant_id == tx.tenant_id, device_bindings.c.device_id == device_id)
    await tx.execute(delete(device_bindings).where(*mine))
    rows = [
        {
            "tenant_id": tx.tenant_id,
            "device_id": device_id,
            **{name: getattr(each, name) for name in _BINDING},
            "transport": each.transport.value,
            "path": list(each.path),
        }
        for each in bindings
    ]
    if rows:
        await tx.execute(insert(device_bindings), rows)


# -- the node's sweeps, in system transactions -----------------------------------------------------------------


async def unreachable(tx: Tx, now: datetime) -> Sequence[tuple[str, Device, Binding]]:
    """(tenant id, phone, place) of those that count as unreachable, while their registration lasts."""
    same = (devices.c.tenant_id == device_bindings.c.tenant_id) & (devices.c.device_id == device_bindings.c.device_id)
    found = select(device_bindings.c.tenant_id.label("whose"), devices, *_PLACE).join(devices, same)
    found = found.where(device_bindings.c.unreachable, device_bindings.c.expire_time > now, devices.c.enabled)
    return [(row["whose"], _device(row), _binding(row)) for row in await tx.all(found.limit(500))]


async def has_expired(tx: Tx, now: datetime) -> bool:
    """Whether `purge` would find anything."""
    expired = select(device_bindings.c.device_id).where(device_bindings.c.expire_time <= now)
    return await tx.one_or_none(expired.limit(1)) is not None


async def purge(tx: Tx, now: datetime) -> None:
    """Forget bindings that count no more."""
    await tx.execute(delete(device_bindings).where(device_bindings.c.expire_time <= now))


def _row(device: Device) -> dict[str, Any]:
    return {name: getattr(device, name) for name in _FIELDS}


def _device(row: RowMapping) -> Device:
    return Device(**{name: row[name] for name in _FIELDS})


def _binding(row: RowMapping) -> Binding:
    fields = {name: row[name] for name in _BINDING}
    return Binding(**fields, transport=Transport(row["transport"]), path=tuple(row["path"]))
