"""One SIP peer in a call: its dialog and its media, told apart from the call by callbacks (`live.outside`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from chassis.telemetry import log

from telephony.domain.legs import Q850
from telephony.domain.lines import Line
from telephony.live.lines import Lines
from telephony.media.media_leg import MediaLeg
from telephony.media.plane import MediaPlane
from telephony.media.rtp_leg import RtpLeg
from telephony.media.sdp import SdpInvalid
from telephony.sip import DialogEnded, Ended, OfferRefused, SipDialog, SipRefused

Spawn = Callable[[Coroutine[Any, Any, Any], str], object]


class SipLeg:
    """A SIP party. Its callbacks are the call's; `on_over` is for whoever gave it out, told once, last."""

    def __init__(self, plane: MediaPlane, spawn: Spawn) -> None:
        self.media: RtpLeg | None = None
        self.dialog: SipDialog | None = None
        self.trunk_id = ""
        self.line: Line | None = None
        """Its place on the trunk; None for a phone's."""
        self.digits_by_info = False
        self.toward = ""
        """An address of the peer, by which ours is chosen."""
        self.on_media: Callable[[MediaLeg], object] = lambda _media: None
        self.on_codec: Callable[[], object] = lambda: None
        self.on_answered: Callable[[], object] = lambda: None
        self.on_gone: Callable[[int, int], object] = lambda _q850, _status: None
        self.on_digit_info: Callable[[str], object] = lambda _digit: None
        self.on_hold: Callable[[bool], object] = lambda _held: None
        self.on_changed: Callable[[], object] = lambda: None
        """Its dialog or media is worth storing again."""
        self.on_over: Callable[[], Awaitable[None]] | None = None
        self._plane = plane
        self._spawn = spawn
        self._over = False

    def kept(self) -> Mapping[str, Any] | None:
        """See `live.outside.OutsideLeg`."""
        dialog, media = self.dialog, self.media
        if dialog is None or media is None or not dialog.confirmed or self._over:
            return None
        return {
            "dialog": dialog.state(), "media": media.state(), "toward": self.toward, "trunk_id": self.trunk_id,
            "by_info": self.digits_by_info, "line": [self.line.tenant_id, self.line.line_id] if self.line else [],
        }  # fmt: skip

    def take(self, media: RtpLeg) -> None:
        """It has (other) media."""
        self.media = media
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

    def holds(self, line: Line, lines: Lines) -> None:
        """It is on this line, which is let go with it."""
        self.line = line
        self.on_over = lambda: lines.release(line)

    async def hang_up(self, q850: int = Q850.NORMAL) -> None:
        """End it, ringing or answered. Safe to repeat."""
        if self._over:
            return
        # The peer hears of it at once, whatever it takes to let go what was held.
        await asyncio.gather(self._say_goodbye(q850), self.end())

    async def _say_goodbye(self, q850: int) -> None:
        if self.dialog is not None and not self.dialog.ended and self.dialog.confirmed:
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

    @property
    def over(self) -> bool:
        return self._over

    async def end(self) -> None:
        """Close the media and let go what it held."""
        if self._over:
            return
        self._over = True
        if self.media is not None:
            await self._plane.close_leg(self.media)
        if self.on_over is not None:
            await self.on_over()

    def _codec_changed(self) -> None:
        self.on_codec()

    def _holds(self, held: bool) -> None:
        self.on_hold(held)

    def _info_digit(self, digit: str, _milliseconds: int) -> None:
        self.on_digit_info(digit)

    def _changed(self) -> None:
        self.on_changed()

    def _ended(self, ended: Ended) -> None:
        self.gone(ended.q850, ended.status)

    async def _offered(self, sdp: str | None) -> str:
        """re-INVITE or UPDATE from the peer: hold, another codec, another address."""
        media = self.media
        if media is None:
            raise OfferRefused(488)
        if sdp is None:
            return media.offer()
        try:
            return media.answer(sdp)
        except SdpInvalid as error:
            raise OfferRefused(488) from error

    def _answered(self, sdp: str) -> None:
        """The answer to an offer of ours that went out in a response."""
        if self.media is not None:
            try:
                self.media.apply(sdp)
            except SdpInvalid as error:
                log.warning("a SIP peer's answer can't be used", exc_info=error)

    def _send_by_info(self, digits: str) -> None:
        self._spawn(self._send_digits(digits), "digits by INFO")

    async def _send_digits(self, digits: str) -> None:
        dialog = self.dialog
        for digit in digits:
            if dialog is None or dialog.ended:
                return
            try:
                await dialog.send_digit(digit)
            except (SipRefused, DialogEnded) as error:
                log.info("a digit was not taken", exc_info=error)
                return
