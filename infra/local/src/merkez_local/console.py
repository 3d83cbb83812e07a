"""What `make run` prints while it works: one line a step, with the time since it began."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Console:
    """Writes progress lines; the clock starts when it is made."""

    def __init__(self, out: TextIO = sys.stdout, *, quiet: bool = False) -> None:
        self._out = out
        self._quiet = quiet
        self._began = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since the console was made."""
        return time.monotonic() - self._began

    def step(self, text: str) -> None:
        """One thing that is done or under way."""
        if not self._quiet:
            print(f"[{self.elapsed:5.1f} s] {text}", file=self._out, flush=True)

    def say(self, text: str = "") -> None:
        """A line without a time, such as what to do next."""
        if not self._quiet:
            print(text, file=self._out, flush=True)
