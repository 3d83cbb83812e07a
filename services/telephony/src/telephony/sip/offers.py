"""Offers and answers within a dialog (RFC 3261 13.2, 14; RFC 3311; RFC 3264 5): one at a time, whoever makes it.

Also what belongs to an INVITE's 2xx: its ACK in both directions, and the session timer each exchange renews.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from chassis.telemetry import log

from telephony.sip import session_timer
from telephony.sip.bodies import SDP, sdp_of, typed
from telephony.sip.dialogs import DialogState
from telephony.sip.errors import DialogEnded, OfferRefused, SipParseError, SipRefused
from telephony.sip.fields import retry_after
from telephony.sip.messages import Request, Response
from telephony.sip.server_transactions import ServerTransaction
from telephony.sip.session_timer import Agreed, IntervalTooSmall, SessionTimer

if TYPE_CHECKING:
    from telephony.sip.session import SipDialog

_TRIES = 4
_NO_UPDATE = frozenset({403, 405, 420, 488, 501, 606})
"""What says that a peer takes no UPDATE (without a description) at all."""


class Offers:
    """One dialog's exchanges of session descriptions."""

    def __init__(self, dialog: SipDialog, state: DialogState) -> None:
        self._dialog = dialog
        self._stack = dialog.stack
        self._state = state
        self._timer = SessionTimer(dialog.stack.timers, self._refresh_due, dialog.expired)
        self._asking = False
        self._answering: ServerTransaction | None = None
        self._unacknowledged: dict[int, tuple[ServerTransaction, bool]] = {}
        self._last_ack: tuple[int, Request] | None = None
        self._turns: list[asyncio.Future[None]] = []
        self.too_early: Callable[[], int] = lambda: 0
        """What refuses an offer before the INVITE's own has its answer; 0 once it has (RFC 3311 5.2)."""

    def acknowledge(self, cseq: int) -> None:
        """Send the ACK to a 2xx to our INVITE, again for each repetition of it (13.2.2.4)."""
        request = self._state.request("ACK", cseq=cseq)
        self._dialog.digest_again(request)
        self._last_ack = (cseq, request)
        self._post_ack(request)

    def expect_ack(self, transaction: ServerTransaction, *, offered: bool) -> None:
        """A 2xx to the peer's INVITE is about to go out; `offered` when the SDP in it was an offer."""
        self._unacknowledged[transaction.request.cseq[0]] = (transaction, offered)
        transaction.on_unacknowledged = lambda: self._never_acknowledged(transaction)

    def described(self, *, local: str | None = None, remote: str | None = None) -> None:
        """Remember the descriptions in force."""
        self._state.local_sdp = local if local is not None else self._state.local_sdp
        self._state.remote_sdp = remote if remote is not None else self._state.remote_sdp

    @property
    def local(self) -> str:
        """Our description in force."""
        return self._state.local_sdp

    def receive_ack(self, request: Request) -> None:
        """The ACK to one of our 2xx."""
        transaction, offered = self._unacknowledged.pop(request.cseq[0], (None, False))
        if transaction is None:
            return
        transaction.acknowledged()
        self._wake()
        if offered and not self._dialog.ended:
            sdp = sdp_of(request)
            self.described(remote=sdp)
            # Without an answer, which it must have (13.2.2.4), the application learns that nothing was agreed.
            self._dialog.on_answer(sdp or "")

    async def acknowledged(self) -> None:
        """Return when every 2xx of ours has its ACK, or was given up."""
        while self._unacknowledged:
            await self._change()

    def resume(self) -> None:
        """Run the session timer of a dialog taken over."""
        self._timer.run(self._agreement())

    def stop(self) -> None:
        """The dialog is over: nothing is due, nothing will be answered."""
        self._timer.stop()
        if self._answering is not None:
            self._answering.answer(487)
        self._wake()

    def forget(self) -> None:
        """Stop repeating 2xx nobody acknowledged."""
        for transaction, _ in self._unacknowledged.values():
            transaction.acknowledged()
        self._unacknowledged.clear()

    def received(self, transaction: ServerTransaction) -> None:
        """A re-INVITE or an UPDATE."""
        request = transaction.request
        sdp = sdp_of(request)
        if request.method == "INVITE" and not self._dialog.confirmed:
            transaction.answer(491)
            return
        if (request.method == "INVITE" or sdp is not None) and (self._asking or self._answering):
            # 14.2: our own offer is under way, or an answer to the peer's.
            self._not_now(transaction, 491 if self._asking else 500)
            return
        if sdp is not None and not self._dialog.confirmed and (status := self.too_early()):
            self._not_now(transaction, status)
            return
        try:
            agreed = session_timer.answer(request, self._stack.times)
        except IntervalTooSmall:
            response = request.response(422)
            response.headers.set("min-se", str(self._stack.times.minimum))
            transaction.respond(response)
            return
        moved = self._state.heard_by(request)
        changed = self._state.refresh_target(request) or moved
        if request.method == "UPDATE" and sdp is None:
            self._accept_offer(transaction, None, None, agreed)
        else:
            self._answering = transaction
            transaction.on_cancel = lambda _: transaction.answer(487)
            self._stack.spawn(self._answer(transaction, sdp, agreed), "answer offer")
        if changed:
            self._dialog.on_change()

    @staticmethod
    def _not_now(transaction: ServerTransaction, status: int) -> None:
        response = transaction.request.response(status)
        if status == 500:
            response.headers.set("retry-after", str(secrets.randbelow(10)))
        transaction.respond(response)

    def answer_prack(self, transaction: ServerTransaction, sdp: str) -> None:
        """An offer that came with a PRACK (RFC 3262 5): its 200 has the answer."""
        self._answering = transaction
        self._stack.spawn(self._answer(transaction, sdp, None), "answer offer")

    async def _answer(self, transaction: ServerTransaction, sdp: str | None, agreed: Agreed | None) -> None:
        try:
            local = await self._dialog.on_offer(sdp)
            self._accept_offer(transaction, sdp, local, agreed)
        except OfferRefused as refusal:
            transaction.answer(refusal.status, refusal.reason)
        except Exception:
            log.exception("an offer could not be answered", sip_call_id=self._dialog.call_id)
            transaction.answer(500)
        finally:
            self._answering = None
            self._wake()

    def _accept_offer(
        self, transaction: ServerTransaction, sdp: str | None, local: str | None, agreed: Agreed | None
    ) -> None:
        if not transaction.is_open:
            return
        request = transaction.request
        response = request.response(200)
        self._stack.dress(response)
        response.headers.set("contact", f"<{self._dialog.contact}>")
        if request.method != "PRACK":
            session_timer.put(response, agreed, supported=request.supports("timer"))
        if local is not None:
            typed(response, SDP)
            response.body = local.encode()
            self.described(local=local, remote=sdp)
        if request.method == "INVITE":
            self.expect_ack(transaction, offered=sdp is None)
        transaction.respond(response)
        if self._dialog.confirmed and request.method != "PRACK":
            self.agree(agreed)

    async def offer(self, method: str, sdp: str | None) -> str:
        """Make an offer (None: only refresh) and give the answer; see `SipDialog.reinvite`."""
        tries = 1
        while (response := await self._offer_once(method, sdp)).status >= 300 and tries < _TRIES:
            tries += 1
            least = session_timer.minimum_asked(response)
            if response.status == 422 and least > self._state.session_seconds:
                self._state.session_seconds = least
            elif response.status == 491:
                # 14.1: who made the call waits longer, so that they don't collide again.
                pause = 210 + secrets.randbelow(190) if self._state.initiator else secrets.randbelow(200)
                await self._stack.pause(pause / 100)
            else:
                break
        if response.status < 300:
            return self._state.remote_sdp
        raise SipRefused(response.status, response.reason, retry_after(response.headers.get("retry-after")))

    async def _offer_once(self, method: str, sdp: str | None) -> Response:
        await self._turn_of(method)
        self._asking = True
        number = 0

        def dressed(request: Request) -> None:
            nonlocal number
            number = request.cseq[0]
            self._stack.dress(request)
            session_timer.ask(request, self._stack.times, self._agreement())
            if sdp is not None:
                typed(request, SDP)

        try:
            response = await self._dialog.ask(method, dressed, body=sdp.encode() if sdp is not None else b"")
            if 200 <= response.status < 300:
                self._accepted(method, number, sdp, response)
            return response
        finally:
            self._asking = False
            self._wake()

    def _accepted(self, method: str, number: int, sdp: str | None, response: Response) -> None:
        try:
            changed = self._state.refresh_target(response)
            remote = sdp_of(response)
        except SipParseError:
            changed, remote = False, None
        if method == "INVITE":
            self.acknowledge(number)
        if sdp is not None:
            self.described(local=sdp, remote=remote)
        if self._dialog.confirmed:
            self.agree(session_timer.settled(response))
        if changed:
            self._dialog.on_change()

    def heard_again(self, response: Response) -> None:
        """A repeated 2xx to a re-INVITE: its ACK was lost."""
        if response.status >= 200 and self._last_ack is not None and response.cseq[0] == self._last_ack[0]:
            self._post_ack(self._last_ack[1])

    def _post_ack(self, request: Request) -> None:
        try:
            self._stack.post(request, self._state.next_hops())
        except SipParseError:
            log.warning("no way for an ACK", sip_call_id=self._dialog.call_id)

    async def _turn_of(self, method: str) -> None:
        """Wait until no other offer is open."""
        while self._asking or self._answering or (method == "INVITE" and self._unacknowledged):
            await self._change()
        if self._dialog.ended:
            raise DialogEnded("the dialog is over")

    async def _change(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        await turn

    def _wake(self) -> None:
        turns, self._turns = self._turns, []
        for turn in turns:
            if not turn.done():
                turn.set_result(None)

    def _agreement(self) -> Agreed | None:
        seconds = self._state.session_seconds
        return Agreed(seconds, self._state.we_refresh) if seconds else None

    def agree(self, agreed: Agreed | None) -> None:
        before = self._agreement()
        self._state.session_seconds = agreed.seconds if agreed is not None else 0
        self._state.we_refresh = agreed is not None and agreed.we_refresh
        self._timer.run(agreed)
        if agreed != before:
            self._dialog.on_change()

    def _refresh_due(self) -> None:
        self._stack.spawn(self._refresh(), "session refresh")

    async def _refresh(self) -> None:
        try:
            if "update" not in self._state.allows or not await self._refreshed_by_update():
                before = self._state.remote_sdp
                answered = await self.offer("INVITE", self._state.local_sdp)
                if answered != before:
                    self._dialog.on_answer(answered)
        except SipRefused:
            if not self._dialog.ended:
                self._timer.refused()
        except DialogEnded:
            return

    async def _refreshed_by_update(self) -> bool:
        """False when the peer says that it can't UPDATE, whatever it allowed: it is asked by re-INVITE, now and later.
        SipRefused when it only can't now."""
        try:
            await self.offer("UPDATE", None)
        except SipRefused as refusal:
            if refusal.status not in _NO_UPDATE or self._dialog.ended:
                raise
            self._state.allows = [each for each in self._state.allows if each != "update"]
            return False
        return True

    def _never_acknowledged(self, transaction: ServerTransaction) -> None:
        self._unacknowledged.pop(transaction.request.cseq[0], None)
        self._wake()
        self._dialog.expired("no_ack")
