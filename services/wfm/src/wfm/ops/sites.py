"""Sites: where agents work, and by whose clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chassis.sql import Tx
from kernel.errors import AlreadyExists, InvalidInput
from kernel.hours import is_zone
from kernel.ids import new_id

from wfm.ops.calendar import VersionConflict
from wfm.ops.workforce import SiteNotFound, WorkforceFull, WorkforceInUse
from wfm.store import sites as store
from wfm.store.sites import Site


class SiteInvalid(InvalidInput):
    """A field of a site is wrong."""

    reason = "SITE_INVALID"


class SiteNameTaken(AlreadyExists):
    """Another is called so."""

    reason = "SITE_NAME_TAKEN"


async def save(tx: Tx, value: Site, now: datetime) -> Site:
    """Adds (without an id) or changes a site."""
    if not 0 < len(value.name) <= 100:
        raise SiteInvalid.of("site.display_name", "must be 1 to 100 characters")
    if not is_zone(value.zone):
        raise SiteInvalid.of("site.time_zone", "must be the IANA name of a zone, such as Asia/Tehran")
    known = await store.list_sites(tx)
    before = next((each for each in known if each.site_id == value.site_id), None)
    if value.site_id and before is None:
        raise SiteNotFound("no such site")
    if before is not None and before.version != value.version:
        raise VersionConflict("it was changed meanwhile: read it again")
    if any(each.name == value.name and each.site_id != value.site_id for each in known):
        raise SiteNameTaken("another site is called so")
    if before is None and len(known) >= store.MOST:
        raise WorkforceFull(f"there are {store.MOST} sites already: change one, or remove one")
    key = value.site_id or new_id("sit", now)
    made = replace(value, site_id=key, version=before.version + 1 if before else 1)
    await store.save(tx, made)
    return made


async def list_sites(tx: Tx) -> list[Site]:
    """By name."""
    return await store.list_sites(tx)


async def remove(tx: Tx, site_id: str) -> None:
    """Removes one that nobody is of."""
    if await store.in_use(tx, site_id):
        raise WorkforceInUse("agents are of this site")
    if not await store.remove(tx, site_id):
        raise SiteNotFound("no such site")
