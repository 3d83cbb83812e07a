"""Tables of what is kept by day, of subscriptions, meters, coupons and taxes."""

from __future__ import annotations

from chassis.sql import Json, Time, platform_table, tenant_table
from sqlalchemy import BigInteger, Boolean, Column, Numeric, Text

from billing.store.tables import metadata

usage_days = tenant_table(
    "usage_days",
    metadata,
    Column("meter", Text, primary_key=True),
    Column("day", Time, primary_key=True),
    Column("properties", Text, primary_key=True),
    Column("brand_id", Text, primary_key=True),
    Column("record_count", BigInteger, nullable=False),
    Column("total", Numeric, nullable=False),
    Column("most", Numeric, nullable=False),
    Column("latest_time", Time, nullable=False),
    Column("latest_key", Text, nullable=False),
    Column("latest", Numeric, nullable=False),
    Column("moment", Numeric, nullable=False),
    Column("used_seconds", BigInteger, nullable=False),
    Column("billed_seconds", BigInteger, nullable=False),
    Column("record_time", Time, nullable=False),
)
usage_values = tenant_table(
    "usage_values",
    metadata,
    Column("meter", Text, primary_key=True),
    Column("day", Time, primary_key=True),
    Column("properties", Text, primary_key=True),
    Column("brand_id", Text, primary_key=True),
    Column("value", Text, primary_key=True),
)
subscription_versions = tenant_table(
    "subscription_versions",
    metadata,
    Column("version", BigInteger, primary_key=True),
    Column("change_time", Time, nullable=False),
    Column("state", Text, nullable=False),
    Column("anchor_time", Time, nullable=False),
    Column("trial_end_time", Time),
    Column("stop_time", Time),
    Column("add_ons", Json, nullable=False),
    Column("record_time", Time, nullable=False),
    Column("ends_time", Time),
)
redemptions = tenant_table(
    "redemptions",
    metadata,
    Column("coupon_id", Text, primary_key=True),
    Column("redeem_time", Time, nullable=False),
    Column("record_time", Time, nullable=False),
)
tax_data = tenant_table(
    "tax_data",
    metadata,
    Column("version", BigInteger, primary_key=True),
    Column("region", Text, nullable=False),
    Column("treatment", Text, nullable=False),
    Column("tax_id", Text, nullable=False),
    Column("record_time", Time, nullable=False),
)
meters = platform_table(
    "meters",
    metadata,
    Column("meter", Text, primary_key=True),
    Column("unit", Text, nullable=False),
    Column("aggregation", Text, nullable=False),
    Column("recurring", Boolean, nullable=False),
    Column("unique_property", Text, nullable=False),
    Column("group_by", Json, nullable=False),
    Column("tax_code", Text, nullable=False),
    Column("names", Json, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
)
coupons = platform_table(
    "coupons",
    metadata,
    Column("coupon_id", Text, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("frequency", Text, nullable=False),
    Column("percent", Numeric, nullable=False),
    Column("amount", Numeric, nullable=False),
    Column("currency", Text, nullable=False),
    Column("periods", BigInteger, nullable=False),
    Column("rates", Json, nullable=False),
    Column("redeem_until", Time),
    Column("max_redemptions", BigInteger, nullable=False),
    Column("redemption_count", BigInteger, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
)
tax_rates = platform_table(
    "tax_rates",
    metadata,
    Column("tax_rate_id", Text, primary_key=True),
    Column("tax_code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("percent", Numeric, nullable=False),
    Column("included", Boolean, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("end_time", Time),
    Column("line_codes", Json, nullable=False),
    Column("create_time", Time, nullable=False),
)
