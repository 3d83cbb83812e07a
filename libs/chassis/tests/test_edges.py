"""Settings, telemetry, paging, permissions, tokens: the small rooms."""

from __future__ import annotations

import base64
import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from chassis.auth import InternalTokens, TokenInvalid, generate_key
from chassis.paging import (
    MAX_PAGE_SIZE,
    PageTokenInvalid,
    decode_name_token,
    decode_token,
    encode_token,
    keyset,
    page_size,
)
from chassis.permissions import ALL_PERMISSIONS, API_CLIENT_SCOPES, PERMISSIONS_BY_ROLE, allows
from chassis.settings import ProcessSettings, SettingsError, load, secret
from chassis.sql import Database, Tx
from chassis.telemetry import log, safe
from hypothesis import given
from hypothesis import strategies as st
from kernel.errors import InvalidInput
from kernel.tenant import Principal
from merkez.engagement.v1 import customer_pb2
from testkit import someone

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Settings(ProcessSettings):
    """Every kind of field."""

    smtp_host: str = ""
    wrap_up: timedelta = timedelta(seconds=30)
    price: Decimal = Decimal(1)
    languages: tuple[str, ...] = ("en",)
    debug: bool = False
    folder: Path = Path(".")
    limit: int | None = None
    api_secret: str = secret("")


def test_settings_come_from_the_environment() -> None:
    found = load(
        Settings,
        service="routing",
        environ={
            "MERKEZ_WRAP_UP": "7.5", "MERKEZ_PRICE": "0.10", "MERKEZ_LANGUAGES": "en, az,", "MERKEZ_DEBUG": "true",
            "MERKEZ_LIMIT": "3", "MERKEZ_FLOWS_ADDRESS": "127.0.0.1:7103", "MERKEZ_FOLDER": "/data", "OTHER": "x",
        },
    )  # fmt: skip
    assert (found.wrap_up, found.price, found.languages) == (timedelta(seconds=7.5), Decimal("0.10"), ("en", "az"))
    assert (found.debug, found.limit, found.folder, found.smtp_host) == (True, 3, Path("/data"), "")
    assert found.peers == {"flows": "127.0.0.1:7103"}


def test_every_wrong_variable_is_named_at_once_and_no_value_is_shown() -> None:
    with pytest.raises(SettingsError) as refused:
        load(Settings, environ={"MERKEZ_LIMIT": "hunter2", "MERKEZ_DEBUG": "maybe", "MERKEZ_PRICE": "x"})
    for name in ("MERKEZ_SERVICE is missing", "MERKEZ_LIMIT", "MERKEZ_DEBUG", "MERKEZ_PRICE"):
        assert name in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_secrets_do_not_show_in_a_repr() -> None:
    found = load(
        Settings,
        service="x",
        environ={"MERKEZ_API_SECRET": "hunter2", "MERKEZ_DATABASE_URL": "postgresql+asyncpg://u:hunter2@h/m"},
    )
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("MERKEZ_LIMIT", "three", "must be a whole number"), ("MERKEZ_DEBUG", "maybe", "must be true or false"),
        ("MERKEZ_WRAP_UP", "nan", "must be a number of seconds, such as 30"), ("MERKEZ_PRICE", "-1", "not be negative"),
        ("MERKEZ_DRAIN_SECONDS", "inf", "finite"), ("MERKEZ_GRPC_PORT", "99999", "must be a port from 0 to 65535"),
        ("MERKEZ_GRPC_PORT", "", "must be a whole number, such as 0"), ("MERKEZ_NATS_URL", "a:4222", "must be nats://"),
        ("MERKEZ_NATS_URL", "nats://a:4222,", "must be nats://"), ("MERKEZ_NATS_URL", "nats://a:x", "must be nats://"),
        ("MERKEZ_DATABASE_URL", "postgres://u:hunter2@h/m", "must be postgresql+asyncpg://user:password@host"),
        ("MERKEZ_OTLP_ENDPOINT", "collector", "must be http://host:4317"), ("MERKEZ_LOG_LEVEL", "loud", "one of debug"),
        ("MERKEZ_INTERNAL_KEY", "/nowhere/key", "a file that can be read"), ("MERKEZ_DATA_DIR", __file__, "a folder"),
        ("MERKEZ_FLOWS_ADDRESS", "flows", "must be host:port, such as flows:7000"),
    ],
)  # fmt: skip
def test_a_malformed_setting_is_refused_by_name_and_says_what_to_write(name: str, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(Settings, service="x", environ={name: text})
    [problem] = refused.value.problems
    assert problem.startswith(name) and said in problem and "hunter2" not in problem


def test_sensitive_fields_are_redacted_at_any_depth(capsys: pytest.CaptureFixture[str]) -> None:
    marked = [field.name for field in customer_pb2.Customer.DESCRIPTOR.fields if _is_sensitive(field)]
    assert marked, "the contract marks a customer's personal data"
    customer = customer_pb2.Customer(customer_id="cus_1")
    for field in customer.DESCRIPTOR.fields:
        if field.name in marked and field.type == field.TYPE_STRING:
            value = "+15550142"
            if isinstance(getattr(customer, field.name), str):
                setattr(customer, field.name, value)
            else:
                getattr(customer, field.name).append(value)
    shown = safe(customer)
    assert shown["customer_id"] == "cus_1" and "+15550142" not in json.dumps(shown)
    pop = customer_pb2.ScreenPop(customer=customer) if hasattr(customer_pb2, "ScreenPop") else customer
    log.info("changed", pop=pop, all=[pop], payload=b"+15550142")
    line = capsys.readouterr().err
    assert "+15550142" not in line and "[9 bytes]" in line and "cus_1" in line


def _is_sensitive(field: object) -> bool:
    from merkez.type.v1 import annotations_pb2

    return bool(field.GetOptions().Extensions[annotations_pb2.sensitive])  # type: ignore[attr-defined]


_STORABLE = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40)


@given(st.datetimes(timezones=st.just(UTC)), _STORABLE, _STORABLE)
def test_a_page_token_comes_back_as_it_went(time: datetime, name: str, row_id: str) -> None:
    assert decode_token(encode_token(time, row_id)) == (time, row_id)
    assert decode_name_token(encode_token(name, row_id)) == (name, row_id)


@pytest.mark.parametrize("plain", ['[1,"a\\u0000"]', '[1,"a\\ud800"]', '["a",1]', '["a","b"]', "[" * 5000, "[1e99,1]"])
def test_a_page_token_no_row_could_have_made_is_refused(plain: str) -> None:
    with pytest.raises(PageTokenInvalid):
        decode_token(base64.urlsafe_b64encode(plain.encode()).decode())


@given(st.text(max_size=60))
def test_no_page_token_can_break_a_list(token: str) -> None:
    try:
        decode_token(token)
    except PageTokenInvalid as refused:
        assert refused.fields[0].field == "page_token"


def test_page_sizes_have_a_default_and_a_ceiling() -> None:
    assert (page_size(0), page_size(7), page_size(100_000)) == (50, 7, MAX_PAGE_SIZE)
    with pytest.raises(InvalidInput):
        page_size(-1)


async def test_pages_join_without_gap_or_repeat_while_rows_arrive(db: Database, tenant: str) -> None:
    inbox = db.standard.inbox

    async def put(tx: Tx, *numbers: int) -> None:
        for number in numbers:  # two of each moment
            when = NOW + timedelta(seconds=number // 2)
            row = {"tenant_id": tenant, "consumer": "c", "event_id": f"{number:03}", "create_time": when}
            await tx.execute(sa.insert(inbox).values(row))

    async def page(tx: Tx, token: str) -> tuple[list[str], str]:
        chosen = keyset(sa.select(inbox), inbox.c.create_time, inbox.c.event_id, token, 3)
        rows = await tx.all(chosen)
        more = encode_token(rows[2]["create_time"], rows[2]["event_id"]) if len(rows) > 3 else ""
        return [row["event_id"] for row in rows[:3]], more

    await db.run(tenant, lambda tx: put(tx, *range(10)))
    seen, token = await db.run(tenant, lambda tx: page(tx, ""))
    await db.run(tenant, lambda tx: put(tx, 50, 51))
    while token:
        rows, token = await db.run(tenant, lambda tx, at=token: page(tx, at))
        seen += rows
    assert seen == [f"{number:03}" for number in range(9, -1, -1)]


def test_each_role_may_all_that_the_one_below_may() -> None:
    chain = [PERMISSIONS_BY_ROLE[role] for role in ("agent", "supervisor", "admin", "owner", "service")]
    assert all(lower < upper for lower, upper in itertools.pairwise(chain))
    assert PERMISSIONS_BY_ROLE["customer"] == PERMISSIONS_BY_ROLE["stranger"] == frozenset()
    assert API_CLIENT_SCOPES < ALL_PERMISSIONS


@pytest.mark.parametrize(
    ("permission", "role", "allowed"),
    [
        ("public", "stranger", True), ("self", "stranger", False), ("self", "customer", False), ("self", "agent", True),
        ("service", "owner", False), ("service", "service", True), ("queues.write", "agent", False),
        ("queues.write", "admin", True), ("tenant.write", "admin", False), ("", "owner", False),
        ("queues.write|queues.read", "agent", True), ("queues.write|users.write", "agent", False),
        ("billing.pay", "payer", True), ("billing.write", "payer", False), ("billing.pay", "owner", True),
    ],
)  # fmt: skip
def test_who_may_call(permission: str, role: str, allowed: bool) -> None:
    assert allows(permission, role, PERMISSIONS_BY_ROLE[role]) is allowed


def test_a_token_lives_one_minute_for_one_audience() -> None:
    key = generate_key()
    gateway, routing = InternalTokens.from_json(key, "gateway"), InternalTokens.from_json(key, "routing")
    who = someone("supervisor", "ten_1", "usr_1", name="Ada")
    token = gateway.issue(who, "routing")
    assert routing.verify(token) == who and gateway.issue(who, "routing") == token
    assert gateway.issue(who, "flows") != token
    stale = InternalTokens.from_json(key, "gateway").issue(who, "routing", now=NOW.timestamp())
    for wrong in (stale, token[:-8] + "AAAAAAAA", "", "a.b.c"):
        with pytest.raises(TokenInvalid):
            routing.verify(wrong)


def test_a_token_keeps_permissions_that_are_not_the_roles_own() -> None:
    key = generate_key()
    partner = Principal("ten_1", "key_1", "api_client", frozenset({"queues.read"}))
    token = InternalTokens.from_json(key, "gateway").issue(partner, "routing")
    assert InternalTokens.from_json(key, "routing").verify(token).permissions == {"queues.read"}
