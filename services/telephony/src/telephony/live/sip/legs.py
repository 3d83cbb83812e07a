"""One SIP peer in a call: its dialog and its media, told apart from the call by callbacks (`live.outside`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from time import monotonic
from typing import Any

from chassis.telemetry import log
from kernel.errors import DomainError

from telephony.domain.conversation import NoConsult, NotOnCall
from telephony.domain.diversions import MOST_HOPS
from telephony.domain.legs import Q850
from telephony.domain.lines import Line
from telephony.live.lines import Lines
from telephony.live.outside import TransferWish
from telephony.live.sip.transfers import PhoneTransfer
from telephony.media.media_leg import MediaLeg
from telephony.media.plane import MediaPlane
from telephony.media.rtp_leg import RtpLeg
from telephony.media.sdp import SdpInvalid
from telephony.sip import DialogEnded, Ended, OfferRefused, ReferWish, SipDialog, SipRefused

Spawn = Callable[[Coroutine[Any, Any, Any], str], object]
_NO_INFO = frozenset({405, 415, 501})
"""What says that a peer takes no INFO, or none with digits in it (RFC 6086 4.2.2)."""


class SipLeg:
    """A SIP party. Its callbacks are the call's; `on_over` is for whoever gave it out, told once, last."""

    def __init__(self, plane: MediaPlane, spawn: Spawn) -> None:
        self.rtp: RtpLeg | None = None
        """The media of its own dialog."""
        self.dialog: SipDialog | None = None
        self.trunk_id = ""
        self.line: Line | None = None
        """Its place on the trunk; None for a phone's."""
        self.user = ""
        """User name of the desk phone it is; empty for a trunk's."""
        self.talks_on: SipLeg | None = None
        """Of a phone with two calls: that which is talked on."""
        self.second: SipLeg | None = None
        """The same phone's other call, to whom its agent asks while the customer waits on this one."""
        self.hops = MOST_HOPS
        """Of whom we were called by: how many servers a call that is made for them may pass."""
        self.digits_by_info = False
        self._digits = ""
        self._sending_digits = False
        self.toward = ""
        """An address of the peer, by which ours is chosen."""
        self.on_media: Callable[[MediaLeg | None], object] = lambda _media: None
        self.on_codec: Callable[[], object] = lambda: None
        self.on_answered: Callable[[], object] = lambda: None
        self.on_gone: Callable[[int, int], object] = lambda _q850, _status: None
        self.on_cut: Callable[[], object] = lambda: self.on_gone(Q850.REJECTED, 0)
        self.on_digit_info: Callable[[str], object] = lambda _digit: None
        self.on_hold: Callable[[bool], object] = lambda _held: None
        self.on_transfer: Callable[[TransferWish], object] = _transfer_nothing
        self.on_changed: Callable[[], object] = lambda: None
        """Its dialog or media is worth storing again."""
        self.on_over: Callable[[], Awaitable[None]] | None = None
        self.transfer: PhoneTransfer | None = None
        """The last its transfer key was pressed for."""
        self._plane = plane
        self._spawn = spawn
        self._over = False

    @property
    def media(self) -> RtpLeg | None:
        """What the party is heard by."""
        return (self.talks_on or self).rtp

    def kept(self) -> Mapping[str, Any] | None:
        """See `live.outside.OutsideLeg`."""
        dialog, media = self.dialog, self.rtp
        if dialog is None or media is None or not dialog.confirmed or self._over:
            return None
        return {
            "dialog": dialog.state(), "media": media.state(), "toward": self.toward, "trunk_id": self.trunk_id,
            "by_info": self.digits_by_info, "line": [self.line.tenant_id, self.line.line_id] if self.line else [],
            "user": self.user, "second": self._second_dialog(), "hops": self.hops,
        }  # fmt: skip

    @property
    def stays(self) -> bool:
        """A phone is reached by the connection it made, or through the hole its router made for this node alone; its
        second call is this node's (`second_line`). Carriers and edges are reached by anybody."""
        return self.second is not None or (bool(self.user) and self.dialog is not None and self.dialog.bound)

    def _second_dialog(self) -> dict[str, Any] | None:
        """Of the phone's other call, so that a node that goes on with this one can end it."""
        dialog = self.second.dialog if self.second is not None else None
        return dialog.state() if dialog is not None and dialog.confirmed and not dialog.ended else None

    def take(self, media: RtpLeg) -> None:
        """It has (other) media."""
        self.rtp = media
        media.on_codec = self._codec_changed
        media.on_hold = self._holds
        if self.digits_by_info:
            media.send_by_signalling = self._send_by_info
        self.on_media(media)

    def follow(self, dialog: SipDialog) -> None:
        """The call is answered, or about to be: what comes in its dialog is this leg's."""
        self.dialog = dialog
        dialog.on_offer = self._offered
        dialog.on_answer = self._answered
        dialog.on_bye = self._ended
        dialog.on_info_digit = self._info_digit
        dialog.on_change = self._changed
        dialog.on_refer = self._referred

    def changes_early(self, dialog: SipDialog, media: RtpLeg, then: Callable[[], object]) -> None:
        """Let who is rung describe themselves anew before they answer (UPDATE, RFC 3311)."""

        async def offered(sdp: str | None) -> str:
            if sdp is None or self._over:
                raise OfferRefused(488)
            answer = _answer(media, sdp)
            then()
            return answer

        dialog.on_offer = offered

    def speaks(self, dialog: SipDialog) -> bool:
        """Whether the dialog is this leg's, one that still rings too."""
        return self.dialog is dialog

    def holds(self, line: Line, lines: Lines) -> None:
        """It is on this line, which is let go with it."""
        self.line = line
        self.on_over = lambda: lines.release(line)

    async def hang_up(self, q850: int = Q850.NORMAL) -> None:
        """End it, ringing or answered. Safe to repeat."""
        if self._over:
            return
        wishes = [line.transfer for line in self._own_lines()]
        # The peer hears of it at once, whatever it takes to let go what was held.
        await asyncio.gather(self._say_goodbye(q850, wishes), self.end())

    async def _say_goodbye(self, q850: int, wishes: Sequence[PhoneTransfer | None]) -> None:
        if self.dialog is not None and not self.dialog.ended and self.dialog.confirmed:
            for wish in wishes:
                if wish is not None:
                    await wish.told()
            with contextlib.suppress(DialogEnded):
                await self.dialog.bye(q850)

    async def leave(self) -> None:
        """See `live.outside.OutsideLeg`. The line is the other node's too, so it isn't let go."""
        if self.dialog is None or not self.dialog.confirmed:
            await self.hang_up()
            return
        if not self._over:
            self.on_over = None
            self.dialog.leave()
            await self.end()

    def gone(self, q850: int, sip_status: int) -> None:
        """The other end is gone, or was never reached."""
        if not self._over:
            self._spawn(self.end(), "sip leg over")
            self.on_gone(q850, sip_status)

    def forget(self) -> None:
        """Tell nobody anything any more: another dialog has its place."""
        self.on_media = self.on_digit_info = self.on_hold = _nothing
        self.on_codec = self.on_answered = self.on_changed = _nothing
        self.on_gone, self.on_cut, self.on_transfer = _nothing, _nothing, _transfer_nothing

    @property
    def over(self) -> bool:
        return self._over

    async def end(self) -> None:
        """Close the media and let go what it held."""
        if self._over:
            return
        self._over = True
        if self.second is not None:
            self._spawn(self.second.hang_up(), "hang up the second line")
        if self.rtp is not None:
            await self._plane.close_leg(self.rtp)
        if self.on_over is not None:
            await self.on_over()

    def _codec_changed(self) -> None:
        self.on_codec()

    def _holds(self, held: bool) -> None:
        self.on_hold(held)

    def _info_digit(self, digit: str, _milliseconds: int) -> None:
        if self.rtp is None or self.rtp.presses.first_told(digit, monotonic(), by_media=False):
            self.on_digit_info(digit)

    def _changed(self) -> None:
        self.on_changed()

    def _ended(self, ended: Ended) -> None:
        under_way = self._under_way()
        if under_way is not None:
            # Many phones hang up as soon as their wish is accepted: it goes on, and nobody hangs up on the customer.
            self._spawn(self._ended_later(under_way, ended), "hung up during a transfer")
        else:
            self.gone(ended.q850, ended.status)

    async def _ended_later(self, transfer: PhoneTransfer, ended: Ended) -> None:
        await transfer.told()
        self.gone(ended.q850, ended.status)

    def _own_lines(self) -> Sequence[SipLeg]:
        """The phone's calls: this one and, when it has two, the other."""
        return [self] if self.second is None else [self, self.second]

    def _under_way(self) -> PhoneTransfer | None:
        """What the phone wishes and hasn't heard the outcome of."""
        wishes = [line.transfer for line in self._own_lines()]
        return next((each for each in wishes if each is not None and not each.over), None)

    def _referred(self, wish: ReferWish) -> None:
        """REFER. Whoever is at the far end of a trunk doesn't decide whom we call at the tenant's cost; a phone's agent
        does, one wish after the other."""
        if not self.user or self._over:
            log.info("a transfer asked for by no desk phone is refused", trunk_id=self.trunk_id)
            wish.refuse(603, "only desk phones transfer calls")
        elif self._under_way() is not None:
            wish.refuse(491, "a transfer is under way")
        else:
            self.transfer = transfer = PhoneTransfer(wish)
            wrong = self._wrong_with(wish)
            if wrong is None:
                self.on_transfer(transfer)
            else:
                transfer.begun()
                transfer.refuse(wrong)

    def _wrong_with(self, wish: ReferWish) -> DomainError | None:
        """What the phone's lines have against it: a Replaces may name only the same phone's other one."""
        if wish.replaces is None or (self.second is not None and wish.replaced is self.second.dialog):
            return None
        return NoConsult("the call to be joined is no other call of this phone")

    async def _offered(self, sdp: str | None) -> str:
        """re-INVITE or UPDATE from the peer: hold, another codec, another address."""
        media = self.rtp
        if media is None:
            raise OfferRefused(488)
        if sdp is None:
            return media.offer()
        return _answer(media, sdp)

    def _answered(self, sdp: str) -> None:
        """The answer to an offer of ours that went out in a response. Where nothing was agreed before, nobody would
        ever hear anything."""
        if self.rtp is not None:
            try:
                self.rtp.apply(sdp)
            except SdpInvalid as error:
                log.warning("a SIP peer's answer can't be used", exc_info=error)
                if not self.rtp.connected.done() and self.dialog is not None:
                    self._spawn(self.dialog.bye(Q850.UNSPECIFIED), "unusable answer")
                    self.gone(Q850.UNSPECIFIED, 488)

    def _send_by_info(self, digits: str) -> None:
        self._digits += digits
        if not self._sending_digits:
            self._sending_digits = True
            self._spawn(self._send_digits(), "digits by INFO")

    async def _send_digits(self) -> None:
        """One after the other, the next when the last was taken: INFOs overtake each other, and one that is repeated
        after a later one came is refused (RFC 3261 12.2.2)."""
        dialog = self.dialog
        try:
            while self._digits and dialog is not None and not dialog.ended:
                digit, self._digits = self._digits[0], self._digits[1:]
                await self._send_digit(dialog, digit)
        except (SipRefused, DialogEnded) as error:
            log.info("a digit was not taken", trunk_id=self.trunk_id, exc_info=error)
            if isinstance(error, SipRefused) and error.status in _NO_INFO:
                self._take_no_more()
        finally:
            self._digits, self._sending_digits = "", False

    def _take_no_more(self) -> None:
        """The peer takes no digits this way: whoever presses the next one is told so."""
        self.digits_by_info = False
        if self.rtp is not None:
            self.rtp.send_by_signalling = None

    @staticmethod
    async def _send_digit(dialog: SipDialog, digit: str) -> None:
        try:
            await dialog.send_digit(digit)
        except SipRefused as error:
            if error.status != 500:
                raise
            # Another request of the dialog, such as a re-INVITE, overtook it.
            await dialog.send_digit(digit)


def _answer(media: RtpLeg, sdp: str) -> str:
    try:
        return media.answer(sdp)
    except SdpInvalid as error:
        raise OfferRefused(488) from error


def _nothing(*_: object) -> None:
    return None


def _transfer_nothing(wish: TransferWish) -> None:
    wish.begun()
    wish.refuse(NotOnCall("nobody is on a call by this phone"))
