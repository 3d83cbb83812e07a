"""The tables of tenancy."""

from __future__ import annotations

from chassis.sql import Json, Time, platform_table, standard_tables, tenant_table
from sqlalchemy import BigInteger, Boolean, Column, ColumnElement, LargeBinary, MetaData, Text, false, true

SCHEMA = "tenancy"
metadata = MetaData(schema=SCHEMA)
standard_tables(metadata)


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=True) if key else Column(name, Text, nullable=False)


def _time(name: str, *, optional: bool = False) -> Column[object]:
    return Column(name, Time, nullable=optional)


def _count(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


def _flag(name: str, default: ColumnElement[bool] | None = None) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false() if default is None else default)


tenants = tenant_table(
    "tenants", metadata, _text("display_name"), _text("state"), _text("plan_id"), _count("plan_version"),
    _text("language"), _text("time_zone"), _time("create_time"), _text("suspend_reason"), _count("version"),
)  # fmt: skip
brands = tenant_table(
    "brands", metadata, _text("brand_id", key=True), _text("display_name"), _text("language"), _text("time_zone"),
    _text("widget_key"), _text("widget_number"), _count("service_level_threshold_seconds"), _time("create_time"),
    _time("update_time"), _count("version"), _text("caller_number"), Column("call_rules", Json, nullable=False),
)  # fmt: skip
users = tenant_table(
    "users", metadata, _text("user_id", key=True), _text("display_name"), _text("email"), _text("password_hash"),
    _text("role"), _text("state"), _text("language"), _time("create_time"), _time("last_sign_in_time", optional=True),
    _count("version"),
)  # fmt: skip
sessions = tenant_table(
    "sessions", metadata, _text("session_id", key=True), _text("user_id"), _time("create_time"), _time("expire_time"),
    _time("end_time", optional=True),
)  # fmt: skip
refresh_tokens = tenant_table(
    "refresh_tokens", metadata, _text("digest", key=True), _text("session_id"), _time("create_time"),
    _time("use_time", optional=True),
)  # fmt: skip
invitations = tenant_table(
    "invitations", metadata, _text("invitation_id", key=True), _text("email"), _text("display_name"), _text("role"),
    _text("state"), _text("digest"), Column("emailed", Boolean, nullable=False), _time("create_time"),
    _time("expire_time"),
)  # fmt: skip
api_keys = tenant_table(
    "api_keys", metadata, _text("api_key_id", key=True), _text("display_name"), _text("prefix"), _text("digest"),
    Column("scopes", Json, nullable=False), _time("create_time"), _time("last_use_time", optional=True),
    _time("revoke_time", optional=True),
)  # fmt: skip
numbers = tenant_table(
    "numbers", metadata, _text("number", key=True), _text("country"), Column("test", Boolean, nullable=False),
    _text("brand_id"), _text("flow_id"), _time("assign_time"), _count("version"),
    Column("brought", Boolean, nullable=False, server_default=false()),
    Column("trunk_id", Text, nullable=False, server_default=""), _time("approve_time", optional=True),
    Column("type", Text, nullable=False, server_default="LOCAL"), _flag("voice", true()), _flag("sms"), _flag("fax"),
    _flag("emergency"), Column("price_class", Text, nullable=False, server_default="local"), _flag("ported"),
    Column("emergency_address_id", Text, nullable=False, server_default=""),
)  # fmt: skip
notices = tenant_table(
    "notices", metadata, _text("notice_id", key=True), _text("kind"), _text("subject"),
    Column("parameters", Json, nullable=False), _count("count"), Column("dismissed", Boolean, nullable=False),
    _time("create_time"), _time("update_time"),
)  # fmt: skip
audit_entries = tenant_table(
    "audit_entries", metadata, _text("audit_entry_id", key=True), _text("subject"), _text("subject_name"),
    _text("action"), _text("target"), _text("outcome"), _text("address"), _time("create_time"),
)  # fmt: skip
emails = tenant_table(
    "emails", metadata, _text("email_id", key=True), _text("invitation_id"), _text("recipient"), _text("subject"),
    _text("body"), _count("attempts"), _time("next_attempt_time"),
)  # fmt: skip
emergency_addresses = tenant_table(
    "emergency_addresses", metadata, _text("emergency_address_id", key=True), _text("brand_id"),
    Column("address", Json, nullable=False), _text("state"), _text("problem"), _time("validate_time", optional=True),
    _time("next_time", optional=True), _time("create_time"), _count("version"),
)  # fmt: skip
port_orders = tenant_table(
    "port_orders", metadata, _text("port_order_id", key=True), _text("brand_id"), _text("flow_id"), _text("country"),
    Column("numbers", Json, nullable=False), Column("details", LargeBinary), _text("wanted_date"),
    _time("create_time"), _time("update_time"), _count("version"),
)  # fmt: skip
port_lanes = tenant_table(
    "port_lanes", metadata, _text("port_order_id", key=True), _text("channel", key=True), _text("state"),
    _time("state_time"), _text("carrier_ref"), _text("replaces"), _count("submission"),
    _time("foc_time", optional=True), _time("port_time", optional=True), _text("exception"), _text("exception_note"),
    _flag("cancel_asked"), _time("next_time", optional=True), _count("failures"),
)  # fmt: skip
port_documents = tenant_table(
    "port_documents", metadata, _text("port_order_id", key=True), _text("port_document_id", key=True), _text("kind"),
    _text("file_name"), _text("media_type"), _count("size"), Column("content", LargeBinary, nullable=False),
    _time("create_time"),
)  # fmt: skip
port_events = tenant_table(
    "port_events", metadata, _text("port_order_id", key=True), _text("port_event_id", key=True), _time("event_time"),
    _text("channel"), _text("kind"), _text("state"), _text("note"), _text("user_id"),
)  # fmt: skip
port_outs = tenant_table(
    "port_outs", metadata, _text("port_out_id", key=True), _text("carrier_ref"),
    Column("numbers", Json, nullable=False), _text("gaining_carrier"), _text("state"),
    _time("create_time"), _time("answer_until"), _text("refusal"),
    _flag("told"), _count("version"),
)  # fmt: skip
port_pins = tenant_table("port_pins", metadata, _text("pin_hash"), _count("wrong"))

lookups = platform_table(
    "lookups", metadata, _text("kind", key=True), _text("value", key=True), _text("tenant_id"), _text("target")
)
inventory = platform_table(
    "inventory", metadata, _text("number", key=True), _text("country"), Column("test", Boolean, nullable=False),
    _text("holder"), Column("type", Text, nullable=False, server_default="LOCAL"), _flag("voice", true()),
    _flag("sms"), _flag("fax"), _flag("emergency"), Column("carrier", Text, nullable=False, server_default=""),
    Column("price_class", Text, nullable=False, server_default="local"),
    Column("kept_for", Text, nullable=False, server_default=""),
    Column("kept", Text, nullable=False, server_default=""), _time("kept_until", optional=True),
    Column("version", BigInteger, nullable=False, server_default="1"),
)  # fmt: skip
number_history = platform_table(
    "number_history", metadata, _text("number", key=True), _text("entry_id", key=True), _time("event_time"),
    _text("event"), _text("tenant_id"), _text("note"),
)  # fmt: skip
attempts = platform_table(
    "attempts", metadata, _text("address", key=True), _count("failures"), _time("window_start"),
    _time("known_until", optional=True), _time("expire_time"),
)  # fmt: skip
oidc_states = platform_table(
    "oidc_states", metadata, _text("state", key=True), _text("nonce"), _text("code_verifier"), _text("redirect_uri"),
    _text("invitation"), _time("expire_time"),
)  # fmt: skip
