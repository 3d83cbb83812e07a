"""What operators do with the catalogue. Every verb runs in a system transaction: the catalogue is no tenant's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chassis.sql import Tx
from kernel.errors import AlreadyExists, FailedPrecondition
from kernel.tenant import PLATFORM

from tenancy.domain import plan_rules
from tenancy.domain.people import TenantNotFound, check_version
from tenancy.domain.plan_documents import add_on_document, add_on_of, plan_document, plan_of, written_anew
from tenancy.domain.plan_rules import Fault
from tenancy.domain.plans import DRAFT, AddOn, AddOnNotFound, Plan, PlanNotFound
from tenancy.store import catalogue as store
from tenancy.store import rows, shelf, tables
from tenancy.store.catalogue import Version
from tenancy.store.plan_tables import ADD_ON, PLAN

Item = Plan | AddOn


class PlanExists(AlreadyExists):
    """There is a plan or add-on with this id already."""

    reason = "PLAN_EXISTS"


class PlanHasDraft(FailedPrecondition):
    """The newest version is a draft: it is worked on before another begins."""

    reason = "PLAN_HAS_DRAFT"


class PlanPublished(FailedPrecondition):
    """A published version never changes: a change is a new version."""

    reason = "PLAN_PUBLISHED"


class PlanNotOnSale(FailedPrecondition):
    """Only what is on sale can be taken off sale."""

    reason = "PLAN_NOT_ON_SALE"


class Overview:
    """A version as operators see it."""

    def __init__(self, kept: Version, holders: int = 0) -> None:
        self.item = item_of(kept)
        self.holder_count = holders
        self.revision = kept.revision
        self.create_time = kept.create_time


def item_of(kept: Version) -> Item:
    """The plan or add-on a version says."""
    read = plan_of if kept.kind == PLAN else add_on_of
    return read(kept.document, kept.version, kept.state, kept.effective_time)


async def sow(tx: Tx, seed: Sequence[Plan]) -> int:
    """Puts the seed's plans on sale that the catalogue hasn't; how many. What is there stays as it is."""
    sown = [
        each
        for each in seed
        if await store.sow(tx, each.plan_id, each.version, plan_document(each), each.effective_time)
    ]
    tx.after_commit(shelf.forget_all)
    return len(sown)


async def list_all(tx: Tx, kind: str) -> list[Overview]:
    """Every version, with how many companies hold it."""
    holders = await store.holders(tx, kind)
    return [Overview(each, holders.get((each.item_id, each.version), 0)) for each in await store.versions(tx, kind)]


async def faults_of(tx: Tx, item: Item, read: Sequence[Fault] = ()) -> list[Fault]:
    """Everything that is wrong with an item; `read` is what couldn't even be read."""
    if isinstance(item, Plan):
        found = [*read, *plan_rules.plan_faults(item)]
        if item.tenant_id and not await _is_tenant(tx, item.tenant_id):
            found.append(Fault("plan.tenant_id", "UNKNOWN"))
        return found
    there_are = {each.item_id for each in await store.versions(tx, PLAN)}
    return [*read, *plan_rules.add_on_faults(item, there_are)]


async def create(tx: Tx, item: Item, read: Sequence[Fault], now: datetime) -> Overview:
    """Begins an item with a draft. Raises `PlanInvalid`, `PlanExists`, `TenantNotFound`."""
    if isinstance(item, Plan) and item.tenant_id and not await _is_tenant(tx, item.tenant_id):
        raise TenantNotFound("There is no such company.")
    plan_rules.check(await faults_of(tx, item, read))
    kind, item_id = _key(item)
    if await store.versions(tx, kind, item_id) or not await store.add(tx, kind, item_id, 1, _document(item), now):
        raise PlanExists(f"There is {item_id} already: begin a new version of it.")
    return await _shown(tx, kind, item_id, 1)


async def create_version(tx: Tx, kind: str, item_id: str, version: int, now: datetime) -> Overview:
    """Begins the next version as a draft that says what an earlier one says. Raises `PlanNotFound`, `PlanHasDraft`."""
    kept = await store.versions(tx, kind, item_id)
    source = next((each for each in kept if version in (0, each.version)), None)
    if source is None:
        raise _unknown(kind, item_id)
    newest = kept[0]
    if newest.state == DRAFT or not await store.add(tx, kind, item_id, newest.version + 1, source.document, now):
        raise PlanHasDraft(f"{item_id} has a draft already: change that one.")
    return await _shown(tx, kind, item_id, newest.version + 1)


async def update_draft(tx: Tx, item: Item, read: Sequence[Fault], revision: int) -> Overview:
    """Replaces a draft. Raises `PlanInvalid`, `PlanNotFound`, `PlanPublished`, `VersionConflict`."""
    kind, item_id = _key(item)
    kept = await _draft(tx, kind, item_id, item.version, revision)
    if isinstance(item, Plan) and item.tenant_id != kept.document.get("tenant_id", ""):
        read = [*read, Fault("plan.tenant_id", "OTHER_COMPANY")]
    plan_rules.check(await faults_of(tx, item, read))
    if not await store.rewrite(tx, kept, written_anew(_document(item), kept.document)):
        raise PlanPublished(f"{item_id} version {item.version} is published: begin a new version of it.")
    return await _shown(tx, kind, item_id, item.version)


async def draft(tx: Tx, kind: str, item_id: str, version: int, revision: int) -> Overview:
    """A draft as it would be published. Raises `PlanNotFound`, `PlanPublished`, `VersionConflict`."""
    return Overview(await _draft(tx, kind, item_id, version, revision))


async def publish(tx: Tx, kind: str, item_id: str, version: int, revision: int, now: datetime) -> Overview:
    """Puts a draft on sale. Raises `PlanInvalid`, `PlanNotFound`, `PlanPublished`, `VersionConflict`."""
    kept = await _draft(tx, kind, item_id, version, revision)
    plan_rules.check(await faults_of(tx, item_of(kept)))
    if not await store.publish(tx, kept, now):
        raise PlanPublished(f"{item_id} version {version} is published already.")
    tx.after_commit(shelf.forget_all)
    return await _shown(tx, kind, item_id, version)


async def retire(tx: Tx, kind: str, item_id: str, version: int, now: datetime) -> Overview:
    """Takes a version off sale. Raises `PlanNotFound`, `PlanNotOnSale`."""
    if await store.find(tx, kind, item_id, version) is None:
        raise _unknown(kind, item_id)
    if not await store.retire(tx, kind, item_id, version, now):
        raise PlanNotOnSale(f"{item_id} version {version} isn't on sale.")
    tx.after_commit(shelf.forget_all)
    return await _shown(tx, kind, item_id, version)


async def _draft(tx: Tx, kind: str, item_id: str, version: int, revision: int) -> Version:
    kept = await store.find(tx, kind, item_id, version)
    if kept is None:
        raise _unknown(kind, item_id)
    if kept.state != DRAFT:
        raise PlanPublished(f"{item_id} version {version} is published: begin a new version of it.")
    check_version(revision, kept.revision, "draft")
    return kept


async def _shown(tx: Tx, kind: str, item_id: str, version: int) -> Overview:
    kept = await store.find(tx, kind, item_id, version)
    if kept is None:
        raise _unknown(kind, item_id)
    return Overview(kept, (await store.holders(tx, kind)).get((item_id, version), 0))


async def _is_tenant(tx: Tx, tenant_id: str) -> bool:
    return tenant_id != PLATFORM and await rows.get_of(tx, tenant_id, tables.tenants) is not None


def _key(item: Item) -> tuple[str, str]:
    return (PLAN, item.plan_id) if isinstance(item, Plan) else (ADD_ON, item.add_on_id)


def _document(item: Item) -> dict[str, object]:
    return plan_document(item) if isinstance(item, Plan) else add_on_document(item)


def _unknown(kind: str, item_id: str) -> PlanNotFound | AddOnNotFound:
    return (
        PlanNotFound(f"There is no plan {item_id!r}.")
        if kind == PLAN
        else AddOnNotFound(f"There is no add-on {item_id!r}.")
    )
