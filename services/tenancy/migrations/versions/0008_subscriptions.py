"""The catalogue of plans and add-ons, of the platform; subscriptions and the add-ons held, of companies.

A company of before has no row until something is done to its subscription: it holds its plan since it signed up.
"""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import create_platform_table, create_tenant_table
from chassis.sql import Json, Time

revision = "tenancy_0008"
down_revision = "tenancy_0007"
SCHEMA = "tenancy"


def text(name: str, *, key: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text, primary_key=True) if key else sa.Column(name, sa.Text, nullable=False)


def time(name: str, *, optional: bool = False) -> sa.Column:
    return sa.Column(name, Time, nullable=optional)


def count(name: str, *, key: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=False, autoincrement=False)


def upgrade() -> None:
    create_platform_table(
        op, SCHEMA, "catalogue_versions", text("kind", key=True), text("item_id", key=True), count("version", key=True),
        text("state"), sa.Column("document", Json, nullable=False), count("revision"), time("create_time"),
        time("effective_time", optional=True), time("retire_time", optional=True),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "subscriptions", text("state"), text("plan_id"), count("plan_version"), time("plan_time"),
        time("start_time"), time("anchor_time"), time("period_start_time"), time("period_end_time"),
        time("change_time"), time("trial_end_time", optional=True), text("pending_plan_id"),
        count("pending_plan_version"), sa.Column("pending_cancel", sa.Boolean, nullable=False),
        time("pause_time", optional=True), time("cancel_time", optional=True), count("version"),
        time("due_time", optional=True), sa.Index("subscriptions_by_due_time", "tenant_id", "due_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "held_add_ons", text("held_add_on_id", key=True), text("add_on_id"), count("version"),
        count("quantity"), time("start_time"), time("end_time", optional=True),
        sa.Index("held_add_ons_by_end_time", "tenant_id", "end_time"),
    )  # fmt: skip
