"""Who runs from a data folder: a lock that the kernel gives back when its holder dies, and where the holder answers."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE = "run.json"


@dataclass(frozen=True)
class Card:
    """A run: where a browser goes, where partners' gRPC goes, its database (without who may), the supervisor's process
    id. Nothing secret."""

    url: str
    grpc: str
    database: str
    pid: int


class AlreadyRuns(RuntimeError):
    """Another Merkez runs from this folder; the message says where, and how to stop it."""


class Claim:
    """One run's hold on its data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / _FILE
        self._file: int | None = None

    def take(self, card: Card) -> None:
        """Hold the folder until `release` or the end of this process. Raises `AlreadyRuns`."""
        # Not for children: a service that outlived us must not keep the folder.
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise AlreadyRuns(_refusal(_read(self._path))) from None
        self._file = file
        os.ftruncate(file, 0)
        os.write(file, json.dumps(asdict(card)).encode())

    def release(self) -> None:
        """Give the folder back. The file stays: to remove it would let two runs lock two files of one name."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None


def who_runs(data_dir: Path) -> Card | None:
    """The run that holds `data_dir` now; None when there is none."""
    with contextlib.suppress(FileNotFoundError), (data_dir / _FILE).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(data_dir / _FILE)
    return None


def _read(path: Path) -> Card | None:
    try:
        return Card(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):  # its holder is writing it right now
        return None


def _refusal(card: Card | None) -> str:
    if card is None:
        return "Another Merkez is starting from this folder."
    return (
        f"Merkez already runs from this folder: {card.url}, process {card.pid}. "
        f"Stop it with Ctrl-C in its terminal or `kill {card.pid}`, or run beside it from another clone."
    )
