"""`make ops ARGS="doctor"`: merkez-ops with the settings of the system that runs on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from merkez_local.claim import who_runs

_FILE = "operations.json"


def note(data_dir: Path, environment: Mapping[str, str]) -> None:
    """Keep what leads to the run of this folder, for its owner alone: the database lets that URL do everything."""
    path = data_dir / _FILE
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(dict(environment), file)


def look_after(data_dir: Path, arguments: list[str]) -> int:
    """Runs merkez-ops; its exit status."""
    if who_runs(data_dir) is None or not (data_dir / _FILE).exists():
        print("Merkez isn't running: start it with `make run` in another terminal, then repeat.", file=sys.stderr)
        return 1
    environment = os.environ | json.loads((data_dir / _FILE).read_text())
    return subprocess.run([sys.executable, "-m", "merkez_ops", *arguments], env=environment).returncode
