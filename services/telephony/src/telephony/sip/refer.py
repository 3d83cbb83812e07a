"""REFER in both roles (RFC 3515, RFC 4488): asking a peer to call elsewhere, and being asked, with NOTIFY between.

What is done about a wish, and with which calls, is the application's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from telephony.sip.bodies import fragment_status
from telephony.sip.errors import SipRefused
from telephony.sip.fields import ReferTo, Replaces
from telephony.sip.messages import REASONS, Request
from telephony.sip.server_transactions import ServerTransaction
from telephony.sip.syntax import parse_parameters
from telephony.sip.uris import parse_address

if TYPE_CHECKING:
    from telephony.sip.session import SipDialog

_SUBSCRIPTION_SECONDS = 180


class ReferWish:
    """The peer asks us to bring it to `target`. Answer by `accept` or `refuse`, then tell by `notify` how it goes."""

    def __init__(self, dialog: SipDialog, transaction: ServerTransaction, wish: ReferTo) -> None:
        request = transaction.request
        self.dialog = dialog
        self.target = wish.uri
        """The URI to call."""
        self.replaces: Replaces | None = wish.replaces
        self.replaced = dialog.stack.find(wish.replaces) if wish.replaces is not None else None
        """The dialog of ours that is to be joined with this one, when Replaces names one (attended transfer)."""
        referred_by = request.headers.get("referred-by")
        self.referred_by = parse_address(referred_by).uri if referred_by else ""
        self._transaction = transaction
        self._event = f"refer;id={request.cseq[0]}"
        self.silent = (request.headers.get("refer-sub") or "").partition(";")[0].strip().lower() == "false"
        """The peer wants no NOTIFYs: all it hears is the answer (RFC 4488)."""
        self._over = False
        self._telling: list[asyncio.Task[None]] = []

    def accept(self) -> None:
        """202, and the first NOTIFY unless the peer wants none."""
        response = self._transaction.request.response(202)
        response.headers.set("contact", f"<{self.dialog.contact}>")
        if self.silent:
            response.headers.set("refer-sub", "false")
        self._transaction.respond(response)
        self.notify(100)

    def refuse(self, status: int = 603, reason: str = "") -> None:
        """No, and nothing else happens. Not by 404, 481 and others of RFC 5057 5.1, which end the call it came in."""
        self._over = True
        self._transaction.answer(status, reason)

    def notify(self, status: int, reason: str = "") -> None:
        """How the new call goes; a final status ends the telling. Nothing is sent once the dialog is over."""
        if self._over or self.silent or self.dialog.ended:
            return
        self._over = status >= 200
        telling = self._notify(status, reason or REASONS.get(status, "Unknown"))
        self._telling.append(self.dialog.stack.spawn(telling, "refer notify"))

    async def told(self) -> None:
        """The peer has taken, or refused, all that was told so far."""
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _notify(self, status: int, reason: str) -> None:
        def dressed(request: Request) -> None:
            request.headers.set("event", self._event)
            state = "terminated;reason=noresource" if status >= 200 else f"active;expires={_SUBSCRIPTION_SECONDS}"
            request.headers.set("subscription-state", state)
            request.headers.set("content-type", "message/sipfrag;version=2.0")

        body = f"SIP/2.0 {status} {reason}\r\n".encode()
        await self.dialog.ask("NOTIFY", dressed, body=body)


class Referral:
    """A REFER of ours on its way: hears the NOTIFYs."""

    def __init__(self, on_progress: Callable[[int], None] | None) -> None:
        self.outcome: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._on_progress = on_progress
        self._last = 0

    def heard(self, status: int, *, last: bool) -> None:
        """One report."""
        self._last = status
        if status >= 200 or last:
            self.settle()
        elif self._on_progress is not None:
            self._on_progress(status)

    def settle(self) -> None:
        """No more will come."""
        if not self.outcome.done():
            self.outcome.set_result(self._last)


class Referrals:
    """One dialog's part in transfers."""

    def __init__(self, dialog: SipDialog) -> None:
        self._dialog = dialog
        self._running: dict[int, Referral] = {}

    def received(self, transaction: ServerTransaction, put: Callable[[ReferWish], object]) -> None:
        """A REFER within the dialog."""
        targets = transaction.request.headers.each("refer-to")
        if len(targets) != 1:
            transaction.answer(400)
            return
        put(ReferWish(self._dialog, transaction, ReferTo.parse(targets[0])))

    def notified(self, transaction: ServerTransaction) -> None:
        """A NOTIFY within the dialog: only about REFERs of ours (RFC 3515 2.4.4)."""
        request = transaction.request
        package, semicolon, tail = (request.headers.get("event") or "").partition(";")
        if package.strip().lower() != "refer":
            transaction.answer(489)
            return
        given = parse_parameters(semicolon + tail).get("id") or ""
        if given:
            referral = self._running.get(int(given)) if given.isascii() and given.isdigit() else None
        else:
            referral = next(iter(self._running.values()), None)
        if referral is None:
            transaction.answer(481)
            return
        transaction.answer(200)
        found = fragment_status(request.body)
        over = (request.headers.get("subscription-state") or "").strip().lower().startswith("terminated")
        if found is not None:
            referral.heard(found[0], last=over)
        elif over:
            referral.settle()

    async def refer(self, target: str, replaces: SipDialog | None, on_progress: Callable[[int], None] | None) -> int:
        """Ask the peer to call `target`; see `SipDialog.refer`."""
        wish = ReferTo(target, replaces.replaces() if replaces is not None else None)
        referral = Referral(on_progress)
        number = 0

        def dressed(request: Request) -> None:
            nonlocal number
            # A NOTIFY may overtake the 202.
            self._running.pop(number, None)
            number = request.cseq[0]
            self._running[number] = referral
            request.headers.set("refer-to", str(wish))
            request.headers.set("referred-by", f"<{self._dialog.local_uri}>")

        try:
            response = await self._dialog.ask("REFER", dressed)
            if response.status >= 300:
                raise SipRefused(response.status, response.reason)
            if (response.headers.get("refer-sub") or "").strip().lower().startswith("false"):
                return response.status
            timer = self._dialog.stack.timers.after(_SUBSCRIPTION_SECONDS, referral.settle)
            try:
                return await referral.outcome
            finally:
                timer.cancel()
        finally:
            self._running.pop(number, None)

    def settle(self) -> None:
        """The dialog is over: nobody will tell how it went."""
        for referral in list(self._running.values()):
            referral.settle()
