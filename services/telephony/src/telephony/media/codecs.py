"""The voice codecs: what they are on the wire, G.711 as tables, Opus straight on libopus.

Sound is numpy int16, mono, in frames of 20 ms at the rate it is worked at. libopus is the one that PyAV brings in
its wheel, or else the system's; it is called through ctypes without giving up the interpreter's lock, because a
call takes tens of microseconds and a thread switch in it could take milliseconds. PyAV's own codec contexts have
neither loss concealment nor forward error correction.
"""

from __future__ import annotations

import ctypes
import importlib.util
from ctypes.util import find_library
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Codec:
    """One codec as RTP carries it: one of the constants below. `frame_samples` are 20 ms of its RTP clock, `silence` is
    a payload as long.
    """

    name: str
    clock_rate: int
    frame_samples: int
    silence: bytes


OPUS = Codec("opus", 48_000, 960, b"\xf8\xff\xfe")
"""RFC 7587. Its silence is a CELT packet, full band, mono."""
PCMU = Codec("PCMU", 8_000, 160, b"\xff" * 160)
PCMA = Codec("PCMA", 8_000, 160, b"\xd5" * 160)


# -- G.711 -----------------------------------------------------------------------------------------------------


def _mu_law_levels() -> Samples:
    """The level of each mu-law octet (ITU-T G.711 table 2), scaled to 16 bits."""
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << (code >> 4 & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _a_law_levels() -> Samples:
    """The level of each A-law octet (ITU-T G.711 table 1), scaled to 16 bits."""
    code = np.arange(256) ^ 0x55
    segment, step = code >> 4 & 7, (code & 0x0F) << 4
    magnitude = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _all_samples() -> NDArray[np.int64]:
    """Every 16-bit sample, in the order of its bits as an unsigned number."""
    return np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int64)


def _mu_law_octets() -> NDArray[np.uint8]:
    samples = _all_samples()
    magnitude = np.minimum(np.abs(samples) >> 2, 8158) + 33
    segment = np.floor(np.log2(magnitude)).astype(np.int64) - 5
    code = segment << 4 | (magnitude >> (segment + 1)) & 0x0F
    return (~(np.where(samples < 0, 0x80, 0) | code) & 0xFF).astype(np.uint8)


def _a_law_octets() -> NDArray[np.uint8]:
    samples = _all_samples()
    magnitude = np.where(samples < 0, ~samples, samples) >> 3
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int64) - 4, 0)
    code = segment << 4 | (magnitude >> np.maximum(segment, 1)) & 0x0F
    return ((np.where(samples < 0, 0, 0x80) | code) ^ 0x55).astype(np.uint8)


_LEVELS = {PCMU: _mu_law_levels(), PCMA: _a_law_levels()}
_OCTETS = {PCMU: _mu_law_octets(), PCMA: _a_law_octets()}
_OTHER_LAW = {
    (PCMU, PCMA): _OCTETS[PCMA][_LEVELS[PCMU].view(np.uint16)].tobytes(),
    (PCMA, PCMU): _OCTETS[PCMU][_LEVELS[PCMA].view(np.uint16)].tobytes(),
}


def g711_decode(codec: Codec, payload: bytes) -> Samples:
    """The samples of a G.711 payload of any length, at 8 kHz."""
    return _LEVELS[codec][np.frombuffer(payload, np.uint8)]


def g711_encode(codec: Codec, samples: Samples) -> bytes:
    """The payload of samples at 8 kHz."""
    return _OCTETS[codec][samples.view(np.uint16)].tobytes()


def law_table(source: Codec, target: Codec) -> bytes:
    """For bytes.translate: mu-law octets to A-law ones or back, without decoding. KeyError for anything else."""
    return _OTHER_LAW[source, target]


# -- Opus ------------------------------------------------------------------------------------------------------

_APPLICATION_VOIP = 2048
_SET_BITRATE, _SET_COMPLEXITY, _SET_INBAND_FEC, _SET_PACKET_LOSS = 4002, 4010, 4012, 4014
_MAX_PACKET = 1275
_MAX_FRAMES = 6
"""A packet holds at most 120 ms (RFC 6716 3.2.5)."""


@cache
def _libopus() -> Any:
    """libopus, loaded once. OSError when there is none."""
    spec = importlib.util.find_spec("av")
    package = Path(spec.origin).parent if spec is not None and spec.origin else None
    bundled = [*package.parent.glob("av.libs/libopus-*.so*"), *package.glob(".dylibs/libopus*")] if package else []
    name = str(bundled[0]) if bundled else find_library("opus")
    if name is None:
        raise OSError("libopus was found neither in PyAV's wheel nor in the system")
    library = ctypes.PyDLL(name)
    pointer, number = ctypes.c_void_p, ctypes.c_int
    library.opus_decoder_create.restype = library.opus_encoder_create.restype = pointer
    library.opus_decoder_create.argtypes = [ctypes.c_int32, number, pointer]
    library.opus_encoder_create.argtypes = [ctypes.c_int32, number, number, pointer]
    library.opus_decoder_destroy.argtypes = library.opus_encoder_destroy.argtypes = [pointer]
    library.opus_decoder_destroy.restype = library.opus_encoder_destroy.restype = None
    library.opus_decode.argtypes = [pointer, ctypes.c_char_p, ctypes.c_int32, pointer, number, number]
    library.opus_encode.argtypes = [pointer, pointer, number, pointer, ctypes.c_int32]
    library.opus_encoder_ctl.argtypes = library.opus_decoder_ctl.argtypes = [pointer, number]
    library.opus_packet_has_lbrr.argtypes = [ctypes.c_char_p, ctypes.c_int32]
    return library


def opus_carries_recovery(packet: bytes) -> bool:
    """Whether a packet also holds the frame before it, coarser (in-band FEC, RFC 6716 2.1.7)."""
    return _libopus().opus_packet_has_lbrr(packet, len(packet)) > 0


class OpusDecoder:
    """One stream's decoder at 8, 12, 16, 24 or 48 kHz, mono whatever comes.

    Returned arrays are views of one buffer: they hold until the next call.
    """

    def __init__(self, rate: int) -> None:
        self._library = _libopus()
        error = ctypes.c_int()
        self._frame = rate // 50
        self._pcm = np.zeros(self._frame * _MAX_FRAMES, np.int16)
        self._at = self._pcm.ctypes.data
        self._state = self._library.opus_decoder_create(rate, 1, ctypes.byref(error))
        if error.value or not self._state:
            raise ValueError(f"libopus makes no decoder at {rate} Hz: {error.value}")

    def decode(self, packet: bytes) -> Samples:
        """The sound of a packet, 2.5 to 120 ms; of one that can't be decoded, a concealing frame of 20 ms."""
        count = self._library.opus_decode(self._state, packet, len(packet), self._at, len(self._pcm), 0)
        return self._pcm[:count] if count > 0 else self.conceal()

    def conceal(self) -> Samples:
        """20 ms in place of a packet that is missing: what was heard before goes on and fades (PLC)."""
        return self._missing(None)

    def recover(self, following: bytes) -> Samples:
        """20 ms in place of a missing packet, out of the packet after it; concealed when that carries none."""
        return self._missing(following)

    def _missing(self, following: bytes | None) -> Samples:
        size = len(following) if following is not None else 0
        count = self._library.opus_decode(self._state, following, size, self._at, self._frame, 1 if size else 0)
        if count <= 0:
            self._pcm[: self._frame] = 0
        return self._pcm[: self._frame]

    def __del__(self) -> None:
        state, self._state = getattr(self, "_state", None), None
        if state:
            self._library.opus_decoder_destroy(state)


class OpusEncoder:
    """One stream's encoder for voice: frames of 20 ms mono at `rate` in, packets out.

    `complexity` 0..10 trades CPU for quality; `bit_rate` is in bits a second. With `expected_loss` in percent above
    0 every packet may carry its predecessor again (in-band FEC).
    """

    def __init__(self, rate: int, complexity: int = 5, bit_rate: int = 24_000, expected_loss: int = 0) -> None:
        self._library = _libopus()
        error = ctypes.c_int()
        self._frame = np.zeros(rate // 50, np.int16)
        self._from = self._frame.ctypes.data
        self._packet = bytearray(_MAX_PACKET)
        self._view = memoryview(self._packet)
        self._to = ctypes.addressof(ctypes.c_char.from_buffer(self._packet))
        self._state = self._library.opus_encoder_create(rate, 1, _APPLICATION_VOIP, ctypes.byref(error))
        if error.value or not self._state:
            raise ValueError(f"libopus makes no encoder at {rate} Hz: {error.value}")
        self._set(_SET_COMPLEXITY, complexity)
        self.expect_loss(expected_loss, bit_rate)

    def expect_loss(self, percent: int, bit_rate: int) -> None:
        """From now on so many packets in a hundred won't arrive, and a packet's predecessor must fit into the bit rate
        too: libopus leaves it out below some 24,000 bits a second.
        """
        self._set(_SET_BITRATE, bit_rate)
        self._set(_SET_INBAND_FEC, 1 if percent else 0)
        self._set(_SET_PACKET_LOSS, percent)

    def encode(self, frame: Samples) -> bytes:
        """The packet of one frame of 20 ms. ValueError for a frame of another length."""
        self._frame[:] = frame
        size = self._library.opus_encode(self._state, self._from, len(self._frame), self._to, _MAX_PACKET)
        if size < 0:
            raise ValueError(f"libopus can't encode: {size}")
        return bytes(self._view[:size])

    def _set(self, request: int, value: int) -> None:
        self._library.opus_encoder_ctl(self._state, request, ctypes.c_int32(value))

    def __del__(self) -> None:
        state, self._state = getattr(self, "_state", None), None
        if state:
            self._library.opus_encoder_destroy(state)
