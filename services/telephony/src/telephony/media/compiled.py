"""The C part of the media plane (lanes_build.py): `lib` is None where it wasn't compiled."""

from __future__ import annotations

from typing import Any

try:
    from telephony.media import _lanes
except ImportError:
    _lanes = None

ffi: Any = getattr(_lanes, "ffi", None)
lib: Any = getattr(_lanes, "lib", None)
