"""Whether a service answers: the gateway at /readyz, the others to gRPC's health check."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_PATIENCE = 2.0


async def serves_grpc(port: int) -> bool:
    """Whether the server on loopback's `port` says SERVING."""
    if not await _listens(port):
        return False
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_PATIENCE)
            return answer.status == health_pb2.HealthCheckResponse.SERVING
    except grpc.aio.AioRpcError:
        return False


async def serves_http(port: int) -> bool:
    """Whether the gateway on loopback's `port` is ready."""
    return await _listens(port) and await asyncio.to_thread(_ready, port)


async def _listens(port: int) -> bool:
    # Far cheaper than a channel, and while everything starts on few cores it is asked very often.
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
