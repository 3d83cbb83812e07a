"""The tables of plans and subscriptions."""

from __future__ import annotations

from chassis.sql import Json, Time, platform_table, tenant_table
from sqlalchemy import BigInteger, Boolean, Column, Text

from tenancy.store.tables import metadata

PLAN, ADD_ON = "PLAN", "ADD_ON"


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=True) if key else Column(name, Text, nullable=False)


def _time(name: str, *, optional: bool = False) -> Column[object]:
    return Column(name, Time, nullable=optional)


def _count(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, BigInteger, primary_key=key, nullable=False, autoincrement=False)


catalogue_versions = platform_table(
    "catalogue_versions", metadata, _text("kind", key=True), _text("item_id", key=True), _count("version", key=True),
    _text("state"), Column("document", Json, nullable=False), _count("revision"), _time("create_time"),
    _time("effective_time", optional=True), _time("retire_time", optional=True),
)  # fmt: skip
subscriptions = tenant_table(
    "subscriptions", metadata, _text("state"), _text("plan_id"), _count("plan_version"), _time("plan_time"),
    _time("start_time"), _time("anchor_time"), _time("period_start_time"), _time("period_end_time"),
    _time("change_time"), _time("trial_end_time", optional=True), _text("pending_plan_id"),
    _count("pending_plan_version"), Column("pending_cancel", Boolean, nullable=False),
    _time("pause_time", optional=True), _time("cancel_time", optional=True), _count("version"),
    _time("due_time", optional=True),
)  # fmt: skip
held_add_ons = tenant_table(
    "held_add_ons", metadata, _text("held_add_on_id", key=True), _text("add_on_id"), _count("version"),
    _count("quantity"), _time("start_time"), _time("end_time", optional=True),
)  # fmt: skip
