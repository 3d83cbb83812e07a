"""What a menu understands of what a caller says, as telephony's recognizer does: one of the phrases, alone or with a
few words around it that its grammar knows (docs/mechanisms/speech-menus.md). How clearly is not pretended."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flows.domain.orders import SpokenChoice

LANGUAGES = frozenset({"en"})
"""Languages of callers whose words are understood; in others menus are keypad only."""
_WORD = re.compile(r"[a-z0-9']+")
_AROUND = (((), ()), ((), ("please",)), (("um",), ()), (("the",), ()), (("the",), ("please",)))


def digit_for(said: str, choices: Sequence[SpokenChoice]) -> str:
    """The digit that what was said stands for; empty for nothing on the menu."""
    words = _words(said)
    found = [
        each for each in choices
        if (phrase := _words(each.phrase))
        and any(words == (*before, *phrase, *after) for before, after in _AROUND)
    ]  # fmt: skip
    return max(found, key=lambda each: len(each.phrase)).digit if found else ""


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))
