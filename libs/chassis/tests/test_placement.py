"""Rows are kept at their tenant's home where the database has regions."""

from __future__ import annotations

import asyncpg
import pytest
from chassis.migrate import migrate, place
from chassis.placement import database_statements, table_statements
from chassis.settings import ProcessSettings, SettingsError, load
from kernel.clock import SystemClock
from kernel.ids import home_region, is_id, new_id, new_tenant_id
from merkez_local.postgres import Postgres
from sqlalchemy.ext.asyncio import create_async_engine
from testkit.cockroach import denied_in
from testkit.databases import Databases

REGIONS = ("eu-central", "eu-west", "eu-north")


def test_a_tenants_id_says_where_it_is_at_home() -> None:
    now = SystemClock().now()
    made = new_tenant_id(now, "eu-west")
    assert is_id("ten", made) and home_region(made) == "eu-west"
    assert home_region(new_id("ten", now)) == "" and is_id("ten", new_tenant_id(now))
    assert not is_id("ten", f"{new_id('ten', now)}_EU") and not is_id("usr", f"{new_id('usr', now)}_eu")
    with pytest.raises(ValueError, match="not the name of a region"):
        new_tenant_id(now, "eu.west")


async def test_the_regions_expression_finds_the_home_of_an_id(postgres: Postgres) -> None:
    # PostgreSQL computes the same expression; only its type is CockroachDB's own.
    column, _ = table_statements("routing", "contacts", REGIONS)
    expression = column.partition(" AS (")[2].removesuffix(") STORED")
    connection = await asyncpg.connect(postgres.url(dialect="postgresql"))
    now = SystemClock().now()
    try:
        for tenant, home in (
            (new_tenant_id(now, "eu-west"), "eu-west"), (new_tenant_id(now, "eu-central"), "eu-central"),
            (new_tenant_id(now), "eu-central"), (new_tenant_id(now, "us-east"), "eu-central"),
        ):  # fmt: skip
            assert await connection.fetchval(f"SELECT {expression.replace('tenant_id', '$1::text')}", tenant) == home
    finally:
        await connection.close()


def test_three_regions_survive_one_and_two_do_not_say_so() -> None:
    assert 'ALTER DATABASE "merkez" SURVIVE REGION FAILURE' in list(database_statements("merkez", REGIONS))
    assert not any("SURVIVE" in each for each in database_statements("merkez", REGIONS[:2]))
    said = [*database_statements("merkez", REGIONS), *table_statements("routing", "contacts", REGIONS)]
    assert [found for each in said if (found := denied_in(each))] == []


async def test_postgresql_is_told_nothing_of_regions(databases: Databases) -> None:
    await databases.settings("trial")
    admin = databases.admin_url("trial")
    await migrate(admin, ["trial"], regions=REGIONS)
    engine = create_async_engine(admin)
    try:
        async with engine.connect() as connection:
            said = await connection.run_sync(lambda sync: list(place(sync, ["trial"], REGIONS)))
    finally:
        await engine.dispose()
    assert said == []


def test_a_region_that_is_not_among_all_is_refused() -> None:
    with pytest.raises(SettingsError, match="MERKEZ_REGIONS must have the region"):
        load(
            ProcessSettings, service="trial", environ={"MERKEZ_REGION": "eu-north", "MERKEZ_REGIONS": "eu-west,eu-east"}
        )
    settings = load(
        ProcessSettings, service="trial", environ={"MERKEZ_REGION": "eu-west", "MERKEZ_REGIONS": "eu-west,us"}
    )
    assert settings.other_regions == ("us",)
