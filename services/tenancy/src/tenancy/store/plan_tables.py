"""The tables of plans and subscriptions."""

from __future__ import annotations

from chassis.sql import Json, platform_table, tenant_table
from sqlalchemy import Boolean, Column

from tenancy.store.columns import count, text, time
from tenancy.store.tables import metadata

PLAN, ADD_ON = "PLAN", "ADD_ON"


catalogue_versions = platform_table(
    "catalogue_versions", metadata, text("kind", key=True), text("item_id", key=True), count("version", key=True),
    text("state"), Column("document", Json, nullable=False), count("revision"), time("create_time"),
    time("effective_time", optional=True), time("retire_time", optional=True),
)  # fmt: skip
subscriptions = tenant_table(
    "subscriptions", metadata, text("state"), text("plan_id"), count("plan_version"), time("plan_time"),
    time("start_time"), time("anchor_time"), time("period_start_time"), time("period_end_time"),
    time("change_time"), time("trial_end_time", optional=True), text("pending_plan_id"),
    count("pending_plan_version"), Column("pending_cancel", Boolean, nullable=False),
    time("pause_time", optional=True), time("cancel_time", optional=True), count("version"),
    time("due_time", optional=True),
)  # fmt: skip
held_add_ons = tenant_table(
    "held_add_ons", metadata, text("held_add_on_id", key=True), text("add_on_id"), count("version"),
    count("quantity"), time("start_time"), time("end_time", optional=True),
)  # fmt: skip
