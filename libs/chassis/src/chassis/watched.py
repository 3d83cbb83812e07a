"""Files that are taken up again when they change: keys and passwords are renewed without a restart.

A kubelet replaces the files of a mounted secret all at once, by a link. Whoever else writes them may be caught in the
middle: what can't be read then is told of, and what was read before stays in force.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Generic, TypeVar

from chassis.telemetry import log

T = TypeVar("T")

LOOK_SECONDS = 1.0
"""How often a file is looked at, at most, however often it is asked for."""
_TELL_SECONDS = 60.0


class Watched(Generic[T]):
    """What a file says now. Threads may ask too."""

    def __init__(self, path: str, parse: Callable[[bytes], T], what: str) -> None:
        """Reads it: OSError, or the ValueError of `parse` with the file's name. `what` names it in the log."""
        self._path, self._parse, self._what = Path(path), parse, what
        self._lock = threading.Lock()
        self._stamp = self._stamped()
        try:
            self._value = parse(self._path.read_bytes())
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        self._looked, self._told = monotonic(), -_TELL_SECONDS

    @property
    def path(self) -> str:
        """Where it is."""
        return str(self._path)

    def current(self) -> T:
        """Another object when the file has changed since."""
        with self._lock:
            if monotonic() - self._looked >= LOOK_SECONDS:
                self._looked = monotonic()
                self._look()
            return self._value

    def _look(self) -> None:
        try:
            stamp = self._stamped()
            if stamp == self._stamp:
                return
            self._value, self._stamp = self._parse(self._path.read_bytes()), stamp
            log.info(f"{self._what} was renewed", path=self.path)
        except (OSError, ValueError) as error:
            if monotonic() - self._told >= _TELL_SECONDS:
                self._told = monotonic()
                log.error(f"{self._what} can't be read again; what it was stays", path=self.path, problem=str(error))

    def _stamped(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_ino, found.st_size
