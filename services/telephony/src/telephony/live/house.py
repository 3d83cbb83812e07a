"""What the live half of telephony works with: one of each per process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, TypeVar

from chassis.lifecycle import Tasks
from chassis.sql import Database
from chassis.telemetry import log

from telephony.clients import Flows, Recordings, Routing, Tenancy
from telephony.live.ledger import Ledger
from telephony.live.outside import Outside
from telephony.media.answering_speech import Vad
from telephony.media.answering_vad import SileroVad
from telephony.media.clips import Clip, ClipFailed, ClipStore
from telephony.media.plane import MediaPlane
from telephony.media.recognizing import PocketSphinx, Recognizer
from telephony.media.spool import Spool
from telephony.settings import TelephonySettings

T = TypeVar("T")

PHRASES = {
    "moment": {
        "en": "One moment, please.",
        "tr": "Bir dakika lütfen.",
        "az": "Bir dəqiqə, zəhmət olmasa.",
        "fa": "لطفاً یک لحظه صبر کنید.",
    },
    "busy": {
        "en": "We are sorry. All our lines are busy at the moment. Please call again later. Goodbye.",
        "tr": "Üzgünüz. Şu anda tüm hatlarımız dolu. Lütfen daha sonra tekrar arayın. İyi günler.",
        "az": "Üzr istəyirik. Hazırda bütün xətlərimiz məşğuldur. Zəhmət olmasa, sonra zəng edin. Sağ olun.",
        "fa": "متأسفیم. در حال حاضر همه خطوط ما مشغول است. لطفاً بعداً تماس بگیرید. خدانگهدار.",
    },
    "closed": {
        "en": "We are sorry. We can't take calls on this line at the moment. Please call again later. Goodbye.",
        "tr": "Üzgünüz. Şu anda bu hattan arama kabul edemiyoruz. Lütfen daha sonra tekrar arayın. İyi günler.",
        "az": "Üzr istəyirik. Hazırda bu xətdə zəng qəbul edə bilmirik. Zəhmət olmasa, sonra zəng edin. Sağ olun.",
        "fa": "متأسفیم. در حال حاضر روی این خط تماسی نمی‌پذیریم. لطفاً بعداً تماس بگیرید. خدانگهدار.",
    },
    "find_me": {
        "en": "There is a call for you. To take it, press 1.",
        "tr": "Sizi arayan biri var. Çağrıyı almak için 1'e basın.",
        "az": "Sizə zəng var. Zəngi götürmək üçün 1 düyməsini basın.",
        "fa": "برای شما تماسی هست. برای پاسخ دادن، عدد یک را فشار دهید.",
    },
    "balance": {
        "en": "Your credit is almost used up. This call ends in a few seconds.",
        "tr": "Bakiyeniz bitmek üzere. Bu çağrı birkaç saniye içinde sona erecek.",
        "az": "Balansınız bitmək üzrədir. Bu zəng bir neçə saniyəyə bitəcək.",
        "fa": "اعتبار شما رو به پایان است. این تماس تا چند ثانیهٔ دیگر قطع می‌شود.",
    },
    "trouble": {
        "en": "We are sorry. We can't take your call because of a technical problem. Please call again later.",
        "tr": "Üzgünüz. Teknik bir sorun nedeniyle aramanızı yanıtlayamıyoruz. Lütfen daha sonra tekrar arayın.",
        "az": "Üzr istəyirik. Texniki problem səbəbindən zənginizi qəbul edə bilmirik. Sonra zəng edin.",
        "fa": "متأسفیم. به دلیل یک مشکل فنی نمی‌توانیم به تماس شما پاسخ دهیم. لطفاً بعداً تماس بگیرید.",
    },
}
"""What telephony itself says to customers, and to agents at their telephones, in the brand's language."""


@dataclass
class House:
    """Plain holders of what was built in main; passed to whoever needs it."""

    settings: TelephonySettings
    db: Database
    plane: MediaPlane
    clips: ClipStore
    tenancy: Tenancy
    flows: Flows
    recordings: Recordings
    routing: Routing
    spool: Spool
    tasks: Tasks
    outside: Outside
    music: Clip
    ringback: Clip
    quiet: Clip
    recognizer: Recognizer = field(default_factory=PocketSphinx)
    pulse: Pulse = field(default_factory=lambda: Pulse())

    def __post_init__(self) -> None:
        self.ledger = Ledger(lambda: self.db, self.settings.node_id, self.tasks)

    def now(self) -> datetime:
        return self.db.clock.now()

    def vad(self) -> Vad | None:
        """An ear for voices of one answered call's own, where the settings wish for it."""
        return SileroVad() if self.settings.answering_vad else None

    async def phrase(self, name: str, language: str) -> Sequence[Clip]:
        """One of our own phrases, spoken; nothing when it can't be."""
        texts = PHRASES[name]
        spoken = language if language in texts else "en"
        return await self.spoken(texts[spoken], spoken)

    async def spoken(self, text: str, language: str, *, personal: bool = False) -> Sequence[Clip]:
        """A text of ours; nothing when it can't be spoken. `personal` is what is said to one person alone."""
        try:
            return [await self.clips.speech(text, language, personal=personal)]
        except ClipFailed as error:
            log.warning("a phrase could not be spoken", language=language, exc_info=error)
            return []


class Pulse:
    """Whether this process ran all the time. One that stood still for longer than others wait for an answer may have
    been taken for dead and its calls adopted: before it acts on one outside of a transaction it has to look.
    """

    ASLEEP_SECONDS = 0.7
    """As long as another node waits for an answer."""

    def __init__(self) -> None:
        self._ran = monotonic()
        self._sure = asyncio.Event()
        self._sure.set()

    def beat(self) -> bool:
        """The process runs, several times a second; whether it is to look at its leases."""
        now = monotonic()
        if now - self._ran > self.ASLEEP_SECONDS:
            self._sure.clear()
        self._ran = now
        return not self._sure.is_set()

    def sure(self) -> None:
        """The leases were looked at."""
        self._sure.set()

    async def owned(self) -> None:
        """Wait until what this process believes to own was looked at, when it stood still."""
        self.beat()
        await self._sure.wait()


_unbroken: set[asyncio.Task[Any]] = set()


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end even when whoever asked hangs up in the middle: rows and media must not part."""
    task = asyncio.get_running_loop().create_task(work)
    _unbroken.add(task)
    task.add_done_callback(_finished)
    return await asyncio.shield(task)


def _finished(task: asyncio.Task[Any]) -> None:
    _unbroken.discard(task)
    if not task.cancelled():
        task.exception()
