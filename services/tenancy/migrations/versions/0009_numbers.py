"""An inventory one can search and rest numbers in, who had them, emergency addresses, and numbers that move between
carriers."""

import sqlalchemy as sa
from alembic import op
from chassis.migrations import TENANT_SETTING, app_role, create_platform_table, create_tenant_table, system_role
from chassis.sql import Json, Time

revision = "tenancy_0009"
down_revision = "tenancy_0008"
SCHEMA = "tenancy"
APP, SYSTEM = app_role(SCHEMA), system_role(SCHEMA)
TENANT = f"nullif(current_setting('{TENANT_SETTING}', true), '')"


def text(name: str, *, key: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text, primary_key=True) if key else sa.Column(name, sa.Text, nullable=False)


def time(name: str, *, optional: bool = False) -> sa.Column:
    return sa.Column(name, Time, nullable=optional)


def count(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False)


def flag(name: str, *, default: bool = False) -> sa.Column:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.true() if default else sa.false())


def worded(name: str, default: str = "") -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def json(name: str) -> sa.Column:
    return sa.Column(name, Json, nullable=False)


def upgrade() -> None:
    _said_of_numbers()
    _policies()
    _history()
    create_tenant_table(
        op, SCHEMA, "emergency_addresses", text("emergency_address_id", key=True), text("brand_id"), json("address"),
        text("state"), text("problem"), time("validate_time", optional=True), time("next_time", optional=True),
        time("create_time"), count("version"),
        sa.Index("emergency_addresses_by_create_time", "tenant_id", "create_time", "emergency_address_id"),
    )  # fmt: skip
    _orders()
    create_tenant_table(
        op, SCHEMA, "port_outs", text("port_out_id", key=True), text("carrier_ref"), json("numbers"),
        text("gaining_carrier"), text("state"), time("create_time"), time("answer_until"), text("refusal"),
        flag("told"), count("version"), sa.UniqueConstraint("tenant_id", "carrier_ref"),
        sa.Index("port_outs_by_create_time", "tenant_id", "create_time", "port_out_id"),
    )  # fmt: skip
    create_tenant_table(op, SCHEMA, "port_pins", text("pin_hash"), count("wrong"))


def _said_of_numbers() -> None:
    for table in ("numbers", "inventory"):
        for column in (
            worded("type", "LOCAL"), flag("voice", default=True), flag("sms"), flag("fax"), flag("emergency"),
            worded("price_class", "local"),
        ):  # fmt: skip
            op.add_column(table, column, schema=SCHEMA)
    op.add_column("numbers", flag("ported"), schema=SCHEMA)
    op.add_column("numbers", worded("emergency_address_id"), schema=SCHEMA)
    version = sa.Column("version", sa.BigInteger, nullable=False, server_default="1")
    for column in (worded("carrier"), worded("kept_for"), worded("kept"), time("kept_until", optional=True), version):
        op.add_column("inventory", column, schema=SCHEMA)
    op.create_index("inventory_by_kept_until", "inventory", ["kept_until"], schema=SCHEMA)
    op.create_index("inventory_by_country", "inventory", ["country", "number"], schema=SCHEMA)


def _policies() -> None:
    # Who keeps a free number is hidden from everybody else: it doesn't exist for them until it is free again.
    mine = f"(holder = '' AND (kept_for = '' OR kept_for = {TENANT})) OR holder = {TENANT}"
    own = f"holder = {TENANT}"
    table = f"{SCHEMA}.inventory"
    op.execute(f"DROP POLICY free_or_own ON {table}")
    op.execute(f"CREATE POLICY free_or_own ON {table} FOR SELECT TO {APP} USING ({mine})")
    op.execute(f"CREATE POLICY taken_or_given_back ON {table} FOR UPDATE TO {APP} USING ({mine}) WITH CHECK ({mine})")
    op.execute(f"CREATE POLICY ported_in ON {table} FOR INSERT TO {APP} WITH CHECK ({own})")
    op.execute(f"CREATE POLICY ported_out ON {table} FOR DELETE TO {APP} USING ({own})")
    op.execute(f"GRANT INSERT, DELETE ON {table} TO {APP}")


def _history() -> None:
    create_platform_table(
        op, SCHEMA, "number_history", text("number", key=True), text("entry_id", key=True), time("event_time"),
        text("event"), text("tenant_id"), text("note"), app="", system="SELECT, INSERT",
    )  # fmt: skip
    table = f"{SCHEMA}.number_history"
    op.execute(f"CREATE POLICY own_tenant ON {table} FOR INSERT TO {APP} WITH CHECK (tenant_id = {TENANT})")
    op.execute(f"GRANT INSERT ON {table} TO {APP}")


def _orders() -> None:
    create_tenant_table(
        op, SCHEMA, "port_orders", text("port_order_id", key=True), text("brand_id"), text("flow_id"),
        text("country"), json("numbers"), sa.Column("details", sa.LargeBinary), text("wanted_date"),
        time("create_time"), time("update_time"), count("version"),
        sa.Index("port_orders_by_create_time", "tenant_id", "create_time", "port_order_id"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "port_lanes", text("port_order_id", key=True), text("channel", key=True), text("state"),
        time("state_time"), text("carrier_ref"), text("replaces"), count("submission"), time("foc_time", optional=True),
        time("port_time", optional=True), text("exception"), text("exception_note"), flag("cancel_asked"),
        time("next_time", optional=True), count("failures"),
        sa.Index("port_lanes_by_next_time", "tenant_id", "next_time"),
        sa.Index("port_lanes_by_carrier_ref", "tenant_id", "carrier_ref"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "port_documents", text("port_order_id", key=True), text("port_document_id", key=True),
        text("kind"), text("file_name"), text("media_type"), count("size"),
        sa.Column("content", sa.LargeBinary, nullable=False), time("create_time"),
    )  # fmt: skip
    create_tenant_table(
        op, SCHEMA, "port_events", text("port_order_id", key=True), text("port_event_id", key=True),
        time("event_time"), text("channel"), text("kind"), text("state"), text("note"), text("user_id"),
        sa.Index("port_events_by_time", "tenant_id", "port_order_id", "event_time", "port_event_id"),
    )  # fmt: skip
