"""Telephony's tables. `live_calls` is the node's lease on a call: its row goes when the call ends."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.sql import Json, Time, platform_table, standard_tables, tenant_table
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    Interval,
    MetaData,
    Numeric,
    Text,
    any_,
    literal,
)

metadata = MetaData(schema="telephony")
standard = standard_tables(metadata)


def among(column: Column[str], values: Sequence[str]) -> ColumnElement[bool]:
    """Whether it is one of them: one statement to prepare, however many they are."""
    return column == any_(literal(list(values), ARRAY(Text)))


calls = tenant_table(
    "calls", metadata,
    Column("call_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("state_time", Time, nullable=False),
    Column("brand_id", Text, nullable=False),
    Column("brand_name", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("flow_id", Text, nullable=False),
    Column("caller_number", Text, nullable=False),
    Column("caller_name", Text, nullable=False),
    Column("dialed_number", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("release_id", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("recording_id", Text, nullable=False),
    Column("attributes", Json, nullable=False),
    Column("recorded", Boolean, nullable=False),
    Column("direction", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("sent_to", Text, nullable=False),
    Column("sent_by", Text, nullable=False),
    Column("forwarded_by", Json, nullable=False),
    Column("trunk_id", Text, nullable=False),
    Column("park_code", Text, nullable=False),
    Column("rules", Json, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("answer_time", Time),
    Column("end_time", Time),
    Column("talk", Interval, nullable=False),
    Column("hold", Interval, nullable=False),
    Column("unheard", Interval, nullable=False),
    Column("kept_run_id", Text, nullable=False),
    Column("served", Json, nullable=False),
    Column("after_agent", Interval, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("calls_by_start", "tenant_id", "start_time", "call_id"),
)  # fmt: skip

live_calls = tenant_table(
    "live_calls", metadata,
    Column("call_id", Text, primary_key=True),
    Column("node_id", Text, nullable=False),
    Column("counted", Boolean, nullable=False),
    Column("heartbeat_time", Time, nullable=False),
    Column("create_time", Time, nullable=False),
)  # fmt: skip

find_me = tenant_table(
    "find_me", metadata,
    Column("agent_id", Text, primary_key=True),
    Column("rings_when", Text, nullable=False),
    Column("desk_ring", Interval, nullable=False),
    Column("steps", Json, nullable=False),
    Column("queue_calls", Boolean, nullable=False),
    Column("resort_kind", Text, nullable=False),
    Column("resort_target", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("turn_time", Time),
    Column("turns", BigInteger, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("find_me_by_resort", "tenant_id", "resort_target"),
)  # fmt: skip

searches = tenant_table(
    "searches", metadata,
    Column("offer_id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("steps", Json, nullable=False),
    Column("lead", Interval, nullable=False),
    Column("step", Integer, nullable=False),
    Column("step_time", Time, nullable=False),
    Column("away", Boolean, nullable=False),
    Column("taken_leg_id", Text, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("over", Boolean, nullable=False),
    Column("create_time", Time, nullable=False),
    Index("searches_by_call", "tenant_id", "call_id"),
)  # fmt: skip
"""Offers that ring at telephones: a row goes with its offer's answer or the call. One that is `over` never rang: its
offer's end was heard of first."""

legs = tenant_table(
    "legs", metadata,
    Column("leg_id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("token_hash", Text, nullable=False),
    Column("muted", Boolean, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("consulted", Boolean, nullable=False),
    Column("invited_by", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("supervised_agent_id", Text, nullable=False),
    Column("q850_cause", Integer, nullable=False),
    Column("sip_status", Integer, nullable=False),
    Column("answered_by", Text, nullable=False),
    Column("detection", Interval, nullable=False),
    Column("join_time", Time),
    Column("leave_time", Time),
    Column("mos", Numeric(4, 2), nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Index("legs_by_call", "tenant_id", "call_id"),
)  # fmt: skip

nodes = platform_table(
    "nodes", metadata,
    Column("node_id", Text, primary_key=True),
    Column("address", Text, nullable=False),
    Column("draining", Boolean, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("heartbeat_time", Time, nullable=False),
    Column("drain_deadline_time", Time),
    Column("sip_address", Text, nullable=False),
    Column("region", Text, nullable=False),
)  # fmt: skip

park_codes = tenant_table(
    "park_codes", metadata,
    Column("park_code", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("deadline_time", Time),
    Column("create_time", Time, nullable=False),
)  # fmt: skip

call_moments = tenant_table(
    "call_moments", metadata,
    Column("call_id", Text, primary_key=True),
    Column("moment_id", Text, primary_key=True),
    Column("happening", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("target_kind", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("create_time", Time, nullable=False),
)  # fmt: skip

dialogs = tenant_table(
    "dialogs", metadata,
    Column("leg_id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("kept", Json, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Index("dialogs_by_call", "tenant_id", "call_id"),
)  # fmt: skip

stations = tenant_table(
    "stations", metadata,
    Column("agent_id", Text, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("node_id", Text, nullable=False),
    Column("attach_time", Time, nullable=False),
    Column("detach_time", Time),
    Column("detach_reason", Text, nullable=False),
    Column("heartbeat_time", Time, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
)  # fmt: skip

cdrs = tenant_table(
    "cdrs", metadata,
    Column("cdr_id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("brand_id", Text, nullable=False),
    Column("caller_number", Text, nullable=False),
    Column("dialed_number", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("start_time", Time, nullable=False),
    Column("answer_time", Time),
    Column("end_time", Time, nullable=False),
    Column("duration", Interval, nullable=False),
    Column("talk", Interval, nullable=False),
    Column("hold", Interval, nullable=False),
    Column("unheard", Interval, nullable=False),
    Column("after_agent", Interval, nullable=False),
    Column("end_party", Text, nullable=False),
    Column("end_cause", Text, nullable=False),
    Column("customer_mos", Numeric(4, 2), nullable=False),
    Column("agent_mos", Numeric(4, 2), nullable=False),
    Column("release_id", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("trunk_id", Text, nullable=False),
    Column("q850_cause", Integer, nullable=False),
    Column("sip_status", Integer, nullable=False),
    Column("answered_by", Text, nullable=False),
    Column("detection", Interval, nullable=False),
    Column("connect_time", Time),
    Column("create_time", Time, nullable=False),
    Index("cdrs_by_call", "tenant_id", "call_id", unique=True),
    Index("cdrs_by_start", "tenant_id", "start_time", "cdr_id"),
)  # fmt: skip
