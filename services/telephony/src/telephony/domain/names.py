"""Names of people and brands as others see them: on a desk, on a telephone's display. Pure."""

from __future__ import annotations

import re

_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def shown_name(given: str) -> str:
    """The name on one line: what can't be seen (control characters, line breaks) becomes a space, as does a run of
    blanks. A customer who pasted a tab is called by their name all the same."""
    return _UNSEEN.sub(" ", given).strip()
