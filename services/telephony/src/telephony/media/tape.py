"""What a track is recorded on, in C (tape.c): packets put down by a lane's thread or from here, taken off as segments.

Once it has the key, what is open is sealed every few packets into a slot of a file (tails.py) that outlives the
process.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import pylibsrtp._binding
from chassis.telemetry import log

from telephony.media.compiled import ffi, lib
from telephony.media.runs import Piece
from telephony.media.sealing import Place, PlainKey
from telephony.media.tails import Slot

_OPENSSL = {
    "create": "EVP_CIPHER_CTX_new", "release": "EVP_CIPHER_CTX_free", "control": "EVP_CIPHER_CTX_ctrl",
    "gcm128": "EVP_aes_128_gcm", "gcm256": "EVP_aes_256_gcm", "init": "EVP_EncryptInit_ex",
    "update": "EVP_EncryptUpdate", "final": "EVP_EncryptFinal_ex",
}  # fmt: skip


class Tape:
    """One track's. `started` is when the recording began, in monotonic seconds."""

    __slots__ = ("_number", "_slot", "_stream", "at")

    def __init__(self, started: float) -> None:
        self.at = ffi.gc(lib.tape_new(started), lib.tape_free)
        if self.at == ffi.NULL:
            raise MemoryError("no memory for a track of a recording")
        self._stream: object | None = None
        self._number = 0
        self._slot: Slot | None = None

    def stream(self, source: object) -> int:
        """The number under which packets of this source are put down from now on."""
        if source is not self._stream:
            self._stream = source
            self._number += 1
        return self._number

    def put(self, source: object, timestamp: int, payload: bytes, now: float) -> None:
        """Take one packet that came at `now`."""
        due = lib.tape_put(self.at, self.stream(source), timestamp, now, payload, len(payload))
        if due > 0:
            lib.tape_guard(self.at)

    def seal(self, key: PlainKey, place: Place, head: bytes, sequence: int, slot: Slot | None) -> bool:
        """Give segments from now on, from `sequence` on; whether that can be done here. `head` is the serialized
        SegmentPayload without sequence and packets. What came before must have been taken off."""
        openssl = _openssl()
        if openssl is None or len(key.key) not in (16, 32):
            return False
        kept = [ffi.from_buffer(each) for each in (key.key, key.prefix, head)]
        names = [ffi.new("char[]", each.encode()) for each in (place.tenant_id, place.recording_id, place.track)]
        how = ffi.new("tape_sealing *")
        how.openssl = openssl
        how.key, how.tink, how.head = (ffi.cast("uint8_t *", each) for each in kept)
        how.tenant, how.recording, how.track = names
        how.key_length, how.head_length, how.sequence = len(key.key), len(head), sequence
        how.slot = ffi.NULL if slot is None else slot.at
        if lib.tape_seal(self.at, how) < 0:
            return False
        self._slot = slot
        return True

    def cut(self) -> list[Piece]:
        """Take off what came up to now, in pieces of at most a second."""
        pieces: list[Piece] = []
        piece = _piece()
        while lib.tape_cut(self.at, piece):
            pieces.append(Piece(ffi.buffer(piece.bytes, piece.length)[:], piece.seconds, bool(piece.sealed)))
            if not piece.more:
                break
        return pieces

    def end(self) -> Slot | None:
        """Take nothing any more; the slot it had."""
        lib.tape_end(self.at)
        slot, self._slot = self._slot, None
        return slot

    @property
    def last_arrival(self) -> float:
        """When the last packet came, or the recording began."""
        return lib.tape_last(self.at)


@cache
def _piece() -> Any:
    """What is taken off lies there until it is copied, of whatever tape: tapes are cut by one thread."""
    return ffi.new("tape_piece *")


@cache
def _openssl() -> Any:
    """OpenSSL's functions as C takes them: those that pylibsrtp's binding has for SRTP. None, said once, if not."""
    found = ffi.new("tape_openssl *")
    try:
        binding = ctypes.CDLL(pylibsrtp._binding.__file__)
        for name, function in _OPENSSL.items():
            setattr(found, name, ctypes.cast(getattr(binding, function), ctypes.c_void_p).value)
    except (AttributeError, OSError) as error:
        log.warning("a killed process loses up to a second of its recordings: no OpenSSL", error=str(error))
        return None
    return found
