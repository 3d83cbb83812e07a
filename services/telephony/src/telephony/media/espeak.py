"""eSpeak NG through ctypes: text in one of our four languages to 16-bit samples.

libespeak keeps its state in globals and isn't thread safe, so it lives alone in the speech worker process.
"""

from __future__ import annotations

import ctypes
import re

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

LANGUAGES = ("en", "tr", "az", "fa")
MAX_TEXT = 4000
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_RATE, _VOLUME, _PITCH = 1, 2, 3
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
# Spoken text is plain text: control characters would reach the synthesizer's own command parser.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Espeak:
    """One loaded synthesizer."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.rate: int = self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data, 0)
        if self.rate <= 0:
            raise RuntimeError("eSpeak NG could not be initialised")
        self._pieces: list[NDArray[np.int16]] = []
        self._callback = _Callback(self._take)
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(
        self, text: str, language: str, *, variant: str = "", words_per_minute: int = 150, pitch: int = 45
    ) -> NDArray[np.int16]:
        """Samples at `self.rate`, mono. ValueError for a language we have no voice for.

        `variant` is another speaker of the language (m1, f2, ...); `pitch` is 0..99.
        """
        if language not in LANGUAGES:
            raise ValueError(f"no voice for language {language!r}")
        voice = f"{language}+{variant}" if variant else language
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise RuntimeError(f"eSpeak NG has no voice {voice!r}")
        self._library.espeak_SetParameter(_RATE, words_per_minute, 0)
        self._library.espeak_SetParameter(_PITCH, pitch, 0)
        # Breath and flutter are random: the same text is spoken the same way every time.
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        self._pieces = []
        encoded = _CONTROL.sub(" ", text[:MAX_TEXT]).encode()
        self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, _CHARS_UTF8, None, None)
        self._library.espeak_Synchronize()
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)

    def _take(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, shape=(count,)).astype(np.int16))
        return 0
