"""Tables of wfm."""

from __future__ import annotations

from chassis.sql import Json, Time, standard_tables, tenant_table
from sqlalchemy import BigInteger, Boolean, Column, Float, LargeBinary, MetaData, Text

from wfm.domain.contacts import NAMES

SCHEMA = "wfm"
metadata = MetaData(schema=SCHEMA)
standard_tables(metadata)

contact_rows = tenant_table(
    "contacts",
    metadata,
    Column("contact_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("brand_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("targeted", Boolean, nullable=False),
    Column("queue_time", Time, nullable=False),
    Column("answer_time", Time),
    Column("wrap_up_end_time", Time),
    Column("abandoned", Boolean, nullable=False),
)
minute_counters = tenant_table(
    "minute_counters",
    metadata,
    Column("queue_id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("start_time", Time, primary_key=True),
    Column("brand_id", Text, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in NAMES),
)
imported_intervals = tenant_table(
    "imported_intervals",
    metadata,
    Column("queue_id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("start_time", Time, primary_key=True),
    Column("brand_id", Text, primary_key=True),
    Column("minutes", BigInteger, nullable=False),
    Column("offered", Float, nullable=False),
    Column("answered", Float, nullable=False),
    Column("abandoned", Float, nullable=False),
    Column("handled", Float, nullable=False),
    Column("handle_seconds", Float, nullable=False),
)
series_rows = tenant_table(
    "series", metadata, Column("queue_id", Text, primary_key=True), Column("channel", Text, primary_key=True)
)
queues = tenant_table(
    "queues",
    metadata,
    Column("queue_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("deleted", Boolean, nullable=False),
)
tenants = tenant_table(
    "tenants", metadata, Column("time_zone", Text, nullable=False), Column("version", BigInteger, nullable=False)
)
special_days = tenant_table(
    "special_days",
    metadata,
    Column("special_day_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("first_day", Text, nullable=False),
    Column("last_day", Text, nullable=False),
    Column("queue_ids", Json, nullable=False),
    Column("percent", Float),
    Column("version", BigInteger, nullable=False),
)
forecast_runs = tenant_table(
    "forecast_runs",
    metadata,
    Column("forecast_run_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("first_day", Text, nullable=False),
    Column("days", BigInteger, nullable=False),
    Column("interval_minutes", BigInteger, nullable=False),
    Column("series_count", BigInteger, nullable=False),
    Column("history_until", Text, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("end_time", Time),
)
forecasts = tenant_table(
    "forecasts",
    metadata,
    Column("forecast_run_id", Text, primary_key=True),
    Column("queue_id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("lease_until", Time),
    Column("attempts", BigInteger, nullable=False),
    Column("method", Text, nullable=False),
    Column("backtest", Json),
    Column("warnings", Json, nullable=False),
    Column("curve", LargeBinary),
)
overrides = tenant_table(
    "forecast_overrides",
    metadata,
    Column("forecast_override_id", Text, primary_key=True),
    Column("queue_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("end_time", Time, nullable=False),
    Column("total", Float),
    Column("percent", Float),
    Column("aht_seconds", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("create_time", Time, nullable=False),
)
staffing_rules = tenant_table(
    "staffing_rules",
    metadata,
    Column("queue_id", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("service_level", Float, nullable=False),
    Column("threshold_seconds", BigInteger, nullable=False),
    Column("patience_seconds", Float, nullable=False),
    Column("max_occupancy", Float, nullable=False),
    Column("shrinkage", Float, nullable=False),
    Column("concurrency", BigInteger, nullable=False),
    Column("deadline_minutes", BigInteger, nullable=False),
    Column("default_aht_seconds", BigInteger, nullable=False),
    Column("minimum_agents", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
)
labour_rules = tenant_table(
    "labour_rules",
    metadata,
    Column("labour_rules_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("adult", Json, nullable=False),
    Column("young", Json),
    Column("source", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
)
shift_patterns = tenant_table(
    "shift_patterns",
    metadata,
    Column("shift_pattern_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("pattern", Json, nullable=False),
    Column("version", BigInteger, nullable=False),
)
contracts = tenant_table(
    "contracts",
    metadata,
    Column("contract_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("labour_rules_id", Text, nullable=False),
    Column("pattern_ids", Json, nullable=False),
    Column("min_week", BigInteger, nullable=False),
    Column("max_week", BigInteger, nullable=False),
    Column("min_days", BigInteger, nullable=False),
    Column("max_days", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
)
planned_agents = tenant_table(
    "planned_agents",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("contract_id", Text, nullable=False),
    Column("queue_ids", Json, nullable=False),
    Column("under_age", Boolean, nullable=False),
    Column("availability", Json, nullable=False),
    Column("wish", Json, nullable=False),
    Column("version", BigInteger, nullable=False),
)
time_off = tenant_table(
    "time_off",
    metadata,
    Column("time_off_id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("end_time", Time, nullable=False),
    Column("credited_minutes", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("create_time", Time, nullable=False),
)
schedules = tenant_table(
    "schedules",
    metadata,
    Column("schedule_id", Text, primary_key=True),
    Column("first_day", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("forecast_run_id", Text, nullable=False),
    Column("base_schedule_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("agent_count", BigInteger, nullable=False),
    Column("fairness", Float, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("spent_seconds", Float, nullable=False),
    Column("stop", Boolean, nullable=False),
    Column("cut_short", Boolean, nullable=False),
    Column("lease_until", Time),
    Column("attempts", BigInteger, nullable=False),
    Column("figures", Json, nullable=False),
    Column("groups", Json, nullable=False),
    Column("need", LargeBinary, nullable=False),
    Column("kept", LargeBinary),
    Column("create_time", Time, nullable=False),
    Column("end_time", Time),
    Column("publish_time", Time),
    Column("publisher", Text, nullable=False),
)
shifts = tenant_table(
    "shifts",
    metadata,
    Column("schedule_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("start_time", Time, nullable=False),
    Column("end_time", Time, nullable=False),
    Column("breaks", Json, nullable=False),
    Column("work", Json, nullable=False),
    Column("pattern_id", Text, nullable=False),
    Column("locked", Boolean, nullable=False),
)
