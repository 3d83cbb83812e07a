"""Tables of trunks, the lines on them, what was spent, desk phones and the rules of dialing out.

A line and what it cost lie with the trunk's owner, so that one index tells a trunk's load; `caller_tenant_id` says
whose call it is where the trunk is the platform's.
"""

from __future__ import annotations

from chassis.sql import Json, Time, platform_table, tenant_table
from sqlalchemy import BigInteger, Boolean, Column, Date, Index, Integer, LargeBinary, Numeric, Text, false, func

from telephony.store.tables import metadata

trunks = tenant_table(
    "trunks", metadata,
    Column("trunk_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("gateways", Json, nullable=False),
    Column("registers", Boolean, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("password", LargeBinary),
    Column("source_networks", Json, nullable=False),
    Column("codecs", Json, nullable=False),
    Column("srtp", Text, nullable=False),
    Column("digits", Text, nullable=False),
    Column("caller_header", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("dialed_format", Json, nullable=False),
    Column("caller_format", Json, nullable=False),
    Column("max_calls", Integer, nullable=False),
    Column("max_calls_per_second", Integer, nullable=False),
    Column("spend_limit", Numeric(20, 6)),
    Column("currency", Text, nullable=False),
    Column("rates", Json, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("trunks_by_time", "tenant_id", "create_time", "trunk_id"),
)  # fmt: skip

gateway_health = tenant_table(
    "gateway_health", metadata,
    Column("trunk_id", Text, primary_key=True),
    Column("gateway_id", Text, primary_key=True),
    Column("node_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("registration", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("problem", Text, nullable=False),
    Column("round_trip_ms", Integer, nullable=False),
    Column("check_time", Time, nullable=False),
)  # fmt: skip

trunk_lines = tenant_table(
    "trunk_lines", metadata,
    Column("line_id", Text, primary_key=True),
    Column("caller_tenant_id", Text, nullable=False),
    Column("trunk_id", Text, nullable=False),
    Column("gateway_id", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("inbound", Boolean, nullable=False),
    Column("country", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("price", Numeric(20, 6), nullable=False),
    Column("take_time", Time, nullable=False),
    Column("answer_time", Time),
    Column("end_time", Time),
    Column("heartbeat_time", Time, nullable=False),
    Index("trunk_lines_by_trunk", "tenant_id", "trunk_id", "take_time"),
    Index("trunk_lines_by_caller", "tenant_id", "caller_tenant_id", "take_time"),
)  # fmt: skip
"""An ended line stays until nobody counts calls of its second any more."""

spending = tenant_table(
    "spending", metadata,
    Column("caller_tenant_id", Text, primary_key=True),
    Column("trunk_id", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("spent", Numeric(20, 6), nullable=False),
    Column("risky", Numeric(20, 6), nullable=False),
    Index("spending_by_trunk", "tenant_id", "trunk_id", "day"),
)  # fmt: skip

devices = tenant_table(
    "devices", metadata,
    Column("device_id", Text, primary_key=True),
    Column("agent_id", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("ha1_sha256", Text, nullable=False),
    Column("ha1_md5", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("brand_id", Text, nullable=False),
    Index("devices_by_time", "tenant_id", "create_time", "device_id"),
    Index("devices_by_agent", "tenant_id", "agent_id"),
)  # fmt: skip

device_names = platform_table(
    "device_names", metadata,
    Column("user_name", Text, primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("device_id", Text, nullable=False),
)  # fmt: skip

device_bindings = tenant_table(
    "device_bindings", metadata,
    Column("device_id", Text, primary_key=True),
    Column("contact", Text, primary_key=True),
    Column("expire_time", Time, nullable=False),
    Column("source", Text, nullable=False),
    Column("transport", Text, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("cseq", BigInteger, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("path", Json, nullable=False, server_default="[]"),
    Column("register_time", Time, nullable=False, server_default=func.now()),
    Column("silent_invites", Integer, nullable=False, server_default="0"),
    Column("silent_since", Time),
    Column("unreachable", Boolean, nullable=False, server_default=false()),
)  # fmt: skip

country_choices = tenant_table(
    "country_choices", metadata,
    Column("country", Text, primary_key=True),
    Column("choice", Text, nullable=False),
    Column("update_time", Time, nullable=False),
)  # fmt: skip

outbound_settings = tenant_table(
    "outbound_settings", metadata,
    Column("spend_currency", Text, nullable=False),
    Column("spend_limit", Numeric(20, 6)),
    Column("risky_currency", Text, nullable=False),
    Column("risky_limit", Numeric(20, 6)),
    Column("max_calls_per_second", Integer, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
)  # fmt: skip
