"""The process that understands what callers say: `python -m telephony.media.recognition_worker`.

Each sound is decoded twice: by the grammar of the phrases, and as any English sounds at all. The distance of the two,
by frame, says how likely it was one of the phrases: without it the grammar hears one of them in everything.
"""

from __future__ import annotations

import json
import math
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from pocketsphinx import Decoder, get_model_path

from telephony.media.codecs import Samples
from telephony.media.pronouncing import Reader, arpabet
from telephony.media.resampling import Doubler
from telephony.media.worker_talk import answer_requests

THRESHOLD = -0.055
"""Distance by frame below which nothing is believed; what comes of it: docs/mechanisms/speech-menus.md."""
_ANY, _KEPT = "any sound", 32
_WORD = re.compile(r"[a-z0-9']+")


class Ear:
    """The model with the grammars that were asked for last."""

    def __init__(self) -> None:
        self._decoder = Decoder(
            hmm=get_model_path("en-us/en-us"), dict=get_model_path("en-us/cmudict-en-us.dict"), lm=None,
            samprate=16_000, loglevel="FATAL",
        )  # fmt: skip
        self._decoder.add_allphone_file(_ANY, get_model_path("en-us/en-us-phone.lm.bin"))
        self._grammars: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._reader: Reader | None = None

    def hear(self, sound: Samples, phrases: Sequence[str]) -> tuple[str, float]:
        """The phrase and how far above the threshold it is; none of them and below 0."""
        name = json.dumps(list(phrases))
        said = self._grammar(name, phrases)
        wide = Doubler().doubled(sound).tobytes()
        words, score = self._decode(name, wide)
        phrase = _named(words, said)
        if phrase is None:
            return "", -1.0
        _, any_score = self._decode(_ANY, wide)
        confidence = (score - any_score) / max(1, self._decoder.n_frames()) * 100 - THRESHOLD
        return (phrase, confidence) if confidence > 0 else ("", confidence)

    def _decode(self, search: str, sound: bytes) -> tuple[str, float]:
        self._decoder.activate_search(search)
        self._decoder.start_utt()
        self._decoder.process_raw(sound, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return (found.hypstr, math.log(found.score)) if found is not None and found.score > 0 else ("", -math.inf)

    def _grammar(self, name: str, phrases: Sequence[str]) -> dict[str, str]:
        """Make the search of these phrases, when it isn't there: phrase by its words."""
        if name in self._grammars:
            self._grammars.move_to_end(name)
            return self._grammars[name]
        said = {" ".join(_WORD.findall(phrase.lower())): phrase for phrase in phrases}
        said.pop("", None)
        if not said:
            raise ValueError("no phrase has words")
        for word in {word for words in said for word in words.split()}:
            self._learn(word)
        # Few words around it, and those seldom: with a loop of them the grammar finds itself in anything.
        grammar = (
            f"#JSGF V1.0;\ngrammar menu;\n<phrase> = {' | '.join(said)};\n"
            "public <said> = /10/ <phrase> | <phrase> please | um <phrase> | the <phrase> | the <phrase> please;\n"
        )
        self._decoder.add_jsgf_string(name, grammar)
        self._grammars[name] = said
        while len(self._grammars) > _KEPT:
            self._decoder.remove_search(self._grammars.popitem(last=False)[0])
        return said

    def _learn(self, word: str) -> None:
        if self._decoder.lookup_word(word) is not None:
            return
        self._reader = self._reader or Reader()
        sounds = arpabet(self._reader.sounds(word, "en"))
        if not sounds:
            raise ValueError(f"{word!r} can't be spoken")
        self._decoder.add_word(word, sounds, True)


def _named(words: str, said: dict[str, str]) -> str | None:
    """The phrase that is whole within what was heard, the longest if several are."""
    heard = f" {re.sub(r'[(][0-9]+[)]', '', words)} "
    there = [spoken for spoken in said if f" {spoken} " in heard]
    return said[max(there, key=len)] if there else None


def _begin() -> Callable[[dict[str, str], bytes], Sequence[bytes]]:
    ear = Ear()

    def understand(head: dict[str, str], body: bytes) -> Sequence[bytes]:
        phrase, confidence = ear.hear(np.frombuffer(body, "<i2").astype(np.int16), json.loads(head["phrases"]))
        return [json.dumps({"phrase": phrase, "confidence": max(-1.0, confidence)}).encode()]

    return understand


if __name__ == "__main__":
    answer_requests(_begin)
