"""The tables of tenancy."""

from __future__ import annotations

from chassis.sql import Json, platform_table, standard_tables, tenant_table
from sqlalchemy import BigInteger, Boolean, Column, ColumnElement, LargeBinary, MetaData, Text, false, true

from tenancy.store.columns import count, text, time

SCHEMA = "tenancy"
metadata = MetaData(schema=SCHEMA)
standard_tables(metadata)


def _flag(name: str, default: ColumnElement[bool] | None = None) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false() if default is None else default)


tenants = tenant_table(
    "tenants", metadata, text("display_name"), text("state"), text("plan_id"), count("plan_version"),
    text("language"), text("time_zone"), time("create_time"), text("suspend_reason"), count("version"),
    _flag("restricted"),
)  # fmt: skip
brands = tenant_table(
    "brands", metadata, text("brand_id", key=True), text("display_name"), text("language"), text("time_zone"),
    text("widget_key"), text("widget_number"), count("service_level_threshold_seconds"), time("create_time"),
    time("update_time"), count("version"), text("caller_number"), Column("call_rules", Json, nullable=False),
)  # fmt: skip
users = tenant_table(
    "users", metadata, text("user_id", key=True), text("display_name"), text("email"), text("password_hash"),
    text("role"), text("state"), text("language"), time("create_time"), time("last_sign_in_time", optional=True),
    count("version"),
)  # fmt: skip
sessions = tenant_table(
    "sessions", metadata, text("session_id", key=True), text("user_id"), time("create_time"), time("expire_time"),
    time("end_time", optional=True),
)  # fmt: skip
refresh_tokens = tenant_table(
    "refresh_tokens", metadata, text("digest", key=True), text("session_id"), time("create_time"),
    time("use_time", optional=True),
)  # fmt: skip
invitations = tenant_table(
    "invitations", metadata, text("invitation_id", key=True), text("email"), text("display_name"), text("role"),
    text("state"), text("digest"), Column("emailed", Boolean, nullable=False), time("create_time"),
    time("expire_time"),
)  # fmt: skip
api_keys = tenant_table(
    "api_keys", metadata, text("api_key_id", key=True), text("display_name"), text("prefix"), text("digest"),
    Column("scopes", Json, nullable=False), time("create_time"), time("last_use_time", optional=True),
    time("revoke_time", optional=True),
)  # fmt: skip
numbers = tenant_table(
    "numbers", metadata, text("number", key=True), text("country"), Column("test", Boolean, nullable=False),
    text("brand_id"), text("flow_id"), time("assign_time"), count("version"),
    Column("brought", Boolean, nullable=False, server_default=false()),
    Column("trunk_id", Text, nullable=False, server_default=""), time("approve_time", optional=True),
    Column("type", Text, nullable=False, server_default="LOCAL"), _flag("voice", true()), _flag("sms"), _flag("fax"),
    _flag("emergency"), Column("price_class", Text, nullable=False, server_default="local"), _flag("ported"),
    Column("emergency_address_id", Text, nullable=False, server_default=""),
)  # fmt: skip
notices = tenant_table(
    "notices", metadata, text("notice_id", key=True), text("kind"), text("subject"),
    Column("parameters", Json, nullable=False), count("count"), Column("dismissed", Boolean, nullable=False),
    time("create_time"), time("update_time"),
)  # fmt: skip
limit_passings = tenant_table(
    "limit_passings", metadata, text("limit", key=True), count("allowed"), count("used"), count("count"),
    time("first_pass_time"), time("pass_time"),
)  # fmt: skip
audit_entries = tenant_table(
    "audit_entries", metadata, text("audit_entry_id", key=True), text("subject"), text("subject_name"),
    text("action"), text("target"), text("outcome"), text("address"), time("create_time"),
)  # fmt: skip
emails = tenant_table(
    "emails", metadata, text("email_id", key=True), text("invitation_id"), text("recipient"), text("subject"),
    text("body"), count("attempts"), time("next_attempt_time"),
)  # fmt: skip
emergency_addresses = tenant_table(
    "emergency_addresses", metadata, text("emergency_address_id", key=True), text("brand_id"),
    Column("address", Json, nullable=False), text("state"), text("problem"), time("validate_time", optional=True),
    time("next_time", optional=True), time("create_time"), count("version"),
)  # fmt: skip
port_orders = tenant_table(
    "port_orders", metadata, text("port_order_id", key=True), text("brand_id"), text("flow_id"), text("country"),
    Column("numbers", Json, nullable=False), Column("details", LargeBinary), text("wanted_date"),
    time("create_time"), time("update_time"), count("version"),
)  # fmt: skip
port_lanes = tenant_table(
    "port_lanes", metadata, text("port_order_id", key=True), text("channel", key=True), text("state"),
    time("state_time"), text("carrier_ref"), text("replaces"), count("submission"),
    time("foc_time", optional=True), time("port_time", optional=True), text("exception"), text("exception_note"),
    _flag("cancel_asked"), time("next_time", optional=True), count("failures"),
)  # fmt: skip
port_documents = tenant_table(
    "port_documents", metadata, text("port_order_id", key=True), text("port_document_id", key=True), text("kind"),
    text("file_name"), text("media_type"), count("size"), Column("content", LargeBinary, nullable=False),
    time("create_time"),
)  # fmt: skip
port_events = tenant_table(
    "port_events", metadata, text("port_order_id", key=True), text("port_event_id", key=True), time("event_time"),
    text("channel"), text("kind"), text("state"), text("note"), text("user_id"),
)  # fmt: skip
port_outs = tenant_table(
    "port_outs", metadata, text("port_out_id", key=True), text("carrier_ref"),
    Column("numbers", Json, nullable=False), text("gaining_carrier"), text("state"),
    time("create_time"), time("answer_until"), text("refusal"),
    _flag("told"), count("version"),
)  # fmt: skip
port_pins = tenant_table("port_pins", metadata, text("pin_hash"), count("wrong"))

lookups = platform_table(
    "lookups", metadata, text("kind", key=True), text("value", key=True), text("tenant_id"), text("target")
)
inventory = platform_table(
    "inventory", metadata, text("number", key=True), text("country"), Column("test", Boolean, nullable=False),
    text("holder"), Column("type", Text, nullable=False, server_default="LOCAL"), _flag("voice", true()),
    _flag("sms"), _flag("fax"), _flag("emergency"), Column("carrier", Text, nullable=False, server_default=""),
    Column("price_class", Text, nullable=False, server_default="local"),
    Column("kept_for", Text, nullable=False, server_default=""),
    Column("kept", Text, nullable=False, server_default=""), time("kept_until", optional=True),
    Column("version", BigInteger, nullable=False, server_default="1"),
)  # fmt: skip
number_history = platform_table(
    "number_history", metadata, text("number", key=True), text("entry_id", key=True), time("event_time"),
    text("event"), text("tenant_id"), text("note"),
)  # fmt: skip
attempts = platform_table(
    "attempts", metadata, text("address", key=True), count("failures"), time("window_start"),
    time("known_until", optional=True), time("expire_time"),
)  # fmt: skip
oidc_states = platform_table(
    "oidc_states", metadata, text("state", key=True), text("nonce"), text("code_verifier"), text("redirect_uri"),
    text("invitation"), time("expire_time"),
)  # fmt: skip
