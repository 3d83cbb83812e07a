"""Who gets in: a bound on new calls, and the challenge that tells a scanner nothing (trust: no enumeration)."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from chassis.telemetry import log

from telephony.sip.connections import Limits
from telephony.sip.digest import OFFERED, DigestServer, Lookup, Verdict
from telephony.sip.fairness import FairRate
from telephony.sip.messages import Request
from telephony.sip.server_transactions import ServerTransaction
from telephony.sip.timers import Timers


@dataclass(frozen=True)
class GateKeys:
    """What challenging needs."""

    realm: str
    secret: bytes = field(repr=False)
    """The process's own: only who counts the uses of a nonce takes it, so a request replayed at another node is worth
    nothing there. That one asks anew (stale, RFC 7616 3.3), and the phone's user notices nothing."""
    lookup: Lookup
    """Should take as long for an unknown user as for a known one."""
    now: Callable[[], float]
    """Unix seconds."""
    algorithms: tuple[str, ...] = OFFERED
    """Challenged with, the preferred first; an answer by another one is wrong."""


_LOOK_UP_AGAIN = 2
"""Seconds."""
_SHARE = 0.25
"""What one address of strangers may take at most of what they may all take: each costs looks at the database."""
_KNOWN = 4096


class _Rate:
    """So many a second; a second's worth may come at once, and one always."""

    def __init__(self, timers: Timers, a_second: float) -> None:
        self._timers = timers
        self._a_second = a_second
        self._most = self._tokens = max(1.0, a_second)
        self._filled = timers.now()

    def admits(self) -> bool:
        """Take one, when there is one."""
        now = self._timers.now()
        self._tokens = min(self._most, self._tokens + (now - self._filled) * self._a_second)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def put_off(transaction: ServerTransaction) -> None:
    """Who it is can't be looked up now: they are to come again, or elsewhere."""
    response = transaction.request.response(503, tag=secrets.token_hex(8))
    response.headers.set("retry-after", str(_LOOK_UP_AGAIN))
    transaction.respond_once(response)


class Gate:
    """One agent's door."""

    def __init__(
        self,
        timers: Timers,
        keys: GateKeys | None,
        limits: Limits,
        on_failure: Callable[[str, str, str], None],
        barred_name: Callable[[str, str], bool],
    ) -> None:
        self._timers = timers
        self._keys = keys
        self._server = DigestServer(keys.realm, keys.secret, keys.now, keys.algorithms) if keys is not None else None
        self._rate = limits.invitations_per_second
        self._trusted, self._strangers = FairRate(timers, self._rate), FairRate(timers, self._rate)
        self._addresses: OrderedDict[str, _Rate] = OrderedDict()
        self._on_failure = on_failure
        self._barred_name = barred_name

    def admits(self, request: Request, *, trusted: bool, whose: str = "") -> bool:
        """Whether one more new call is within the rate. Who isn't trusted, a phone before it is identified too, takes
        nothing of what trunks may have, and one address of them no more than a part of what the others may. Who is only
        to be challenged takes nothing: refusing costs no less, and a datagram may come in anybody's name. A trunk has
        its company's share (`whose` is by what name), and beyond it what nobody else asks for."""
        if trusted:
            return self._trusted.admits(whose or request.source.host)
        if self._server is None or not self._server.answers(request, "authorization"):
            return True
        host = request.source.host
        return self._share(self._addresses, host).admits() and self._strangers.admits(host)

    def _share(self, known: OrderedDict[str, _Rate], name: str) -> _Rate:
        own = known.get(name)
        if own is None:
            own = known[name] = _Rate(self._timers, self._rate * _SHARE)
            if len(known) > _KNOWN:
                known.popitem(last=False)
        known.move_to_end(name)
        return own

    async def identify(self, transaction: ServerTransaction) -> str | None:
        """The proved user; else None, and the request is answered: the same way for whatever was wrong, and for every
        name while names can't be looked up (503)."""
        if self._server is None or self._keys is None:
            transaction.respond_once(transaction.request.response(403, tag=secrets.token_hex(8)))
            return None
        source, verdict, user = transaction.request.source.host, Verdict.WRONG, ""
        shown = self._server.shown(transaction.request, "authorization")
        barred = shown is not None and self._barred_name(source, shown)
        try:
            if not barred:
                verdict, user = await self._server.check(transaction.request, "authorization", self._keys.lookup)
        except Exception as error:
            # Before anything is known of the name: who has one hears what who has none does, after the same looks.
            log.warning("who shows credentials can't be looked up", exc_info=error)
            put_off(transaction)
            return None
        if verdict is Verdict.RIGHT:
            return user
        if verdict is Verdict.WRONG and not barred:
            self._on_failure(source, "credentials", shown or "")
        response = transaction.request.response(401, tag=secrets.token_hex(8))
        response.headers.set("www-authenticate", *self._server.challenges(source, stale=verdict is Verdict.STALE))
        transaction.respond_once(response)
        return None
