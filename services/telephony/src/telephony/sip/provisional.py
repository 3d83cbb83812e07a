"""Provisional responses that must arrive (RFC 3262, the UAS's side): one at a time, repeated until PRACK."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable

from telephony.sip.bodies import sdp_of
from telephony.sip.errors import SipParseError
from telephony.sip.fields import parse_rack
from telephony.sip.messages import Response
from telephony.sip.server_transactions import ServerTransaction
from telephony.sip.timers import T1, Timer, Timers

_QUEUED = 8


class ReliableResponses:
    """The provisional responses of one INVITE, in order."""

    def __init__(self, timers: Timers, transaction: ServerTransaction, give_up: Callable[[], None]) -> None:
        self._timers = timers
        self._transaction = transaction
        self._give_up = give_up
        self._queue: deque[tuple[Response, bool]] = deque(maxlen=_QUEUED)
        self._number = secrets.randbelow(1 << 30) + 1
        self._pending: Response | None = None
        self._overtaken = 0
        """RSeq that waited for its PRACK when the final response went out."""
        self._pause = T1
        self._passed = 0.0
        self._timer: Timer | None = None
        self._settled: list[asyncio.Future[None]] = []
        self.described = False
        """Whether one of them has said what we describe the session as."""

    def send(self, response: Response, *, reliable: bool) -> None:
        """Now, or when those before have arrived."""
        if self._pending is not None:
            self._queue.append((response, reliable))
        elif not reliable:
            self._transaction.respond(response)
        else:
            self._number += 1
            response.headers.add("require", "100rel")
            response.headers.set("rseq", str(self._number))
            self._pending, self._pause, self._passed = response, T1, 0.0
            self.described = self.described or bool(response.body)
            self._transaction.respond(response)
            self._timer = self._timers.after(T1, self._repeat)

    def acknowledged(self, prack: ServerTransaction) -> bool:
        """Whether a PRACK is for the response that waits; if so the next goes out. Answering it is the caller's."""
        number, cseq, method = parse_rack(prack.request.headers.get("rack") or "")
        if (cseq, method) != (self._transaction.request.cseq[0], "INVITE"):
            return False
        if self._overtaken and number == self._overtaken:
            self._overtaken = 0
            return True
        if self._pending is None or number != self._number:
            return False
        self._pending = None
        self._stop()
        while self._queue and self._pending is None:
            response, reliable = self._queue.popleft()
            self.send(response, reliable=reliable)
        return True

    async def settled(self) -> None:
        """Return when no response with SDP waits for its PRACK: a 2xx must not overtake it (3)."""
        while self._pending is not None and self._pending.body:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._settled.append(waiting)
            await waiting

    def close(self) -> None:
        """The INVITE has its final response. One that overtook ringing is followed by the PRACK for that (3)."""
        self._queue.clear()
        if self._pending is not None:
            self._overtaken = self._number
        self._pending = None
        self._stop()

    def _repeat(self) -> None:
        self._passed += self._pause
        if self._passed >= 64 * T1:
            self.close()
            self._give_up()
            return
        self._transaction.received_again()
        self._pause = min(2 * self._pause, 64 * T1 - self._passed)
        self._timer = self._timers.after(self._pause, self._repeat)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._settled = self._settled, []
        for each in waiting:
            if not each.done():
                each.set_result(None)


def wants_reliable(transaction: ServerTransaction, *, described: bool) -> bool:
    """Required always; where it is only supported, for a response that carries SDP."""
    headers = transaction.request.headers
    return "100rel" in headers.tokens("require") or (described and "100rel" in headers.tokens("supported"))


def offer_in(prack: ServerTransaction) -> str | None:
    """The offer a PRACK may carry (5)."""
    try:
        return sdp_of(prack.request)
    except SipParseError:
        return None
