"""Who is measured: something that joins calls of one kind, can be made to have more of them or fewer, and costs CPU.

Each gives the load's ends of its calls, in the order of the calls. What setting them up costs is told on the way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from light_peer import LightPeer
from load import End
from process import cpu_seconds, resident
from rtpengine import Rtpengine, Side
from server import Server, line
from sounds import codec_of, voice

BROWSER, TRUNK = "browser", "trunk"
"""SRTP with Opus, keys by ICE and DTLS (by SDES at rtpengine's); RTP with G.711."""
_LISTENERS = 24
"""Ends whose sound is kept and judged, about; spread over the calls and their parties."""
_AT_ONCE = 4
_SETUP_GOAL = 5.0
"""Milliseconds of CPU a leg."""


@dataclass(frozen=True)
class Kind:
    """One kind of call: who is in it, and whether their packets are decoded on the way."""

    name: str
    parties: tuple[str, ...]
    decoded: bool = False


class Subject(Protocol):
    """One side of a comparison."""

    name: str
    pid: int

    async def resize(self, calls: int) -> list[End]:
        """Have so many calls; the ends of all of them."""
        ...

    async def record(self, on: bool) -> None:
        """Record all calls there are, or stop it."""
        ...

    async def heard(self) -> int | None:
        """Packets of the load that have reached it so far, of the calls there are. None when it doesn't say."""
        ...

    async def memory(self, calls: int) -> float:
        """KB a call, of what the process has taken since it had none."""
        ...

    async def close(self) -> None:
        """End all calls, and the process when it is nobody else's."""
        ...


@dataclass
class _Leg:
    """One of our legs: its end for the load, and what closes the load's side of it."""

    end: Callable[[], End]
    peer: LightPeer | None = None


@dataclass
class _SetUp:
    """What it took to set legs up."""

    name: str
    pid: int
    goal: float | None
    wall: float = field(default_factory=time.monotonic)
    cpu: float = 0.0

    def __post_init__(self) -> None:
        self.cpu = cpu_seconds(self.pid)

    def told(self, legs: int, calls: int) -> None:
        cpu, wall = cpu_seconds(self.pid) - self.cpu, time.monotonic() - self.wall
        line(f"{self.name}_setup_cpu_per_leg", cpu / legs * 1000, "ms", self.goal, calls=calls, legs=legs)
        line(f"{self.name}_setup_wall_per_leg", wall / legs * 1000, "ms", None, calls=calls, at_once=_AT_ONCE)


class Merkez:
    """Our side: a process for one kind of call."""

    name = "merkez"

    def __init__(self, server: Server, kind: Kind) -> None:
        self.server = server
        self.pid = server.pid
        self._kind = kind
        self._legs: list[_Leg] = []
        self._empty: int | None = None

    async def resize(self, calls: int) -> list[End]:
        if self._empty is None:
            self._empty = (await self.server.ask(do="state"))["rss"]
        legs = calls * len(self._kind.parties)
        if len(self._legs) > legs:
            await self._drop(legs)
        elif len(self._legs) < legs:
            more, first = legs - len(self._legs), not self._legs
            account = _SetUp(f"{self._kind.name}_{self.name}", self.pid, _SETUP_GOAL)
            await self._grow(more)
            # Calls that are decoded cost CPU also while nobody speaks, which isn't the new ones' set-up.
            if first or not self._kind.decoded:
                account.told(more, calls)
        return with_voices([leg.end() for leg in self._legs], self._kind)

    async def record(self, on: bool) -> None:
        await self.server.ask(do="record", on=on)

    async def heard(self) -> int | None:
        return (await self.server.ask(do="heard"))["packets"]

    async def memory(self, calls: int) -> float:
        state = await self.server.ask(do="state")
        return (state["rss"] - (self._empty or 0)) / calls / 1024

    async def close(self) -> None:
        await self._drop(0)
        await self.server.stop()

    async def _grow(self, more: int) -> None:
        """Set up legs in order, a few browsers at the same time, and join them."""
        parties = self._kind.parties
        kinds = [parties[(len(self._legs) + number) % len(parties)] for number in range(more)]
        for first in range(0, more, _AT_ONCE):
            rising = [await self._add(kind) for kind in kinds[first : first + _AT_ONCE]]
            await asyncio.gather(*(peer.accept(answer) for peer, answer in rising if peer is not None))
        await self.server.ask(do="join", parties=len(parties))

    async def _add(self, party: str) -> tuple[LightPeer | None, str]:
        """Ask for one leg. A browser's must still connect to the answer."""
        if party == BROWSER:
            peer = LightPeer()
            answer = (await self.server.ask(do="answer", sdp=await peer.offer()))["sdp"]
            self._legs.append(_Leg(peer.end, peer))
            return peer, answer
        side = Side(encrypted=False)
        answer = (await self.server.ask(do="answer_rtp", sdp=side.sdp()))["sdp"]
        end = side.end(answer)
        self._legs.append(_Leg(lambda: end))
        return None, answer

    async def _drop(self, legs: int) -> None:
        await self.server.ask(do="drop", after=legs)
        gone, self._legs = self._legs[legs:], self._legs[:legs]
        for leg in gone:
            if leg.peer is not None:
                await leg.peer.close()
            else:
                leg.end().socket.close()


class Peer:
    """rtpengine with one kind of call. The process is the whole bench's."""

    name = "rtpengine"

    def __init__(self, engine: Rtpengine, kind: Kind) -> None:
        self._engine = engine
        self.pid = engine.process.pid
        self._kind = kind
        self._ends: list[End] = []
        self._empty: int | None = None

    async def resize(self, calls: int) -> list[End]:
        if self._empty is None:
            self._empty = resident(self.pid)
        have = len(self._ends) // 2
        if have > calls:
            await self._drop(calls)
        elif have < calls:
            account = _SetUp(f"{self._kind.name}_{self.name}", self.pid, None)
            for _ in range(calls - have):
                a, b = (Side(encrypted=party == BROWSER) for party in self._kind.parties)
                self._ends += await self._engine.call(a, b)
            account.told((calls - have) * 2, calls)
        return with_voices(list(self._ends), self._kind)

    async def record(self, on: bool) -> None:
        await self._engine.record(on)

    async def heard(self) -> int | None:
        return None

    async def memory(self, calls: int) -> float:
        return (resident(self.pid) - (self._empty or 0)) / calls / 1024

    async def close(self) -> None:
        await self._drop(0)

    async def _drop(self, calls: int) -> None:
        await self._engine.hang_up(calls)
        gone, self._ends = self._ends[calls * 2 :], self._ends[: calls * 2]
        for end in gone:
            end.socket.close()


def with_voices(ends: list[End], kind: Kind) -> list[End]:
    """Where packets are decoded every end gets its voice, and some get ears."""
    parties = len(kind.parties)
    step = max(1, len(ends) // _LISTENERS)
    # No multiple of the number of parties, or only one party of each call would listen.
    step += step > 1 and step % parties == 0
    for number, end in enumerate(ends if kind.decoded else ()):
        end.saying = voice(codec_of(end.payload_type), number % parties)
        end.listens = number % step == 0
    return ends
