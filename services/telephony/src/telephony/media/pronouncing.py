"""Words the recognizer's dictionary lacks, such as names of products: eSpeak NG reads them, and its English sounds
(IPA) are written in those of the CMU dictionary (ARPAbet)."""

from __future__ import annotations

import ctypes

from telephony.media.espeak import LANGUAGES, MAX_TEXT, Espeak

_CHARS_UTF8, _AS_IPA = 1, 2
_SOUNDS = {
    "tʃ": "CH", "dʒ": "JH", "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY", "ɪə": "IH R",
    "iə": "IY AH", "eə": "EH R", "ʊə": "UH R", "əl": "AH L", "ɑː": "AA", "ɔː": "AO", "ɜː": "ER", "iː": "IY",
    "uː": "UW", "æ": "AE", "ʌ": "AH", "ə": "AH", "ɐ": "AH", "ɛ": "EH", "e": "EH", "ɪ": "IH", "ᵻ": "IH", "i": "IY",
    "ɒ": "AA", "ɑ": "AA", "a": "AA", "ɔ": "AO", "o": "OW", "ʊ": "UH", "u": "UW", "ɚ": "ER", "ɝ": "ER", "ɜ": "ER",
    "ɹ": "R", "r": "R", "ɾ": "D", "θ": "TH", "ð": "DH", "ʃ": "SH", "ʒ": "ZH", "ŋ": "NG", "ɡ": "G", "g": "G",
    "j": "Y", "x": "K", "ɬ": "L", "b": "B", "d": "D", "f": "F", "h": "HH", "k": "K", "l": "L", "m": "M", "n": "N",
    "p": "P", "s": "S", "t": "T", "v": "V", "w": "W", "z": "Z",
}  # fmt: skip
_LONGEST = max(map(len, _SOUNDS))


def arpabet(ipa: str) -> str:
    """The sounds with spaces between; stress and all that has no sound here is left out."""
    found: list[str] = []
    at = 0
    while at < len(ipa):
        size = next((size for size in range(_LONGEST, 0, -1) if ipa[at : at + size] in _SOUNDS), 0)
        if size:
            found.append(_SOUNDS[ipa[at : at + size]])
        at += size or 1
    return " ".join(found)


class Reader(Espeak):
    """A synthesizer that says how it would say something. Its state is the library's: one of them in a process."""

    def sounds(self, text: str, language: str) -> str:
        """How the text is pronounced, in the International Phonetic Alphabet."""
        if language not in LANGUAGES or self._library.espeak_SetVoiceByName(language.encode()) != 0:
            raise ValueError(f"no voice for language {language!r}")
        read = self._library.espeak_TextToPhonemes
        read.restype = ctypes.c_char_p
        rest = ctypes.c_char_p(text[:MAX_TEXT].encode())
        found: list[str] = []
        while rest:
            found.append((read(ctypes.byref(rest), _CHARS_UTF8, _AS_IPA) or b"").decode())
        return " ".join(found)
