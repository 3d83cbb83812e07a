"""sipp: plays a scenario as caller (UAC) or callee (UAS), once or a thousand times, and counts what came of it."""

from __future__ import annotations

import csv
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from testkit.voice_peers.ports import Ports
from testkit.voice_peers.process import PeerFailed, PeerProcess

_SCENARIOS = Path(__file__).parent / "scenarios"
UAC = _SCENARIOS / "calls.xml"
UAS = _SCENARIOS / "answers.xml"


@dataclass(frozen=True)
class Outcome:
    """What sipp counted. `retransmissions` are its own; `unexpected` are calls ended by a message out of place."""

    successful: int
    failed: int
    unexpected: int
    retransmissions: int


class Sipp(PeerProcess):
    """One sipp. `scenario` is an XML file: `UAC` calls, `UAS` answers, others bring their own.

    `target` is `host:port` a caller calls. `transport` is sipp's -t: "u1" UDP, "t1" TCP (Debian's sipp has no TLS).
    `calls` ends it after as many; `rate` is calls begun each second, `at_once` the most at a time, `lasts` the seconds
    of a pause without a length of its own. `keys` fill `[name]` in the scenario; `rows` are lines of fields for
    `[field0]`, `[field1]`, ..., used one call after the other.
    """

    program = "sipp"

    def __init__(
        self,
        name: str,
        folder: Path,
        ports: Ports,
        scenario: Path,
        *,
        target: str = "",
        transport: str = "u1",
        calls: int = 0,
        rate: float = 10.0,
        at_once: int = 0,
        lasts: float = 0.0,
        keys: Mapping[str, str] | None = None,
        rows: Sequence[Sequence[str]] = (),
        service: str = "",
        user: str = "",
        password: str = "",
        rtp_echo: bool = False,
        patience: float = 20.0,
        more: Sequence[str] = (),
    ) -> None:
        super().__init__(name, folder)
        self.host = ports.host
        self.port, self._control = ports.one(), ports.one()
        self.media_port = ports.take(8)[0]
        self._transport = transport
        self._calls_out = bool(target)
        self._arguments = [
            *([target] if target else []), "-sf", str(scenario.resolve()),
            "-i", self.host, "-p", str(self.port), "-cp", str(self._control), "-t", transport,
            "-ci", self.host, "-mi", self.host, "-mp", str(self.media_port), "-r", str(rate),
            "-d", str(int(lasts * 1000)),
            "-nostdin", "-fd", "1", "-trace_stat", "-stf", "counts.csv", "-trace_err", "-error_file", "errors.log",
            "-trace_msg", "-message_file", "messages.log", "-trace_logs", "-log_file", "said.log",
            "-recv_timeout", str(int(patience * 1000)),
        ]  # fmt: skip
        for flag, value in (("-m", calls), ("-l", at_once), ("-s", service), ("-au", user), ("-ap", password)):
            self._arguments += [flag, str(value)] if value else []
        for key, value in (keys or {}).items():
            self._arguments += ["-key", key, value]
        if rows:
            fields = "".join(";".join(row) + "\n" for row in rows)
            (folder / "fields.csv").write_text(f"SEQUENTIAL\n{fields}")
            self._arguments += ["-inf", "fields.csv"]
        self._arguments += [*(["-rtp_echo"] if rtp_echo else []), *more]

    @property
    def address(self) -> str:
        """`host:port` of its signalling."""
        return f"{self.host}:{self.port}"

    def uri(self, user: str) -> str:
        """A SIP URI that reaches it."""
        return f"sip:{user}@{self.address}{';transport=tcp' if self._transport[0] == 't' else ''}"

    async def start(self) -> None:
        """Start it; a callee's port is open then."""
        self.spawn(self._arguments)
        if not self._calls_out:
            await self.ready(lambda: self.listens(self.port, tcp=self._transport[0] != "u"))

    async def outcome(self, deadline: float = 60.0) -> Outcome:
        """Wait until it ended by itself (it was given `calls`) and say what it counted. Raises `PeerFailed` when it
        gave up for another reason than calls that failed.
        """
        code = await self.ended(deadline)
        # sipp(1) EXIT CODES: 0 all calls went well, 1 at least one failed; all else is sipp's own trouble.
        if code not in (0, 1):
            raise PeerFailed(f"{self.name} ended with {code}\n{self.tail()}")
        return self.counted()

    def counted(self) -> Outcome:
        """What it wrote down last: once a second, and at the end."""
        path = self.folder / "counts.csv"
        rows = list(csv.DictReader(path.open(), delimiter=";")) if path.exists() else []
        last = rows[-1] if rows else {}

        def number(name: str) -> int:
            return int(last.get(f"{name}(C)") or 0)

        return Outcome(
            number("SuccessfulCall"), number("FailedCall"), number("FailedUnexpectedMessage"), number("Retransmissions")
        )

    def messages(self) -> str:
        """Every SIP message it sent and received, with times, as sipp's trace has them."""
        path = self.folder / "messages.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def received(self, method_or_status: str) -> int:
        """How many messages it received so far whose first line begins so: "INVITE", "SIP/2.0 486"."""
        count, incoming = 0, False
        for line in self.messages().splitlines():
            if " message received " in line:
                incoming = True
            elif " message sent " in line:
                incoming = False
            elif incoming and line:
                count += line.startswith(method_or_status)
                incoming = False
        return count

    def answers(self) -> list[tuple[float, float]]:
        """Of each INVITE that got what the scenario's `rtd` names: when (ms since sipp's start), and after how many
        ms. It was started with -trace_rtt."""
        lines = [line for path in self.folder.glob("*_rtt.csv") for line in path.read_text().splitlines()]
        rows = [line.split(";") for line in lines if line[:1].isdigit()]
        return [(float(at), float(delay)) for at, delay, *_ in rows]

    def finish(self) -> None:
        """Begin no new calls and end when the present ones have."""
        self.send(signal.SIGUSR1)

    def tail(self) -> str:
        """Its errors, the messages before the end, and its last screen."""
        errors = self.folder / "errors.log"
        complaints = errors.read_text(errors="replace")[-4000:] if errors.exists() else ""
        return "\n".join((complaints, self.messages()[-6000:], super().tail()[-2000:]))
