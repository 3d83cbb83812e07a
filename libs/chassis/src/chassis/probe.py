"""`python -m chassis.probe grpc://routing:7000 http://gateway/readyz nats://nats:4222`: whether each answers.

A line for each address, and exit code 1 when one doesn't: what `helm test` runs from within the cluster. With
`MERKEZ_TLS_*` gRPC and `tls://` NATS are asked by mutual TLS.
"""

from __future__ import annotations

import asyncio
import http.client
import sys
from typing import Any
from urllib.parse import urlsplit

import grpc
import nats
from grpc_health.v1 import health_pb2, health_pb2_grpc
from nats.errors import Error as NatsError

from chassis.mutual_tls import Identity
from chassis.settings import ProcessSettings, load

PATIENCE = 5.0
"""Seconds an address has."""


async def wrong_with(address: str, identity: Identity | None = None) -> str:
    """What is wrong with who answers at `address`; empty when nothing is. gRPC and NATS are shown `identity`."""
    for scheme, ask in _ASK.items():
        if address.startswith(f"{scheme}://"):
            try:
                return await asyncio.wait_for(ask(address, identity), PATIENCE)
            except TimeoutError:
                return f"no answer within {PATIENCE:.0f} s"
            except (OSError, NatsError, http.client.HTTPException, grpc.aio.AioRpcError) as error:
                said = error.details() if isinstance(error, grpc.aio.AioRpcError) else str(error)
                return said or type(error).__name__
    return f"must begin with {', '.join(f'{each}://' for each in _ASK)}"


async def _grpc(address: str, identity: Identity | None) -> str:
    async with _channel(f"dns:///{urlsplit(address).netloc}", identity) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)
    if answer.status == health_pb2.HealthCheckResponse.SERVING:
        return ""
    return f"says {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}"


def _channel(target: str, identity: Identity | None) -> grpc.aio.Channel:
    if identity is None:
        return grpc.aio.insecure_channel(target)
    return identity.current().channel(target, "")


async def _http(address: str, identity: Identity | None) -> str:
    return await asyncio.to_thread(_get, address)


def _get(address: str) -> str:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        text = answer.read(500).decode(errors="replace")
    finally:
        connection.close()
    return "" if answer.status == 200 else f"answers {answer.status}: {text}"


async def _nats(address: str, identity: Identity | None) -> str:
    # A round trip through the server: what is published comes back.
    secured = {} if identity is None else {"tls": identity.nats_context()[0]}
    client = await nats.connect(address, connect_timeout=2, allow_reconnect=False, **secured)
    try:
        subject = client.new_inbox()
        heard = await client.subscribe(subject)
        await client.publish(subject, b"probe")
        await heard.next_msg(timeout=2)
    finally:
        await client.close()
    return ""


_ASK = {"grpc": _grpc, "http": _http, "nats": _nats, "tls": _nats}


async def main(addresses: list[str]) -> int:
    """Asks all at once. The exit code."""
    identity = Identity.of(load(ProcessSettings, service="probe"))
    found = await asyncio.gather(*(wrong_with(address, identity) for address in addresses))
    for address, wrong in zip(addresses, found, strict=True):
        print(f"{address}: {wrong or 'answers'}", flush=True)
    return 1 if any(found) or not addresses else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
