"""Trunks with their lines and spending, desk phones with their bindings, and the rules of dialing out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chassis.migrations import TENANT_SETTING, app_role, create_platform_table, create_tenant_table
from chassis.tables import Json, Time

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "telephony"


def _text(*names: str, key: bool = False) -> list[sa.Column]:
    return [sa.Column(name, sa.Text, primary_key=key, nullable=False) for name in names]


def _times(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, Time, nullable=nullable) for name in names]


def _each(kind: sa.types.TypeEngine | type, *names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, kind, nullable=nullable) for name in names]


MONEY = sa.Numeric(20, 6)


def upgrade() -> None:
    _trunks()
    _lines()
    _devices()
    _rules()


def _trunks() -> None:
    create_tenant_table(
        op, SCHEMA, "trunks",
        *_text("trunk_id", key=True),
        *_text("display_name", "user_name", "srtp", "digits", "caller_header", "country", "currency"),
        *_each(Json, "gateways", "source_networks", "codecs", "dialed_format", "caller_format", "rates"),
        *_each(sa.Boolean, "registers", "enabled"),
        *_each(sa.Integer, "max_calls", "max_calls_per_second", "priority"),
        *_each(sa.LargeBinary, "password", nullable=True),
        *_each(MONEY, "spend_limit", nullable=True),
        *_times("create_time", "update_time"),
        *_each(sa.BigInteger, "version"),
        sa.Index("trunks_by_time", "tenant_id", "create_time", "trunk_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "gateway_health",
        *_text("trunk_id", "gateway_id", "node_id", key=True),
        *_text("state", "registration", "problem"),
        *_each(sa.Integer, "status", "round_trip_ms"),
        *_times("check_time"),
    )  # fmt: skip


def _lines() -> None:
    create_tenant_table(
        op, SCHEMA, "trunk_lines",
        *_text("line_id", key=True),
        *_text("caller_tenant_id", "trunk_id", "gateway_id", "call_id", "node_id", "country", "tier", "currency"),
        *_each(sa.Boolean, "inbound"),
        *_each(MONEY, "price"),
        *_times("take_time", "heartbeat_time"),
        *_times("answer_time", "end_time", nullable=True),
        sa.Index("trunk_lines_by_trunk", "tenant_id", "trunk_id", "take_time"),
        sa.Index("trunk_lines_by_caller", "tenant_id", "caller_tenant_id", "take_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "spending",
        *_text("caller_tenant_id", "trunk_id", key=True),
        sa.Column("day", sa.Date, primary_key=True),
        *_text("currency", key=True),
        *_each(MONEY, "spent", "risky"),
        sa.Index("spending_by_trunk", "tenant_id", "trunk_id", "day"),
    )  # fmt: skip


def _devices() -> None:
    create_tenant_table(
        op, SCHEMA, "devices",
        *_text("device_id", key=True),
        *_text("agent_id", "display_name", "user_name", "ha1_sha256", "ha1_md5"),
        *_each(sa.Boolean, "enabled"),
        *_times("create_time", "update_time"),
        *_each(sa.BigInteger, "version"),
        sa.Index("devices_by_time", "tenant_id", "create_time", "device_id"),
        sa.Index("devices_by_agent", "tenant_id", "agent_id"),
    )  # fmt: skip
    create_platform_table(
        op, SCHEMA, "device_names",
        *_text("user_name", key=True),
        *_text("tenant_id", "device_id"),
        app="", system="SELECT",
    )  # fmt: skip
    # A tenant's own transaction publishes what leads to it, and sees nothing that leads elsewhere.
    own = f"tenant_id = nullif(current_setting('{TENANT_SETTING}', true), '')"
    op.execute(
        f"CREATE POLICY own_tenant ON {SCHEMA}.device_names TO {app_role(SCHEMA)} USING ({own}) WITH CHECK ({own})"
    )
    op.execute(f"GRANT SELECT, INSERT, DELETE ON {SCHEMA}.device_names TO {app_role(SCHEMA)}")
    create_tenant_table(
        op, SCHEMA, "device_bindings",
        *_text("device_id", "contact", key=True),
        *_text("source", "transport", "node_id", "call_id", "user_agent"),
        *_each(sa.BigInteger, "cseq"),
        *_times("expire_time"),
    )  # fmt: skip


def _rules() -> None:
    create_tenant_table(
        op, SCHEMA, "country_choices",
        *_text("country", key=True),
        *_text("choice"),
        *_times("update_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "outbound_settings",
        *_text("spend_currency", "risky_currency"),
        *_each(MONEY, "spend_limit", "risky_limit", nullable=True),
        *_each(sa.Integer, "max_calls_per_second"),
        *_times("update_time"),
        *_each(sa.BigInteger, "version"),
    )  # fmt: skip
