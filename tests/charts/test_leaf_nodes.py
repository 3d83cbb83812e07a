"""Two regions' NATS as the chart configures it, joined on loopback: who has no certificate of theirs stays outside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from merkez_local.nats import server_binary
from merkez_local.postgres import free_port
from testkit import eventually
from testkit.certificates import Certificates

from tests.charts.conftest import nats_config


class Server:
    """A nats-server by a rendered configuration: other ports and folders, no cluster."""

    def __init__(self, folder: Path, region: str, leaf_port: int, authority: Certificates) -> None:
        folder.mkdir()
        own = authority.issue(region)
        told, self.monitor = nats_config(f"two-regions-{region}"), free_port()
        for what, by in (
            (r"(?s)\ncluster \{.*\}\n$", "\n"),
            (r"\nport: 4222", f"\nport: {free_port()}"),
            (r"http_port: 8222", f"http_port: {self.monitor}"),
            (r"port: 7422", f"port: {leaf_port if region == 'east' else free_port()}"),
            (r"nats-leaf://[^\"]+", f"nats-leaf://127.0.0.1:{leaf_port}"),
            (r"/etc/nats-leaf-tls", str(own.key.parent)),
            (r"/etc/nats-tls", str(own.key.parent)),
            (r"/var/run/nats/nats.pid", str(folder / "pid")),
            (r"store_dir: /data", f"store_dir: {folder / 'data'}"),
        ):
            told, found = re.subn(what, by, told)
            assert found or (region == "east" and "leaf" in what), what
        (folder / "nats.conf").write_text(told)
        self.log = folder / "log"
        with self.log.open("wb") as output:
            environment = {**os.environ, "POD_NAME": folder.name}
            command = [server_binary(), "-c", str(folder / "nats.conf")]
            self.process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)

    def joined(self) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitor}/leafz", timeout=2) as answer:
                return int(json.load(answer)["leafnodes"])
        except OSError:
            return -1


Starts = Callable[[str, str, Certificates], Server]


@asynccontextmanager
async def servers(folder: Path) -> AsyncIterator[Starts]:
    running: list[Server] = []
    leaf_port = free_port()

    def start(name: str, region: str, authority: Certificates) -> Server:
        running.append(Server(folder / name, region, leaf_port, authority))
        return running[-1]

    try:
        yield start
    finally:
        for each in running:
            each.process.terminate()
            each.process.wait(20)


@pytest.mark.parametrize("known", [True, False])
async def test_a_region_joins_another_by_a_certificate_of_their_authority_alone(tmp_path: Path, known: bool) -> None:
    ours = Certificates(tmp_path / "ours")
    async with servers(tmp_path) as start:
        east = start("first", "east", ours)
        await eventually(lambda: east.joined() == 0)
        west = start("second", "west", ours if known else Certificates(tmp_path / "strangers"))
        if known:
            await eventually(lambda: east.joined() == west.joined() == 1)
        else:
            await eventually(lambda: west.log.read_text().count("x509") > 1)
            assert east.joined() == west.joined() == 0
