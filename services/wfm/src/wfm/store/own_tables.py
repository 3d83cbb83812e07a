"""Tables of what agents do for themselves."""

from __future__ import annotations

from chassis.sql import Json, Time, tenant_table
from sqlalchemy import BigInteger, Boolean, Column, Float, Text

from wfm.store.tables import metadata

agent_notices = tenant_table(
    "agent_notices",
    metadata,
    Column("agent_notice_id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("first_day", Text, nullable=False),
    Column("days", Json, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("dismissed", Boolean, nullable=False),
    Column("create_time", Time, nullable=False),
)
availability = tenant_table(
    "availability",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("from_day", Text, primary_key=True),
    Column("availability", Json, nullable=False),
    Column("wish", Json, nullable=False),
    Column("create_time", Time, nullable=False),
)
calendar_feeds = tenant_table(
    "calendar_feeds",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("create_time", Time, nullable=False),
)
self_service = tenant_table(
    "self_service",
    metadata,
    Column("one", Text, primary_key=True),
    Column("settings", Json, nullable=False),
    Column("version", BigInteger, nullable=False),
)
time_off_kinds = tenant_table(
    "time_off_kinds",
    metadata,
    Column("time_off_kind_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("paid", Boolean, nullable=False),
    Column("limited", Boolean, nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("first_year", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
)
time_off_allowances = tenant_table(
    "time_off_allowances",
    metadata,
    Column("time_off_allowance_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("allowance", Json, nullable=False),
    Column("version", BigInteger, nullable=False),
)
time_off_requests = tenant_table(
    "time_off_requests",
    metadata,
    Column("time_off_request_id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("time_off_kind_id", Text, nullable=False),
    Column("first_day", Text, nullable=False),
    Column("last_day", Text, nullable=False),
    Column("start_minute", BigInteger, nullable=False),
    Column("end_minute", BigInteger, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("end_time", Time, nullable=False),
    Column("note", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("amounts", Json, nullable=False),
    Column("credited_minutes", BigInteger, nullable=False),
    Column("obstacles", Json, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("time_off_id", Text, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("decide_time", Time),
    Column("version", BigInteger, nullable=False),
)
carried_over = tenant_table(
    "carried_over",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("time_off_kind_id", Text, primary_key=True),
    Column("year", BigInteger, primary_key=True, autoincrement=False),
    Column("amount", Float, nullable=False),
)
shift_trades = tenant_table(
    "shift_trades",
    metadata,
    Column("shift_trade_id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("first_day", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("shift", Json, nullable=False),
    Column("to_user_id", Text, nullable=False),
    Column("swap", Boolean, nullable=False),
    Column("wanted_days", Json, nullable=False),
    Column("note", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("colleague_id", Text, nullable=False),
    Column("colleague_shift", Json),
    Column("expire_time", Time, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("decide_time", Time),
    Column("decided_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("concerns", Json, nullable=False),
    Column("version", BigInteger, nullable=False),
)
bid_rounds = tenant_table(
    "bid_rounds",
    metadata,
    Column("bid_round_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("first_day", Text, nullable=False),
    Column("end_time", Time, nullable=False),
    Column("bid_order", Text, nullable=False),
    Column("open_shifts", Json, nullable=False),
    Column("state", Text, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("decide_time", Time),
    Column("version", BigInteger, nullable=False),
)
bids = tenant_table(
    "bids",
    metadata,
    Column("bid_round_id", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("numbers", Json, nullable=False),
    Column("most", BigInteger, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("standing", Text, nullable=False),
    Column("outcomes", Json, nullable=False),
)
