"""Numbers that are rung with the wish to know who answers: what is told, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from kernel.errors import NotFound
from merkez.telephony.v1 import call_service_pb2

from telephony import convert
from telephony.domain.answers import (
    END_CAUSES,
    Detection,
    Follow,
    MessageUnplayable,
    OnMachine,
    check_detection,
    rung_for_nobody,
)
from telephony.domain.callbacks import rings_first
from telephony.domain.calls import EndParty
from telephony.domain.legs import Answer
from telephony.live.call import LiveCall
from telephony.live.house import House
from telephony.live.ledger import LeaseLost
from telephony.live.screens import Screen, message_of, told_after
from telephony.live.switchboard import Switchboard
from telephony.media.answering_machine import Verdict
from telephony.media.clips import ClipFailed
from telephony.ops import answers as ops
from telephony.ops.parties import Found

Join = Callable[[LiveCall, str], Coroutine[Any, Any, None]]


class Answers:
    """Begins where somebody answers. `join` brings who answered (live call, leg id) into the call."""

    def __init__(self, house: House, switchboard: Switchboard, join: Join) -> None:
        self._house = house
        self._switchboard = switchboard
        self._join = join

    async def wish(self, tenant_id: str, request: call_service_pb2.DialCallRequest) -> Detection | None:
        """What the agent wants to know of who answers; None for nothing. A message that can't be played is refused
        before anything rings: MessageUnplayable."""
        if not request.HasField("detection"):
            return None
        wish = check_detection(convert.detection(request.detection))
        if wish.message_prompt_id:
            try:
                await message_of(self._house, tenant_id, wish.message_prompt_id)
            except (NotFound, ClipFailed) as error:
                raise MessageUnplayable.of(
                    "detection.message_prompt_id", "is no prompt that can be played: choose another one"
                ) from error
        return wish

    def begin(self, live: LiveCall, leg_id: str) -> None:
        """Somebody answers: from this instant on they are listened to, when that was wished for."""
        wish, spawn = live.wishes.pop(leg_id, None), self._house.tasks.spawn
        if wish is None or live.ending:
            spawn(self._join(live, leg_id), "outside answered")
            return
        screen = live.screen(leg_id, self._house.plane.ticker, wish, self._house.vad())
        if rings_first(live.call):
            answering = self._called_first(live, leg_id, screen)
        elif wish.before_joining:
            answering = self._screened(live, leg_id, screen)
        else:
            answering = self._watched(live, leg_id, screen)
        spawn(answering, "outside answered")

    async def _screened(self, live: LiveCall, leg_id: str, screen: Screen) -> None:
        """Only a person is joined."""
        verdict = await screen.verdicts.get()
        found = await self._tell(live, leg_id, verdict) if verdict is not None else None
        if found is None:
            return
        if rung_for_nobody(next(leg for leg in found[1] if leg.leg_id == leg_id)):
            await self._switchboard.party_gone(live, leg_id)
        else:
            await self._join(live, leg_id)

    async def _called_first(self, live: LiveCall, leg_id: str, screen: Screen) -> None:
        """A person waits for their agent; nobody is kept for a machine, and it hears what was wished for."""
        verdict = await screen.verdicts.get()
        found = await self._tell(live, leg_id, verdict) if verdict is not None else None
        if verdict is None or found is None:
            return
        wish, answer = screen.detection, verdict.answer
        if answer not in END_CAUSES:
            await self._join(live, leg_id)
        elif wish.on_machine is OnMachine.LEAVE_MESSAGE and answer in (Answer.MACHINE, Answer.MACHINE_BEEP):
            await self._leave_message(live, leg_id, wish.message_prompt_id)
        else:
            await self._switchboard.end(live, EndParty.SYSTEM, END_CAUSES[answer])

    async def _leave_message(self, live: LiveCall, leg_id: str, prompt_id: str) -> None:
        try:
            found = await live.journal.write(
                lambda tx: ops.leave_message_first(tx, live.call_id, leg_id, prompt_id, self._house.now())
            )
        except LeaseLost:
            return
        if found is not None:
            self._switchboard.settle(live.tenant_id, *found)

    async def _watched(self, live: LiveCall, leg_id: str, screen: Screen) -> None:
        """The agent hears them at once; what follows is done when it is told who they are."""
        dialler = live.call.agent_id
        await self._join(live, leg_id)
        while (verdict := await screen.verdicts.get()) is not None:
            if await self._tell(live, leg_id, verdict) is None:
                return
            await self._follow(live, screen.detection, verdict, dialler)
            if verdict.final:
                return

    async def _follow(self, live: LiveCall, wish: Detection, verdict: Verdict, dialler: str) -> None:
        answer = verdict.answer
        try:
            what, found = await live.journal.write(
                lambda tx: ops.follow(tx, live.call_id, wish, answer, dialler, self._house.now())
            )
        except LeaseLost:
            return
        if what is Follow.HANG_UP:
            await self._switchboard.end(live, EndParty.SYSTEM, END_CAUSES[answer])
        elif what is Follow.LEAVE_MESSAGE:
            self._switchboard.settle(live.tenant_id, *found)

    async def _tell(self, live: LiveCall, leg_id: str, verdict: Verdict) -> Found | None:
        """Store who answered. None when nobody needs to know any more."""
        answer, after, reason = verdict.answer, told_after(verdict), verdict.reason
        if live.ending:
            return None
        try:
            found = await live.journal.write(
                lambda tx: ops.told(tx, live.call_id, leg_id, answer, after, reason, self._house.now())
            )
        except LeaseLost:
            return None
        if found is not None:
            self._switchboard.settle(live.tenant_id, *found)
        return found
