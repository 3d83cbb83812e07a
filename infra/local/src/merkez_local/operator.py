"""`make operator EMAIL=...`: tenancy's own command with the settings of the system that runs on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from merkez_local.claim import who_runs
from merkez_local.system import database_settings


def make_operator(data_dir: Path, arguments: list[str]) -> int:
    """Prints the link that the operator opens; the exit status."""
    email = arguments[0].strip() if arguments else ""
    running = who_runs(data_dir)
    if not email:
        print("Whose e-mail address? make operator EMAIL=somebody@example.com", file=sys.stderr)
        return 2
    if running is None:
        print("Merkez isn't running: start it with `make run` in another terminal, then repeat.", file=sys.stderr)
        return 1
    own = database_settings(running.database, "tenancy", (data_dir / "role.password").read_text())
    environment = os.environ | {f"MERKEZ_{key}": value for key, value in (own | {"PUBLIC_URL": running.url}).items()}
    return subprocess.run([sys.executable, "-m", "tenancy", "operator", email], env=environment).returncode
