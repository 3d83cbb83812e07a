"""What a service's migrations are written with. Each table is secured in the migration that makes it.

    def upgrade() -> None:
        create_standard_tables(op, SCHEMA)
        create_tenant_table(op, SCHEMA, "queues", sa.Column("queue_id", sa.Text, primary_key=True), ...)

`merkez_<service>_owner` owns the tables and can't log in; `merkez_<service>` is the app, held to one tenant;
`merkez_<service>_system` sees every tenant. Neither login is owner, superuser or BYPASSRLS, and row level
security is FORCEd, so the owner is held as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, Table, Text
from sqlalchemy.schema import CreateIndex, CreateTable, Index, SchemaItem

from chassis.schemas import app_role, owner_role, system_role
from chassis.tables import standard_tables

TENANT_SETTING = "merkez.tenant"

# An unset setting is NULL, or '' once the session has used it in an earlier transaction: both give no rows.
_OWN_TENANT = f"tenant_id = nullif(current_setting('{TENANT_SETTING}', true), '')"


def create_tenant_table(op: Any, schema: str, name: str, *elements: SchemaItem) -> None:
    """Create a table whose rows belong to tenants, `tenant_id` leading its primary key, and secure it.

    Indexes go along as `sa.Index("name", "tenant_id", ...)` elements.
    """
    table = Table(name, MetaData(schema=schema), Column("tenant_id", Text, primary_key=True), *elements)
    _create(op, table)
    secure_table(op, schema, name)


def create_platform_table(
    op: Any, schema: str, name: str, *elements: SchemaItem, app: str = "SELECT", system: str = "ALL"
) -> None:
    """Create a table that belongs to no tenant and secure it (see `secure_platform_table`)."""
    _create(op, Table(name, MetaData(schema=schema), *elements))
    secure_platform_table(op, schema, name, app=app, system=system)


def create_standard_tables(op: Any, schema: str) -> None:
    """Create outbox, inbox and requests, secured."""
    tables = standard_tables(MetaData(schema=schema))
    for table in (tables.outbox, tables.inbox, tables.requests):
        _create(op, table)
        secure_table(op, schema, table.name)


def secure_table(op: Any, schema: str, table: str) -> None:
    """Force row level security on a tenant table: the app sees and writes its tenant's rows, the system role all."""
    name = f'"{schema}"."{table}"'
    for statement in (
        f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY own_tenant ON {name} TO {app_role(schema)} USING ({_OWN_TENANT}) WITH CHECK ({_OWN_TENANT})",
        f"CREATE POLICY all_tenants ON {name} TO {system_role(schema)} USING (true) WITH CHECK (true)",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {app_role(schema)}, {system_role(schema)}",
    ):
        op.execute(statement)


def secure_platform_table(op: Any, schema: str, table: str, *, app: str = "SELECT", system: str = "ALL") -> None:
    """Force row level security on a table without tenants; `app` and `system` say what each role may do
    (a list of SELECT, INSERT, UPDATE, DELETE, or ALL, or empty for nothing)."""
    name = f'"{schema}"."{table}"'
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    for role, rights in ((app_role(schema), app), (system_role(schema), system)):
        if not rights:
            continue
        granted = "SELECT, INSERT, UPDATE, DELETE" if rights == "ALL" else rights
        op.execute(f"CREATE POLICY platform_{role} ON {name} TO {role} USING (true) WITH CHECK (true)")
        op.execute(f"GRANT {granted} ON {name} TO {role}")


def bootstrap_statements(schema: str) -> Iterable[str]:
    """What the administrator runs before the first migration; each may be repeated (roles are made apart)."""
    owner, app, system = owner_role(schema), app_role(schema), system_role(schema)
    yield f'CREATE SCHEMA IF NOT EXISTS "{schema}" AUTHORIZATION {owner}'
    yield f'GRANT USAGE ON SCHEMA "{schema}" TO {app}, {system}'


def _create(op: Any, table: Table) -> None:
    # Through metadata-bound columns Alembic would lose the indexes: create the table, then each of them.
    indexes: list[Index] = sorted(table.indexes, key=lambda index: str(index.name))
    for index in indexes:
        table.indexes.discard(index)
    if not any(isinstance(item, PrimaryKeyConstraint) and item.columns for item in table.constraints):
        raise ValueError(f"{table.fullname} has no primary key")
    op.execute(CreateTable(table))
    for index in indexes:
        op.execute(CreateIndex(index))
