"""What cffi compiles from lanes.h and lanes.c; not there when no C compiler was."""

from typing import Any

ffi: Any
lib: Any
