"""Tenants, people, numbers, and the platform's tables that find a tenant before one is known."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_platform_table, create_standard_tables, create_tenant_table
from chassis.sql import Json, Time

revision = "tenancy_0001"
down_revision = None
SCHEMA = "tenancy"


def text(name: str, *, key: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text, primary_key=True) if key else sa.Column(name, sa.Text, nullable=False)


def time(name: str, *, optional: bool = False) -> sa.Column:
    return sa.Column(name, Time, nullable=optional)


def count(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False)


def flag(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean, nullable=False)


def json(name: str) -> sa.Column:
    return sa.Column(name, Json, nullable=False)


def upgrade() -> None:
    create_standard_tables(op, SCHEMA)
    _organisation()
    _signing_in()
    _rest()
    _platform()


def _organisation() -> None:
    create_tenant_table(
        op, SCHEMA, "tenants", text("display_name"), text("state"), text("plan_id"), count("plan_version"),
        text("language"), text("time_zone"), time("create_time"), count("version"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "brands", text("brand_id", key=True), text("display_name"), text("language"), text("time_zone"),
        text("widget_key"), text("widget_number"), count("service_level_threshold_seconds"), time("create_time"),
        time("update_time"), count("version"),
        sa.Index("brands_by_create_time", "tenant_id", "create_time", "brand_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "users", text("user_id", key=True), text("display_name"), text("email"), text("password_hash"),
        text("role"), text("state"), text("language"), time("create_time"), time("last_sign_in_time", optional=True),
        count("version"), sa.UniqueConstraint("tenant_id", "email"),
        sa.Index("users_by_create_time", "tenant_id", "create_time", "user_id"),
    )  # fmt: skip


def _signing_in() -> None:
    create_tenant_table(
        op, SCHEMA, "sessions", text("session_id", key=True), text("user_id"), time("create_time"),
        time("expire_time"), time("end_time", optional=True), sa.Index("sessions_by_user", "tenant_id", "user_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "refresh_tokens", text("digest", key=True), text("session_id"), time("create_time"),
        time("use_time", optional=True), sa.Index("refresh_tokens_by_session", "tenant_id", "session_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "invitations", text("invitation_id", key=True), text("email"), text("display_name"), text("role"),
        text("state"), text("digest"), flag("emailed"), time("create_time"), time("expire_time"),
        sa.Index("invitations_by_create_time", "tenant_id", "create_time", "invitation_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "api_keys", text("api_key_id", key=True), text("display_name"), text("prefix"), text("digest"),
        json("scopes"), time("create_time"), time("last_use_time", optional=True), time("revoke_time", optional=True),
        sa.Index("api_keys_by_create_time", "tenant_id", "create_time", "api_key_id"),
    )  # fmt: skip


def _rest() -> None:
    create_tenant_table(
        op, SCHEMA, "numbers", text("number", key=True), text("country"), flag("test"), text("brand_id"),
        text("flow_id"), time("assign_time"), count("version"),
        sa.Index("numbers_by_assign_time", "tenant_id", "assign_time", "number"),
        sa.Index("numbers_by_brand", "tenant_id", "brand_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "notices", text("notice_id", key=True), text("kind"), text("subject"), json("parameters"),
        count("count"), flag("dismissed"), time("create_time"), time("update_time"),
        sa.Index("notices_by_create_time", "tenant_id", "create_time", "notice_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "audit_entries", text("audit_entry_id", key=True), text("subject"), text("subject_name"),
        text("action"), text("target"), text("outcome"), text("address"), time("create_time"),
        sa.Index("audit_by_create_time", "tenant_id", "create_time", "audit_entry_id"),
        sa.Index("audit_by_target", "tenant_id", "target", "create_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "emails", text("email_id", key=True), text("invitation_id"), text("recipient"), text("subject"),
        text("body"), count("attempts"), time("next_attempt_time"),
        sa.Index("emails_by_next_attempt", "tenant_id", "next_attempt_time"),
    )  # fmt: skip


def _platform() -> None:
    create_platform_table(
        op, SCHEMA, "lookups", text("kind", key=True), text("value", key=True), text("tenant_id"), text("target"),
        app="",
    )  # fmt: skip
    create_platform_table(
        op, SCHEMA, "inventory", text("number", key=True), text("country"), flag("test"), text("holder"), app=""
    )
    create_platform_table(
        op, SCHEMA, "attempts", text("address", key=True), count("failures"), time("window_start"), app=""
    )
    create_platform_table(
        op, SCHEMA, "oidc_states", text("state", key=True), text("nonce"), text("code_verifier"),
        text("redirect_uri"), time("expire_time"), app="",
    )  # fmt: skip
