"""sipp as a process of its own on a loopback port, with a scenario of ours; found on PATH (Debian: sip-tester)."""

from __future__ import annotations

import asyncio
import shutil
import socket
from pathlib import Path

from testkit.waiting import eventually

SCENARIOS = Path(__file__).parent / "scenarios"
_MODES = {"UDP": "u1", "TCP": "t1"}


class Sipp:
    """One run."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, errors: Path) -> None:
        self._process = process
        self._errors = errors
        self.port = port

    async def passed(self, seconds: float = 30.0) -> None:
        """Every call went as the scenario says."""
        try:
            code = await asyncio.wait_for(self._process.wait(), seconds)
        finally:
            await self.stop()
        told = self._errors.read_text()[-3000:] if self._errors.exists() else ""
        assert code == 0, f"sipp ended with {code}: {told}"

    async def stop(self) -> None:
        """Kill it if it still runs."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


async def sipp(scenario: str, folder: Path, *more: str, to: int = 0, transport: str = "UDP", calls: int = 1) -> Sipp:
    """Start `scenario`; `to` is the agent's port for a caller, 0 for a called side."""
    program = shutil.which("sipp")
    assert program is not None, "sipp is missing: apt-get install sip-tester"
    port, errors = free_port(transport), folder / f"{scenario}.errors"
    process = await asyncio.create_subprocess_exec(
        program, *([f"127.0.0.1:{to}"] if to else []), "-sf", str(SCENARIOS / f"{scenario}.xml"),
        "-i", "127.0.0.1", "-p", str(port), "-s", "+49301000", "-m", str(calls), "-t", _MODES[transport],
        "-nostdin", "-nd", "-default_behaviors", "none", "-recv_timeout", "20000",
        "-trace_err", "-error_file", str(errors), *more,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    if not to:
        await _bound(port, transport, process)
    return Sipp(process, port, errors)


def free_port(transport: str) -> int:
    """A port nobody has now."""
    kind = socket.SOCK_DGRAM if transport == "UDP" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def _bound(port: int, transport: str, process: asyncio.subprocess.Process) -> None:
    """Wait until the called side has its socket."""
    table = Path("/proc/net/udp" if transport == "UDP" else "/proc/net/tcp")
    wanted = f"0100007F:{port:04X}"
    await eventually(lambda: process.returncode is not None or wanted in table.read_text())
    assert process.returncode is None, "sipp did not start"
