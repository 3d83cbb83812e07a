"""Listens to numbers that have answered, until it is told whether a person did; and leaves messages on machines."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from chassis.statuses import RemoteFailed
from chassis.telemetry import log
from kernel.errors import DomainError

from telephony.domain.answers import MESSAGE, Detection, OnMachine
from telephony.domain.calls import Call, EndCause, EndParty
from telephony.media.answering_machine import PATIENT, QUICK, Verdict
from telephony.media.answering_speech import Vad
from telephony.media.answering_tap import AnsweringMachineTap
from telephony.media.clips import Clip, ClipFailed
from telephony.media.ticker import Ticker

if TYPE_CHECKING:
    from telephony.live.call import LiveCall
    from telephony.live.house import House


class Screen:
    """One party that has answered, listened to from now on."""

    def __init__(self, ticker: Ticker, detection: Detection, vad: Vad | None) -> None:
        loop = asyncio.get_running_loop()
        self.detection = detection
        self.verdicts: asyncio.Queue[Verdict | None] = asyncio.Queue()
        """What is told, one or two of them, the last one `final`; None when nobody listens any more."""
        self.over: asyncio.Future[Verdict] = loop.create_future()
        """The last of them."""
        self._silent = True
        self._listener = AnsweringMachineTap(
            ticker,
            self._told,
            PATIENT if detection.patient else QUICK,
            wait_for_beep=detection.waits_for_beep and not detection.before_joining,
            vad=vad,
        )
        self.tap = self._listener.tap

    def close(self) -> Verdict | None:
        """Listen no more. UNKNOWN when nothing had been told; None when something was. Safe to repeat."""
        given_up = self._listener.give_up()
        if given_up is None or self.over.done():
            return None
        self.verdicts.put_nowait(None)
        self.over.set_result(given_up)
        return given_up if self._silent else None

    def _told(self, verdict: Verdict) -> None:
        self._silent = False
        self.verdicts.put_nowait(verdict)
        if verdict.final and not self.over.done():
            self.over.set_result(verdict)


def leaves_message(call: Call) -> bool:
    """Whether all that the call still does is to tell a machine something."""
    return call.sent_to.startswith(f"{MESSAGE}:")


async def message_of(house: House, tenant_id: str, prompt_id: str) -> list[Clip]:
    """The prompt, ready to be played. DomainError of flows, ClipFailed, RemoteFailed."""
    return [await house.clips.file(await house.flows.prompt_audio(tenant_id, prompt_id))]


async def leave_message(house: House, live: LiveCall) -> tuple[EndParty, str]:
    """Wait for the beep, or for the quiet that means none comes, play the prompt, and that was it.

    On a call that was adopted meanwhile the machine is listened to anew: after its beep it is quiet, and the message
    comes late instead of never.
    """
    prompt_id = live.call.sent_to.partition(":")[2]
    try:
        clips = await message_of(house, live.tenant_id, prompt_id)
    except (ClipFailed, DomainError, RemoteFailed) as error:
        log.error("a message can't be left", call_id=live.call_id, prompt_id=prompt_id, exc_info=error)
        return EndParty.SYSTEM, EndCause.ANSWERING_MACHINE
    if not await live.customer_connected():
        return EndParty.SYSTEM, EndCause.MEDIA_FAILED
    screen = live.screens.get(live.customer_id)
    if screen is None:
        wish = Detection(OnMachine.LEAVE_MESSAGE, prompt_id)
        screen = live.screen(live.customer_id, house.plane.ticker, wish, house.vad())
    await asyncio.shield(screen.over)
    await live.say(clips)
    return EndParty.SYSTEM, EndCause.MESSAGE_LEFT


def told_after(verdict: Verdict) -> timedelta:
    """How long after the answer it was told."""
    return timedelta(seconds=round(verdict.seconds, 3))
