"""Loses a region of two that run, and brings it back: what `make drill-region` asks of `make run-regions`.

The one that runs them alone can do it: it would start what another process kills again. It listens on loopback for who
can read a file of the data folder's owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from merkez_local.regions import Regions

WAYS = {
    "kill": "everything of it dies at once",
    "cut": "it hears nobody and nobody hears it (root)",
    "deafen": "it hears nobody, though what it says still gets out (root)",
}
"""How a region is lost."""
_FILE = "drills.json"


class DrillRefused(RuntimeError):
    """It can't be done; the message says why in one line."""


@dataclass(frozen=True)
class Pair:
    """Two regions that run, as a drill sees them. `database_url` is the administrator's."""

    urls: Mapping[str, str]
    database_url: str
    people: str
    healthy: tuple[str, ...]
    may_cut: bool

    def url(self, region: str) -> str:
        """Where people of a region go."""
        return self.urls[region]


class DrillPost:
    """Takes a drill's wishes, one at a time, for regions that run."""

    def __init__(self, regions: Regions) -> None:
        self._regions = regions
        self._path = regions.options.data_dir / _FILE
        self._token = secrets.token_hex(24)
        self._lost: dict[str, str] = {}
        self._turn = asyncio.Lock()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump({"port": port, "token": self._token}, file)

    async def close(self) -> None:
        """Listen no more."""
        self._path.unlink(missing_ok=True)
        if self._server is not None:
            self._server.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await asyncio.wait_for(reader.readline(), 5))
            if not hmac.compare_digest(str(asked.get("token", "")), self._token):
                return
            try:
                async with self._turn:
                    answer: dict[str, Any] = {"done": await self._do(asked)}
            except Exception as error:  # told to who asked, whatever it was; the regions run on
                answer = {"refused": str(error) or repr(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError, TimeoutError):
            pass  # who asked is gone, or is nobody of ours
        finally:
            writer.close()

    async def _do(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        what, region = asked.get("do"), str(asked.get("region", ""))
        if what in ("lose", "bring_back") and region not in self._regions.systems:
            raise DrillRefused(f"there is no region {region!r}; there are: {', '.join(self._regions.systems)}")
        if what == "lose":
            await self._lose(region, str(asked.get("how", "")))
        elif what == "bring_back":
            await self._bring_back(region)
        return asdict(self._pair())

    async def _lose(self, region: str, how: str) -> None:
        network = self._regions.network
        if self._lost:
            raise DrillRefused(f"{', '.join(self._lost)} is lost already: bring it back first")
        if how not in WAYS:
            raise DrillRefused(f"a region is lost by one of: {', '.join(WAYS)}")
        if how != "kill" and network is None:
            raise DrillRefused(f"to {how} a region needs networks: run `make run-regions` as root")
        self._lost[region] = how
        if how == "kill":
            await self._regions.kill(region)
        elif network is not None:
            (network.cut if how == "cut" else network.deafen)(region)

    async def _bring_back(self, region: str) -> None:
        how = self._lost.get(region)
        if how == "kill":
            await self._regions.start_region(region)
        elif how is not None and self._regions.network is not None:
            self._regions.network.heal(region)
        self._lost.pop(region, None)

    def _pair(self) -> Pair:
        regions = self._regions
        return Pair(
            urls={name: regions.url(name) for name in regions.systems},
            database_url=regions.database_url,
            people=regions.people,
            healthy=tuple(name for name in regions.systems if regions.front.healthy(name)),
            may_cut=regions.network is not None,
        )


async def ask(data_dir: Path, what: str, region: str = "", how: str = "", *, patience: float = 90.0) -> Pair:
    """Ask those that run from this folder: `look`, `lose` (by one of WAYS) or `bring_back`. DrillRefused."""
    try:
        told = json.loads((data_dir / _FILE).read_text())
        reader, writer = await asyncio.open_connection("127.0.0.1", told["port"])
    except (OSError, ValueError, KeyError):
        raise DrillRefused("No regions run here: start them with `make run-regions` in another terminal") from None
    try:
        writer.write(json.dumps({"token": told["token"], "do": what, "region": region, "how": how}).encode() + b"\n")
        async with asyncio.timeout(patience):
            line = await reader.readline()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    answer = json.loads(line or b'{"refused": "they stopped meanwhile"}')
    if "refused" in answer:
        raise DrillRefused(answer["refused"])
    done = answer["done"]
    return Pair(**done | {"healthy": tuple(done["healthy"])})
