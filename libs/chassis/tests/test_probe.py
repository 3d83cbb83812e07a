"""What `helm test` asks from within the cluster."""

from __future__ import annotations

from typing import Any

from chassis.probe import main, wrong_with
from testkit.rpc import RpcHouse


async def test_who_serves_is_said_to_answer_and_who_is_gone_is_not(
    rpc: RpcHouse, nats_server: Any, capsys: Any
) -> None:
    server = await rpc.serve("routing", [])
    routing = f"grpc://{server.address}"
    assert await main([routing, nats_server.url]) == 0
    assert capsys.readouterr().out == f"{routing}: answers\n{nats_server.url}: answers\n"
    await server.stop()
    assert await main([routing, nats_server.url]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[1].endswith(": answers") and not said[0].endswith(": answers")


async def test_who_drains_is_not_ready(rpc: RpcHouse) -> None:
    server = await rpc.serve("routing", [])
    await server.drain()
    assert await wrong_with(f"grpc://{server.address}") != ""


async def test_nothing_to_ask_and_addresses_of_no_kind_fail(capsys: Any) -> None:
    assert await main([]) == 1
    assert await main(["routing:7000"]) == 1
    assert "must begin with grpc://, http://, nats://" in capsys.readouterr().out
