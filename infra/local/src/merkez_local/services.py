"""A service as a process of this machine: what it is told by its environment, whether that can work, its start."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from chassis.settings import SERVICES, ProcessSettings, SettingsError, load

from merkez_local.place import HERE, Place


def settings_problems(environments: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """A sentence for every setting some service would refuse; each is said once. Takes milliseconds."""
    found: dict[str, None] = {}
    for name in SERVICES:
        try:
            load(_settings_of(name), environ=environments[name], service=name)
        except SettingsError as error:
            found |= dict.fromkeys(error.problems)
    return tuple(found)


def start_service(name: str, environment: Mapping[str, str], log: Path, place: Place = HERE) -> subprocess.Popen[bytes]:
    """`python -m <name>`, in a session of its own: Ctrl-C is for the supervisor, which stops things in their order."""
    with log.open("ab") as output:
        return subprocess.Popen(
            place.command([sys.executable, "-m", name]),
            env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip


def _settings_of(name: str) -> type[ProcessSettings]:
    module = importlib.import_module(f"{name}.settings")
    classes = [kind for _, kind in inspect.getmembers(module, inspect.isclass) if kind.__module__ == module.__name__]
    return next(kind for kind in classes if issubclass(kind, ProcessSettings))
