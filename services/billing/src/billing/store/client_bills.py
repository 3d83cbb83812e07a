"""Queries on price lists, how clients are billed, and their bills; rows to domain values and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.paging import keyset, page_size
from chassis.sql import Tx
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from billing.domain.client_bills import BillState, ClientAccount, ClientBill, PriceList, Sender, rules_from, rules_json
from billing.domain.parties import as_json, entity_from, profile_from
from billing.store.client_bill_tables import bill_senders, brand_accounts, client_bills, price_lists


async def list_price_lists(tx: Tx) -> list[PriceList]:
    """The newest version of each of the tenant's lists, by name."""
    table = price_lists
    newest = (
        select(table.c.price_list_id, func.max(table.c.version).label("version"))
        .where(table.c.tenant_id == tx.tenant_id)
        .group_by(table.c.price_list_id)
        .subquery()
    )
    same = (table.c.price_list_id == newest.c.price_list_id) & (table.c.version == newest.c.version)
    rows = await tx.all(select(table).join(newest, same).where(table.c.tenant_id == tx.tenant_id))
    return sorted((_price_list(row) for row in rows), key=lambda each: (each.name, each.price_list_id))


async def price_list(tx: Tx, price_list_id: str, version: int = 0) -> PriceList | None:
    """A version of a list, the newest for 0."""
    table = price_lists
    statement = select(table).where(table.c.tenant_id == tx.tenant_id, table.c.price_list_id == price_list_id)
    if version:
        statement = statement.where(table.c.version == version)
    row = await tx.one_or_none(statement.order_by(table.c.version.desc()).limit(1))
    return _price_list(row) if row else None


async def price_list_at(tx: Tx, price_list_id: str, time: datetime) -> PriceList | None:
    """The newest version of a list that was made before `time`."""
    table = price_lists
    mine = (table.c.tenant_id == tx.tenant_id, table.c.price_list_id == price_list_id, table.c.create_time < time)
    row = await tx.one_or_none(select(table).where(*mine).order_by(table.c.version.desc()).limit(1))
    return _price_list(row) if row else None


async def insert_price_list(tx: Tx, value: PriceList) -> None:
    """A new version. Two at once with the same number: one fails and runs again."""
    row = {**vars(value), "tenant_id": tx.tenant_id, "rules": rules_json(value.rules)}
    await tx.execute(insert(price_lists).values(**row))


async def sender(tx: Tx) -> Sender | None:
    """In whose name the tenant bills its clients."""
    row = await tx.one_or_none(select(bill_senders).where(bill_senders.c.tenant_id == tx.tenant_id))
    return Sender(entity_from(row["entity"]), row["next_number"], row["version"]) if row else None


async def save_sender(tx: Tx, value: Sender) -> None:
    """The sender as it is now."""
    row = {
        "tenant_id": tx.tenant_id, "entity": as_json(value.entity), "next_number": value.next_number,
        "version": value.version,
    }  # fmt: skip
    await tx.execute(insert(bill_senders).values(**row).on_conflict_do_update(index_elements=["tenant_id"], set_=row))


async def take_number(tx: Tx) -> int:
    """The next number of the tenant's series, taken with this transaction: what is rolled back takes none."""
    taken = await tx.execute(
        update(bill_senders)
        .where(bill_senders.c.tenant_id == tx.tenant_id)
        .values(next_number=bill_senders.c.next_number + 1)
        .returning(bill_senders.c.next_number)
    )
    return taken.scalar_one() - 1


async def accounts(tx: Tx) -> list[ClientAccount]:
    """How the tenant's clients are billed, by brand."""
    statement = select(brand_accounts).where(brand_accounts.c.tenant_id == tx.tenant_id)
    return [_account(row) for row in await tx.all(statement.order_by(brand_accounts.c.brand_id))]


async def account(tx: Tx, client_id: str) -> ClientAccount | None:
    """How a client is billed."""
    mine = (brand_accounts.c.tenant_id == tx.tenant_id, brand_accounts.c.brand_id == client_id)
    row = await tx.one_or_none(select(brand_accounts).where(*mine))
    return _account(row) if row else None


async def save_account(tx: Tx, value: ClientAccount) -> None:
    """How a client is billed now."""
    row = {
        "tenant_id": tx.tenant_id, "brand_id": value.client_id, "price_list_id": value.price_list_id,
        "buyer": as_json(value.buyer), "tax_name": value.tax_name, "tax_percent": value.tax_percent,
        "version": value.version,
    }  # fmt: skip
    statement = insert(brand_accounts).values(**row)
    await tx.execute(statement.on_conflict_do_update(index_elements=["tenant_id", "brand_id"], set_=row))


async def insert_bill(tx: Tx, value: ClientBill) -> None:
    """A new bill."""
    await tx.execute(insert(client_bills).values(tenant_id=tx.tenant_id, **_bill_row(value)))


async def save_void(tx: Tx, value: ClientBill) -> None:
    """That a bill is void; nothing else of it changes."""
    mine = (client_bills.c.tenant_id == tx.tenant_id, client_bills.c.client_bill_id == value.client_bill_id)
    said = {
        "state": value.state.value, "void_time": value.void_time, "void_reason": value.void_reason,
        "version": value.version,
    }  # fmt: skip
    await tx.execute(update(client_bills).where(*mine).values(**said))


async def bill(tx: Tx, client_bill_id: str) -> ClientBill | None:
    """One bill."""
    mine = (client_bills.c.tenant_id == tx.tenant_id, client_bills.c.client_bill_id == client_bill_id)
    row = await tx.one_or_none(select(client_bills).where(*mine))
    return _bill(row) if row else None


async def in_force(tx: Tx, client_id: str) -> list[ClientBill]:
    """The client's bills in force, oldest period first."""
    table = client_bills
    mine = (table.c.tenant_id == tx.tenant_id, table.c.brand_id == client_id, table.c.state == BillState.ISSUED.value)
    return [_bill(row) for row in await tx.all(select(table).where(*mine).order_by(table.c.start_time))]


async def of_period(tx: Tx, start: datetime) -> dict[str, ClientBill]:
    """The bills in force of the period that begins at `start`, by client."""
    table = client_bills
    mine = (table.c.tenant_id == tx.tenant_id, table.c.start_time == start, table.c.state == BillState.ISSUED.value)
    return {row["brand_id"]: _bill(row) for row in await tx.all(select(table).where(*mine))}


async def list_bills(tx: Tx, client_id: str, size: int, token: str) -> tuple[list[ClientBill], bool]:
    """A page of bills, last issued first, and whether there is more."""
    statement = select(client_bills).where(client_bills.c.tenant_id == tx.tenant_id)
    if client_id:
        statement = statement.where(client_bills.c.brand_id == client_id)
    wanted = page_size(size)
    rows = await tx.all(keyset(statement, client_bills.c.issue_time, client_bills.c.client_bill_id, token, wanted))
    return [_bill(row) for row in rows[:wanted]], len(rows) > wanted


def _price_list(row: Mapping[Any, Any]) -> PriceList:
    return PriceList(
        row["price_list_id"], row["version"], row["name"], row["currency"], rules_from(row["rules"]),
        Decimal(row["period_fee"]), row["create_time"],
    )  # fmt: skip


def _account(row: Mapping[Any, Any]) -> ClientAccount:
    return ClientAccount(
        row["brand_id"], row["price_list_id"], profile_from(row["buyer"]), row["tax_name"], Decimal(row["tax_percent"]),
        row["version"],
    )  # fmt: skip


def _bill_row(value: ClientBill) -> dict[str, Any]:
    row = {name: found for name, found in vars(value).items() if name != "client_id"}
    return row | {
        "brand_id": value.client_id, "state": value.state.value, "names": dict(value.names),
        "seller": as_json(value.seller), "buyer": as_json(value.buyer),
    }  # fmt: skip


def _bill(row: Mapping[Any, Any]) -> ClientBill:
    values = {name: value for name, value in row.items() if name not in ("tenant_id", "brand_id")}
    return ClientBill(
        **values
        | {
            "client_id": row["brand_id"], "state": BillState(row["state"]), "statement": bytes(row["statement"]),
            "seller": entity_from(row["seller"]), "buyer": profile_from(row["buyer"]),
        }
    )  # fmt: skip
