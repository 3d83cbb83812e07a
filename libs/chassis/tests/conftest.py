"""A small service of our own to try the chassis on: one schema with a queue table and a platform table."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from chassis.bus import Bus
from chassis.settings import ProcessSettings
from chassis.sql import Database, tenant_table
from kernel.clock import SystemClock
from kernel.ids import new_id
from merkez_local.nats import Nats
from merkez_local.postgres import Postgres
from testkit.databases import Databases

METADATA = sa.MetaData(schema="trial")
QUEUES = tenant_table(
    "queues", METADATA,
    sa.Column("queue_id", sa.Text, primary_key=True), sa.Column("waiting", sa.BigInteger, nullable=False),
)  # fmt: skip


@pytest.fixture(autouse=True)
def trial_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets migrations of `trial` be found here."""
    monkeypatch.setenv("MERKEZ_SERVICES_DIR", str(Path(__file__).parent))


@pytest.fixture
def tenant() -> str:
    """A tenant of this test alone."""
    return new_id("ten", SystemClock().now())


@pytest.fixture
def other_tenant() -> str:
    """Another one."""
    return new_id("ten", SystemClock().now())


@pytest.fixture
def name() -> str:
    """The consumer's name."""
    return "trial"


@pytest_asyncio.fixture
async def settings(databases: Databases, nats_server: Nats) -> ProcessSettings:
    """Settings of the trial service, with its database and the run's NATS."""
    return replace(await databases.settings("trial", fresh=True), nats_url=nats_server.url)


@pytest.fixture(params=["postgresql", "cockroachdb"])
def dialect(request: pytest.FixtureRequest, settings: ProcessSettings, postgres: Postgres) -> ProcessSettings:
    """The same settings by PostgreSQL's dialect and by CockroachDB's."""
    return replace(
        settings,
        database_url=settings.database_url.replace("postgresql+", f"{request.param}+"),
        system_database_url=settings.system_database_url.replace("postgresql+", f"{request.param}+"),
    )


@pytest_asyncio.fixture
async def db(settings: ProcessSettings) -> AsyncIterator[Database]:
    """The trial service's database."""
    made = await Database.connect(settings, "trial")
    yield made
    await made.close()


@pytest_asyncio.fixture
async def bus(settings: ProcessSettings) -> AsyncIterator[Bus]:
    """The trial service's bus."""
    made = await Bus.connect(settings)
    yield made
    await made.close()
