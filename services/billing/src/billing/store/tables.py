"""Tables of billing."""

from __future__ import annotations

from chassis.sql import Json, Time, standard_tables, tenant_table
from sqlalchemy import BigInteger, Column, MetaData, Numeric, Text

SCHEMA = "billing"
metadata = MetaData(schema=SCHEMA)
standard_tables(metadata)

plans_held = tenant_table(
    "plans_held",
    metadata,
    Column("effective_time", Time, primary_key=True),
    Column("fact_time", Time, primary_key=True),
    Column("plan_id", Text, nullable=False),
    Column("plan_version", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("rates", Json, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("fee", Numeric, nullable=False),
    Column("interval", Text, nullable=False),
    Column("minimum", Numeric),
    Column("record_time", Time, nullable=False),
    Column("subscription_version", BigInteger, nullable=False, server_default="0"),
)
zones = tenant_table(
    "zones",
    metadata,
    Column("time_zone", Text, nullable=False),
    Column("tenant_version", BigInteger, nullable=False),
)

zone_changes = tenant_table(
    "zone_changes",
    metadata,
    Column("tenant_version", BigInteger, primary_key=True),
    Column("time_zone", Text, nullable=False),
    Column("record_time", Time, nullable=False),
)
"""When each was heard of, so that what was reckoned by an earlier one is reckoned by it again."""

level_changes = tenant_table(
    "level_changes",
    metadata,
    Column("meter", Text, primary_key=True),
    Column("item_id", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("change_time", Time, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("brand_id", Text, nullable=False, server_default=""),
    Column("record_time", Time, nullable=False),
    Column("price_class", Text, nullable=False),
)
usage_records = tenant_table(
    "usage_records",
    metadata,
    Column("source", Text, primary_key=True),
    Column("source_id", Text, primary_key=True),
    Column("meter", Text, nullable=False),
    Column("usage_record_id", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("usage_time", Time, nullable=False),
    Column("used_seconds", BigInteger, nullable=False),
    Column("billed_seconds", BigInteger, nullable=False),
    Column("plan_id", Text, nullable=False),
    Column("plan_version", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("price", Numeric, nullable=False),
    Column("brand_id", Text, nullable=False),
    Column("record_time", Time, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("properties", Json, nullable=False),
    Column("traceparent", Text, nullable=False, server_default=""),
)
