"""How tables are declared, and the three that every service has.

`outbox` holds facts until JetStream has them, `inbox` remembers which facts a consumer has worked, `requests`
remembers what an idempotent verb answered.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.schema import SchemaItem

from chassis.statements import Sought

Time = TIMESTAMP(timezone=True)
"""The type of every time column: an instant, with its zone."""
Json = JSONB(none_as_null=True)
"""The type of every JSON column."""


def tenant_table(name: str, metadata: MetaData, *elements: SchemaItem) -> Table:
    """A table whose rows belong to tenants: `tenant_id` comes first in the row and in the primary key.

    Name the other key columns with `primary_key=True`; unique constraints, indexes and foreign keys begin with
    `tenant_id` too (tests/house walks the catalogue).
    """
    return Table(name, metadata, Column("tenant_id", Text, primary_key=True), *elements)


def platform_table(name: str, metadata: MetaData, *elements: SchemaItem) -> Table:
    """A table that belongs to no tenant: the plan catalogue, the index that finds a tenant at sign-in.

    Every such table is an exception someone must be able to defend: its migration secures it with
    `secure_platform_table`, and tests/house/platform_tables.txt lists it with the reason.
    """
    return Table(name, metadata, *elements, info={"platform": True})


@dataclass(frozen=True)
class StandardTables:
    """The three tables every service has."""

    outbox: Table
    inbox: Table
    requests: Table

    def sought_request(self, method: str, request_id: str) -> Sought:
        """What `Tx.once` will read."""
        return Sought(self.requests, (("method", method), ("request_id", request_id)))


def standard_tables(metadata: MetaData) -> StandardTables:
    """Declare (or find, when declared already) outbox, inbox and requests in the metadata's schema."""
    known = {table.name: table for table in metadata.tables.values()}
    if "outbox" in known:
        return StandardTables(known["outbox"], known["inbox"], known["requests"])
    outbox = tenant_table(
        "outbox", metadata,
        Column("event_id", Text, primary_key=True),
        Column("position", BigInteger, nullable=False),
        Column("key", Text, nullable=False),
        Column("fact", Text, nullable=False),
        Column("payload", LargeBinary, nullable=False),
        Column("traceparent", Text, nullable=False),
        Column("create_time", Time, nullable=False),
    )  # fmt: skip
    inbox = tenant_table(
        "inbox", metadata,
        Column("consumer", Text, primary_key=True),
        Column("event_id", Text, primary_key=True),
        Column("create_time", Time, nullable=False),
    )  # fmt: skip
    requests = tenant_table(
        "requests", metadata,
        Column("method", Text, primary_key=True),
        Column("request_id", Text, primary_key=True),
        Column("fingerprint", LargeBinary, nullable=False),
        Column("response", LargeBinary, nullable=False),
        Column("create_time", Time, nullable=False),
    )  # fmt: skip
    return StandardTables(outbox, inbox, requests)
