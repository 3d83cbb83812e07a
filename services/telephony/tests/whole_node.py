"""The whole telephony service as a process of its own: its settings, its database, its bus, its one core."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testkit.voice_peers import Ports
from testkit.voice_peers.process import PeerProcess


class WholeNode(PeerProcess):
    """`python -m telephony` with these settings (fields of `TelephonySettings`; `peers` by their names)."""

    program = "python"

    def __init__(self, name: str, folder: Path, ports: Ports, *, peers: Mapping[str, str], **settings: Any) -> None:
        super().__init__(name, folder)
        self.sip_port, self._grpc_port = ports.one(), ports.one()
        self._environment = {
            **{f"MERKEZ_{service.upper()}_ADDRESS": address for service, address in peers.items()},
            **{f"MERKEZ_{field.upper()}": str(value) for field, value in settings.items()},
            "MERKEZ_GRPC_PORT": str(self._grpc_port),
            "MERKEZ_SIP_LISTEN": f"udp:{ports.host}:{self.sip_port}",
            "MERKEZ_MEDIA_ADDRESSES": ports.host,
            "MERKEZ_DATA_DIR": str(folder),
        }

    @classmethod
    def binary(cls) -> str:
        return sys.executable

    async def start(self) -> None:
        """Start it and wait until it says that it has started."""
        self.spawn(["-m", "telephony"], **self._environment)
        await self.ready(lambda: '"event": "started"' in self.tail(), deadline=60)

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the process so far, its children's not."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
