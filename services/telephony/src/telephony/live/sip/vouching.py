"""A phone's call that came to another node than the phone talks on is passed on to that one, which takes the first
node's word for whose it is: its own challenge would be answered to the first node again, for an edge goes by Call-ID.

The word is sealed under a key of the installation, for this one request of this source, and good for seconds; and it
is taken from an edge of ours alone.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from datetime import datetime

from chassis.sealing import Seal

from telephony.sip import PassedOn, Request

NODE, PHONE = "x-merkez-node", "x-merkez-phone"
"""Fields of a 302, and the second of the INVITE that an edge makes of it (infra/kamailio)."""
_SECONDS = 10.0


class Vouching:
    """Gives and takes words for phones. `elsewhere` names the node (host:port) where a phone's user talks, "" for here
    and nowhere."""

    def __init__(self, seal: Seal, now: Callable[[], datetime], elsewhere: Callable[[str], Awaitable[str]]) -> None:
        self._seal = seal
        self._now = now
        self.elsewhere = elsewhere

    async def passed_on(self, request: Request, user: str) -> PassedOn | None:
        """See `AgentSettings.elsewhere`. Behind an edge a word goes along; else the phone is challenged there anew."""
        place = await self.elsewhere(user)
        if not place:
            return None
        return PassedOn(place, ((NODE, place), (PHONE, self.word(request, user))) if request.source.by_edge else ())

    def word(self, request: Request, user: str) -> str:
        """For `user`, who has proved here to have sent this request."""
        text = f"{self._now().timestamp() + _SECONDS:.3f} {user}"
        return base64.urlsafe_b64encode(self._seal.close(text.encode(), _of(request))).decode()

    def taken(self, request: Request) -> str:
        """The user another node vouches for; "" without a word that is good for this request now."""
        words = request.headers.lines(PHONE)
        if len(words) != 1 or not request.source.by_edge:
            return ""
        try:
            sealed = base64.urlsafe_b64decode(words[0].strip().encode("ascii"))
        except (binascii.Error, ValueError):
            return ""
        text = self._seal.open(sealed, _of(request))
        until, _, user = text.decode().partition(" ") if text is not None else ("0", "", "")
        return user if 0 <= float(until) - self._now().timestamp() <= _SECONDS else ""


def _of(request: Request) -> str:
    """What the word is for: no other call, and from nowhere else."""
    return " ".join((request.call_id, request.from_.tag, str(request.cseq[0]), request.uri, request.source.host))
