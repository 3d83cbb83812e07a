"""Verbs of tenancy against real PostgreSQL: what is committed and what is said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from kernel.ids import new_id
from sqlalchemy import select
from tenancy.domain import attempts as attempt_rules
from tenancy.domain.inventory import Wanted
from tenancy.domain.people import UserChange, VersionConflict
from tenancy.domain.secrets import digest
from tenancy.ops import attempts, numbers, organisation, people, sessions, subscriptions
from tenancy.ops.held import plan_of
from tenancy.ops.notices import raise_notice
from tenancy.store import lookups, rows, tables
from testkit.told import told


async def said(firm: Any) -> Sequence[str]:
    """Names of the facts of a company in its outbox, in order."""
    return [fact.DESCRIPTOR.name for fact in await told(firm.town.db, firm.tenant_id)]


async def leads(firm: Any, kind: str) -> int:
    table = tables.lookups
    return await firm.run(lambda tx: rows.count(tx, table, table.c.kind == kind))


async def test_sign_up_says_who_joined_and_which_plan_is_held(firm: Any) -> None:
    assert sorted(await said(firm)) == ["PlanSubscribed", "SubscriptionChanged", "TenantSignedUp", "UserJoined"]


async def test_company_that_moves_says_so(firm: Any) -> None:
    draft = organisation.Draft(time_zone="Asia/Baku")
    await firm.run(lambda tx: organisation.update_tenant(tx, draft, ("time_zone",), 1))
    assert (await said(firm))[-1] == "TenantChanged"


async def test_refused_sign_up_leaves_nothing_behind(town: Any, firm: Any) -> None:
    tenant_id = town.other_tenant()
    plan = await firm.run(plan_of)
    command = sessions.SignUp("again", plan, "Acme", "Olga", firm.email, "en", "UTC")
    with pytest.raises(people.EmailTaken):
        await town.db.run(tenant_id, lambda tx: sessions.sign_up(tx, command, "hash", town.clock.now()))
    for table in (tables.tenants, tables.users, tables.sessions, tables.lookups, town.db.standard.outbox):
        assert await town.db.run(tenant_id, lambda tx, table=table: rows.count(tx, table)) == 0


async def test_reused_token_ends_its_session_in_the_database(town: Any, firm: Any) -> None:
    token, clock = firm.session.refresh_token, town.clock
    assert await firm.run(lambda tx: sessions.refresh(tx, token, clock.now())) is not None
    clock.advance(11)
    assert await firm.run(lambda tx: sessions.refresh(tx, token, clock.now())) is None
    row = await firm.run(lambda tx: rows.get(tx, tables.sessions, session_id=firm.session.session_id))
    assert row["end_time"] == clock.now()


async def test_token_used_a_month_ago_is_forgotten_with_what_led_to_it(town: Any, firm: Any) -> None:
    token = firm.session.refresh_token
    for days in (0, 20, 20):
        town.clock.advance(timedelta(days=days))
        token = (await town.refresh(token)).refresh_token
    assert await leads(firm, lookups.REFRESH) == 3
    with pytest.raises(sessions.SessionEnded):
        await town.db.system(lambda tx: sessions.tenant_of_token(tx, firm.session.refresh_token))


async def test_only_digests_of_secrets_are_stored(town: Any, firm: Any) -> None:
    made = await firm.invite()
    secret = made.link_path.rpartition("/")[2]
    for table in tables.metadata.sorted_tables:
        for row in await town.db.system(lambda tx, table=table: tx.all(select(table)), read_only=True):
            assert secret not in str(dict(row)) and firm.session.refresh_token not in str(dict(row)), table.name
    row = await firm.run(lambda tx: rows.get(tx, tables.invitations, invitation_id=made.invitation_id))
    assert row["digest"] == digest(secret)
    owner = await firm.run(lambda tx: rows.get(tx, tables.users, user_id=firm.session.user.user_id))
    assert owner["password_hash"].startswith("$argon2id$")


async def test_disabled_user_has_no_session_left_and_it_is_said(town: Any, firm: Any) -> None:
    joined = await firm.join()
    change = UserChange(state="DISABLED")
    await firm.run(lambda tx: people.update_user(tx, joined.user.user_id, change, 0, "owner", town.clock.now()))
    row = await firm.run(lambda tx: rows.get(tx, tables.sessions, session_id=joined.session_id))
    assert row["end_time"] == town.clock.now()
    assert (await said(firm))[-1] == "UserChanged"


async def test_refused_change_says_nothing(town: Any, firm: Any) -> None:
    before = await said(firm)
    with pytest.raises(VersionConflict):
        await firm.run(
            lambda tx: people.update_user(
                tx, firm.session.user.user_id, UserChange(display_name="X"), 7, "owner", town.clock.now()
            )
        )
    assert await said(firm) == before


async def test_number_says_when_it_is_assigned_moved_and_released(town: Any, firm: Any) -> None:
    brand, now = await firm.brand(), town.clock.now()
    [number] = await firm.run(lambda tx: numbers.list_available(tx, Wanted("IR"), False, "", 1))
    await firm.run(lambda tx: numbers.assign(tx, number.number, brand.brand_id, "", now))
    flow = new_id("flw", now)
    await firm.run(lambda tx: numbers.update(tx, number.number, {"flow_id": flow}, ("flow_id",), 0, now))
    await firm.run(lambda tx: numbers.release(tx, number.number, now))
    names = ["BrandChanged", "NumberAssigned", "BrandChanged", "NumberChanged", "BrandChanged", "NumberReleased"]
    told = [name for name in await said(firm) if name in names]
    assert sorted(told) == sorted(names)
    assert await leads(firm, lookups.NUMBER) == 0


async def test_plan_change_is_told_with_the_whole_plan_and_when(town: Any, firm: Any) -> None:
    town.clock.advance(60)
    await firm.run(lambda tx: subscriptions.move(tx, "scale", 0, town.clock.now()))
    fact = (await told(town.db, firm.tenant_id, "PlanSubscribed"))[-1]
    assert (fact.plan.plan_id, fact.time_zone, len(fact.plan.rates)) == ("scale", "Europe/Istanbul", 4)
    assert fact.effective_time.ToDatetime(town.clock.now().tzinfo) == town.clock.now()


async def test_refused_attempts_make_no_wait_longer(town: Any) -> None:
    now = town.clock.now()

    async def knock() -> None:
        await town.db.system(lambda tx: attempts.begin(tx, "x@y.example", "192.0.2.9", town.clock.now()))

    for _ in range(attempt_rules.AT_ONE_ADDRESS):
        await knock()
    for minutes in (5, 9):
        town.clock.advance(timedelta(minutes=minutes))
        with pytest.raises(attempt_rules.TooManyAttempts) as refused:
            await knock()
        assert refused.value.retry_after == now + attempt_rules.WINDOW - town.clock.now()
    town.clock.advance(timedelta(minutes=1))
    await knock()


async def test_notice_keeps_its_latest_time_when_facts_come_out_of_order(town: Any, firm: Any) -> None:
    now = town.clock.now()
    for when in (now, now - timedelta(minutes=5)):
        notice = await firm.run(lambda tx, when=when: raise_notice(tx, "LIMIT", "brd_1", {}, when))
    assert (notice.count, notice.update_time) == (2, now)
