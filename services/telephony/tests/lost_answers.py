"""A way to the database that can lose the answer to a COMMIT, as a dying connection does."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

from chassis.settings import ProcessSettings
from chassis.sql import Database
from sqlalchemy import event, make_url


class Wire:
    """Passes everything on. Once `losing` is set, the next COMMIT still reaches the database, its answer nobody."""

    def __init__(self, host: str, port: int) -> None:
        self.losing = False
        self.lost = 0
        self._target = host, port

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the pool, to its end."""
        answers, requests = await asyncio.open_connection(*self._target)
        back = asyncio.get_running_loop().create_task(_pass_on(answers, writer))
        try:
            while data := await reader.read(65536):
                losing = self.losing and b"COMMIT" in data
                if losing:
                    back.cancel()
                    await asyncio.wait({back})
                requests.write(data)
                if losing:
                    self.losing = False
                    await answers.read(1)
                    self.lost += 1
                    return
        finally:
            back.cancel()
            for each in (requests, writer):
                each.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)


@contextlib.asynccontextmanager
async def over_a_wire(settings: ProcessSettings) -> AsyncIterator[tuple[Database, Wire]]:
    """The same database, reached over a wire that can lose answers."""
    url = make_url(settings.database_url)
    assert url.host is not None and url.port is not None
    wire = Wire(url.host, url.port)
    server: Any = await asyncio.start_server(wire.connected, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    there = url.set(host=host, port=port).render_as_string(hide_password=False)
    db = await Database.connect(dataclasses.replace(settings, database_url=there), settings.service)
    event.listen(db.engine.sync_engine, "do_connect", _impatient)
    await db.engine.dispose()
    try:
        yield db, wire
    finally:
        await db.close()
        server.close()


def _impatient(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> None:
    """Take a lost answer for lost after 3 s instead of half a minute."""
    parameters["command_timeout"] = 3
