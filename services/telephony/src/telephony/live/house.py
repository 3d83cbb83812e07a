"""What the live half of telephony works with: one of each per process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from chassis.lifecycle import Tasks
from chassis.sql import Database, Tx
from chassis.telemetry import log
from kernel.errors import Unavailable

from telephony.clients import Flows, Recordings, Routing, Tenancy
from telephony.live.outside import Outside
from telephony.media.clips import Clip, ClipFailed, ClipStore
from telephony.media.plane import MediaPlane
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
    pulse: Pulse = field(default_factory=lambda: Pulse())
    turns: Turns = field(default_factory=lambda: Turns())

    def now(self) -> datetime:
        return self.db.clock.now()

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


class LeaseLost(Exception):
    """Another node owns the call by now: what this one still knows of it is not written."""


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


class Turns:
    """One writer after the other for each tenant, where several at once would only make each other run again: beginning
    and ending calls, which count and change the same range. Other nodes are competed with all the same.

    Nobody waits for a turn for ever: it saves work, it guards nothing.
    """

    _SECONDS = 10.0

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def of(self, tenant_id: str) -> AsyncIterator[None]:
        """Within it is one's turn."""
        lock = self._locks.setdefault(tenant_id, asyncio.Lock())
        mine = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._SECONDS):
                mine = await lock.acquire()
        try:
            yield
        finally:
            if mine:
                lock.release()


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


class Journal:
    """Writes of one call, one after the other, tried again until the database takes them.

    The audio never waits for the database: what happened is written as soon as it can be, in the order it happened.
    """

    def __init__(self, db: Database, tenant_id: str, tasks: Tasks, owned: Callable[[Tx], Awaitable[bool]]) -> None:
        self._db = db
        self._tenant_id = tenant_id
        self._tasks = tasks
        self._turn = asyncio.Lock()
        self._owned = owned
        """Whether what is written here is still this node's, asked in each transaction."""

    def later(self, fn: Callable[[Tx], Awaitable[object]], name: str) -> None:
        """Write in the background; nothing once another node owns it."""

        async def written() -> None:
            with contextlib.suppress(LeaseLost):
                await self.write(fn)

        self._tasks.spawn(written(), name)

    async def write(self, fn: Callable[[Tx], Awaitable[T]], turns: Turns | None = None) -> T:
        """Write and wait for it, however long the database is away. LeaseLost."""
        pause = 0.1

        async def fenced(tx: Tx) -> T:
            if not await self._owned(tx):
                raise LeaseLost
            return await fn(tx)

        async with self._turn:
            while True:
                turn = turns.of(self._tenant_id) if turns is not None else contextlib.nullcontext()
                try:
                    async with turn:
                        return await self._db.run(self._tenant_id, fenced)
                except Unavailable as error:
                    log.warning("the database is away; a call's write waits", exc_info=error)
                    await asyncio.sleep(pause)
                    pause = min(5.0, pause * 2)
