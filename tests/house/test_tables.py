"""Walks the migrated catalogue of every service: whose row it is leads everywhere, and nobody can look past it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from chassis.migrate import migrate, migration_sql
from chassis.schemas import app_role, owner_role, services_with_migrations, system_role
from merkez_local.postgres import Postgres
from sqlalchemy_cockroachdb.asyncpg import CockroachDBDialect_asyncpg
from testkit.cockroach import denied_in

SERVICES = services_with_migrations()
PLATFORM = {
    line.split(":")[0].strip()
    for line in (Path(__file__).parent / "platform_tables.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
}

TABLES = """
    select n.nspname as schema, c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
           c.relkind::text as kind, pg_get_userbyid(c.relowner) as owner,
           (select a.attname from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id') as tenant
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
"""
INDEXES = """
    select n.nspname || '.' || t.relname as table, i.relname as name, x.indisunique as unique,
           (select a.attname from pg_attribute a where a.attrelid = t.oid and a.attnum = x.indkey[0]) as first
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
    join pg_namespace n on n.oid = t.relnamespace where n.nspname = any($1)
"""
FOREIGN_KEYS = """
    select n.nspname || '.' || t.relname as table, k.conname as name, k.contype::text as type,
           (select a.attname from pg_attribute a where a.attrelid = t.oid and a.attnum = k.conkey[1]) as first
    from pg_constraint k join pg_class t on t.oid = k.conrelid join pg_namespace n on n.oid = t.relnamespace
    where n.nspname = any($1) and k.contype in ('f', 'x')
"""
POLICIES = """
    select schemaname || '.' || tablename as table, policyname as name, roles::text[] as roles, qual, with_check
    from pg_policies where schemaname = any($1)
"""
GRANTS = """
    select table_schema || '.' || table_name as table, grantee from information_schema.role_table_grants
    where table_schema = any($1)
"""


@dataclass
class Catalogue:
    """What the migrated database says of itself."""

    tables: list[Any]
    indexes: list[Any]
    foreign_keys: list[Any]
    policies: list[Any]
    grants: list[Any]
    roles: dict[str, Any]
    memberships: list[Any]
    triggers: int


@pytest.fixture(scope="module")
def catalogue(postgres: Postgres) -> Iterator[Catalogue]:
    """Every service migrated into one database, read as its administrator."""
    name = f"house_{secrets.token_hex(6)}"
    yield asyncio.run(_read(postgres, name))
    asyncio.run(_on(postgres, "postgres", f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _read(postgres: Postgres, name: str) -> Catalogue:
    await _on(postgres, "postgres", f'CREATE DATABASE "{name}"')
    await migrate(postgres.url(name), SERVICES)
    connection = await asyncpg.connect(postgres.url(name, dialect="postgresql"))
    try:
        roles = await connection.fetch("select * from pg_roles where rolname like 'merkez\\_%'")
        return Catalogue(
            *[await connection.fetch(query, SERVICES) for query in (TABLES, INDEXES, FOREIGN_KEYS, POLICIES, GRANTS)],
            roles={role["rolname"]: role for role in roles},
            memberships=await connection.fetch(
                "select pg_get_userbyid(member) as member, pg_get_userbyid(roleid) as role from pg_auth_members"
            ),
            triggers=await connection.fetchval("select count(*) from pg_trigger where not tgisinternal"),
        )
    finally:
        await connection.close()


async def _on(postgres: Postgres, database: str, statement: str) -> None:
    connection = await asyncpg.connect(postgres.url(database, dialect="postgresql"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _ours(catalogue: Catalogue) -> list[Any]:
    return [table for table in catalogue.tables if table["name"] != "alembic_version"]


def _name(table: Any) -> str:
    return f"{table['schema']}.{table['name']}"


def test_schemas_hold_tables_and_nothing_that_sees_past_a_tenant(catalogue: Catalogue) -> None:
    assert [_name(table) for table in catalogue.tables if table["kind"] not in ("r", "p")] == []
    assert catalogue.triggers == 0


def test_every_table_forces_row_level_security(catalogue: Catalogue) -> None:
    assert [_name(table) for table in _ours(catalogue) if not (table["enabled"] and table["forced"])] == []


def test_every_table_is_of_a_tenant_or_on_the_short_list(catalogue: Catalogue) -> None:
    without = {_name(table) for table in _ours(catalogue) if table["tenant"] is None}
    assert without - PLATFORM == set()
    assert PLATFORM - {_name(table) for table in _ours(catalogue)} == set(), "listed, but there is no such table"


def test_tenant_id_leads_every_key_and_index(catalogue: Catalogue) -> None:
    versions = tuple(f"{service}.alembic_version" for service in SERVICES)
    wrong = [
        f"{item['table']}: {item['name']}"
        for item in (*catalogue.indexes, *catalogue.foreign_keys)
        if item["table"] not in PLATFORM and item["table"] not in versions and item["first"] != "tenant_id"
    ]
    assert wrong == []
    assert [item["name"] for item in catalogue.foreign_keys if item["type"] == "x"] == [], "exclusion constraints"


def test_every_tenant_table_has_a_primary_key_and_both_policies(catalogue: Catalogue) -> None:
    for table in _ours(catalogue):
        if _name(table) in PLATFORM:
            continue
        found = {policy["name"]: policy for policy in catalogue.policies if policy["table"] == _name(table)}
        assert set(found) == {"own_tenant", "all_tenants"}, _name(table)
        own = found["own_tenant"]
        assert own["roles"] == [app_role(table["schema"])]
        assert "current_setting('merkez.tenant'" in own["qual"] and own["qual"] == own["with_check"]
        assert found["all_tenants"]["roles"] == [system_role(table["schema"])]


def test_the_roles_that_log_in_own_nothing_and_bypass_nothing(catalogue: Catalogue) -> None:
    for service in SERVICES:
        for role in (app_role(service), system_role(service)):
            found = catalogue.roles[role]
            assert not (found["rolsuper"] or found["rolbypassrls"] or found["rolcreaterole"] or found["rolcreatedb"])
        assert not catalogue.roles[owner_role(service)]["rolcanlogin"]
        assert not catalogue.roles[owner_role(service)]["rolbypassrls"]
    assert {table["owner"] for table in catalogue.tables} == {owner_role(service) for service in SERVICES}
    assert [item for item in catalogue.memberships if item["member"].startswith("merkez_")] == []


def test_a_service_reaches_only_its_own_tables(catalogue: Catalogue) -> None:
    for grant in catalogue.grants:
        schema, table = grant["table"].split(".")
        allowed = {owner_role(schema)} if table == "alembic_version" else {
            owner_role(schema), app_role(schema), system_role(schema),
        }  # fmt: skip
        assert grant["grantee"] in allowed, grant


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_speak_cockroachdb_too(service: str) -> None:
    sql = migration_sql(service, CockroachDBDialect_asyncpg())
    assert "CREATE TABLE" in sql
    assert denied_in(sql) == []
