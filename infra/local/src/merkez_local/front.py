"""Stands for what leads people to a region that lives: a name server or load balancer with health checks.

One port for each region: connections go to that region while its edge is ready, else to another one. Connections into
a region that stopped answering are closed, so that browsers open them anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Mapping

LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 1.0
_AFTER = 2
"""Looks in a row without an answer, before nobody is led there any more."""


class Front:
    """Forwards TCP, by `regions`: name -> host and port of its edge."""

    def __init__(self, regions: Mapping[str, tuple[str, int]], host: str = "127.0.0.1") -> None:
        self._regions = regions
        self._host = host
        self._missed = dict.fromkeys(regions, 0)
        self._open: dict[str, set[asyncio.StreamWriter]] = defaultdict(set)
        self._servers: dict[str, asyncio.Server] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, region: str) -> str:
        """Where people of a region go."""
        return f"http://{self._host}:{self._servers[region].sockets[0].getsockname()[1]}"

    def healthy(self, region: str) -> bool:
        """Whether people are led there."""
        return self._missed[region] < _AFTER

    async def start(self, ports: Mapping[str, int] | None = None) -> None:
        """Begin to forward."""
        for region in self._regions:

            def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, region: str = region) -> None:
                self._spawn(self._carry(region, reader, writer))

            self._servers[region] = await asyncio.start_server(take, self._host, (ports or {}).get(region, 0))
            self._spawn(self._watch(region))

    async def close(self) -> None:
        """Stop, and close what is open."""
        for server in self._servers.values():
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[arg-type]  # noqa: TID251 - kept in _tasks
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self, region: str) -> None:
        while True:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    ready = await self._ready(region)
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                ready = False
            self._missed[region] = 0 if ready else self._missed[region] + 1
            if not self.healthy(region):
                for writer in list(self._open[region]):
                    writer.transport.abort()
            await asyncio.sleep(LOOK_SECONDS)

    async def _ready(self, region: str) -> bool:
        reader, writer = await asyncio.open_connection(*self._regions[region])
        try:
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: front\r\nConnection: close\r\n\r\n")
            return b" 200 " in await reader.readline()
        finally:
            writer.transport.abort()

    async def _carry(self, region: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            where, inward, outward = await self._connect(region)
        except OSError:
            writer.close()
            return
        self._open[where].add(writer)
        try:
            await asyncio.gather(_pipe(reader, outward), _pipe(inward, writer))
        finally:
            self._open[where].discard(writer)
            outward.transport.abort()
            writer.transport.abort()

    async def _connect(self, region: str) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
        others = [each for each in self._regions if each != region]
        for each in sorted([region, *others], key=lambda name: not self.healthy(name)):
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return each, *await asyncio.open_connection(*self._regions[each])
        raise OSError("no region answers")


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        if writer.can_write_eof():
            writer.write_eof()
