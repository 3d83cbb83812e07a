"""Whether a service answers: the gateway at /readyz, the others to gRPC's health check."""

from __future__ import annotations

import asyncio
import contextlib

from chassis.probe import wrong_with


async def serves_grpc(port: int) -> bool:
    """Whether the server on loopback's `port` says SERVING."""
    return await _listens(port) and not await wrong_with(f"grpc://127.0.0.1:{port}")


async def serves_http(port: int) -> bool:
    """Whether the gateway on loopback's `port` is ready."""
    return await _listens(port) and not await wrong_with(f"http://127.0.0.1:{port}/readyz")


async def _listens(port: int) -> bool:
    # Far cheaper than a channel, and while everything starts on few cores it is asked very often.
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False
