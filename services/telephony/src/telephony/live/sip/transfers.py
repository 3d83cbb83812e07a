"""A desk phone's transfer key: the REFER it sends, as the wish of a party (`live.outside.TransferWish`).

What is done about it are the desk's own verbs (`live.phone_transfers`). The phone hears how it went by NOTIFY; a REFER
itself is answered by 202 once it can be read, since RFC 5057 5.1 would have some refusals end the phone's call.
"""

from __future__ import annotations

import asyncio
import contextlib

from kernel.errors import DomainError

from telephony.live.sip.statuses import phrase_of_error, status_of_error
from telephony.sip import ReferWish, parse_dialed

_SECONDS = 5.0
"""How long a call waits with its end until its phone has heard what became of a transfer."""


class PhoneTransfer:
    """One wish. SipParseError when it names nothing that could be dialled."""

    def __init__(self, wish: ReferWish) -> None:
        self.dialed = parse_dialed(wish.target)
        self.attended = wish.replaces is not None
        self._wish = wish
        self._over = asyncio.Event()

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def begun(self) -> None:
        if not self._wish.silent:
            self._wish.accept()

    def done(self) -> None:
        if self._wish.silent:
            self._wish.accept()
        self._wish.notify(200)
        self._over.set()

    def refuse(self, error: DomainError) -> None:
        status, reason = status_of_error(error), phrase_of_error(error)
        if self._wish.silent:
            self._wish.refuse(603, reason)
        self._wish.notify(status, reason)
        self._over.set()

    async def told(self) -> None:
        """Wait, not for long, until it is over and the phone knows."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SECONDS):
                await self._over.wait()
                await self._wish.told()
