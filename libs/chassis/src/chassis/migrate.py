"""`python -m chassis.migrate routing flows`: roles, schema, then every migration up to the newest.

Connects as the administrator of `MERKEZ_ADMIN_DATABASE_URL`. The two login roles of a service get the password of
`MERKEZ_<SERVICE>_ROLE_PASSWORD`, or `MERKEZ_ROLE_PASSWORD` for all; without one existing passwords stay as they are.
Of several lines the first is taken (`chassis.sqlaccess`). `MERKEZ_DATABASE_REGIONS` names CockroachDB's regions, the
primary one first; empty for a database without any. `MERKEZ_DATABASE_TLS_AUTHORITY` names who signs its certificate.
Migrations only go forward, run as the owner role, and keep their version in the service's own schema. One that a
newer version migrated is left as it is: a version that was rolled back to works with it. A table that somebody uses is
waited for some seconds, since all that comes later waits behind a change that waits; then it ends, to be run again.
"""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Dialect, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from chassis.migrations import bootstrap_statements
from chassis.placement import database_statements, table_statements
from chassis.schemas import app_role, migrations_of, owner_role, services_with_migrations, system_role
from chassis.sqlaccess import Access
from chassis.steps import Steps

_ENVIRONMENT = Path(__file__).parent
_PATIENCE = "SET idle_in_transaction_session_timeout = '60s'"
"""Between two statements of a migration a busy machine may take longer than a service ever does."""
_GIVES_WAY = "SET lock_timeout = '5s'"
"""What a service waits for a row as a rule is a tenth of it; a backup's or a console's transaction lasts for longer."""


async def migrate(
    admin_url: str, services: Sequence[str], passwords: Mapping[str, str] | None = None,
    regions: Sequence[str] = (), access: Access | None = None,
) -> None:  # fmt: skip
    """Bring the schemas of `services` up to date, one after the other over one connection.

    A CockroachDB over `regions`, the primary one first, is told where rows belong.

    LookupError, before anything is touched, when one of them has no migrations.
    """
    scripts = {service: _scripts(service) for service in services}
    engine = create_async_engine(admin_url, isolation_level="AUTOCOMMIT")
    if access is not None:
        access.open_by(engine)
    try:
        async with engine.connect() as connection:
            for service in services:
                await _bootstrap(connection, service, (passwords or {}).get(service, ""))
        async with engine.connect() as connection:
            by_steps = connection.dialect.name == "cockroachdb"
            await connection.execution_options(isolation_level="AUTOCOMMIT" if by_steps else "SERIALIZABLE")
            for setting in (_PATIENCE, _GIVES_WAY):
                await connection.execute(text(setting))
            await connection.commit()
            for service in services:
                await connection.run_sync(_upgrade, service, scripts[service], by_steps)
        async with engine.connect() as connection:
            for statement in await connection.run_sync(lambda sync: list(place(sync, services, regions))):
                await connection.execute(text(statement))
    finally:
        await engine.dispose()


async def _bootstrap(connection: AsyncConnection, service: str, password: str) -> None:
    owner, app, system = owner_role(service), app_role(service), system_role(service)
    for role, kind in ((owner, "NOLOGIN"), (app, "LOGIN"), (system, "LOGIN")):
        await _create_role(connection, role, kind)
        if password and kind == "LOGIN":
            quoted = password.replace("'", "''")
            await connection.execute(text(f"ALTER ROLE {role} WITH PASSWORD '{quoted}'".replace(":", r"\:")))
    for statement in bootstrap_statements(service):
        await connection.execute(text(statement))


async def _create_role(connection: AsyncConnection, role: str, kind: str) -> None:
    known = await connection.execute(text("select 1 from pg_roles where rolname = :role"), {"role": role})
    if known.first() is not None:
        return
    try:
        await connection.execute(text(f"CREATE ROLE {role} WITH {kind}"))
    except DBAPIError as error:  # another run made it in between
        if "exists" not in str(error.orig) and "unique" not in str(error.orig):
            raise


def migration_sql(service: str, dialect: Dialect) -> str:
    """Every migration of a service as SQL text of a dialect, without a database."""
    script, output = _scripts(service), io.StringIO()
    options = _options(service, script) | {"as_sql": True, "output_buffer": output, "starting_rev": None}
    context = MigrationContext.configure(dialect=dialect, opts=options)
    with Operations.context(context):
        context.run_migrations()
    return output.getvalue()


def place(connection: Connection, services: Sequence[str], regions: Sequence[str]) -> Iterator[str]:
    """What tells the database where the rows of `services` belong; nothing where it has no regions."""
    if not regions or connection.dialect.name != "cockroachdb":
        return
    yield from database_statements(connection.engine.url.database or "", regions)
    found = inspect(connection)
    for service in services:
        for table in sorted(found.get_table_names(schema=service)):
            columns = {column["name"] for column in found.get_columns(table, schema=service)}
            if "tenant_id" in columns:
                yield from table_statements(service, table, regions)


def head_of(service: str) -> str:
    """The newest migration of a service here. LookupError as `migrate`."""
    return str(_scripts(service).get_current_head())


def newer_than_known(service: str, revisions: Sequence[str]) -> bool:
    """Whether a later version than this one brought a schema to `revisions`. LookupError as `migrate`."""
    return _newer(_scripts(service), revisions)


def _upgrade(connection: Connection, service: str, script: ScriptDirectory, by_steps: bool) -> None:
    options = _options(service, script)
    context = MigrationContext.configure(connection, opts=options)
    if _newer(script, found := context.get_current_heads()):
        print(f"{service}: a newer version migrated it to {', '.join(found)}; left as it is")
        connection.rollback()
        return
    if by_steps:
        steps, plain = Steps(context, connection, service), options["fn"]
        context._migrations_fn = lambda revision, within: steps.of(plain(revision, within))
    connection.execute(text(f"SET ROLE {owner_role(service)}"))
    with Operations.context(context):
        context.run_migrations()
    connection.execute(text("RESET ROLE"))
    connection.commit()


def _newer(script: ScriptDirectory, revisions: Sequence[str]) -> bool:
    # Migrations are numbered; what is unknown and no later number is a mistake, which Alembic names.
    known = {each.revision for each in script.walk_revisions()}
    return any(each not in known and each > str(script.get_current_head()) for each in revisions)


def _scripts(service: str) -> ScriptDirectory:
    folder = migrations_of(service)
    # Alembic takes a missing folder for nothing to do, and would leave an empty schema behind.
    if not any(folder.glob("[0-9]*.py")):
        raise LookupError(f"there are no migrations of {service!r} in {folder}")
    scripts = ScriptDirectory(str(_ENVIRONMENT), version_locations=[str(folder)])
    if len(heads := scripts.get_heads()) != 1:  # two changes were joined that both followed the same one
        raise LookupError(f"the migrations of {service!r} end in {', '.join(heads)}: let one follow the other")
    return scripts


def _options(service: str, script: ScriptDirectory) -> dict[str, Any]:
    return {
        "fn": lambda revision, _: script._upgrade_revs("heads", revision),
        "version_table": "alembic_version",
        "version_table_schema": service,
        "script": script,
    }


def main() -> None:
    """The command line; without names all services."""
    services = sys.argv[1:] or services_with_migrations()
    admin_url = os.environ.get("MERKEZ_ADMIN_DATABASE_URL", "")
    if not admin_url:
        sys.exit("MERKEZ_ADMIN_DATABASE_URL is missing")
    shared = os.environ.get("MERKEZ_ROLE_PASSWORD", "")
    passwords = {name: os.environ.get(f"MERKEZ_{name.upper()}_ROLE_PASSWORD", shared) for name in services}
    passwords = {name: password.strip().partition("\n")[0].strip() for name, password in passwords.items()}
    access = Access(tls_authority=os.environ.get("MERKEZ_DATABASE_TLS_AUTHORITY", ""))
    regions = [each.strip() for each in os.environ.get("MERKEZ_DATABASE_REGIONS", "").split(",") if each.strip()]
    asyncio.run(migrate(admin_url, services, passwords, regions, access))
    print(f"migrated: {', '.join(services)}")


if __name__ == "__main__":
    main()
