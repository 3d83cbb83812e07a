"""The tables. Deadlines are columns; who is offered what is unique by index, whoever tries."""

from __future__ import annotations

from chassis.sql import Json, Time, standard_tables, tenant_table
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Text, UniqueConstraint, text

metadata = MetaData(schema="routing")
standard_tables(metadata)

queues = tenant_table(
    "queues", metadata,
    Column("queue_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("required_skills", Json, nullable=False),
    Column("offer_timeout_ms", BigInteger, nullable=False),
    Column("wrap_up_ms", BigInteger, nullable=False),
    Column("disposition_required", Boolean, nullable=False),
    Column("service_level_ms", BigInteger, nullable=False),
    Column("short_abandon_ms", BigInteger, nullable=False),
    Column("disposition_ids", Json, nullable=False),
    Column("open_to_all", Boolean, nullable=False),
    Column("auto_accept", Boolean, nullable=False),
    Column("rules", Json, nullable=False),
    Column("business_hours_id", Text, nullable=False),
    Column("overflow", Json, nullable=False),
    Column("watches_wait", Boolean, nullable=False),
    Column("callbacks", Json, nullable=False),
    Column("wrap_up_mode", Text, nullable=False),
    Column("wrap_up_extension_ms", BigInteger, nullable=False),
    Column("missed_offer_return_ms", BigInteger, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("queues_by_time", "tenant_id", "create_time", "queue_id"),
)  # fmt: skip

skills = tenant_table(
    "skills", metadata,
    Column("skill_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("create_time", Time, nullable=False),
    UniqueConstraint("tenant_id", "name_key", name="skills_by_name"),
    Index("skills_by_time", "tenant_id", "create_time", "skill_id"),
)  # fmt: skip

dispositions = tenant_table(
    "dispositions", metadata,
    Column("disposition_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("create_time", Time, nullable=False),
    Index("dispositions_by_time", "tenant_id", "create_time", "disposition_id"),
)  # fmt: skip

business_hours = tenant_table(
    "business_hours", metadata,
    Column("business_hours_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("intervals", Json, nullable=False),
    Column("holidays", Json, nullable=False),
    Column("calendar", Json, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("business_hours_by_time", "tenant_id", "create_time", "business_hours_id"),
)  # fmt: skip

agents = tenant_table(
    "agents", metadata,
    Column("agent_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state_time", Time, nullable=False),
    Column("idle_since", Time),
    Column("skills", Json, nullable=False),
    Column("queue_ids", Json, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("next_state", Text),
    Column("next_reason", Text, nullable=False),
    Column("station_id", Text, nullable=False),
    Column("station_time", Time),
    Column("active", Boolean, nullable=False),
    Column("user_version", BigInteger, nullable=False),
    Column("reach_away_ms", BigInteger, nullable=False),
    Column("reach_desk_ms", BigInteger, nullable=False),
    Column("reach_queue_calls", Boolean, nullable=False),
    Column("reach_forwards", Boolean, nullable=False),
    Column("reach_version", BigInteger, nullable=False),
    Column("passed_over", Boolean, nullable=False),
    Column("last_offer_time", Time),
    Column("shift_contacts", Integer, nullable=False),
    Column("shift_talk_ms", BigInteger, nullable=False),
    Column("reason_id", Text, nullable=False),
    Column("next_reason_id", Text, nullable=False),
    Column("return_time", Time),
    Column("missed_offers", Integer, nullable=False),
    Column("missed_in_row", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("others", Json, nullable=False),
    Column("capacities", Json, nullable=False),
    Column("cost", Integer, nullable=False),
    Column("auto_accept", Boolean, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("agents_by_name", "tenant_id", "display_name", "agent_id"),
    Index("agents_by_state", "tenant_id", "state"),
    Index("agents_returning", "tenant_id", "return_time", postgresql_where=text("return_time is not null")),
)  # fmt: skip

contacts = tenant_table(
    "contacts", metadata,
    Column("contact_id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("queue_time", Time, nullable=False),
    Column("brand_id", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("caller_number", Text, nullable=False),
    Column("caller_name", Text, nullable=False),
    Column("dialed_number", Text, nullable=False),
    Column("required_skills", Json, nullable=False),
    Column("requirement", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attributes", Json, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("answer_time", Time),
    Column("end_time", Time),
    Column("wrap_up_expire_time", Time),
    Column("wrap_up_end_time", Time),
    Column("disposition_id", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("offer_count", Integer, nullable=False),
    Column("ringing", Integer, nullable=False),
    Column("traceparent", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("previous_contact_id", Text, nullable=False),
    Column("target_agent_id", Text, nullable=False),
    Column("consulting_agent_id", Text, nullable=False),
    Column("preferred_agent_id", Text, nullable=False),
    Column("preferred_wait_ms", BigInteger, nullable=False),
    Column("fired_steps", BigInteger, nullable=False),
    Column("overflows", Json, nullable=False),
    Column("leave_reason", Text, nullable=False),
    Column("callback_id", Text, nullable=False),
    Column("wrap_up_mode", Text, nullable=False),
    Column("wrap_up_wanted", Boolean, nullable=False),
    Column("wrap_up_extension_ms", BigInteger, nullable=False),
    Column("wrap_up_least_time", Time),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("contacts_by_time", "tenant_id", "create_time", "contact_id"),
    Index("contacts_by_call", "tenant_id", "call_id"),
    Index("contacts_by_queue", "tenant_id", "queue_id", "create_time"),
    Index("contacts_by_customer", "tenant_id", "customer_id", "create_time"),
    Index(
        "contacts_waiting", "tenant_id", "queue_id", "state",
        postgresql_where=text("state in ('QUEUED', 'OFFERED')"),
    ),
    Index(
        "contacts_preferring", "tenant_id", "preferred_agent_id",
        postgresql_where=text("state = 'QUEUED' and preferred_wait_ms > 0"),
    ),
    Index(
        "contacts_handled", "tenant_id", "queue_id", "wrap_up_end_time",
        postgresql_where=text("state = 'ENDED' and answer_time is not null"),
    ),
    Index(
        "contacts_wrapping_up", "tenant_id", "wrap_up_expire_time", postgresql_where=text("state = 'WRAP_UP'")
    ),
)  # fmt: skip

departures = tenant_table(
    "departures", metadata,
    Column("contact_id", Text, primary_key=True),
    Column("seen", Json, nullable=False),
    Column("create_time", Time, nullable=False),
)  # fmt: skip

offers = tenant_table(
    "offers", metadata,
    Column("offer_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("expire_time", Time, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("queue_name", Text, nullable=False),
    Column("waited_ms", BigInteger, nullable=False),
    Column("answer_time", Time),
    Column("away", Boolean, nullable=False),
    Column("kept", Boolean, nullable=False),
    Column("auto_accept", Boolean, nullable=False),
    Column("companion", Boolean, nullable=False),
    Column("rescind_reason", Text, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index(
        "offers_one_per_agent", "tenant_id", "agent_id", unique=True, postgresql_where=text("state = 'PENDING'")
    ),
    Index(
        "offers_one_ring_per_contact", "tenant_id", "contact_id", unique=True,
        postgresql_where=text("state = 'PENDING' and not companion"),
    ),
    Index("offers_ringing", "tenant_id", "contact_id", postgresql_where=text("state = 'PENDING'")),
    Index("offers_due", "tenant_id", "expire_time", postgresql_where=text("state = 'PENDING'")),
)  # fmt: skip

decisions = tenant_table(
    "decisions", metadata,
    Column("offer_id", Text, primary_key=True),
    Column("contact_id", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("candidates", Json, nullable=False),
    Column("requirement", Text, nullable=False),
    Column("steps", Json, nullable=False),
    Column("create_time", Time, nullable=False),
    Index("decisions_by_contact", "tenant_id", "contact_id", "create_time"),
)  # fmt: skip

not_ready_reasons = tenant_table(
    "not_ready_reasons", metadata,
    Column("not_ready_reason_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("names", Json, nullable=False),
    Column("color", Text, nullable=False),
    Column("paid", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
    UniqueConstraint("tenant_id", "name_key", name="not_ready_reasons_by_name"),
)  # fmt: skip

capacity_rules = tenant_table(
    "capacity_rules", metadata,
    Column("channels", Json, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
)  # fmt: skip

held_back = tenant_table(
    "held_back", metadata,
    Column("agents", Json, nullable=False),
    Column("expire_time", Time, nullable=False),
)  # fmt: skip

plans = tenant_table(
    "plans", metadata,
    Column("plan_id", Text, nullable=False),
    Column("features", Json, nullable=False),
    Column("lowest_plan_ids", Json, nullable=False),
    Column("effective_time", Time, nullable=False),
)  # fmt: skip

callbacks = tenant_table(
    "callbacks", metadata,
    Column("callback_id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("caller_name", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("brand_id", Text, nullable=False),
    Column("dialed_number", Text, nullable=False),
    Column("required_skills", Json, nullable=False),
    Column("requirement", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attributes", Json, nullable=False),
    Column("preferred_agent_id", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("place_time", Time, nullable=False),
    Column("due_time", Time, nullable=False),
    Column("expire_time", Time, nullable=False),
    Column("previous_contact_id", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("release_time", Time),
    Column("close_time", Time),
    Column("dial_by_time", Time),
    Column("customer_first", Boolean, nullable=False),
    Column("answer_time", Time),
    Column("next_time", Time),
    Column("attempts", Json, nullable=False),
    Column("end_time", Time),
    Column("cancel_reason", Text, nullable=False),
    Column("traceparent", Text, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("version", BigInteger, nullable=False),
    Index("callbacks_by_time", "tenant_id", "create_time", "callback_id"),
    Index("callbacks_by_queue", "tenant_id", "queue_id", "create_time"),
    Index("callbacks_due", "tenant_id", "next_time", postgresql_where=text("next_time is not null")),
    Index("callbacks_by_call", "tenant_id", "call_id", postgresql_where=text("call_id <> ''")),
    Index(
        "callbacks_one_open", "tenant_id", "queue_id", "number", unique=True,
        postgresql_where=text("state in ('SCHEDULED', 'WAITING', 'CALLING')"),
    ),
)  # fmt: skip

ended_calls = tenant_table(
    "ended_calls", metadata,
    Column("call_id", Text, primary_key=True),
    Column("create_time", Time, nullable=False),
    Index("ended_calls_by_time", "tenant_id", "create_time"),
)  # fmt: skip
"""Calls that are over: one that ends while its contact is being queued must not leave the contact waiting."""
