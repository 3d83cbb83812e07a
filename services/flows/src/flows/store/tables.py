"""The tables of flows; migrations/versions made them."""

from __future__ import annotations

from chassis.sql import Json, Time, standard_tables, tenant_table
from sqlalchemy import BigInteger, Column, Interval, LargeBinary, MetaData, Text

metadata = MetaData(schema="flows")
standard = standard_tables(metadata)

flows = tenant_table(
    "flows", metadata,
    Column("flow_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("release_id", Text, nullable=False),
    Column("draft", Json, nullable=False),
    Column("layout", Json, nullable=False, server_default="{}"),
    Column("prompt_ids", Json, nullable=False),
    Column("list_keys", Json, nullable=False, server_default="[]"),
    Column("release_number", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("delete_time", Time),
)  # fmt: skip

releases = tenant_table(
    "releases", metadata,
    Column("release_id", Text, primary_key=True),
    Column("flow_id", Text, nullable=False),
    Column("publisher", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("definition", Json, nullable=False),
    Column("prompt_ids", Json, nullable=False),
    Column("list_keys", Json, nullable=False, server_default="[]"),
    Column("number", BigInteger, nullable=False),
    Column("restored_number", BigInteger, nullable=False, server_default="0"),
    Column("create_time", Time, nullable=False),
)  # fmt: skip

runs = tenant_table(
    "runs", metadata,
    Column("run_id", Text, primary_key=True),
    Column("call_id", Text, nullable=False),
    Column("flow_id", Text, nullable=False),
    Column("release_id", Text, nullable=False),
    Column("brand_id", Text, nullable=False),
    Column("state", Json, nullable=False),
    Column("secrets", LargeBinary),
    Column("sequence", BigInteger, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
    Column("end_time", Time),
    Column("due_time", Time),
)  # fmt: skip

instructions = tenant_table(
    "instructions", metadata,
    Column("run_id", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("step_id", Text, nullable=False),
    Column("instruction", Json, nullable=False),
    Column("create_time", Time, nullable=False),
)  # fmt: skip

run_steps = tenant_table(
    "run_steps", metadata,
    Column("run_id", Text, primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("step_id", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("create_time", Time, nullable=False),
)  # fmt: skip

prompts = tenant_table(
    "prompts", metadata,
    Column("prompt_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("audio", LargeBinary, nullable=False),
    Column("duration", Interval, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("create_time", Time, nullable=False),
)  # fmt: skip

flow_tests = tenant_table(
    "flow_tests", metadata,
    Column("test_id", Text, primary_key=True),
    Column("flow_id", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("case", Json, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
)  # fmt: skip

number_lists = tenant_table(
    "number_lists", metadata,
    Column("number_list_id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("entry_count", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("create_time", Time, nullable=False),
    Column("update_time", Time, nullable=False),
)  # fmt: skip

number_list_entries = tenant_table(
    "number_list_entries", metadata,
    Column("number_list_id", Text, primary_key=True),
    Column("pattern", Text, primary_key=True),
    Column("label", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("create_time", Time, nullable=False),
)  # fmt: skip

survey_answers = tenant_table(
    "survey_answers", metadata,
    Column("answer_id", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("question_id", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("flow_id", Text, nullable=False),
    Column("brand_id", Text, nullable=False),
    Column("value", BigInteger, nullable=False),
    Column("lowest", BigInteger, nullable=False),
    Column("highest", BigInteger, nullable=False),
    Column("language", Text, nullable=False),
    Column("customer_id", Text, nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("answer_time", Time, nullable=False),
    Column("comment_ms", BigInteger, nullable=False),
)  # fmt: skip
"""Answers of surveys, one a run and question."""
