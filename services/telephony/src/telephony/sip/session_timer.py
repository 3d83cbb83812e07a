"""Session timers (RFC 4028): what interval is agreed, who refreshes, and when a silent peer is given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from telephony.sip.errors import SipParseError
from telephony.sip.fields import parse_session_expires
from telephony.sip.messages import Message, Request, Response
from telephony.sip.syntax import number
from telephony.sip.timers import Timer, Timers

_LEAD = 32.0
"""Seconds before its end that a session is given up, or a third of it where that is less (10)."""


@dataclass(frozen=True)
class SessionTimes:
    """What we want. Seconds; 0 as interval asks for no timer (but follows a peer who does)."""

    interval: int = 1800
    minimum: int = 90


@dataclass(frozen=True)
class Agreed:
    """An interval and who refreshes."""

    seconds: int
    we_refresh: bool


class IntervalTooSmall(Exception):
    """The peer wants a shorter interval than we do: 422."""


def ask(request: Request, times: SessionTimes, agreed: Agreed | None = None) -> None:
    """Put our wish on an INVITE or UPDATE (7.1); one that refreshes keeps the roles (7.4)."""
    seconds = agreed.seconds if agreed is not None else times.interval
    if seconds:
        role = f";refresher={'uac' if agreed.we_refresh else 'uas'}" if agreed is not None else ""
        request.headers.set("session-expires", f"{max(seconds, times.minimum)}{role}")
        request.headers.set("min-se", str(times.minimum))


def answer(request: Request, times: SessionTimes) -> Agreed | None:
    """What we as UAS agree to (9). Raises IntervalTooSmall when the request deserves 422."""
    wished, role = _wish(request)
    supported = request.supports("timer")
    if wished and wished < times.minimum and supported:
        raise IntervalTooSmall
    floor = max(_minimum(request), times.minimum)
    choices = [seconds for seconds in (wished, times.interval) if seconds]
    if not choices or not (supported or wished):
        return None
    # Who doesn't know timers can't refresh for us (table 2); who does and left it open shall do it itself.
    return Agreed(max(min(choices), floor), not supported or role == "uas")


def put(response: Response, agreed: Agreed | None, *, supported: bool) -> None:
    """Put what we agreed to as UAS on a 2xx (9)."""
    if agreed is not None:
        role = "uas" if agreed.we_refresh else "uac"
        response.headers.set("session-expires", f"{agreed.seconds};refresher={role}")
        if supported:
            response.headers.add("require", "timer")


def settled(response: Response) -> Agreed | None:
    """What a 2xx to our request says (7.2): without Session-Expires there is no timer."""
    try:
        seconds, role = parse_session_expires(response.headers.get("session-expires") or "0")
    except SipParseError:
        return None
    return Agreed(max(seconds, 90), role != "uas") if seconds else None


def minimum_asked(response: Response) -> int:
    """Min-SE of a 422, 0 when it says nothing usable."""
    return _minimum(response)


class SessionTimer:
    """Runs one dialog's agreement: calls `refresh` when it is ours to do, `expire` when the peer's is missed."""

    def __init__(self, timers: Timers, refresh: Callable[[], None], expire: Callable[[], None]) -> None:
        self._timers = timers
        self._refresh = refresh
        self._expire = expire
        self._running: Timer | None = None
        self._left = self._least = 0.0

    def run(self, agreed: Agreed | None) -> None:
        """Begin anew, after the first agreement and after every refresh (10)."""
        self.stop()
        if agreed is None:
            return
        given_up = agreed.seconds - min(_LEAD, agreed.seconds / 3)
        self._left, self._least = given_up - agreed.seconds / 2, min(_LEAD, agreed.seconds / 12)
        if agreed.we_refresh:
            self._running = self._timers.after(agreed.seconds / 2, self._refresh)
        else:
            self._running = self._timers.after(given_up, self._expire)

    def refused(self) -> None:
        """Our refresh was refused: that isn't the end, an interval without one is (10). Who has no time for it now may
        have in half of what is left until the peer gives up."""
        self.stop()
        pause = self._left / 2
        if pause < self._least:
            self._running = self._timers.after(self._left, self._expire)
        else:
            self._left -= pause
            self._running = self._timers.after(pause, self._refresh)

    def stop(self) -> None:
        """Nothing is due any more."""
        if self._running is not None:
            self._running.cancel()
            self._running = None


def _wish(request: Request) -> tuple[int, str]:
    text = request.headers.get("session-expires")
    if text is None:
        return 0, ""
    return parse_session_expires(text)


def _minimum(message: Message) -> int:
    try:
        return number((message.headers.get("min-se") or "0").partition(";")[0].strip(), most=86_400)
    except SipParseError:
        return 0
