"""Clips: sound as 20 ms Opus packets, made once and kept by content.

A clip is made in the speech worker process, kept on disk under the hash of what it was made from, and in
memory while it is used; both are bounded. What is said to one caller alone is kept nowhere. Two callers asking for the
same new text share one synthesis, which goes on whoever of them hangs up.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from chassis.telemetry import log

from telephony.media.clip_files import ClipFiles
from telephony.media.codecs import OPUS, PCMU, Codec, OpusDecoder, g711_encode
from telephony.media.rtp import FRAME_SECONDS, SILENCE
from telephony.media.speech_process import ClipFailed, SpeechProcess

_IN_MEMORY = 128 << 20
_ON_DISK = 256 << 20
_SPEECH_SECONDS, _FILE_SECONDS = 20.0, 120.0
"""How long making one is waited for. A file of five minutes takes five seconds of an idle core."""
MAX_SPOKEN = 20_000
"""Characters that are said at most: twenty minutes. A flow's text has 2000, the values it names come on top."""
_PIECE = 2000
"""Characters that are made in one turn."""
_ENDS = (". ", "! ", "? ", "؟ ", "\n", ", ", "، ", " ")
"""Where a text is parted, the best first."""
PREROLL = 4
"""Packets decoded ahead of one in the middle: by then the decoder stands as if it had heard all."""


class _Narrowband(Sequence[bytes]):
    """A clip's packets in G.711. Each is made when it is asked for first: playing in order costs one decoding of 20 ms
    a packet, where making all at once would hold up live calls.
    """

    def __init__(self, packets: tuple[bytes, ...], codec: Codec) -> None:
        self._packets = packets
        self._codec = codec
        self._made: list[bytes | None] = [None] * len(packets)
        self._decoder: OpusDecoder | None = None
        self._at = 0

    def __len__(self) -> int:
        return len(self._packets)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        made = self._made[index]
        if made is None:
            made = self._made[index] = self._make(index % len(self))
        return made

    def _make(self, index: int) -> bytes:
        decoder = self._decoder
        if decoder is None or self._at != index:
            decoder = self._decoder = OpusDecoder(self._codec.clock_rate)
            for packet in self._packets[max(0, index - PREROLL) : index]:
                decoder.decode(packet)
        self._at = index + 1
        samples = decoder.decode(self._packets[index])
        if self._at == len(self):
            self._decoder = None
        return g711_encode(self._codec, samples)


def pieces(text: str, most: int = _PIECE) -> list[str]:
    """The text in pieces of so many characters at most, parted between sentences, else words, where it has any."""
    found: list[str] = []
    while len(text) > most:
        ends = (text.rfind(end, 0, most) + len(end) for end in _ENDS)
        # A sentence's end far to the front would make many small pieces.
        at = next((end for end in ends if end > most // 4), most)
        found.append(text[:at])
        text = text[at:]
    return [*found, text] if text or not found else found


@dataclass(frozen=True, eq=False)
class Clip:
    """Opus packets of 20 ms each. Two clips are equal when they are the same one."""

    packets: tuple[bytes, ...]
    _others: dict[Codec, Sequence[bytes]] = field(default_factory=dict, init=False, repr=False)

    def packets_for(self, codec: Codec) -> Sequence[bytes]:
        """The same sound as payloads of `codec`, 20 ms each; made once, as they are asked for."""
        if codec is OPUS:
            return self.packets
        made = self._others.get(codec)
        if made is None:
            made = self._others[codec] = _Narrowband(self.packets, codec)
        return made

    @property
    def seconds(self) -> float:
        return len(self.packets) * FRAME_SECONDS

    @property
    def size_bytes(self) -> int:
        """What it takes in memory, about, once it was played in one law of G.711 too."""
        return sum(map(sys.getsizeof, self.packets)) + len(self.packets) * sys.getsizeof(PCMU.silence)

    @classmethod
    def silence(cls, seconds: float) -> Clip:
        return cls((SILENCE,) * max(1, round(seconds / FRAME_SECONDS)))


class ClipStore:
    """Where clips come from. Keep one per process; `close` ends its worker."""

    def __init__(self, folder: Path, *, memory_bytes: int = _IN_MEMORY, disk_bytes: int = _ON_DISK) -> None:
        self._files = ClipFiles(folder, disk_bytes)
        self._memory: OrderedDict[str, Clip] = OrderedDict()
        self._memory_bytes = 0
        self._most_in_memory = memory_bytes
        self._making: dict[str, asyncio.Task[Clip]] = {}
        self._speech = SpeechProcess(_SPEECH_SECONDS)
        self._files_maker = SpeechProcess(_FILE_SECONDS)
        """Apart, so that nobody's long upload keeps what is to be said to others waiting."""

    async def speech(self, text: str, language: str, *, personal: bool = False) -> Clip:
        """`text` spoken in en, tr, az or fa; ClipFailed for another language. `personal` is made and forgotten."""
        if len(text) > MAX_SPOKEN:
            log.warning("a text is too long to be said to its end", characters=len(text), said=MAX_SPOKEN)
        heads = ({"make": "speech", "text": each, "language": language} for each in pieces(text[:MAX_SPOKEN]))
        # One after the other: others' words come in between.
        made = [await self._clip(head, keep=not personal) for head in heads]
        return made[0] if len(made) == 1 else Clip(tuple(packet for clip in made for packet in clip.packets))

    async def file(self, data: bytes) -> Clip:
        """An uploaded prompt: wav, mp3, ogg. ClipFailed when it isn't one."""
        digest = hashlib.sha256(data).hexdigest()
        return await self._clip({"make": "file", "digest": digest}, data)

    async def music(self, data: bytes) -> Clip:
        """Uploaded music: as loud as our own, fading in and out. ClipFailed when it isn't an audio file."""
        digest = hashlib.sha256(data).hexdigest()
        return await self._clip({"make": "music_file", "digest": digest}, data)

    async def recording_beep(self) -> Clip:
        """What tells that a call is recorded."""
        return await self._clip({"make": "beep"})

    async def quiet(self) -> Clip:
        """A faint noise, for those who hear nobody."""
        return await self._clip({"make": "quiet"})

    async def hold_music(self) -> Clip:
        return await self._clip({"make": "music"})

    async def message_beep(self) -> Clip:
        """Speak after it."""
        return await self._clip({"make": "message_beep"})

    async def zip_tone(self) -> Clip:
        """A call comes by itself."""
        return await self._clip({"make": "zip_tone"})

    async def ringback(self) -> Clip:
        return await self._clip({"make": "ringback"})

    async def close(self) -> None:
        unmade = list(self._making.values())
        for making in unmade:
            making.cancel()
        await asyncio.gather(*unmade, return_exceptions=True)
        await asyncio.gather(self._speech.close(), self._files_maker.close())

    async def _clip(self, head: dict[str, str], body: bytes = b"", *, keep: bool = True) -> Clip:
        key = hashlib.sha256(json.dumps(head, sort_keys=True).encode()).hexdigest()
        known = self._memory.get(key)
        if known is not None:
            self._memory.move_to_end(key)
            return known
        making = self._making.get(key)
        if making is None:
            # A task of its own: whoever asked first may hang up, and the others still wait for it.
            making = asyncio.get_running_loop().create_task(self._load_or_make(key, head, body, keep))
            self._making[key] = making
            making.add_done_callback(lambda done: self._made(key, done))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            if making.cancelled():
                raise ClipFailed("making the clip was interrupted") from None
            raise

    def _made(self, key: str, done: asyncio.Task[Clip]) -> None:
        del self._making[key]
        if not done.cancelled():
            done.exception()

    async def _load_or_make(self, key: str, head: dict[str, str], body: bytes, keep: bool) -> Clip:
        if not keep:
            return Clip(tuple(await self._maker(body).make(head, body)))
        stored = await asyncio.to_thread(self._files.read, key)
        clip = Clip(stored if stored is not None else tuple(await self._maker(body).make(head, body)))
        if stored is None:
            await asyncio.to_thread(self._files.write, key, clip.packets)
        self._remember(key, clip)
        return clip

    def _maker(self, body: bytes) -> SpeechProcess:
        return self._files_maker if body else self._speech

    def _remember(self, key: str, clip: Clip) -> None:
        self._memory[key] = clip
        self._memory_bytes += clip.size_bytes
        while self._memory_bytes > self._most_in_memory and self._memory:
            self._memory_bytes -= self._memory.popitem(last=False)[1].size_bytes
