"""Tables of rate decks. Operators' decks are rows of the platform's own tenant, a reseller's are the reseller's."""

from __future__ import annotations

from chassis.sql import Time, tenant_table
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Numeric, Text

from billing.store.tables import metadata

rate_decks = tenant_table(
    "rate_decks",
    metadata,
    Column("rate_deck_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("rounding", Text, nullable=False),
    Column("digits", Integer, nullable=False),
    Column("parent_id", Text, nullable=False),
    Column("newest_version", BigInteger, nullable=False),
    Column("create_time", Time, nullable=False),
)
rate_deck_versions = tenant_table(
    "rate_deck_versions",
    metadata,
    Column("rate_deck_id", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("activate_time", Time),
    Column("line_count", BigInteger, nullable=False),
    Column("markup_percent", Numeric, nullable=False),
    Column("markup_amount", Numeric, nullable=False),
    Column("create_time", Time, nullable=False),
)
rate_deck_parts = tenant_table(
    "rate_deck_parts",
    metadata,
    Column("rate_deck_id", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("part", BigInteger, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
