"""What the database itself keeps apart, keeps for ever, and lets go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError
from tenancy.domain.inventory import Wanted
from tenancy.domain.numbers import fictitious_numbers
from tenancy.ops import attempts, oidc
from tenancy.store import inventory, lookups, rows, tables
from tenancy.store.oidc_states import Begun
from tenancy.sweeper import sweep


async def of(town: Any, table: Any) -> int:
    """How many rows a table has, of all tenants."""
    return len(await town.db.system(lambda tx: tx.all(select(table)), read_only=True))


async def test_company_sees_what_leads_to_it_and_to_nobody_else(town: Any, firm: Any) -> None:
    rival = await town.sign_up()
    for each in (firm, rival):
        found = await each.run(lambda tx: tx.all(select(tables.lookups)))
        assert {row["tenant_id"] for row in found} == {each.tenant_id}
    await rival.run(lambda tx: lookups.remove(tx, lookups.EMAIL, firm.email))
    assert await town.db.system(lambda tx: lookups.find(tx, lookups.EMAIL, firm.email)) is not None


async def test_company_lets_nothing_lead_to_another(town: Any, firm: Any) -> None:
    stolen = {"kind": "widget", "value": "wgt_mine", "tenant_id": town.other_tenant(), "target": "brd_1"}
    with pytest.raises(DBAPIError):
        await firm.run(lambda tx: tx.execute(insert(tables.lookups).values(**stolen)))
    with pytest.raises(lookups.ValueTaken):
        await (await town.sign_up()).run(lambda tx: lookups.add(tx, lookups.EMAIL, firm.email, "usr_1"))


async def test_company_sees_free_numbers_and_its_own_and_takes_no_others(town: Any, firm: Any) -> None:
    rival = await town.sign_up()
    [number] = await firm.run(lambda tx: inventory.list_free(tx, Wanted("US"), False, "", 1))
    assert await firm.run(lambda tx: inventory.claim(tx, number.number)) is not None
    table = tables.inventory
    seen = await rival.run(lambda tx: tx.all(select(table).where(table.c.number == number.number)))
    assert seen == []
    theft = update(table).where(table.c.number == number.number).values(holder=rival.tenant_id)
    assert (await rival.run(lambda tx: tx.execute(theft))).rowcount == 0
    with pytest.raises(DBAPIError):
        gift = update(table).where(table.c.number == number.number).values(holder=rival.tenant_id)
        await firm.run(lambda tx: tx.execute(gift))
    await firm.run(lambda tx: inventory.free(tx, number.number, None))


@pytest.mark.parametrize("table", [tables.attempts, tables.oidc_states], ids=lambda table: table.name)
async def test_company_reads_nothing_of_the_platforms(firm: Any, table: Any) -> None:
    with pytest.raises(DBAPIError):
        await firm.run(lambda tx: tx.all(select(table)))


@pytest.mark.parametrize("statement", [update(tables.audit_entries).values(outcome="OK"), delete(tables.audit_entries)])
async def test_audit_log_is_never_rewritten(town: Any, firm: Any, statement: Any) -> None:
    for transaction in (firm.run, town.db.system):
        with pytest.raises(DBAPIError):
            await transaction(lambda tx: tx.execute(statement))


async def test_inventory_is_filled_once(town: Any) -> None:
    assert await town.db.system(lambda tx: inventory.fill(tx, fictitious_numbers())) == 0
    more = [*fictitious_numbers(), type(fictitious_numbers()[0])("+905550000000", "TR", True)]
    assert await town.db.system(lambda tx: inventory.fill(tx, more)) == 1


async def test_sweep_takes_what_is_over_and_leaves_what_lives(open_town: Any) -> None:
    town = await open_town(fresh=True)
    firm = await town.sign_up()
    kept, ended = await town.sign_in(firm.email), await town.sign_in(firm.email)
    await town.refresh(ended.refresh_token)
    await town.sign_out(ended.refresh_token)
    await firm.invite()
    with pytest.raises(Exception, match="wrong"):
        await town.sign_in("ghost@acme.example", "wrong password")
    now = town.clock.now()
    begun = Begun("state", "nonce", "verifier", "uri", "", now + timedelta(minutes=10))
    await town.db.system(lambda tx: oidc.keep(tx, begun))
    await sweep(town.db)
    assert [await of(town, each) for each in (tables.sessions, tables.refresh_tokens)] == [2, 2]
    # The owner's address is known for ninety days; the ghost's guess and its sum count for a quarter of an hour.
    assert [await of(town, each) for each in (tables.attempts, tables.oidc_states)] == [4, 1]
    town.clock.advance(timedelta(days=8))
    await town.refresh(kept.refresh_token)
    await sweep(town.db)
    assert [await of(town, each) for each in (tables.attempts, tables.oidc_states)] == [1, 0]
    kinds = sorted(row["kind"] for row in await town.db.system(lambda tx: tx.all(select(tables.lookups))))
    assert kinds == ["email", "refresh", "refresh", "refresh"]
    assert (await firm.run(lambda tx: rows.count(tx, tables.invitations))) == 1
    town.clock.advance(timedelta(days=90))
    await sweep(town.db)
    assert [await of(town, each) for each in (tables.sessions, tables.refresh_tokens, tables.attempts)] == [0, 0, 0]
    await town.sign_in(firm.email)


async def test_sweep_takes_more_than_one_batch_of_several_companies(open_town: Any, monkeypatch: Any) -> None:
    from tenancy.store import sweeps

    monkeypatch.setattr(sweeps, "BATCH", 3)
    town = await open_town(fresh=True)
    for _ in range(2):
        firm = await town.sign_up()
        for _ in range(4):
            await town.sign_out((await town.sign_in(firm.email)).refresh_token)
    for n in range(7):
        await town.db.system(lambda tx, n=n: attempts.begin(tx, f"{n}@x.example", "", town.clock.now()))
    await sweep(town.db)
    assert await of(town, tables.sessions) == 2
    town.clock.advance(timedelta(days=91))
    await sweep(town.db)
    assert [await of(town, each) for each in (tables.sessions, tables.attempts)] == [0, 0]
