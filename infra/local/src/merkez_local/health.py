"""Whether a service answers: the gateway at /readyz, the others to gRPC's health check."""

from __future__ import annotations

import asyncio
import contextlib

from chassis.probe import wrong_with


async def serves_grpc(port: int, host: str = "127.0.0.1") -> bool:
    """Whether the server on the host's `port` says SERVING."""
    return await _listens(host, port) and not await wrong_with(f"grpc://{host}:{port}")


async def serves_http(port: int, host: str = "127.0.0.1") -> bool:
    """Whether the gateway on the host's `port` is ready."""
    return await _listens(host, port) and not await wrong_with(f"http://{host}:{port}/readyz")


async def _listens(host: str, port: int) -> bool:
    # Far cheaper than a channel, and while everything starts on few cores it is asked very often.
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(host, port)
        writer.close()
        return True
    return False
