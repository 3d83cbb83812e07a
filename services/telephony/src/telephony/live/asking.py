"""Asks a caller of a flow: plays, and waits for keys, or for what may be said instead of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.lifecycle import Tasks
from chassis.telemetry import log
from merkez.flows.v1 import run_service_pb2 as run

from telephony.live.call import LiveCall
from telephony.live.house import House
from telephony.live.instructions import Told
from telephony.media.clips import Clip, ClipFailed
from telephony.media.codecs import Samples
from telephony.media.utterances import Utterances

SPOKEN, NOT_UNDERSTOOD = "SPOKEN", "NOT_UNDERSTOOD"
_DEFAULT_WAIT = 5.0
_UNDERSTOOD_WITHIN = 8.0
"""Who speaks when the time is up is heard to their end."""


@dataclass(frozen=True)
class _Said:
    """Something was said; the digit it stands for, empty for nothing."""

    digit: str


class Asking:
    """Asks the customer of one call, one question at a time."""

    def __init__(self, house: House, live: LiveCall, tasks: Tasks) -> None:
        self._house, self._live, self._tasks = house, live, tasks

    async def ask(self, gather: run.GatherInstruction, clips: Sequence[Clip]) -> Told:
        """Digits pressed (those from before count: people who know the menu type ahead), or one that was said; TIMEOUT
        for silence."""
        seconds = gather.timeout.ToTimedelta().total_seconds() or _DEFAULT_WAIT
        most = max(1, gather.max_digits)
        digits = ""
        words = self._listen(gather)
        playing = self._live.say(clips) if clips and self._live.pressed.empty() else None
        try:
            while len(digits) < most:
                answer = await self._answer(playing if not digits else None, seconds, words)
                if isinstance(answer, _Said):
                    detail = SPOKEN if answer.digit else NOT_UNDERSTOOD
                    return Told(run.RUN_EVENT_KIND_DIGITS, answer.digit, detail)
                self._live.earpiece.stop()
                if answer is None:
                    return Told(run.RUN_EVENT_KIND_DIGITS, digits) if digits else Told(run.RUN_EVENT_KIND_TIMEOUT)
                if gather.terminator and answer == gather.terminator:
                    break
                digits += answer
        finally:
            self._live.earpiece.stop()
            if words is not None:
                words.close()
        return Told(run.RUN_EVENT_KIND_DIGITS, digits)

    def _listen(self, gather: run.GatherInstruction) -> _Words | None:
        """An ear for what may be said, where the language is one that is understood."""
        language = gather.language or self._live.call.language
        if not gather.spoken or language not in self._house.recognizer.languages:
            return None
        digits = {each.phrase: each.digit for each in gather.spoken}
        return _Words(self._house, self._live, self._tasks, digits, language)

    async def _answer(
        self, playing: asyncio.Future[bool] | None, seconds: float, words: _Words | None
    ) -> str | _Said | None:
        """The next digit, or what was said; None when `seconds` pass after the playing without either."""
        pressing = self._tasks.spawn(self._live.pressed.get(), "digit")
        hearing = self._tasks.spawn(words.next(), "words") if words is not None else None
        waiting = {each for each in (pressing, hearing) if each is not None}
        try:
            while playing is not None and not playing.done():
                await asyncio.wait({*waiting, playing}, return_when=asyncio.FIRST_COMPLETED)
                if pressing.done():
                    break
                if words is not None and hearing is not None and hearing.done():
                    if hearing.result().digit:
                        break
                    # Not understood over our own sound: it may be that sound, or a room.
                    waiting.discard(hearing)
                    hearing = self._tasks.spawn(words.next(), "words")
                    waiting.add(hearing)
            done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not done and words is not None and words.busy:
                done, _ = await asyncio.wait(
                    waiting, timeout=_UNDERSTOOD_WITHIN, return_when=asyncio.FIRST_COMPLETED
                )  # fmt: skip
            if pressing in done:
                return pressing.result()
            return hearing.result() if hearing is not None and hearing in done else None
        finally:
            for each in waiting:
                each.cancel()


class _Words:
    """What the customer says while a question is open."""

    def __init__(self, house: House, live: LiveCall, tasks: Tasks, digits: dict[str, str], language: str) -> None:
        self._house, self._live, self._tasks, self._digits, self._language = house, live, tasks, digits, language
        self._heard: asyncio.Queue[_Said] = asyncio.Queue()
        self._asked = 0
        self._utterances = Utterances(house.plane.ticker, self._understand)
        live.listen(self._utterances.tap)

    @property
    def busy(self) -> bool:
        """Whether something is being said, or being understood."""
        return self._utterances.speaking or self._asked > 0

    async def next(self) -> _Said:
        """What is said next."""
        return await self._heard.get()

    def close(self) -> None:
        """Listen no more."""
        self._live.listen(None)
        self._utterances.close()

    def _understand(self, said: Samples) -> None:
        self._asked += 1
        self._tasks.spawn(self._recognize(said), "understand what was said")

    async def _recognize(self, said: Samples) -> None:
        try:
            found = await self._house.recognizer.recognize(said, list(self._digits), self._language)
            self._heard.put_nowait(_Said(self._digits.get(found.phrase, "")))
        except ClipFailed as error:
            # The keys are there still, and the question is asked again.
            log.warning("what a caller said can't be understood now", call_id=self._live.call_id, exc_info=error)
        finally:
            self._asked -= 1
