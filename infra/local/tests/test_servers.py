"""The embedded servers start on any folder, keep what they were given, and say why when they can't."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path

import asyncpg
import nats
import pytest
from merkez_local.nats import NatsFailed, start_nats
from merkez_local.postgres import PostgresFailed, alive, free_port, start_postgres


def _ask(url: str, query: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_postgres_keeps_its_data_and_password_over_a_restart(tmp_path: Path) -> None:
    first = start_postgres(tmp_path / "a long folder name with spaces" / "pg", durable=False)
    assert _ask(first.url(), "create table kept (x int)") is None
    first.stop()
    assert not alive(first.pid, first.process)
    second = start_postgres(first.data_dir, durable=False)
    try:
        assert second.password == first.password and _ask(second.url(), "select count(*) from kept") == 0
        with pytest.raises(asyncpg.InvalidPasswordError):
            _ask(second.url(password="wrong"), "select 1")
    finally:
        second.stop()


def test_a_postgres_left_behind_by_a_killed_supervisor_is_replaced(tmp_path: Path) -> None:
    orphan = start_postgres(tmp_path / "pg", durable=False)
    again = start_postgres(tmp_path / "pg", durable=False)
    try:
        assert again.pid != orphan.pid and not alive(orphan.pid, orphan.process)
        assert _ask(again.url(), "select 1") == 1
    finally:
        again.stop()


def test_a_postgres_that_crashed_recovers(tmp_path: Path) -> None:
    crashed = start_postgres(tmp_path / "pg")
    _ask(crashed.url(), "create table kept (x int)")
    os.kill(crashed.pid, signal.SIGKILL)
    assert crashed.process is not None
    crashed.process.wait(10)
    again = start_postgres(tmp_path / "pg", durable=False)
    try:
        assert _ask(again.url(), "select count(*) from kept") == 0
    finally:
        again.stop()


def test_a_taken_port_is_said_clearly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PostgresFailed, match="in use"):
            start_postgres(tmp_path / "pg", port=port, durable=False)
        with pytest.raises(NatsFailed, match="in use"):
            start_nats(tmp_path / "nats", port=port, durable=False)


def test_nats_keeps_its_streams_over_a_restart(tmp_path: Path) -> None:
    port = free_port()

    async def messages(add: bool) -> int:
        connection = await nats.connect(f"nats://127.0.0.1:{port}")
        stream = connection.jetstream()
        if add:
            await stream.add_stream(name="KEPT", subjects=["kept"])
            await stream.publish("kept", b"x")
        info = await stream.stream_info("KEPT")
        await connection.close()
        return info.state.messages

    first = start_nats(tmp_path / "nats", port=port)
    assert asyncio.run(messages(add=True)) == 1
    os.kill(first.pid, signal.SIGKILL)
    assert first.process is not None
    first.process.wait(10)
    second = start_nats(tmp_path / "nats", port=port)
    try:
        assert asyncio.run(messages(add=False)) == 1
    finally:
        second.stop()
    assert not alive(second.pid, second.process)


def test_nats_left_by_a_killed_supervisor_is_replaced(tmp_path: Path) -> None:
    first = start_nats(tmp_path / "nats", durable=False)
    second = start_nats(tmp_path / "nats", durable=False)
    try:
        assert not alive(first.pid, first.process) and alive(second.pid, second.process)
    finally:
        second.stop()


def test_a_free_port_is_given_to_nobody_who_doesnt_name_it() -> None:
    ports = {free_port() for _ in range(500)}
    assert len(ports) == 500
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(socket.socket()) for _ in range(1000)]
        for each in others:
            each.bind(("127.0.0.1", 0))
        assert not ports & {each.getsockname()[1] for each in others}
        named = stack.enter_context(socket.create_server(("127.0.0.1", ports.pop())))
        assert named.getsockname()[1]
