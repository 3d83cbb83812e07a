"""Secrets that settings are given in files (`MERKEZ_<FIELD>_FILE`): as they are now, whenever they are asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from chassis.settings import ProcessSettings, variable
from chassis.watched import Watched


def given(settings: ProcessSettings, name: str) -> Callable[[], str]:
    """Tells the secret field `name` as its file says it now; without a file as the settings have it. What the settings
    wouldn't have begun with isn't taken up: what was before stays in force, and the log says so without the secret."""
    value: str = getattr(settings, name)
    path = settings.secret_files.get(name, "")
    if not path:
        return lambda: value

    def parsed(content: bytes) -> str:
        text = content.decode().strip()
        others = dataclasses.replace(settings, **{name: text})
        if problems := [each for each in others.wrong() if variable(name) in each] or (["it is empty"] * (not text)):
            raise ValueError(problems[0])
        return text

    return Watched(path, parsed, variable(name)).current
